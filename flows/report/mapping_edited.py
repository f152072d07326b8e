"""How the mapping of a run differs from the one of the last complete run."""

from __future__ import annotations

from flows.report.model import Model

__all__ = ["MappingEdited"]


class MappingEdited(Model):
    """How the mapping differs from the one of the last complete run: top-level keys, and merge tags as `fields.city`.

    `look_at` are those that decide about people, each with what that means.
    """

    since_run: str
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    look_at: dict[str, str] = {}

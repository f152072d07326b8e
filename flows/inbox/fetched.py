"""Where a file lies that was fetched from an inbox, and how it is called where people read it."""

from __future__ import annotations

import posixpath
from pathlib import Path

__all__ = ["ASIDE", "FOLDER", "is_arrival_of", "shown_source"]

FOLDER = "inbox"
"""In a home: the mapping's folder in it, then one for each content."""
ASIDE = ("plans", "inbox-")
"""The folder in which whoever only looks has one of their own, and how that one begins."""


def is_arrival_of(path: Path, mapping: str) -> bool:
    """Whether a file is one that was fetched from a mapping's inbox.

    >>> is_arrival_of(Path("/srv/.muster/inbox/crm/9f86d0/monday.csv"), "crm")
    True
    """
    parents = path.parents
    return len(parents) > 2 and (parents[1].name, parents[2].name) == (mapping, FOLDER)


def shown_source(path: Path, mapping: str, inbox: str | None = "") -> str:
    """How a run's file is called where people read it: one that was fetched from the inbox as it lay there, since what was
    fetched is gone when the run is over.

    >>> shown_source(Path("/srv/.muster/inbox/crm/9f86d0/monday.csv"), "crm", "s3://bucket/in/*.csv")
    's3://bucket/in/monday.csv'
    """
    plans, prefix = ASIDE
    aside = (
        len(path.parents) > 2 and path.parents[2].name == plans and path.parents[1].name.startswith(prefix)
    )
    if not aside and not is_arrival_of(path, mapping):
        return str(path)
    return posixpath.join(posixpath.dirname(inbox or ""), path.name)

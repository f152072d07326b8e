"""The keys that are known at a place of the document, for the nearest word in a complaint."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any

from mappings.engine.document.mapping import Mapping
from mappings.engine.document.words import Part

__all__ = ["keys_of"]


def keys_of(place: Sequence[str | int]) -> list[str]:
    """The keys known at a place of the document; empty where names are the user's own.

    >>> keys_of(("consent", "opted_out"))
    ['from', 'everybody', 'when', 'unless']
    >>> keys_of(("fields",))
    []
    """
    shape: type[Part] | None = Mapping
    inside = 0  # levels of names or numbers that are the user's own
    for part in place:
        if inside:
            inside -= 1
            continue
        field = next(
            (
                f
                for name, f in (shape.model_fields if shape else {}).items()
                if part in (f.alias or name, name)
            ),
            None,
        )
        if field is None:
            return []
        shape, inside = _within(field.annotation)
    return [] if shape is None or inside else [f.alias or name for name, f in shape.model_fields.items()]


def _within(annotation: Any) -> tuple[type[Part] | None, int]:
    """The part that an annotation is about, and how many levels of names or numbers are around it."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation, 0
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _within(inner[0])
    if origin in (typing.Union, types.UnionType):
        found = (_within(option) for option in inner)
        return next((f for f in found if f[0] is not None), (None, 0))
    if origin in (dict, tuple):
        shape, levels = _within(inner[1] if origin is dict else inner[0])
        return shape, levels + 1
    return None, 0

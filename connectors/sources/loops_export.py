"""Loops' own export of an audience: its properties under their API names.

`subscribed` is true or false; `userId` is the id that the account gave. They are the same in every language. Source: loops.so/docs, "Contact properties" and "Export contacts".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.base import Source
from connectors.sources.export import Export
from connectors.sources.recognising import opened

__all__ = ["EXPORT", "open_source"]

EXPORT = Export(
    product="Loops",
    signs=(
        ("email", "firstName", "lastName", "userGroup", "subscribed"),
        ("email", "userGroup", "userId", "subscribed"),
        ("email", "firstName", "source", "subscribed", "createdAt"),
    ),
    columns={
        "email_address": ("email",),
        "first_name": ("firstName",),
        "last_name": ("lastName",),
        "source": ("source",),
        "joined_at": ("createdAt",),
    },
    person=("userId", "id"),
    wanted=("subscribed",),
    separator=",",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)

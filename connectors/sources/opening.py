"""Which format a file has, by its content, and the file opened by the module that reads it.

A format is a kind of source with three more names: `FORMAT` is what people call such a file ("a CSV file"),
`SETTINGS` are the settings that it goes by, and `recognises(path, head)` says whether a file is one, from its first
`HEAD` bytes or from what it looks up itself. What no other format recognises is CSV's to read or to refuse. Kinds of
exports know columns and not formats: they begin with `open_table`, and so read an export in whatever form it was saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from connectors.base import Source
from connectors.errors import SourceError
from connectors.kinds import formats, source_module
from connectors.sources import finding
from mappings.engine.complaints import listed

__all__ = ["HEAD", "format_of", "open_kind", "open_table"]

HEAD = 1 << 16
"""Bytes by which a format is recognised."""
_PLAIN = "csv_file"


def format_of(path: Path) -> str:
    """The kind that reads the file at `path`, by what is in it and never by its name. Raises SourceError."""
    finding.readable(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
    for kind in formats():
        if kind != _PLAIN and source_module(kind).recognises(path, head):
            return kind
    return _PLAIN


def open_table(path: Path, settings: Mapping[str, Any], only: str = "") -> Source:
    """The table in the file at `path`, whatever its format; nothing but that of the kind `only`, if one is named.

    `settings` are what the mapping says of how it is read. Raises SourceError where it cannot be read, is of another
    format than `only`, or a setting is for other formats.
    """
    kind = format_of(path)
    module = source_module(kind)
    if only and kind != only:
        raise SourceError(
            f"{path} is {module.FORMAT}, and not {source_module(only).FORMAT}.",
            f"Say kind: {kind} in the mapping (or --kind {kind}), or name another file.",
        )
    _check(path, module, settings)
    source: Source = module.open_source(path, settings)
    return source


def open_kind(kind: str, path: Path, settings: Mapping[str, Any]) -> Source:
    """The file at `path` as a source of a kind, which is a format or a known export. Raises SourceError, MappingError."""
    if kind in formats():
        return open_table(path, settings, kind)
    source: Source = source_module(kind).open_source(path, settings)
    return source


def _check(path: Path, module: ModuleType, settings: Mapping[str, Any]) -> None:
    others = [name for name in settings if name not in module.SETTINGS]
    if others:
        raise SourceError(
            f"{others[0]}: says nothing about {module.FORMAT}, which {path} is.",
            f"Leave it out; {module.FORMAT} goes by {listed(module.SETTINGS)}.",
        )

"""An export that comes as a ZIP of several files: what is in it, and its tables as one source under the ZIP's own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from connectors.base import Source
from connectors.sources.export import Export
from connectors.sources.opening import open_table
from connectors.sources.several import One, Several
from connectors.sources.wrapped import Wrapped, named_as
from connectors.sources.wrapping import unpack, wrapping_of

__all__ = ["names_in", "plain_name", "together"]

Chosen = Callable[[Mapping[str, Source]], Sequence[One]]
"""What becomes of the tables, each under its name in the ZIP."""


def names_in(path: Path) -> list[str]:
    """The names of the files in the ZIP at `path`, in order; none where it is no ZIP, or a damaged one."""
    if not path.is_file() or wrapping_of(path) != "zip":
        return []
    try:
        with ZipFile(path) as archive:
            return sorted(archive.namelist())
    except (BadZipFile, OSError, ValueError):
        return []


def plain_name(name: str) -> str:
    """A file's name without its folder.

    >>> plain_name("export/Contact.csv")
    'Contact.csv'
    """
    return name.rpartition("/")[2]


def together(
    path: Path, settings: Mapping[str, Any], member: str | tuple[str, ...], export: Export, chosen: Chosen
) -> Source:
    """The files that match `member`, a pattern or names, one after the other as `chosen` has them.

    Raises SourceError, which names the ZIP and the file in it.
    """
    inside = {name: value for name, value in settings.items() if name != "member"}
    unpacked = unpack(path, member)
    with unpacked.folder.kept():
        tables: dict[str, Source] = {}
        for one in unpacked.members:
            if one.file.stat().st_size:
                with named_as(one.file, f"{path} ({one.name})"):
                    tables[one.name] = open_table(one.file, inside)
        found = Several(path, chosen(tables), sha256=unpacked.sha256, size=unpacked.size)
    found.facts = export.facts(found.header)
    return Wrapped(
        found, path, unpacked.sha256, unpacked.size, shown=str(path), kept=unpacked, told={"unpacked from": "zip"}
    )  # fmt: skip

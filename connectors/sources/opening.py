"""Which format a file has, by its content, and the file opened by the module that reads it.

A format is a kind of source with three more names: `FORMAT` is what people call such a file ("a CSV file"),
`SETTINGS` are the settings that it goes by, and `recognises(path, head)` says whether a file is one, from its first
`HEAD` bytes or from what it looks up itself. What no other format recognises is CSV's to read or to refuse. Kinds of
exports know columns and not formats: they begin with `open_table`, and so read an export in whatever form it was saved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from connectors.base import Source
from connectors.errors import SourceError
from connectors.kinds import formats, source_module
from connectors.sources import finding
from connectors.sources.fetching import Fetched
from connectors.sources.name_parts import NameParts
from connectors.sources.several import One, Several
from connectors.sources.wrapped import Wrapped, named_as
from connectors.sources.wrapping import DEEPEST, unpack, wrapping_of
from mappings.engine.complaints import listed

__all__ = [
    "HEAD",
    "MOST_FILES",
    "format_of",
    "from_fetched",
    "open_all",
    "open_any",
    "open_fetched",
    "open_kind",
    "open_table",
]

HEAD = 1 << 16
"""Bytes by which a format is recognised."""
MOST_FILES = 10_000
_PLAIN = "csv_file"
_Known = TypeVar("_Known")


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

    `settings` are what the mapping says of how it is read. A file in gzip, zip or zstd is unpacked; `member` names the files of an
    archive, several of them by a pattern, which are one source then. Raises SourceError where it cannot be read, is of
    another format than `only`, or a setting is for other formats.
    """
    return open_any(path, settings, only)[1]


def open_any(path: Path, settings: Mapping[str, Any], only: str = "", deep: int = 0) -> tuple[str, Source]:
    """The same, with the kind of its format. `deep`: in how many archives it is."""
    kind = format_of(path)
    wrapping = wrapping_of(path) if kind == _PLAIN else ""
    if wrapping:
        return _unwrapped(path, wrapping, settings, only, deep)
    module = source_module(kind)
    if only and kind != only:
        raise SourceError(
            f"{path} is {module.FORMAT}, and not {source_module(only).FORMAT}.",
            f"Say kind: {kind} in the mapping (or --kind {kind}), or name another file.",
        )
    _check(path, module, settings)
    source: Source = module.open_source(path, settings)
    return kind, source


def _unwrapped(
    path: Path, wrapping: str, settings: Mapping[str, Any], only: str, deep: int
) -> tuple[str, Source]:
    if deep == DEEPEST:
        raise SourceError(
            f"{path} is an archive in an archive in an archive, which is not opened.",
            "Unpack it and name the file.",
        )
    inside = dict(settings)
    member = inside.pop("member", "") if wrapping == "zip" else ""
    unpacked = unpack(path, member)
    opened: list[tuple[str, Source]] = []
    try:
        for one in unpacked.members:
            with named_as(one.file, f"{path} ({one.name})"):
                opened.append(open_any(one.file, inside, only, deep + 1))
        name = unpacked.members[0].name
        told, shown, source = {"file": name}, f"{path} ({name})", opened[0][1]
        if unpacked.chosen:
            named = zip(unpacked.members, opened, strict=True)
            ones = [One(member.name, inner, {}) for member, (_, inner) in named]
            told, shown = {}, str(path)
            source = Several(path, ones, sha256=unpacked.sha256, size=unpacked.size)
    except BaseException:
        del unpacked  # not to be kept by the error's traceback; somebody else may have it open
        raise
    wrapped = Wrapped(
        source, path, unpacked.sha256, unpacked.size, shown=shown, kept=unpacked, told={"unpacked from": wrapping} | told
    )  # fmt: skip
    return opened[0][0], wrapped


def open_kind(kind: str, path: Path, settings: Mapping[str, Any]) -> Source:
    """The file at `path` as a source of a kind, which is a format or a known export. Raises SourceError, MappingError."""
    if kind in formats():
        return open_table(path, settings, kind)
    source: Source = source_module(kind).open_source(path, settings)
    return source


def open_fetched(kind: str, fetched: Fetched, settings: Mapping[str, Any]) -> Source:
    """What was fetched, as a source of a kind that is known by its address. Raises SourceError, MappingError."""
    return from_fetched(fetched, lambda file: (kind, open_kind(kind, file, settings)))[1]


def from_fetched(fetched: Fetched, opens: Callable[[Path], tuple[_Known, Source]]) -> tuple[_Known, Source]:
    """What `opens` tells of the fetched file, and its source, known by its address. Raises what `opens` raises."""
    with fetched.folder.kept(), named_as(fetched.file, str(fetched.path)):
        told, source = opens(fetched.file)
    shown = str(fetched.path)
    wrapped = Wrapped(source, fetched.path, fetched.sha256, fetched.size, shown=shown, kept=fetched, told={})
    return told, wrapped


def open_all(
    kind: str, files: Sequence[Path | Fetched], shown: Path, parts: NameParts, settings: Mapping[str, Any]
) -> Source:
    """Files as one source of a kind, in the order given; `shown` is the pattern that found them. Raises SourceError, MappingError."""
    if len(files) > MOST_FILES:
        raise SourceError(
            f"More than {MOST_FILES:,} files match {shown}.", "Put them into archives, or join them first."
        )
    ones = []
    for file, name in zip(files, _names(files), strict=True):
        if isinstance(file, Fetched):
            source, sha256 = open_fetched(kind, file, settings), file.sha256
            columns = parts.columns(file.path)
        else:
            with finding.readable(file).open("rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            source, columns = open_kind(kind, file, settings), parts.columns(file)
        ones.append(One(name, source, columns, sha256))
    return Several(shown, ones)


def _names(files: Sequence[Path | Fetched]) -> list[str]:
    """What tells them apart: their names, with their folders where these are not enough."""
    paths = [file.path if isinstance(file, Fetched) else file for file in files]
    names = [path.name for path in paths]
    if len({*names}) == len(names):
        return names
    above = os.path.commonpath([str(path.parent) for path in paths])
    return [path.as_posix()[len(above) :].lstrip("/") for path in paths]


def _check(path: Path, module: ModuleType, settings: Mapping[str, Any]) -> None:
    others = [name for name in settings if name not in module.SETTINGS]
    if others:
        raise SourceError(
            f"{others[0]}: says nothing about {module.FORMAT}, which {path} is.",
            f"Leave it out; {module.FORMAT} goes by {listed(module.SETTINGS)}."
            if module.SETTINGS
            else "Leave it out.",
        )

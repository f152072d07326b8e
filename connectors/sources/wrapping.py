"""Files in gzip, zip or zstd: unpacked into a private folder, and never further than limits allow.

No name in an archive ever becomes a path. An archive inside of another one is unpacked as well, and nothing deeper.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import hashlib
import lzma
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary
from zipfile import BadZipFile, ZipFile, ZipInfo

import pyarrow as pa

from connectors.errors import SourceError
from connectors.sources.private_folder import PrivateFolder
from mappings.engine.complaints import listed

__all__ = ["DEEPEST", "Member", "Unpacked", "unpack", "wrapping_of"]

DEEPEST = 2
"""Archives in each other."""
MOST_BYTES = 16 << 30
"""What comes out of one file."""
MOST_TIMES = 500
"""How much larger it may become, once it is larger than `_NO_BOMB`."""
MOST_MEMBERS = 10_000
_NO_BOMB = 64 << 20
_AT_ONCE = 1 << 20
_SIGNS = ((b"\x1f\x8b", "gzip"), (b"(\xb5/\xfd", "zstd"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"))
_SUFFIXES = {"gzip": (".gz", ".gzip"), "zstd": (".zst", ".zstd")}
_TABLES = (
    ".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".xls", ".ods", ".json", ".jsonl", ".ndjson", ".parquet", ".vcf", ".gz", ".zst", ".zip",
)  # fmt: skip
_DAMAGE = (
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    pa.ArrowInvalid,
    ValueError,
    KeyError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file that was wrapped: its name in the archive, and where it lies now."""

    name: str
    file: Path


@dataclass(eq=False)
class Unpacked:
    """What was in the file at `path`; the members' files are gone when nobody has this any more.

    `sha256` and `size` are those of the file as it was given. `chosen` says that a pattern with wildcards named the members.
    """

    path: Path
    wrapping: str
    sha256: str
    size: int
    folder: PrivateFolder
    members: list[Member] = field(default_factory=list)
    chosen: bool = False


def wrapping_of(path: Path) -> str:
    """gzip, zip or zstd; '' for a file that is none of them. A workbook is a zip, too: ask for formats first."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for sign, name in _SIGNS if head.startswith(sign)), "")


def unpack(path: Path, member: str | tuple[str, ...] = "") -> Unpacked:
    """The one file that is in the file at `path`, or those whose names match `member`; of several names those that are there.

    Nothing else is unpacked. Raises SourceError.
    """
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        key = (path, before.st_mtime_ns, before.st_size, member)
        if (open_already := _OPEN.get(key)) is not None and open_already.folder.path.exists():
            return open_already
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    found = Unpacked(path, wrapping_of(path), sha256, before.st_size, PrivateFolder())
    found.chosen = _is_pattern(member)
    with found.folder.kept():
        _fill(found, member)
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceError(
                f"{path} was changed while it was unpacked.",
                "Sync it again, when nobody writes to it any more.",
            )
    _OPEN[key] = found
    return found


_OPEN: WeakValueDictionary[tuple[Path, int, int, str | tuple[str, ...]], Unpacked] = WeakValueDictionary()
"""What somebody has open: whoever asks which export an archive is opens it once for each kind."""


def _fill(found: Unpacked, member: str | tuple[str, ...]) -> None:
    path, wrapping, out = found.path, found.wrapping, _Out(found)
    try:
        if wrapping == "zip":
            _unzip(path, member, out)
        else:
            with _stream(path, wrapping) as packed:
                out.take(_inner_name(path, wrapping), packed)
    except _DAMAGE:
        raise SourceError(
            f"{path} is damaged, or the end of it is missing: it cannot be unpacked as {wrapping}.",
            "Copy or export it again.",
        ) from None
    except NotImplementedError:
        raise SourceError(
            f"{path} is packed in a way that is not known here.", "Unpack it and name the file."
        ) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        raise SourceError(
            f"{path} cannot be unpacked: {error.strerror or 'it is damaged, or the end of it is missing'}.",
            "Make room in the folder for temporary files, or name another in TMPDIR."
            if full
            else "Copy or export it again.",
        ) from None


class _Out:
    """Where members go, and how much may."""

    def __init__(self, found: Unpacked) -> None:
        self._path = found.path
        self._found = found
        self._written = 0

    def take(self, name: str, packed: IO[bytes]) -> None:
        file = self._found.folder.path / str(len(self._found.members) + 1)
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out:
            while part := packed.read(_AT_ONCE):
                self._written += len(part)
                self._check()
                out.write(part)
        self._found.members.append(Member(name, file))

    def _check(self) -> None:
        if self._written > MOST_BYTES:
            raise SourceError(
                f"{self._path} holds more than {MOST_BYTES >> 30} GB, which are not unpacked.",
                "Unpack it and name the file.",
            )
        if self._written > _NO_BOMB and self._written > MOST_TIMES * self._found.size:
            raise SourceError(
                f"{self._path} becomes more than {MOST_TIMES} times as large when it is unpacked, as an export never does.",
                "Look where it comes from; if it is right, unpack it and name the file.",
            )


def _stream(path: Path, wrapping: str) -> Any:
    return gzip.open(path, "rb") if wrapping == "gzip" else pa.input_stream(str(path), compression=wrapping)


def _inner_name(path: Path, wrapping: str) -> str:
    lower = path.name.lower()
    suffix = next((suffix for suffix in _SUFFIXES[wrapping] if lower.endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)] or path.name


def _unzip(path: Path, member: str | tuple[str, ...], out: _Out) -> None:
    with ZipFile(path) as archive:
        there = archive.infolist()
        if len(there) > MOST_MEMBERS:
            raise SourceError(
                f"{path} holds more than {MOST_MEMBERS:,} files.",
                "Unpack it and name the file, or a pattern.",
            )
        for one in there:
            _refuse(path, one)
        for one in _wanted(path, list(_files(there)), member):
            if one.flag_bits & 1:
                raise SourceError(
                    f"{path}: {one.filename} is protected by a password.", "Unpack it and name the file."
                )
            with archive.open(one) as packed:
                out.take(one.filename, packed)


def _refuse(path: Path, one: ZipInfo) -> None:
    """Names that lead out of the folder in which an archive is unpacked."""
    name = one.orig_filename.replace("\\", "/")
    outside = name.startswith("/") or name[1:2] == ":" or ".." in name.split("/") or "\0" in name
    if outside or stat.S_ISLNK(one.external_attr >> 16):
        what = "has a name that leads out of its folder" if outside else "is a link to another file"
        raise SourceError(
            f"{path}: {one.filename!r} {what}; such an archive is not opened.",
            "Look where it comes from, and have it made anew.",
        )


def _files(there: list[ZipInfo]) -> Iterator[ZipInfo]:
    """Those that a person put there."""
    for one in there:
        parts = one.filename.split("/")
        if not one.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith((".", "Thumbs.db")):
            yield one


def _wanted(path: Path, files: list[ZipInfo], member: str | tuple[str, ...]) -> list[ZipInfo]:
    names = sorted(one.filename for one in files)
    if not names:
        raise SourceError(f"{path} is an archive without files.", "Export it again.")
    if member:
        patterns = (member,) if isinstance(member, str) else member
        found = [one for one in files if any(_matches(one.filename, pattern) for pattern in patterns)]
        if not found:
            raise SourceError(
                f"{path} holds nothing that matches member: {listed(patterns)}.",
                f"It holds: {listed(names)}.",
            )
        several = [one.filename for one in found]
        if len(found) > 1 and not _is_pattern(member):
            raise SourceError(
                f"{path} holds several files {member}: {listed(sorted(several))}.",
                "Name one with its folder.",
            )
        return sorted(found, key=lambda one: one.filename)
    tables = [one for one in files if one.filename.lower().endswith(_TABLES)] or files
    if len(tables) > 1:
        found_names = sorted(one.filename for one in tables)
        raise SourceError(
            f"{path} holds {len(tables)} files: {listed(found_names)}.",
            f'Choose with member: "{found_names[0]}" under source: (or --member), or take several as one with a pattern such as member: "*.csv".',
        )
    return tables


def _is_pattern(member: str | tuple[str, ...]) -> bool:
    """Whether several files may be meant."""
    return isinstance(member, tuple) or any(sign in member for sign in "*?[")


def _matches(name: str, pattern: str) -> bool:
    """A pattern without a folder means the name alone."""
    subject = name if "/" in pattern else name.rpartition("/")[2]
    return fnmatch.fnmatchcase(subject.casefold(), pattern.casefold())

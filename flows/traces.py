"""Traces: which files of a home folder still hold a text, every format opened: databases, Parquet, Arrow, workbooks, archives."""

from __future__ import annotations

import sqlite3
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["traces"]

_SQLITE = b"SQLite format 3\0"
_ARROW = b"ARROW1"
_STREAM = b"\xff\xff\xff\xff"  # how the ledger packs its pages
_AT_ONCE = 1 << 24
_OVERLAP = 1 << 12


def traces(home: Path, texts: Collection[str]) -> list[Path]:
    """The files at or under `home` in which one of the texts stands, whatever its case. Files that vanish meanwhile hold nothing."""
    wanted = [text.lower().encode() for text in texts]
    return [path for path in sorted(home.rglob("*")) if path.is_file() and _held(path, wanted)]


def _held(path: Path, wanted: list[bytes]) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(16)
        return any(any(text in piece for text in wanted) for piece in _pieces(path, head))
    except FileNotFoundError:
        return False


def _pieces(path: Path, head: bytes) -> Iterator[bytes]:
    """Everything in a file, in lower case: as it lies on the disk, and unpacked."""
    with path.open("rb") as file:
        before = b""
        while piece := file.read(_AT_ONCE):
            yield (before + piece).lower()
            before = piece[-_OVERLAP:]
    if head.startswith(_SQLITE):
        yield from _database(path)
    elif head.startswith(b"PAR1"):
        for batch in pq.ParquetFile(path).iter_batches():
            yield from _table(pa.Table.from_batches([batch]))
        yield str(pq.read_schema(path).metadata).lower().encode()
    elif head.startswith(_ARROW):
        yield from _table(pa.ipc.open_file(path.read_bytes()).read_all())
    elif head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name).lower()
    elif head.startswith(b"\x1f\x8b"):
        yield zlib.decompress(path.read_bytes(), wbits=31).lower()


def _table(table: pa.Table) -> Iterator[bytes]:
    for column in table.columns:
        yield "\n".join(str(value) for value in column.to_pylist() if value is not None).lower().encode()


def _database(path: Path) -> Iterator[bytes]:
    """Every value of every table; packed pages are unpacked."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as database:
        tables = database.execute(
            "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'"
        )
        for (name,) in tables.fetchall():
            for row in database.execute(f'select * from "{name}"'):  # noqa: S608 - names from the file itself
                for value in row:
                    if isinstance(value, bytes):
                        yield value.lower()
                        if value.startswith(_STREAM):
                            yield from _table(pa.ipc.open_stream(value).read_all())
                    elif isinstance(value, str):
                        yield value.lower().encode()

"""A look at a source: how it is read, what its columns hold, what is odd about it; and its rows as clean CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Oddity, Source
from connectors.errors import SourceError
from connectors.sources.several import Compared
from connectors.sources.wrapped import Widths, with_widths
from mappings.engine.frame import Frame

__all__ = ["DISTINCT_LIMIT", "SAMPLES", "ColumnPeek", "Peek", "peek", "write_clean", "write_nothing"]

DISTINCT_LIMIT = 10_000
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class ColumnPeek:
    """What a column holds. `filled`: cells with more than white space; `share`: of all rows, from 0 to 1.

    `distinct` counts the different filled cells, and is exact unless `more_distinct`: then there are more.
    `samples`: the first different ones.
    """

    name: str
    filled: int
    share: float
    distinct: int
    more_distinct: bool
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peek:
    """What a look at a source finds. `misread`: how many rows could not be laid out, by problem code. `files`: of several, how they compare."""

    path: Path
    reading: Mapping[str, Any]
    rows: int
    size: int
    sha256: str
    columns: tuple[ColumnPeek, ...]
    oddities: tuple[Oddity, ...]
    misread: Mapping[str, int]
    files: tuple[Compared, ...] = ()


def peek(source: Source) -> Peek:
    """Reads the source to its end. Memory is bounded by a frame. Raises SourceError."""
    columns = [_Column(name) for name in source.header]
    rows = 0
    misread: dict[str, int] = {}
    for frame in source.frames():
        rows += len(frame)
        for bad in frame.misread:
            misread[bad.code] = misread.get(bad.code, 0) + 1
        for place, column in enumerate(columns):
            column.add(frame.cells.column(place))
    return Peek(
        path=source.path,
        reading=source.reading,
        rows=rows,
        size=source.size,
        sha256=source.sha256,
        columns=tuple(column.seen(rows) for column in columns),
        oddities=tuple(sorted(source.oddities, key=lambda oddity: oddity.line)),
        misread=misread,
        files=tuple(getattr(source, "compared", ())),
    )


@dataclass(slots=True)
class _Column:
    name: str
    filled: int = 0
    distinct: set[str] = field(default_factory=set)
    samples: list[str] = field(default_factory=list)
    more: bool = False

    def add(self, cells: pa.ChunkedArray) -> None:
        present = cells.filter(pc.not_equal(pc.utf8_trim_whitespace(cells), ""))
        self.filled += len(present)
        if self.more or not len(present):
            return
        different = pc.unique(present)
        for value in different.slice(0, DISTINCT_LIMIT + 1).to_pylist():
            if value not in self.distinct:
                self.distinct.add(value)
                if len(self.samples) < SAMPLES:
                    self.samples.append(value)
        if len(self.distinct) > DISTINCT_LIMIT:
            self.more = True
            self.distinct.clear()

    def seen(self, rows: int) -> ColumnPeek:
        return ColumnPeek(
            name=self.name,
            filled=self.filled,
            share=self.filled / rows if rows else 0.0,
            distinct=DISTINCT_LIMIT if self.more else len(self.distinct),
            more_distinct=self.more,
            samples=tuple(self.samples),
        )


def write_clean(source: Source, out: Path, never: Iterable[Path] = ()) -> int:
    """Writes header and rows as UTF-8 CSV (comma, RFC 4180), each row with the cells it has; returns the rows.

    Names stand as they do in the file, blank and repeated ones too. `out` appears only when it is complete, and is
    never the source itself, nor one of the files `never`. Raises SourceError.
    """
    if out.exists() and any(file.exists() and out.samefile(file) for file in (source.path, *never)):
        raise SourceError(f"{out} is the source itself.", "Name another file to write to.")
    header = getattr(source, "header_cells", source.header)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    rows = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            if header:
                writer.writerow(header)
            for frame, widths in with_widths(source):
                writer.writerows(_rows(frame, widths))
                rows += len(frame)
        part.replace(out)
    except OSError as error:
        raise SourceError(
            f"{out} cannot be written: {error.strerror}.", "Name a folder that can be written to."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return rows


def write_nothing(out: Path) -> None:
    """The clean CSV of a file that holds no bytes at all. Raises SourceError."""
    try:
        out.write_bytes(b"")
    except OSError as error:
        raise SourceError(
            f"{out} cannot be written: {error.strerror}.", "Name a folder that can be written to."
        ) from None


def _rows(frame: Frame, widths: Widths) -> Iterator[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = list(
        zip(*(column.to_pylist() for column in frame.cells.columns), strict=True)
    )
    columns = len(frame.cells.columns)
    for place in np.flatnonzero(widths != columns).tolist():
        width = int(widths[place])
        rows[place] = rows[place][:width] + ("",) * (width - columns)
    for bad in frame.misread:
        rows[bad.at] = bad.cells
    return iter(rows)

"""A source whose format has rows of its own (sheets, lists of objects, cards): cells come as text, one row after the other."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from connectors.sources.headers import unique_names
from connectors.sources.settling import LONG_CELL
from connectors.sources.tables import Parsed
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame, Misread

__all__ = [
    "FRAME_CELLS",
    "FRAME_ROWS",
    "MOST_COLUMNS",
    "Row",
    "RowSource",
    "check_columns",
    "laid_out",
    "unchanged_hash",
]

MOST_COLUMNS = 5_000
FRAME_CELLS = 1 << 19
FRAME_ROWS = 1 << 16


@dataclass(slots=True)
class Row:
    """A row as its format has it. `line` is where it stands, from 1; `code` is why it cannot be laid out, with `detail`."""

    line: int
    cells: Sequence[str]
    code: str = ""
    detail: str = ""


class RowSource:
    """Rows of text; see connectors.base.Source.

    `rows` begins to read anew each time it is called; a row of blanks is none. It may add to the oddities until it ends.
    """

    def __init__(
        self,
        path: Path,
        header: Sequence[str],
        rows: Callable[[], Iterator[Row]],
        *,
        reading: Mapping[str, Any],
        oddities: list[Oddity],
        header_line: int = 1,
    ) -> None:
        self.path = path
        self.facts = SourceFacts()
        self.oddities = oddities
        self.sha256 = ""
        self.header_cells = tuple(header)
        """The header as the file has it, repeated and blank names included."""
        self.header = unique_names(self.header_cells, header_line, oddities)
        self.reading = reading
        self._rows = rows
        self._before = path.stat()
        self.size = self._before.st_size

    def frames(self) -> Iterator[Frame]:
        """Frames of at most 65,536 rows, fewer where there are many columns. Raises SourceError."""
        tally, number = Tally(), 1
        most = max(1, min(FRAME_ROWS, FRAME_CELLS // max(len(self.header), 1)))
        rows = self._rows()
        while batch := list(itertools.islice(rows, most)):
            block = laid_out(batch, self.header)
            tally.add(block)
            count = len(block.lines)
            if count:
                numbers = np.arange(number, number + count, dtype=np.int64)
                yield Frame(block.cells, numbers, block.lines, tuple(block.misread))
            number += count
        self.sha256 = unchanged_hash(self.path, self._before)
        self.oddities += tally.oddities()


def unchanged_hash(path: Path, before: os.stat_result) -> str:
    """The SHA-256 of a file that has been read. Raises SourceError where it is not what it was `before`."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError(
            f"{path} was changed while it was read.", "Sync it again, when nobody writes to it any more."
        )
    return sha256


def check_columns(path: Path, count: int) -> None:
    """Raises SourceError where a table has more columns than contacts can have fields."""
    if count > MOST_COLUMNS:
        raise SourceError(
            f"{path} has more than {MOST_COLUMNS:,} columns.", "Look at it: the table may be on its side."
        )


def laid_out(rows: list[Row], header: tuple[str, ...], *, blank_rows: bool = False) -> Parsed:
    """Rows as columns; those that cannot be laid out are blank there and kept beside it. `blank_rows`: a row of blanks is one."""
    width = len(header)
    block = Parsed(pa.table({}), np.array([], np.int64), np.array([], np.int64))
    kept: list[Sequence[str]] = []
    lines: list[int] = []
    blanks = [""] * width
    for row in rows:
        cells = row.cells
        if not blank_rows and not row.code and not any(cells):
            count, first = block.late
            block.late = (count + 1, first or row.line)
            continue
        if block.late[0]:
            block.blanks = (block.blanks[0] + block.late[0], block.blanks[1] or block.late[1])
            block.late = (0, 0)
        code, detail = row.code, row.detail
        if not code and len(cells) > width and any(cells[width:]):
            filled = max(place for place, cell in enumerate(cells, start=1) if cell)
            code, detail = "row_misaligned", f"{filled} cells where the header has {width}"
        if not code and (longest := max(map(len, cells))) > LONG_CELL:
            code, detail = "cell_too_long", f"{longest:,} characters"
            cells = [cell if len(cell) <= 1000 else cell[:1000] + "…" for cell in cells]
        if code:
            block.misread.append(Misread(len(kept), code, detail, tuple(cells)))
            block.note(code, row.line)
            cells = blanks
        kept.append(cells if len(cells) == width else [*cells[:width], *blanks[len(cells) :]])
        lines.append(row.line)
    columns: list[Sequence[str]] = list(zip(*kept, strict=True)) if kept else [() for _ in header]
    block.cells = pa.table([pa.array(column, pa.string()) for column in columns], names=list(header))
    block.lines = np.array(lines, np.int64)
    return block

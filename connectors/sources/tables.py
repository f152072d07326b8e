"""Cells as columns: how Arrow is told to read a block, and what a block of rows has become."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as arrow_csv

from connectors.sources.dialect import Dialect
from connectors.sources.rows import Syntax
from connectors.sources.splitting import Ints
from mappings.engine.frame import Misread

__all__ = ["Layout", "Parsed"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What parsing goes by, the same for all blocks."""

    header: tuple[str, ...]
    syntax: Syntax
    dialect: Dialect
    fast: bool

    def table(self, data: bytes) -> pa.Table:
        """Rows in canonical form as columns. Raises pa.ArrowInvalid where rows are uneven or no UTF-8."""
        delimiter = self.syntax.delimiter.decode("latin-1") or _absent(data)
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(
                use_threads=False, block_size=len(data) + 16, column_names=list(self.header)
            ),
            arrow_csv.ParseOptions(
                delimiter=delimiter, quote_char=self.syntax.quote.decode() or False, newlines_in_values=True
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self.header, pa.string()),
                strings_can_be_null=False,
                null_values=[],
            ),
        )

    def empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self.header})

    def canonical(self, cells: list[bytes]) -> bytes:
        """One row as Arrow reads it without doubt."""
        if not self.syntax.quote:
            return self.syntax.delimiter.join(cells) or b"\x00"
        quote = self.syntax.quote
        return self.syntax.delimiter.join(quote + cell.replace(quote, quote * 2) + quote for cell in cells)

    def misplaced(self, cells: list[bytes]) -> str:
        """Why it is not certain which column each cell belongs to; "" where it is."""
        width = len(self.header)
        if any(cell.strip() for cell in cells[width:]):
            return f"{len(cells)} cells where the header has {width}"
        if 1 < len(cells) < width and all(name and self.text(name) in self.dialect.header for name in cells):
            return f"{len(cells)} cells where the header has {width}, each of them the name of a column"
        return self.dialect.columns.misplaced(cells, self.header)

    def torn(self, cells: list[bytes]) -> str:
        """Why a row with quotes out of their places may have been parted inside of them; "" where it was not."""
        quote = re.escape(self.syntax.quote)
        if len(cells) != len(self.header) and any(cell.count(self.syntax.quote) % 2 for cell in cells):
            return (
                f"{len(cells)} cells where the header has {len(self.header)}, and a quote that is not closed"
            )
        opens = re.compile(rb"\s*" + quote + rb"|.*\S" + quote + rb"[^\s" + quote + rb"]", re.DOTALL)
        odd = [cell for cell in cells if cell.count(self.syntax.quote) % 2]
        if len(odd) > 1 and opens.match(odd[0]) and re.search(rb"\S" + quote, odd[1]):
            return "a quote that opens in one cell and is closed in another"
        return ""

    def text(self, cell: bytes) -> str:
        text = cell.decode("utf-8", "replace")
        return (
            text.replace(self.dialect.stand_in.decode(), self.dialect.delimiter)
            if self.dialect.stand_in
            else text
        )


def _absent(data: bytes) -> str:
    """A sign that parts nothing, for files of one column."""
    return next(
        (chr(sign) for sign in (31, 30, 29, 28, *range(1, 9), *range(14, 28)) if bytes([sign]) not in data),
        "\x1f",
    )


@dataclass(slots=True)
class Parsed:
    """A block's rows as columns, with what was odd about them."""

    cells: pa.Table
    lines: Ints
    widths: Ints
    misread: list[Misread] = field(default_factory=list)
    notes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By code of the oddity: (how many, the first line)."""
    blanks: tuple[int, int] = (0, 0)
    late: tuple[int, int] = (0, 0)

    def note(self, code: str, line: int, count: int = 1) -> None:
        before, first = self.notes.get(code, (0, line))
        self.notes[code] = (before + count, min(first, line))

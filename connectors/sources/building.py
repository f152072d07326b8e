"""A block put together again: clean rows as they stand, odd ones in canonical form, so that Arrow reads them all."""

from __future__ import annotations

import codecs
import re

import numpy as np
import pyarrow as pa

from connectors.errors import SourceError
from connectors.sources.rows import read_row
from connectors.sources.settling import Settled
from connectors.sources.splitting import EMPTY, Split
from connectors.sources.tables import Layout, Parsed
from mappings.engine.frame import Misread

__all__ = ["Builder"]


class Builder:
    """Puts a block together again, its odd rows in canonical form."""

    def __init__(self, data: bytes, layout: Layout) -> None:
        self._data = data
        self._layout = layout
        self._width = len(layout.header)
        self._blank = layout.canonical([b""] * self._width) if layout.syntax.quote else b""
        self._pieces: list[bytes] = []
        self._lines: list[int] = []
        self._widths: list[int] = []
        self._rows = 0
        self._result = Parsed(pa.table({}), EMPTY, EMPTY)
        self._by_hand: dict[int, list[bytes]] = {}

    def keep(self, split: Split, begin: int, end: int) -> None:
        """Rows that Arrow reads as they are."""
        self._pieces.append(self._data[int(split.starts[begin]) : int(split.stops[end - 1])])
        self._lines += split.lines[begin:end].tolist()
        self._widths += [self._width] * (end - begin)
        self._rows += end - begin

    def _add(self, line: int, text: bytes, width: int) -> None:
        self._pieces.append(text)
        self._lines.append(line)
        self._widths.append(width)
        self._rows += 1

    def uneven(self, line: int, start: int, stop: int, width: int) -> None:
        """A clean row with too few cells, or with blank ones too many at its end."""
        syntax = self._layout.syntax
        cells = read_row(self._data, start, stop, syntax).cells
        why = self._layout.misplaced(cells)
        if why:
            self.misread(line, cells, "row_misaligned", why)
        elif width < self._width:
            self._short(line, self._data[start:stop], width)
        else:
            extra = len(syntax.delimiter) * (width - self._width)
            self._trimmed(line, self._data[start : stop - extra], width)

    def _short(self, line: int, text: bytes, width: int) -> None:
        """The missing cells are blank."""
        self._add(line, text + self._layout.syntax.delimiter * (self._width - width), width)
        self._result.note("short_rows", line)

    def _trimmed(self, line: int, text: bytes, width: int) -> None:
        """Without the extra cells."""
        self._add(line, text, width)
        self._result.note("extra_blanks", line)

    def misread(self, line: int, cells: list[bytes], code: str, detail: str) -> None:
        texts = tuple(self._layout.text(cell) for cell in cells)
        self._result.misread.append(Misread(self._rows, code, detail, texts))
        self._result.note(code, line)
        self._by_canonical(line, [b""] * self._width, len(cells))

    def settled(self, line: int, one: Settled) -> None:
        """A row's own cells, however many."""
        if one.stray:
            self._result.note("stray_quotes", line)
        if one.code:
            self.misread(line, one.cells, one.code, one.detail)
            return
        count = len(one.cells)
        why = self._layout.misplaced(one.cells) or (self._layout.torn(one.cells) if one.stray else "")
        if why:
            self.misread(line, one.cells, "row_misaligned", why)
            return
        if count < self._width:
            self._result.note("short_rows", line)
        elif count > self._width:
            self._result.note("extra_blanks", line)
        self._by_canonical(line, [*one.cells[: self._width], *[b""] * (self._width - count)], count)

    def _by_canonical(self, line: int, cells: list[bytes], width: int) -> None:
        if not self._layout.syntax.quote:  # nothing can be quoted: the cells are put in by hand afterwards
            self._by_hand[self._rows] = cells
            self._add(line, self._layout.syntax.delimiter * (self._width - 1) or b"-", width)
            return
        self._add(line, self._layout.canonical(cells), width)

    def parted(self, start: int, stop: int, line: int) -> bool:
        """A row over several lines with the wrong number of cells, read as the rows that its lines are."""
        syntax, at = self._layout.syntax, start
        rows: list[tuple[int, list[bytes]]] = []
        while at < stop:
            found = re.compile(rb"\r\n|\n|\r").search(self._data, at, stop)
            text, following = (found.start(), found.end()) if found else (stop, stop)
            rows.append((line, read_row(self._data, at, text, syntax, "line").cells))
            at, line = following, line + 1
        fitting = sum(len(cells) == self._width for _, cells in rows)
        if self._width == 1 or fitting < 2 or fitting < 0.8 * len(rows):
            return False
        for own_line, cells in rows:
            if cells != [b""]:
                self.settled(own_line, Settled(cells, 0, stray=syntax.quote in b"".join(cells)))
        return True

    def parsed(self) -> Parsed:
        """The block as columns. Arrow skips the blank lines that stand between rows it was given as they are."""
        result, layout = self._result, self._layout
        body = b"\n".join(self._pieces) + b"\n"
        if body.startswith(codecs.BOM_UTF8):
            body = b"\n" + body
        result.lines = np.array(self._lines, np.int64)
        result.widths = np.array(self._widths, np.int64)
        result.cells = layout.table(body) if self._rows else layout.empty()
        if result.cells.num_rows != self._rows:
            raise SourceError(
                f"{result.cells.num_rows} rows came of {self._rows} near line {result.lines[0]}; this is a bug in muster.",
                "Please report it with this part of the file.",
            )
        if self._by_hand:
            result.cells = self._filled_by_hand(result.cells)
        return result

    def _filled_by_hand(self, cells: pa.Table) -> pa.Table:
        columns = [column.to_pylist() for column in cells.columns]
        for row, texts in self._by_hand.items():
            for column, text in zip(columns, texts, strict=True):
                column[row] = text.decode()
        return pa.table(
            [pa.array(column, pa.string()) for column in columns], names=list(self._layout.header)
        )

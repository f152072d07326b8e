"""Rows in which a quote is out of its place or never closed: what they hold, and where they end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.sources.rows import FEW_STRAYS, MOST_STRAYS, How, Reading, Syntax, line_stop, read_row

__all__ = ["LONGEST_ROW", "LONG_CELL", "MANY_LINES", "Settled", "Settler", "shortened", "spoken_length"]

LONG_CELL = 1 << 20
"""Bytes of a quoted cell from which on it is doubted."""
LONGEST_ROW = 32 << 20
"""Bytes from which on a row is no longer waited for."""
MANY_LINES = 100
"""Lines of a quoted cell from which on it is doubted, when each of them would be a row by itself."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A row that was read by itself. `code`: why it cannot be laid out (a problem code), with `detail`."""

    cells: list[bytes]
    stop: int
    stray: bool = False
    code: str = ""
    detail: str = ""


class Settler:
    """Reads rows in which a quote is out of its place or never closed.

    Tried in order: readings of one line with as many cells as the header; readings over several lines with as
    many; the line as it stands. An open quote is text when the lines below are rows by themselves.
    """

    def __init__(self, data: bytes, syntax: Syntax, width: int, *, final: bool) -> None:
        self._data = data
        self._syntax = syntax
        self._width = width
        self._final = final
        self._fits: dict[int, tuple[int, int]] = {}

    def row(self, at: int) -> Settled | None:
        """The row at `at`; None: more of the file is needed."""
        data, syntax, size = self._data, self._syntax, len(self._data)
        line_text, line_end = line_stop(data, at, size, syntax.returns)
        if line_end == line_text and not self._final:
            return None
        limit = min(size, at + LONG_CELL)
        complete = self._final or limit < size
        close = self._bounded(at, limit, "close")
        if close.open and close.stray <= FEW_STRAYS and not complete:
            return None
        line = close
        if close.open or close.stop > line_end:
            line = read_row(data, at, line_end, syntax, "line")
        within = line if close.open else self._of_one_line(at, line_end, close, line)
        if within is not None and len(within.cells) == self._width:
            if not close.open or self._rows_below(line_end, self._width):
                return Settled(within.cells, line_end, stray=True)
        elif (close.open or len(close.cells) != self._width) and self._rows_below(line_end, len(line.cells)):
            return Settled(line.cells, line_end, stray=True)
        inner = self._bounded(at, limit, "inner")
        if inner.open and inner.stray <= MOST_STRAYS and not complete:
            return None
        return self._of_lines(at, inner, close) or (
            self._without_end(at, line_end, line) if close.open else Settled(line.cells, line_end, stray=True)
        )

    def _of_lines(self, at: int, *readings: Reading) -> Settled | None:
        """The first reading over several lines that has as many cells as the header."""
        for reading in readings:
            if not reading.open and len(reading.cells) == self._width and not self.swallows(at, reading.stop):
                return Settled(reading.cells, reading.stop, stray=True)
        return None

    def _of_one_line(self, at: int, line_end: int, close: Reading, line: Reading) -> Reading | None:
        """The reading of one line that has as many cells as the header, if there is one."""
        if close.stop <= line_end and len(close.cells) == self._width:
            return close
        for how in ("inner", "literal"):
            reading = read_row(self._data, at, line_end, self._syntax, how)
            if not reading.open and len(reading.cells) == self._width:
                return reading
        return line if len(line.cells) == self._width else None

    def _bounded(self, at: int, limit: int, how: How) -> Reading:
        """The row as far as `limit`; one that reaches it without a line end counts as open."""
        reading = read_row(self._data, at, limit, self._syntax, how)
        at_end = self._final and limit == len(self._data)
        if reading.stop == limit and self._data[limit - 1] not in b"\r\n" and not at_end:
            return Reading(reading.cells, reading.stop, reading.stray, open=True)
        return reading

    def _without_end(self, at: int, line_end: int, line: Reading) -> Settled | None:
        """A quoted cell that is open after LONG_CELL bytes, or where the file ends."""
        data, size = self._data, len(self._data)
        if size - at <= LONG_CELL:
            rest = read_row(data, at, size, self._syntax, "close")
            lines = len(re.findall(rb"\n|\r(?!\n)", data[at:].rstrip(b"\r\n")))
            further = f", {lines} line{'s' if lines > 1 else ''} further on" if lines else ""
            detail = f"a quoted cell is never closed{further}"
            return Settled(rest.cells, size, code="row_cut_off", detail=detail)
        whole = read_row(data, at, min(size, at + LONGEST_ROW), self._syntax, "inner")
        if not whole.open:
            return Settled(
                shortened(whole.cells), whole.stop, code="cell_too_long", detail=spoken_length(whole.cells)
            )
        if not self._final and size - at <= LONGEST_ROW and whole.stray <= MOST_STRAYS:
            return None
        detail = "a quote that opens and is not closed within the rows that follow"
        return Settled(line.cells, line_end, code="cell_too_long", detail=detail)

    def _line(self, at: int) -> tuple[int, int]:
        """(how many cells the line at `at` has by itself, 0 for a blank one; where the next line begins)."""
        if at not in self._fits:
            text, following = line_stop(self._data, at, len(self._data), self._syntax.returns)
            cells = read_row(self._data, at, following, self._syntax, "line").cells if text > at else []
            self._fits[at] = (len(cells), following)
        return self._fits[at]

    def _rows_below(self, at: int, also: int) -> bool:
        """Whether the next lines are rows by themselves, so that no quoted cell runs through them.

        The very next one must be, for it would be the first to belong to the cell. `also`: a number of cells that
        is as good as the header's.
        """
        fits = {self._width, also} - {0, 1}
        if not fits:  # any line is a row of one cell; many of them are more likely rows than one cell
            return self._data.count(b"\n", at, at + LONG_CELL) > MANY_LINES
        seen = fitting = 0
        while at < len(self._data) and seen < 20:
            cells, at = self._line(at)
            if cells:
                seen += 1
                fitting += cells in fits
                if not fitting:
                    return False
        return fitting > 0 and fitting >= 0.8 * seen

    def swallows(self, at: int, stop: int) -> bool:
        """Whether a row over very many lines is in truth very many rows."""
        data = self._data
        if self._width == 1 or data.count(b"\n", at, stop) + data.count(b"\r", at, stop) <= MANY_LINES:
            return False
        return self._rows_below(line_stop(data, at, stop, self._syntax.returns)[1], self._width)


def spoken_length(cells: list[bytes]) -> str:
    return f"{max(map(len, cells)):,} bytes"


def shortened(cells: list[bytes]) -> list[bytes]:
    return [cell if len(cell) <= 1000 else cell[:1000] + "…".encode() for cell in cells]

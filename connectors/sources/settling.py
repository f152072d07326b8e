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
MOST_SPARE = 4
"""Quotes that are tried, one by one, as the one that is text."""
_BELOW = 20
"""Lines below a row from which it is judged whether they are rows by themselves."""
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


class _MoreNeededError(Exception):
    """What a row is shows only in what follows in the file."""


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
        try:
            return self._row(at)
        except _MoreNeededError:
            return None

    def _row(self, at: int) -> Settled:
        data, syntax, size = self._data, self._syntax, len(self._data)
        line_text, line_end = line_stop(data, at, size, syntax.returns)
        self._wait_if(line_end == line_text and not self._final)
        limit = min(size, at + LONG_CELL)
        complete = self._final or limit < size
        close = self._bounded(at, limit, "close")
        if not close.open and not close.stray and close.stop <= line_end and len(close.cells) == self._width:
            return Settled(close.cells, line_end, stray=True)
        better = self._all_in_place(at, line_end, limit, close, complete=complete)
        if better is not None:
            return better
        self._wait_if(close.open and close.stray <= FEW_STRAYS and not complete)
        line = close
        if close.open or close.stop > line_end:
            line = read_row(data, at, line_end, syntax, "line")
        within = line if close.open else self._of_one_line(at, line_end, close, line)
        if within is not None and len(within.cells) == self._width:
            if not close.open or self._rows_below(line_end, self._width, complete):
                return Settled(within.cells, line_end, stray=True)
        elif (close.open or len(close.cells) != self._width) and self._rows_below(
            line_end, len(line.cells), complete
        ):
            return Settled(line.cells, line_end, stray=True)
        inner = self._bounded(at, limit, "inner")
        self._wait_if(inner.open and inner.stray <= MOST_STRAYS and not complete)
        found = self._of_lines(at, inner, close)
        if found is not None:
            whole = found.stop <= line_end or self._over_lines(line_end, found.stop)
            return found if whole else Settled(line.cells, line_end, stray=True)
        return (
            self._without_end(at, line_end, line) if close.open else Settled(line.cells, line_end, stray=True)
        )

    def _wait_if(self, unclear: bool) -> None:
        if unclear:
            raise _MoreNeededError

    def _all_in_place(
        self, at: int, line_end: int, limit: int, close: Reading, *, complete: bool
    ) -> Settled | None:
        """A reading with as many cells as the header in which one quote is text and all others are in their places."""
        below = self._rows_below(line_end, self._width, complete)
        spare = self._with_a_spare_quote(at, line_end, len(self._data))
        if spare is not None and (below or (not close.open and close.stop <= line_end)):
            return Settled(spare.cells, spare.stop, stray=True)
        if below:
            return None
        spare = self._with_a_spare_quote(at, limit, limit)
        if spare is not None and not spare.open and self._over_lines(line_end, spare.stop):
            return Settled(spare.cells, spare.stop, stray=True)
        self._wait_if(spare is not None and spare.open and not complete)
        inner = self._bounded(at, limit, "inner")
        self._wait_if(inner.open and inner.stray <= MOST_STRAYS and not complete)
        found = self._of_lines(at, inner)
        return found if found is not None and self._over_lines(line_end, found.stop) else None

    def _with_a_spare_quote(self, at: int, end: int, limit: int) -> Reading | None:
        """The row when one quote that begins a cell is text, and every other one is then in its place.

        An open reading where one reaches the `limit`: more of the file may close it.
        """
        for spare in range(MOST_SPARE):
            reading = self._bounded(at, end, "close", spare)
            if reading.stray or (reading.open and end < limit):
                continue
            if any(self._quoted_itself(cell) for cell in reading.cells):
                continue
            if reading.open or (len(reading.cells) == self._width and not self.swallows(at, reading.stop)):
                return reading
        return None

    def _quoted_itself(self, cell: bytes) -> bool:
        """Whether a quote inside of it is rather the one that is text."""
        quote = self._syntax.quote
        return cell.startswith(quote * 2) or (
            len(cell) > 1 and cell.startswith(quote) and cell.endswith(quote)
        )

    def _of_lines(self, at: int, *readings: Reading) -> Settled | None:
        """The first reading over several lines that has as many cells as the header."""
        for reading in readings:
            if not reading.open and len(reading.cells) == self._width and not self.swallows(at, reading.stop):
                return Settled(reading.cells, reading.stop, stray=True)
        return None

    def _of_one_line(self, at: int, line_end: int, close: Reading, line: Reading) -> Reading | None:
        """The reading of one line that has as many cells as the header, if there is one."""
        inner, literal = (
            read_row(self._data, at, line_end, self._syntax, how) for how in ("inner", "literal")
        )
        in_line = [inner, *([close] if close.stop <= line_end else []), line, literal]
        for reading in in_line:
            if not reading.open and len(reading.cells) == self._width:
                return reading
        return None

    def _bounded(self, at: int, limit: int, how: How, spare: int = -1) -> Reading:
        """The row as far as `limit`; one that reaches it without a line end counts as open."""
        reading = read_row(self._data, at, limit, self._syntax, how, spare)
        at_end = self._final and limit == len(self._data)
        if reading.stop == limit and self._data[limit - 1] not in b"\r\n" and not at_end:
            return Reading(reading.cells, reading.stop, reading.stray, open=True)
        return reading

    def _without_end(self, at: int, line_end: int, line: Reading) -> Settled:
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
        self._wait_if(not self._final and size - at <= LONGEST_ROW and whole.stray <= MOST_STRAYS)
        detail = "a quote that opens and is not closed within the rows that follow"
        return Settled(line.cells, line_end, code="cell_too_long", detail=detail)

    def _line(self, at: int) -> tuple[int, int]:
        """(how many cells the line at `at` has by itself, 0 for a blank one; where the next line begins)."""
        if at not in self._fits:
            text, following = line_stop(self._data, at, len(self._data), self._syntax.returns)
            cells = read_row(self._data, at, following, self._syntax, "line").cells if text > at else []
            self._fits[at] = (len(cells), following)
        return self._fits[at]

    def _rows_below(self, at: int, also: int, complete: bool) -> bool:
        """Whether the next lines are rows by themselves, so that no quoted cell runs through them.

        The very next one must be, for it would be the first to belong to the cell. `also`: a number of cells that
        is as good as the header's. Where not enough lines are there, more of the file is waited for unless it is
        `complete`.
        """
        fits = {self._width, also} - {0, 1}
        if not fits:  # any line is a row of one cell; many of them are more likely rows than one cell
            many = self._data.count(b"\n", at, at + LONG_CELL) > MANY_LINES
            self._wait_if(not many and not complete)
            return many
        seen = fitting = 0
        while at < len(self._data) and seen < _BELOW:
            cells, at = self._line(at)
            self._wait_if(at == len(self._data) and not complete)
            if cells:
                seen += 1
                fitting += cells in fits
                if not fitting:
                    return False
        self._wait_if(seen < _BELOW and not complete)
        return fitting > 0 and fitting >= 0.8 * seen

    def _over_lines(self, at: int, stop: int) -> bool:
        """Whether a row that ends at `stop` goes on after its first line, which ends at `at`, and no line of it is a row by itself."""
        if stop <= at:
            return False
        while at < stop:
            cells, at = self._line(at)
            if cells == self._width > 1:
                return False
        return True

    def swallows(self, at: int, stop: int) -> bool:
        """Whether a row over very many lines is in truth very many rows."""
        data = self._data
        if self._width == 1 or data.count(b"\n", at, stop) + data.count(b"\r", at, stop) <= MANY_LINES:
            return False
        return self._rows_below(line_stop(data, at, stop, self._syntax.returns)[1], self._width, True)


def spoken_length(cells: list[bytes]) -> str:
    return f"{max(map(len, cells)):,} bytes"


def shortened(cells: list[bytes]) -> list[bytes]:
    return [cell if len(cell) <= 1000 else cell[:1000] + "…".encode() for cell in cells]

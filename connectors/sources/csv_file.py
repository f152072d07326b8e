"""CSV files as they come: everything is text, and each row keeps its number, its line and its own cells.

A file is read in blocks that end where a row ends. numpy finds quotes and line ends; where each quote opens or
closes a cell, rows are those between line ends outside quotes, and Arrow parses the block. Rows where something
is odd (a quote out of place, too few or too many cells, bytes that are no text) are read one by one, settled,
and put back into the block in canonical form, so that Arrow parses them too and no row is shifted, lost or
doubled. What Arrow was seen to do otherwise than this module: it drops characters around text after a closing
quote, ends rows at any lone carriage return, closes an open quote silently at the end, and skips a byte order
mark at the beginning of each block. None of these reaches it.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from connectors.sources import finding
from connectors.sources.dialect import (
    FEW_STRAYS,
    MOST_STRAYS,
    Dialect,
    How,
    Reading,
    Syntax,
    detect,
    encoded,
    is_utf8,
    line_stop,
    read_row,
)
from mappings.engine.frame import Frame, Misread

__all__ = ["CsvSource", "open_source"]

FRAME_ROWS = 1 << 16
LONG_CELL = 1 << 20
"""Bytes of a quoted cell from which on it is doubted."""
LONGEST_ROW = 32 << 20
MANY_LINES = 100
"""Lines of a quoted cell from which on it is doubted, when each of them would be a row by itself."""

Ints = npt.NDArray[np.int64]
EMPTY: Ints = np.empty(0, np.int64)


def open_source(path: Path, settings: Mapping[str, Any]) -> CsvSource:
    """The CSV file at `path`. `encoding`, `delimiter`, `quote`, `escape` (doubled, backslash) and `header_line`
    in `settings` stand above what is found. Raises SourceError.
    """
    finding.readable(path)
    return CsvSource(path, detect(path, settings))


class CsvSource:
    """A CSV file being read; see connectors.base.Source."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        """Nothing is read before `frames()`."""
        self.path = path
        self.dialect = dialect
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = list(dialect.oddities)
        self.sha256 = ""
        self.size = path.stat().st_size
        self.header_cells = dialect.header
        """The header as the file has it, repeated and blank names included."""
        self.header = _unique_names(dialect, self.oddities)
        self.reading: Mapping[str, Any] = dialect.spoken()
        self._fast = True
        self._block = min(max(FRAME_ROWS * dialect.row_bytes, 1 << 17), 1 << 24)

    def frames(self) -> Iterator[Frame]:
        """Frames of about 65,536 rows. Raises SourceError when the file can be read no further."""
        for frame, _ in self.frames_and_widths():
            yield frame

    def frames_and_widths(self) -> Iterator[tuple[Frame, Ints]]:
        """Each frame with the number of cells that each of its rows has in the file."""
        tally = _Tally()
        row = 1
        for block in self._blocks():
            tally.add(block)
            for frame, widths in _cut(block, row):
                row += len(frame)
                yield frame, widths
        self.oddities += tally.oddities()

    def _blocks(self) -> Iterator[_Parsed]:
        """Rows are split here, in order; two blocks at a time are parsed beside it."""
        dialect, syntax = self.dialect, self.dialect.syntax
        layout = _Layout(self.header, syntax, dialect, self._fast)
        stream = _Stream(self.path, dialect, self._block)
        tail, line, skip = b"", dialect.first_line, dialect.begins
        pending: deque[Future[_Parsed]] = deque()
        pool = ThreadPoolExecutor(2, thread_name_prefix="muster-csv")
        try:
            for text, final in stream:
                if skip:
                    cut = min(skip, len(text))
                    data, skip = tail + text[cut:], skip - cut
                else:
                    data = tail + text if tail else text
                # what a return means shows only in what follows it
                held = b"" if final else data[len(data.rstrip(b"\r")) :]
                data = data.removesuffix(held)
                split = _split(data, syntax, len(self.header), line, final=final)
                tail, line = data[split.used :] + held, split.next_line
                if len(split.starts) or split.late[0]:
                    pending.append(pool.submit(_parse, data, split, layout))
                if len(tail) > LONGEST_ROW:
                    raise SourceError(
                        f"{self.path}: the row on line {line} is longer than {LONGEST_ROW >> 20} MB.",
                        "Look at that line; the file may be damaged, or no CSV file.",
                    )
                while len(pending) > 2:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
            self.sha256, self.size = stream.sha256, stream.size
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read further: {error.strerror}.", "Copy it to a local disk."
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            stream.close()


def _unique_names(dialect: Dialect, oddities: list[Oddity]) -> tuple[str, ...]:
    """Names without spaces around them, each one once: `Email (2)`, `column 3`."""
    found = [cell.strip().strip("\ufeff").strip() for cell in dialect.header]
    taken = {name for name in found if name}
    names: list[str] = []
    for place, name in enumerate(found, start=1):
        if not name or name in names:
            base, count = (name, 2) if name else (f"column {place}", 1)
            unique = f"{base} ({count})" if name else base
            while unique in taken:
                count += 1
                unique = f"{base} ({count})"
            taken.add(unique)
            names.append(unique)
            if name:
                text = f"Column {place} is named '{name}' like one before it; it is called '{unique}' here."
                oddities.append(Oddity("header_repeated", text, dialect.header_line))
            else:
                text = f"Column {place} has no name; it is called '{unique}' here."
                oddities.append(Oddity("header_blank", text, dialect.header_line))
        else:
            names.append(name)
    return tuple(names)


# ── the bytes ────────────────────────────────────────────────────────────────────────────────────────────────


class _Stream:
    """The file as blocks of UTF-8 after its byte order mark; hashes the raw bytes on the way."""

    def __init__(self, path: Path, dialect: Dialect, block: int) -> None:
        self.sha256 = ""
        self.size = 0
        self._file = path.open("rb", buffering=0)
        self._dialect = dialect
        self._block = max(block, dialect.mark + 1)
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="muster-sha256")

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        digest = hashlib.sha256()
        hashing: Future[None] | None = None
        recode = self._recoder()
        raw = self._read()
        first = True
        while True:
            following = self._read() if raw else b""
            final = not following
            if hashing is not None:
                hashing.result()
            hashing = self._hasher.submit(digest.update, raw)
            self.size += len(raw)
            yield recode(raw[self._dialect.mark :] if first else raw, final), final
            first = False
            if final:
                break
            raw = following
        hashing.result()
        self.sha256 = digest.hexdigest()

    def close(self) -> None:
        self._hasher.shutdown(wait=True, cancel_futures=True)
        self._file.close()

    def _read(self) -> bytes:
        parts = [self._file.read(self._block) or b""]
        while parts[-1] and sum(map(len, parts)) < self._block:
            parts.append(self._file.read(self._block - sum(map(len, parts))) or b"")
        return b"".join(parts)

    def _recoder(self) -> Callable[[bytes, bool], bytes]:
        """What makes UTF-8 of raw bytes, and one byte of a delimiter that has several."""
        dialect = self._dialect
        decoder = (
            None
            if is_utf8(dialect.encoding)
            else codecs.getincrementaldecoder(dialect.encoding)("muster_mark")
        )
        sign, stand_in = dialect.delimiter.encode(), dialect.stand_in
        held = b""

        def recode(raw: bytes, final: bool) -> bytes:
            nonlocal held
            text = raw if decoder is None else encoded(decoder.decode(raw, final))
            if not stand_in:
                return text
            if stand_in in text:
                raise SourceError(
                    f"{dialect.delimiter!r} cannot be the delimiter of this file: it also holds the control sign"
                    f" {stand_in.decode()!r}.",
                    "Export it with commas or tabs.",
                )
            text = held + text
            keep = (
                0 if final else next((n for n in range(len(sign) - 1, 0, -1) if text.endswith(sign[:n])), 0)
            )
            held = text[len(text) - keep :]
            return text[: len(text) - keep].replace(sign, stand_in)

        return recode


# ── where rows begin and end ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Settled:
    """A row that was read by itself. `code`: why it cannot be laid out (a problem code), with `detail`."""

    cells: list[bytes]
    stop: int
    stray: bool = False
    code: str = ""
    detail: str = ""


@dataclass(slots=True)
class _Split:
    """The rows of a block. `stops`: where a row's text ends, before its line end. `settled`: by position.
    `used`: bytes that are rows. `blanks`: blank lines between rows, as (how many, the first); `late`: those after
    the last row. `doubted`: rows over so many lines that these are rows themselves.
    """

    starts: Ints
    stops: Ints
    lines: Ints
    quotes: Ints
    ends: Ints
    settled: dict[int, _Settled]
    used: int
    next_line: int
    blanks: tuple[int, int]
    late: tuple[int, int]
    doubted: set[int] = field(default_factory=set)
    careful: bool = False


def _positions(data: bytes, sign: int) -> Ints:
    if not data or bytes([sign]) not in data:
        return EMPTY
    places: Ints = np.flatnonzero(np.frombuffer(data, np.uint8) == sign)
    return places


def _line_ends(data: bytes, *, final: bool) -> tuple[Ints, Ints]:
    """(the last byte of each line end, those of them that are lone carriage returns)."""
    feeds = _positions(data, 10)
    returns = _positions(data, 13)
    if not len(returns):
        return feeds, EMPTY
    array = np.frombuffer(data, np.uint8)
    after = array[np.minimum(returns + 1, len(data) - 1)]
    lone = returns[(after != 10) & ((returns + 1 < len(data)) | final)]
    return (np.sort(np.concatenate([feeds, lone])) if len(lone) else feeds), lone


def _opening_and_closing(
    data: bytes, quotes: Ints, syntax: Syntax
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which quotes may open a cell, and which may close one (the halves of a doubled quote do both)."""
    array = np.frombuffer(data, np.uint8)
    borders = np.zeros(256, np.bool_)
    borders[[10, syntax.quote[0], *syntax.delimiter[:1]]] = True
    if syntax.returns:
        borders[13] = True
    opening = borders[array[quotes - 1]]
    after = array[np.minimum(quotes + 1, len(data) - 1)]
    borders[13] = True
    closing = borders[after] | (quotes + 1 == len(data))
    if quotes[0] == 0:
        opening[0] = True
    return opening, closing


def _unescaped(data: bytes, quotes: Ints) -> Ints:
    """The quotes that no backslash makes text. A backslash that is itself escaped does not count."""
    array = np.frombuffer(data, np.uint8)
    doubtful = np.flatnonzero((array[quotes - 1] == 92) & (quotes > 0))
    escaped = [place for place in doubtful.tolist() if _odd_backslashes(data, int(quotes[place]))]
    return np.delete(quotes, escaped) if escaped else quotes


def _odd_backslashes(data: bytes, before: int) -> bool:
    place = before
    while place > 0 and data[place - 1] == 92:
        place -= 1
    return (before - place) % 2 == 1


def _split(data: bytes, syntax: Syntax, width: int, first_line: int, *, final: bool) -> _Split:
    """The rows of `data`, which begins with a row. What follows the last complete one is left (`used`)."""
    ends, lone = _line_ends(data, final=final)
    row_ends = ends if syntax.returns or not len(lone) else _positions(data, 10)
    quotes = _positions(data, syntax.quote[0]) if syntax.quote else EMPTY
    if syntax.backslash and len(quotes) and b"\\" in data:
        quotes = _unescaped(data, quotes)
    stops, alone, used = _walk(data, syntax, width, quotes, row_ends, final=final)
    starts = np.empty_like(stops)
    if len(stops):
        starts[0] = 0
        starts[1:] = stops[:-1]
    array = np.frombuffer(data, np.uint8)
    texts = _before_line_end(array, starts, stops)
    lines = first_line + np.searchsorted(ends, starts)
    next_line = first_line + int(np.searchsorted(ends, used))
    rows = texts > starts
    blanks = late = (0, 0)
    if not rows.all():
        empty = np.flatnonzero(~rows)
        last = len(rows) - int(np.argmax(rows[::-1])) if rows.any() else 0
        blanks, late = _counted(lines[empty[empty < last]]), _counted(lines[empty[empty >= last]])
        starts, texts, lines = starts[rows], texts[rows], lines[rows]
    places = np.searchsorted(starts, np.array([start for start, _ in alone], np.int64)).tolist()
    settled = {place: one for place, (_, one) in zip(places, alone, strict=True)}
    split = _Split(starts, texts, lines, quotes, ends, settled, used, next_line, blanks, late)
    _doubt(data, split, syntax, lone, width)
    return split


def _counted(lines: Ints) -> tuple[int, int]:
    return (len(lines), int(lines[0])) if len(lines) else (0, 0)


def _before_line_end(array: npt.NDArray[np.uint8], starts: Ints, stops: Ints) -> Ints:
    """Where the text of rows ends whose line ends (one, two or no bytes) end at `stops`."""
    if not len(stops):
        return stops
    last = array[stops - 1]
    texts = stops - ((last == 10) | (last == 13))
    paired = (last == 10) & (texts > starts) & (array[np.maximum(texts - 1, 0)] == 13)
    ends: Ints = texts - paired
    return ends


def _walk(
    data: bytes, syntax: Syntax, width: int, quotes: Ints, row_ends: Ints, *, final: bool
) -> tuple[Ints, list[tuple[int, _Settled]], int]:
    """(where the row after each row begins, rows that were read alone, bytes that are rows).

    Quotes are numbered. In a run of clean rows they open and close in turn, so a line end is outside of quotes
    where an even number of them came before. At the first quote that does neither, its row is read alone, and the
    run begins anew behind it.
    """
    if not len(quotes):
        stops, used = _last(row_ends + 1, data, final=final, is_open=False)
        return stops, [], used
    opening, closing = _opening_and_closing(data, quotes, syntax)
    even = np.zeros(len(quotes), np.bool_)
    even[::2] = True
    faults = (
        np.flatnonzero(~np.where(even, opening, closing)),
        np.flatnonzero(~np.where(even, closing, opening)),
    )
    odd_before = (np.searchsorted(quotes, row_ends) & 1).astype(np.bool_)
    outside = (row_ends[~odd_before] + 1, row_ends[odd_before] + 1)
    if not len(faults[0]):
        stops, used = _last(outside[0], data, final=final, is_open=bool(len(quotes) & 1))
        if used == len(data) or not (len(quotes) & 1) or not (final or len(data) - used > LONG_CELL):
            return stops, [], used
    return _step(data, syntax, width, _Marks(quotes, faults, outside), final=final)


def _last(stops: Ints, data: bytes, *, final: bool, is_open: bool) -> tuple[Ints, int]:
    """With the last line of the file, which may have no line end."""
    used = int(stops[-1]) if len(stops) else 0
    if final and not is_open and used < len(data):
        return np.append(stops, len(data)), len(data)
    return stops, used


class _Marks:
    """Quotes, the faulty ones and the line ends outside, by whether an even or odd number of quotes came before."""

    def __init__(self, quotes: Ints, faults: tuple[Ints, Ints], outside: tuple[Ints, Ints]) -> None:
        self.quotes: list[int] = quotes.tolist()
        self.faults: tuple[list[int], list[int]] = (quotes[faults[0]].tolist(), quotes[faults[1]].tolist())
        self.outside: tuple[list[int], list[int]] = (outside[0].tolist(), outside[1].tolist())


def _step(
    data: bytes, syntax: Syntax, width: int, marks: _Marks, *, final: bool
) -> tuple[Ints, list[tuple[int, _Settled]], int]:
    """From fault to fault; see _walk."""
    stops: list[int] = []
    alone: list[tuple[int, _Settled]] = []
    settler = _Settler(data, syntax, width, final=final)
    at = count = 0
    while at < len(data):
        ends, faults = marks.outside[count & 1], marks.faults[count & 1]
        begin = bisect_right(ends, at)
        place = bisect_left(faults, at)
        stop = bisect_right(ends, faults[place]) if place < len(faults) else len(ends)
        if stop > begin:
            stops += ends[begin:stop]
            at = ends[stop - 1]
        if place >= len(faults):  # only what follows the last line end may still be in doubt
            if at >= len(data):
                break
            is_open = bool((len(marks.quotes) - bisect_left(marks.quotes, at)) & 1)
            if final and not is_open:  # the last line has no line end
                stops.append(len(data))
                at = len(data)
                break
            if not is_open or (not final and len(data) - at <= LONG_CELL):
                break
        one = settler.row(at)
        if one is None:
            break
        alone.append((at, one))
        stops.append(one.stop)
        at = one.stop
        count = bisect_left(marks.quotes, at)
    return np.array(stops, np.int64), alone, at


class _Settler:
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

    def row(self, at: int) -> _Settled | None:
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
                return _Settled(within.cells, line_end, stray=True)
        elif (close.open or len(close.cells) != self._width) and self._rows_below(line_end, len(line.cells)):
            return _Settled(line.cells, line_end, stray=True)
        inner = self._bounded(at, limit, "inner")
        if inner.open and inner.stray <= MOST_STRAYS and not complete:
            return None
        return self._of_lines(at, inner, close) or (
            self._without_end(at, line_end, line)
            if close.open
            else _Settled(line.cells, line_end, stray=True)
        )

    def _of_lines(self, at: int, *readings: Reading) -> _Settled | None:
        """The first reading over several lines that has as many cells as the header."""
        for reading in readings:
            if not reading.open and len(reading.cells) == self._width and not self.swallows(at, reading.stop):
                return _Settled(reading.cells, reading.stop, stray=True)
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

    def _without_end(self, at: int, line_end: int, line: Reading) -> _Settled | None:
        """A quoted cell that is open after LONG_CELL bytes, or where the file ends."""
        data, size = self._data, len(self._data)
        if size - at <= LONG_CELL:
            rest = read_row(data, at, size, self._syntax, "close")
            lines = len(re.findall(rb"\n|\r(?!\n)", data[at:].rstrip(b"\r\n")))
            further = f", {lines} line{'s' if lines > 1 else ''} further on" if lines else ""
            detail = f"a quoted cell is never closed{further}"
            return _Settled(rest.cells, size, code="row_cut_off", detail=detail)
        whole = read_row(data, at, min(size, at + LONGEST_ROW), self._syntax, "inner")
        if not whole.open:
            return _Settled(
                _shortened(whole.cells), whole.stop, code="cell_too_long", detail=_long(whole.cells)
            )
        if not self._final and size - at <= LONGEST_ROW and whole.stray <= MOST_STRAYS:
            return None
        detail = "a quote that opens and is not closed within the rows that follow"
        return _Settled(line.cells, line_end, code="cell_too_long", detail=detail)

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


def _long(cells: list[bytes]) -> str:
    return f"{max(map(len, cells)):,} bytes"


def _shortened(cells: list[bytes]) -> list[bytes]:
    return [cell if len(cell) <= 1000 else cell[:1000] + "…".encode() for cell in cells]


def _doubt(data: bytes, split: _Split, syntax: Syntax, lone: Ints, width: int) -> None:
    """Marks clean rows that must still be read alone: very long ones, lone carriage returns in them, escapes."""
    if not len(split.starts):
        return
    places: set[int] = set()
    spans = np.flatnonzero(np.diff(np.append(split.lines, split.next_line)) > MANY_LINES)
    settler = _Settler(data, syntax, width, final=True)
    for place in spans.tolist():
        if settler.swallows(int(split.starts[place]), int(split.stops[place])):
            split.doubted.add(place)
    if len(lone) and not syntax.returns:
        places.update((np.searchsorted(split.starts, lone, "right") - 1).tolist())
    if syntax.backslash and b"\\" in data[: split.used]:
        slashes = _positions(data[: split.used], 92)
        places.update(np.unique(np.searchsorted(split.starts, slashes, "right") - 1).tolist())
    sizes = split.stops - split.starts
    if int(sizes.max()) > LONG_CELL:
        places.update(np.flatnonzero(sizes > LONG_CELL).tolist())
    split.careful = bool(split.settled or split.doubted or places)
    for place in sorted(places - set(split.settled) - split.doubted - {-1}):
        start, stop = int(split.starts[place]), int(split.stops[place])
        reading = read_row(data, start, stop, syntax, "close")
        cells = reading.cells
        if max(map(len, cells)) > LONG_CELL:
            one = _Settled(_shortened(cells), stop, code="cell_too_long", detail=_long(cells))
        elif len(cells) == width:
            one = _Settled(cells, stop)
        else:
            continue
        split.settled[place] = one


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Layout:
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
class _Parsed:
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


def _parse(data: bytes, split: _Split, layout: _Layout) -> _Parsed:
    """The rows of a block as columns."""
    width = len(layout.header)
    count = len(split.starts)
    body = data[: split.used] if split.used < len(data) else data
    table: pa.Table | None = None
    if not count:
        table = layout.empty()
    elif layout.fast and not split.careful and not body.startswith(codecs.BOM_UTF8):
        try:
            table = layout.table(body)
        except pa.ArrowInvalid:
            table = None
        if table is not None and table.num_rows != count:  # never seen; then each row is read by itself
            table = None
    if table is not None:
        parsed = _Parsed(table, split.lines, np.full(count, width, np.int64))
    else:
        parsed = _carefully(body, split, layout)
    if b"\x00" in body:
        rows = np.unique(np.searchsorted(split.starts, _positions(body, 0), "right") - 1)
        parsed.note("nul_bytes", int(split.lines[max(int(rows[0]), 0)]) if count else 0, len(rows))
    parsed.blanks, parsed.late = split.blanks, split.late
    if layout.dialect.stand_in:
        parsed.cells = _restored(parsed.cells, layout.dialect)
    return parsed


def _restored(cells: pa.Table, dialect: Dialect) -> pa.Table:
    columns = [
        pc.replace_substring(column, dialect.stand_in.decode(), dialect.delimiter) for column in cells.columns
    ]
    return pa.table(columns, names=cells.column_names)


def _widths(data: bytes, split: _Split, syntax: Syntax) -> Ints:
    """How many cells each row has, where its quotes are in their places."""
    if not syntax.delimiter:
        return np.ones(len(split.starts), np.int64)
    signs = _positions(data, syntax.delimiter[0])
    rows = np.searchsorted(split.starts, signs, "right") - 1
    if len(split.quotes):
        before = np.searchsorted(split.quotes, split.starts)
        inside = (np.searchsorted(split.quotes, signs) - before[rows]) & 1
        rows = rows[inside == 0]
    return 1 + np.bincount(rows, minlength=len(split.starts)).astype(np.int64)


def _carefully(data: bytes, split: _Split, layout: _Layout) -> _Parsed:
    """Every row on its own where it must be: padded, trimmed, or set aside as misread."""
    syntax, width = layout.syntax, len(layout.header)
    widths = _widths(data, split, syntax)
    aside = np.zeros(len(split.starts), np.bool_) if layout.fast else np.ones(len(split.starts), np.bool_)
    aside[widths != width] = True
    aside[[*split.settled, *split.doubted]] = True
    undecodable = _undecodable(data, split)
    aside[list(undecodable)] = True

    builder = _Builder(data, layout)
    done = 0
    for place in np.flatnonzero(aside).tolist():
        if place > done:
            builder.keep(split, done, place)
        done = place + 1
        start, stop, line = int(split.starts[place]), int(split.stops[place]), int(split.lines[place])
        one = split.settled.get(place)
        if place in undecodable:
            cells = one.cells if one else read_row(data, start, stop, syntax).cells
            builder.misread(line, cells, "row_undecodable", undecodable[place])
        elif one is not None:
            builder.settled(line, one)
        elif layout.fast and widths[place] < width and _as_it_stands(data, start, stop, syntax):
            builder.short(line, data[start:stop], int(widths[place]))
        elif (
            layout.fast
            and _ends_blank(data, start, stop, syntax.delimiter, extra := int(widths[place]) - width)
            and _as_it_stands(data, start, stop, syntax)
        ):
            builder.trimmed(line, data[start : stop - extra], width + extra)
        elif _single_line(data, start, stop) or not (
            (place in split.doubted or int(widths[place]) != width) and builder.parted(start, stop, line)
        ):
            builder.settled(line, _Settled(read_row(data, start, stop, syntax).cells, stop))
    if done < len(split.starts):
        builder.keep(split, done, len(split.starts))
    return builder.parsed()


def _as_it_stands(data: bytes, start: int, stop: int, syntax: Syntax) -> bool:
    """Whether Arrow reads the row's cells as read_row does, however many there are."""
    return _single_line(data, start, stop) and not (syntax.backslash and data.find(b"\\", start, stop) >= 0)


def _ends_blank(data: bytes, start: int, stop: int, delimiter: bytes, extra: int) -> bool:
    return extra > 0 and data.endswith(delimiter * extra, start, stop)


def _single_line(data: bytes, start: int, stop: int) -> bool:
    return data.find(b"\n", start, stop) < 0 and data.find(b"\r", start, stop) < 0


def _undecodable(data: bytes, split: _Split) -> dict[int, str]:
    """The rows with bytes that are no UTF-8, and which bytes."""
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return {}
    found: dict[int, str] = {}
    at = 0
    while at < len(data):
        try:
            codecs.utf_8_decode(data[at : at + (1 << 16)], "strict", at + (1 << 16) >= len(data))
        except UnicodeDecodeError as error:
            place = int(np.searchsorted(split.starts, at + error.start, "right")) - 1
            bad = data[at + error.start]
            found[max(place, 0)] = "a byte it does not know" if bad == 255 else f"the byte 0x{bad:02X}"
            at = int(split.starts[place + 1]) if place + 1 < len(split.starts) else len(data)
        else:
            at += codecs.utf_8_decode(data[at : at + (1 << 16)], "strict", at + (1 << 16) >= len(data))[1]
    return found


class _Builder:
    """Puts a block together again, its odd rows in canonical form."""

    def __init__(self, data: bytes, layout: _Layout) -> None:
        self._data = data
        self._layout = layout
        self._width = len(layout.header)
        self._blank = layout.canonical([b""] * self._width) if layout.syntax.quote else b""
        self._pieces: list[bytes] = []
        self._lines: list[int] = []
        self._widths: list[int] = []
        self._rows = 0
        self._result = _Parsed(pa.table({}), EMPTY, EMPTY)
        self._by_hand: dict[int, list[bytes]] = {}

    def keep(self, split: _Split, begin: int, end: int) -> None:
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

    def short(self, line: int, text: bytes, width: int) -> None:
        """A clean row with too few cells: the missing ones are blank."""
        self._add(line, text + self._layout.syntax.delimiter * (self._width - width), width)
        self._result.note("short_rows", line)

    def trimmed(self, line: int, text: bytes, width: int) -> None:
        """A clean row whose extra cells are blank, without these."""
        self._add(line, text, width)
        self._result.note("extra_blanks", line)

    def misread(self, line: int, cells: list[bytes], code: str, detail: str) -> None:
        texts = tuple(self._layout.text(cell) for cell in cells)
        self._result.misread.append(Misread(self._rows, code, detail, texts))
        self._result.note(code, line)
        self._by_canonical(line, [b""] * self._width, len(cells))

    def settled(self, line: int, one: _Settled) -> None:
        """A row's own cells, however many."""
        if one.stray:
            self._result.note("stray_quotes", line)
        if one.code:
            self.misread(line, one.cells, one.code, one.detail)
            return
        count = len(one.cells)
        if count > self._width and any(cell.strip() for cell in one.cells[self._width :]):
            self.misread(
                line, one.cells, "row_misaligned", f"{count} cells where the header has {self._width}"
            )
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
                self.settled(own_line, _Settled(cells, 0, stray=syntax.quote in b"".join(cells)))
        return True

    def parsed(self) -> _Parsed:
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


# ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────


def _cut(block: _Parsed, row: int) -> Iterator[tuple[Frame, Ints]]:
    """A block as frames; most are one."""
    count = len(block.lines)
    size = FRAME_ROWS if count > FRAME_ROWS * 3 // 2 else max(count, 1)
    for begin in range(0, count, size):
        end = min(begin + size, count)
        frame = Frame(
            cells=block.cells.slice(begin, end - begin),
            rows=np.arange(row + begin, row + end, dtype=np.int64),
            lines=block.lines[begin:end],
            misread=tuple(
                Misread(bad.at - begin, bad.code, bad.detail, bad.cells)
                for bad in block.misread
                if begin <= bad.at < end
            ),
        )
        yield frame, block.widths[begin:end]


NOTES: Mapping[str, tuple[str, str]] = {
    "blank_lines": ("blank line stands between rows; it is no row", "blank lines stand between rows; they are no rows"),
    "short_rows": ("row has fewer cells than the header; the missing ones are blank", "rows have fewer cells than the header; the missing ones are blank"),
    "extra_blanks": ("row has more cells than the header, all of them blank", "rows have more cells than the header, all of them blank"),
    "stray_quotes": ("row has a quote out of its place, which was read as text", "rows have a quote out of its place, which was read as text"),
    "nul_bytes": ("row holds NUL bytes, which were kept", "rows hold NUL bytes, which were kept"),
    "row_misaligned": ("row has more cells than the header and was set aside", "rows have more cells than the header and were set aside"),
    "row_cut_off": ("row is cut off: the file ends inside it", "rows are cut off: the file ends inside them"),
    "row_undecodable": ("row holds bytes that are no text in this encoding", "rows hold bytes that are no text in this encoding"),
    "cell_too_long": ("row has a cell that is too long to be believed", "rows have a cell that is too long to be believed"),
}  # fmt: skip


class _Tally:
    """Sums up what is odd over the blocks."""

    def __init__(self) -> None:
        self._notes: dict[str, tuple[int, int]] = {}
        self._late = (0, 0)

    def add(self, block: _Parsed) -> None:
        """Counts a block's oddities; blank lines at the end of the file are none."""
        if len(block.lines):
            self._count("blank_lines", *self._late)
            self._late = (0, 0)
        self._count("blank_lines", *block.blanks)
        if block.late[0]:
            self._late = (self._late[0] + block.late[0], self._late[1] or block.late[1])
        for code, (count, line) in block.notes.items():
            self._count(code, count, line)

    def _count(self, code: str, count: int, line: int) -> None:
        if count:
            before, first = self._notes.get(code, (0, line))
            self._notes[code] = (before + count, first)

    def oddities(self) -> list[Oddity]:
        return [
            Oddity(
                code,
                f"{count:,} {NOTES[code][count > 1]}; {'the first ' if count > 1 else ''}on line {line}.",
                line,
            )
            for code, (count, line) in sorted(self._notes.items(), key=lambda note: (note[1][1], note[0]))
        ]

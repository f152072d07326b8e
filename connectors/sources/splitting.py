"""Where the rows of a block begin and end.

numpy finds quotes and line ends. Where each quote opens or closes a cell, rows are what stands between line ends
outside quotes, and no row is looked at by itself. Only at a quote that does neither is its row settled alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from connectors.sources.rows import Syntax, read_row
from connectors.sources.settling import LONG_CELL, MANY_LINES, Settled, Settler, shortened, spoken_length

__all__ = ["EMPTY", "Ints", "Split", "positions", "split_rows"]

Ints = npt.NDArray[np.int64]
EMPTY: Ints = np.empty(0, np.int64)


@dataclass(slots=True)
class Split:
    """The rows of a block. `stops`: where a row's text ends, before its line end. `settled`: by position.
    `used`: bytes that are rows. `blanks`: blank lines between rows, as (how many, the first); `late`: those after
    the last row. `doubted`: rows over so many lines that these are rows themselves.
    """

    starts: Ints
    stops: Ints
    lines: Ints
    quotes: Ints
    ends: Ints
    settled: dict[int, Settled]
    used: int
    next_line: int
    blanks: tuple[int, int]
    late: tuple[int, int]
    doubted: set[int] = field(default_factory=set)
    careful: bool = False


def split_rows(data: bytes, syntax: Syntax, width: int, first_line: int, *, final: bool) -> Split:
    """The rows of `data`, which begins with a row. What follows the last complete one is left (`used`)."""
    ends, lone = _line_ends(data, final=final)
    row_ends = ends if syntax.returns or not len(lone) else positions(data, 10)
    quotes = positions(data, syntax.quote[0]) if syntax.quote else EMPTY
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
    split = Split(starts, texts, lines, quotes, ends, settled, used, next_line, blanks, late)
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


def positions(data: bytes, sign: int) -> Ints:
    if not data or bytes([sign]) not in data:
        return EMPTY
    places: Ints = np.flatnonzero(np.frombuffer(data, np.uint8) == sign)
    return places


def _line_ends(data: bytes, *, final: bool) -> tuple[Ints, Ints]:
    """(the last byte of each line end, those of them that are lone carriage returns)."""
    feeds = positions(data, 10)
    returns = positions(data, 13)
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


def _walk(
    data: bytes, syntax: Syntax, width: int, quotes: Ints, row_ends: Ints, *, final: bool
) -> tuple[Ints, list[tuple[int, Settled]], int]:
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
) -> tuple[Ints, list[tuple[int, Settled]], int]:
    """From fault to fault; see _walk."""
    stops: list[int] = []
    alone: list[tuple[int, Settled]] = []
    settler = Settler(data, syntax, width, final=final)
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


def _doubt(data: bytes, split: Split, syntax: Syntax, lone: Ints, width: int) -> None:
    """Marks clean rows that must still be read alone: very long ones, lone carriage returns in them, escapes."""
    if not len(split.starts):
        return
    places: set[int] = set()
    spans = np.flatnonzero(np.diff(np.append(split.lines, split.next_line)) > MANY_LINES)
    settler = Settler(data, syntax, width, final=True)
    for place in spans.tolist():
        if settler.swallows(int(split.starts[place]), int(split.stops[place])):
            split.doubted.add(place)
    if len(lone) and not syntax.returns:
        places.update((np.searchsorted(split.starts, lone, "right") - 1).tolist())
    if syntax.backslash and b"\\" in data[: split.used]:
        slashes = positions(data[: split.used], 92)
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
            one = Settled(shortened(cells), stop, code="cell_too_long", detail=spoken_length(cells))
        elif len(cells) == width:
            one = Settled(cells, stop)
        else:
            continue
        split.settled[place] = one

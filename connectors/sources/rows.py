"""One row of a CSV file: where its line ends, and its cells, read leniently and in several ways.

This is the reading that decides. Arrow reads whole blocks because it is faster, and only where it is known to
find the same cells; every row in which something is odd is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["FEW_STRAYS", "LINE_END", "MOST_STRAYS", "How", "Reading", "Syntax", "line_stop", "read_row"]

How = Literal["close", "inner", "line", "literal"]
MOST_STRAYS = 50
FEW_STRAYS = 12
"""Quotes out of place: in one cell, and in a row over many lines. Beyond them, the quote that opened it is no quote."""
LINE_END = re.compile(rb"\r\n|\n|\r")
_ESCAPED = re.compile(rb"\\([\\\"'])")


@dataclass(frozen=True, slots=True)
class Syntax:
    """What read_row goes by; bytes of UTF-8. `returns`: a lone carriage return ends a row."""

    delimiter: bytes
    quote: bytes = b'"'
    backslash: bool = False
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a row. `stop`: where the next one begins. `stray`: quotes that were not in their place.
    `open`: a quoted cell has no end in sight.
    """

    cells: list[bytes]
    stop: int
    stray: int = 0
    open: bool = False


def line_stop(data: bytes, at: int, end: int, returns: bool) -> tuple[int, int]:
    """(where the text of the line at `at` ends, where the next line begins)."""
    if returns:
        match = LINE_END.search(data, at, end)
        return (match.start(), match.end()) if match else (end, end)
    found = data.find(b"\n", at, end)
    if found < 0:
        return end, end
    return (found - 1 if found > at and data[found - 1] == 13 else found), found + 1


def read_row(data: bytes, at: int, end: int, syntax: Syntax, how: How = "close", spare: int = -1) -> Reading:
    """The row that begins at `at`, leniently; never looks beyond `end`.

    A quote opens a cell only where the cell begins. Where one is followed by neither a delimiter, a line end nor
    another quote, `close` lets the cell end at the next delimiter and keeps its text as it stands, `inner` takes
    the quote as part of the quoted text. `line` is for one line: as `close`, but a quote without an end is text.
    `literal` takes all quotes as text. Where every quote is in its place, all agree. `spare` is the number, from 0, of
    the quote that stands where a cell begins and is text all the same.
    """
    delimiter, quote = syntax.delimiter, syntax.quote if how != "literal" else b""
    cells: list[bytes] = []
    stray = 0
    opened = -1
    stop, following = line_stop(data, at, end, syntax.returns)
    while True:
        cell = None
        if quote and data.startswith(quote, at, end):
            opened += 1
            cell = _quoted(data, at, end, syntax, how) if opened != spare else None
        if cell is not None and not (cell[3] and how == "line"):
            text, after, strays, is_open = cell
            stray += strays
            if is_open or (stray > FEW_STRAYS and after > stop):  # over many lines, with ever more strays
                return Reading([*cells, text], end, stray, open=True)
            if after > stop:
                stop, following = line_stop(data, after, end, syntax.returns)
            if after < stop and not (delimiter and data.startswith(delimiter, after)):
                # text after the closing quote
                found = data.find(delimiter, after, stop) if delimiter else -1
                border = found if found >= 0 else stop
                rest = data[after:border]
                text = data[at:border] if rest.strip() else text + rest
                stray += bool(rest.strip())
                after = border
            cells.append(text)
            if after >= stop:
                return Reading(cells, following, stray)
            at = after + len(delimiter)
            continue
        found = data.find(delimiter, at, stop) if delimiter else -1
        text = data[at : found if found >= 0 else stop]
        cells.append(_of_quotes(text, quote) if how == "line" and cell is not None else text)
        if found < 0:
            return Reading(cells, following, stray)
        at = found + len(delimiter)


def _quoted(data: bytes, at: int, end: int, syntax: Syntax, how: How) -> tuple[bytes, int, int, bool]:
    """The quoted cell at `at`: its text, the place after its closing quote, strays, whether it stays open."""
    quote = syntax.quote[0]
    parts: list[bytes] = []
    stray = 0
    begin = look = at + 1
    while True:
        found = data.find(syntax.quote, look, end)
        if found < 0:
            parts.append(data[begin:end])
            break
        if syntax.backslash and _escapes(data, begin, found):
            look = found + 1
            continue
        after = data[found + 1] if found + 1 < end else -1
        if after == quote:
            parts.append(data[begin : found + 1])
            begin = look = found + 2
            continue
        ends = after in (-1, 10) or data.startswith(syntax.delimiter or b"\n", found + 1)
        ends = ends or (after == 13 and (syntax.returns or data[found + 2 : found + 3] == b"\n"))
        if ends or how == "close":
            parts.append(data[begin:found])
            return _plain(parts, syntax), found + 1, stray, False
        stray += 1
        look = found + 1
        if stray > MOST_STRAYS:
            break
    return _plain(parts, syntax), end, stray, True


def _of_quotes(text: bytes, quote: bytes) -> bytes:
    """A cell whose quote is not closed. Where it is quotes alone, the first opens it and the others are doubled ones."""
    return quote * (len(text) // 2) if len(text) > 2 and not text.strip(quote) else text


def _escapes(data: bytes, begin: int, found: int) -> bool:
    """Whether an odd number of backslashes stands before `found`."""
    place = found
    while place > begin and data[place - 1] == 92:
        place -= 1
    return (found - place) % 2 == 1


def _plain(parts: list[bytes], syntax: Syntax) -> bytes:
    text = b"".join(parts)
    return _ESCAPED.sub(rb"\1", text) if syntax.backslash and b"\\" in text else text

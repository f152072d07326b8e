"""The first rows of a file, from which its delimiter, quotes and header are found."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from connectors.sources.rows import LINE_END, Syntax, line_stop, read_row

__all__ = ["VALUE", "FirstRow", "first_rows"]

VALUE = re.compile(  # what stands in rows rather than in headers
    rb"\s*(?:[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+|[-+]?[\d.,' ]*\d\s*[%\xe2\x82\xac$]{0,3}|[$]\s*\d[\d.,]*"
    rb"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\+?[\d ()/.-]{6,}|true|false|\d{1,2}:\d\d(?::\d\d)?)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FirstRow:
    """A row of the sample: its physical line, and the bytes from `start` to `stop`. `stray`: quotes out of place."""

    line: int
    start: int
    cells: list[bytes]
    stray: int
    stop: int


def first_rows(text: bytes, syntax: Syntax, most: int, begin: int = 0, line: int = 1) -> list[FirstRow]:
    """The first rows of `text` from `begin` on, `most` at most; blank lines are left out. `line` is where it begins."""
    rows: list[FirstRow] = []
    at = begin
    while at < len(text) and len(rows) < most:
        reading = read_row(text, at, min(len(text), at + 100_000), syntax)
        if reading.open or reading.stray:
            line_end = line_stop(text, at, len(text), syntax.returns)[1]
            inner = read_row(text, at, line_end, syntax, "inner")
            if not inner.open:
                reading = replace(inner, stray=1)
            elif reading.open or reading.stop > line_end:
                reading = replace(read_row(text, at, line_end, syntax, "line"), stray=1)
        if text[at : reading.stop].strip(b"\r\n"):
            rows.append(FirstRow(line, at, reading.cells, reading.stray, reading.stop))
        line += len(LINE_END.findall(text, at, reading.stop))
        at = reading.stop
    return rows

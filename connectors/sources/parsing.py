"""The rows of a block as columns: at once where all are clean, one by one where something is odd.

What Arrow was seen to do otherwise than `rows`: it drops characters around text after a closing quote, ends rows
at any lone carriage return, closes an open quote silently at the end, and skips a byte order mark at the beginning
of each block. None of these reaches it.
"""

from __future__ import annotations

import codecs

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sources.building import Builder
from connectors.sources.dialect import Dialect
from connectors.sources.rows import Syntax, read_row
from connectors.sources.settling import Settled
from connectors.sources.splitting import Ints, Split, positions
from connectors.sources.tables import Layout, Parsed

__all__ = ["count_rows", "parse"]


def parse(data: bytes, split: Split, layout: Layout) -> Parsed:
    """The rows of a block as columns."""
    width = len(layout.header)
    count = len(split.starts)
    body = data[: split.used] if split.used < len(data) else data
    table: pa.Table | None = None
    if not count:
        table = layout.empty()
    elif (
        layout.fast
        and not split.careful
        and not _again(body, split, layout.dialect)
        and not body.startswith(codecs.BOM_UTF8)
    ):
        try:
            table = layout.table(body)
        except pa.ArrowInvalid:
            table = None
        if table is not None and table.num_rows != count:  # never seen; then each row is read by itself
            table = None
    if table is not None:
        parsed = Parsed(table, split.lines, np.full(count, width, np.int64))
    else:
        parsed = _carefully(body, split, layout)
    if b"\x00" in body:
        rows = np.unique(np.searchsorted(split.starts, positions(body, 0), "right") - 1)
        parsed.note("nul_bytes", int(split.lines[max(int(rows[0]), 0)]) if count else 0, len(rows))
    parsed.blanks, parsed.late = split.blanks, split.late
    if layout.dialect.stand_in:
        parsed.cells = _restored(parsed.cells, layout.dialect)
    return parsed


def count_rows(data: bytes, split: Split, layout: Layout) -> int:
    """How many rows `parse` makes of a block. It is parsed only where a row over several lines may be rows itself."""
    count, width = len(split.starts), len(layout.header)
    several = np.searchsorted(split.ends, split.stops) > np.searchsorted(split.ends, split.starts)
    if not split.doubted and not several.any():
        return count
    if not split.doubted and (_widths(data[: split.used], split, layout.syntax)[several] == width).all():
        return count
    return len(parse(data, split, layout).lines)


def _restored(cells: pa.Table, dialect: Dialect) -> pa.Table:
    columns = [
        pc.replace_substring(column, dialect.stand_in.decode(), dialect.delimiter) for column in cells.columns
    ]
    return pa.table(columns, names=cells.column_names)


def _carefully(data: bytes, split: Split, layout: Layout) -> Parsed:
    """Every row on its own where it must be: padded, trimmed, or set aside as misread."""
    syntax, width = layout.syntax, len(layout.header)
    widths = _widths(data, split, syntax)
    aside = np.zeros(len(split.starts), np.bool_) if layout.fast else np.ones(len(split.starts), np.bool_)
    aside[widths != width] = True
    aside[[*split.settled, *split.doubted]] = True
    undecodable = _undecodable(data, split)
    aside[list(undecodable)] = True
    again = _again(data, split, layout.dialect)
    aside[list(again)] = True

    builder = Builder(data, layout)
    done = 0
    for place in np.flatnonzero(aside).tolist():
        if place > done:
            builder.keep(split, done, place)
        done = place + 1
        start, stop, line = int(split.starts[place]), int(split.stops[place]), int(split.lines[place])
        one = split.settled.get(place)
        if place in again:
            builder.misread(line, read_row(data, start, stop, syntax).cells, "header_again", "")
        elif place in undecodable:
            cells = one.cells if one else read_row(data, start, stop, syntax).cells
            builder.misread(line, cells, "row_undecodable", undecodable[place])
        elif one is not None:
            builder.settled(line, one)
        elif (
            layout.fast
            and (
                widths[place] < width
                or _ends_blank(data, start, stop, syntax.delimiter, int(widths[place]) - width)
            )
            and _as_it_stands(data, start, stop, syntax)
        ):
            builder.uneven(line, start, stop, int(widths[place]))
        elif _single_line(data, start, stop) or not (
            (place in split.doubted or int(widths[place]) != width) and builder.parted(start, stop, line)
        ):
            builder.settled(line, Settled(read_row(data, start, stop, syntax).cells, stop))
    if done < len(split.starts):
        builder.keep(split, done, len(split.starts))
    return builder.parsed()


def _widths(data: bytes, split: Split, syntax: Syntax) -> Ints:
    """How many cells each row has, where its quotes are in their places."""
    if not syntax.delimiter:
        return np.ones(len(split.starts), np.int64)
    signs = positions(data, syntax.delimiter[0])
    rows = np.searchsorted(split.starts, signs, "right") - 1
    if len(split.quotes):
        before = np.searchsorted(split.quotes, split.starts)
        inside = (np.searchsorted(split.quotes, signs) - before[rows]) & 1
        rows = rows[inside == 0]
    return 1 + np.bincount(rows, minlength=len(split.starts)).astype(np.int64)


def _as_it_stands(data: bytes, start: int, stop: int, syntax: Syntax) -> bool:
    """Whether Arrow reads the row's cells as read_row does, however many there are."""
    return _single_line(data, start, stop) and not (syntax.backslash and data.find(b"\\", start, stop) >= 0)


def _ends_blank(data: bytes, start: int, stop: int, delimiter: bytes, extra: int) -> bool:
    return extra > 0 and data.endswith(delimiter * extra, start, stop)


def _single_line(data: bytes, start: int, stop: int) -> bool:
    return data.find(b"\n", start, stop) < 0 and data.find(b"\r", start, stop) < 0


def _again(data: bytes, split: Split, dialect: Dialect) -> set[int]:
    """The rows that are the header once more, to the byte."""
    text, found = dialect.header_text, set()
    at = data.find(text) if text else -1
    while at >= 0:
        place = int(np.searchsorted(split.starts, at))
        if place < len(split.starts) and (split.starts[place], split.stops[place]) == (at, at + len(text)):
            found.add(place)
        at = data.find(text, at + 1)
    return found


def _undecodable(data: bytes, split: Split) -> dict[int, str]:
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

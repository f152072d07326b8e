"""The header of a CSV file: which line it is on, and the names of its columns."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.first_rows import VALUE, FirstRow, first_rows
from connectors.sources.rows import LINE_END, Syntax

__all__ = ["find_header", "header_at", "unique_names"]


def header_at(
    path: Path, body: bytes, syntax: Syntax, wanted: Any, *, first: int, rows: list[FirstRow]
) -> FirstRow:
    """The row on the line `wanted`, counted from 1; `body` begins on the line `first`. Raises SourceError.

    `rows`: the first rows of the file, for the complaint.
    """
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise SourceError(
            f"header_line: {wanted!r} is not the number of a line.", "Count the file's lines from 1."
        )
    at, line = 0, first
    while line < wanted and at < len(body):
        found = LINE_END.search(body, at)
        at, line = (found.end(), line + 1) if found else (len(body), line)
    found_rows = first_rows(body, syntax, 1, at, line) if line == wanted else []
    if not found_rows or found_rows[0].line != wanted:
        near = ", ".join(str(row.line) for row in rows[:5])
        raise SourceError(
            f"{path}: line {wanted} holds no header.", f"The first lines with text are: {near}."
        )
    return found_rows[0]


def find_header(rows: list[FirstRow], oddities: list[Oddity]) -> FirstRow:
    """The row of names: the first that is wide enough and has names where the rows below have values."""
    counts = Counter(len(row.cells) for row in rows)
    width = max(counts, key=lambda count: (counts[count] * max(count - 1, 0.5) ** 0.5, count))
    chosen = 0
    first = len(rows[0].cells)
    usual = (
        first > 1
        and counts[first] - 1 >= 0.2 * (len(rows) - 1)
        and _filled(rows[0]) >= 0.5 * first
        and _nameable(rows[0])
    )
    if width > 1 and not usual:
        chosen = next((i for i, row in enumerate(rows[:60]) if _is_header(rows, i, width)), -1)
        if chosen < 0:  # nothing looks like names: the first row of the usual width, if there is one
            chosen = next(
                (i for i, row in enumerate(rows) if len(row.cells) == width and _filled(row) > 1), 0
            )
    header = rows[chosen]
    if chosen:
        before = (
            f"The first {header.line - 1} lines come before the header and stay"
            if header.line > 2
            else "The first line comes before the header and stays"
        )
        oddities.append(Oddity("preamble", f"{before} out of the rows.", 1))
    if not _nameable(header) and _filled(header):
        shown = next(
            c
            for c in header.cells
            if c.strip() and (VALUE.fullmatch(c) or len(c) > 150 or not _nameable(FirstRow(0, 0, [c], 0, 0)))
        )
        oddities.append(
            Oddity(
                "header_like_data",
                f"The header on line {header.line} looks like data ('{shown[:40].decode('utf-8', 'replace')}'):"
                " the file may have no header at all, and its first row would then be missing from the rows.",
                header.line,
            )
        )
    return header


def _is_header(rows: list[FirstRow], place: int, width: int) -> bool:
    row = rows[place]
    filled = _filled(row)
    below = rows[place + 1 : place + 60]
    if filled == 0 or (filled == 1 and width > 2) or not _nameable(row):
        return False
    if len(row.cells) >= width:
        return filled >= 0.5 * width or any(_contrast(row, below, width))
    if len(row.cells) < 2:
        return False
    # narrower than the rows: a header only if no row just below is a better one
    better = next((other for other in below[:30] if len(other.cells) == width and _nameable(other)), None)
    gap = bool(below) and below[0].line > row.line + 1
    if better is not None and any(_contrast(better, [r for r in below if r.line > better.line], width)):
        return False
    return len(row.cells) >= max(2, 0.6 * width) and not gap


def _contrast(row: FirstRow, below: list[FirstRow], width: int) -> list[bool]:
    kinds = _typed([other for other in below if len(other.cells) == width], width)
    return [
        kind and bool(cell.strip()) and not VALUE.fullmatch(cell)
        for kind, cell in zip(kinds, row.cells, strict=False)
    ]


def _filled(row: FirstRow) -> int:
    return sum(1 for cell in row.cells if cell.strip())


def _nameable(row: FirstRow) -> bool:
    """Whether the cells could be the names of columns."""
    return all(
        len(cell) <= 150
        and not VALUE.fullmatch(cell)
        and not re.search(rb"\d{4}-\d\d-\d\d|\d\d[./]\d\d[./]\d{2,4}", cell)
        for cell in row.cells
        if cell.strip()
    )


def _typed(rows: list[FirstRow], width: int) -> list[bool]:
    """Which columns hold values (numbers, addresses, dates) in most of `rows`."""
    kinds = []
    for place in range(width):
        cells = [row.cells[place] for row in rows if len(row.cells) > place and row.cells[place].strip()]
        kinds.append(bool(cells) and sum(1 for cell in cells if VALUE.fullmatch(cell)) >= 0.7 * len(cells))
    return kinds


def unique_names(cells: tuple[str, ...], line: int, oddities: list[Oddity]) -> tuple[str, ...]:
    """Names without spaces around them, each one once: `Email (2)`, `column 3`. `line` is the header's, from 1.

    What was renamed is added to `oddities`.
    """
    found = [cell.strip().strip("\ufeff").strip() for cell in cells]
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
                oddities.append(Oddity("header_repeated", text, line))
            else:
                text = f"Column {place} has no name; it is called '{unique}' here."
                oddities.append(Oddity("header_blank", text, line))
        else:
            names.append(name)
    return tuple(names)

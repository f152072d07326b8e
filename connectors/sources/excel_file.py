"""Workbooks: xlsx, xlsm, xls and ODS. One sheet is a table; formulas count by their stored results.

A cell is read as a person sees it, with three exceptions: dates are ISO 8601, numbers are plain (a percentage is `0.25`, an amount
has no currency), and an error is its text, such as `#N/A`. `line` is the sheet's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary
from zipfile import ZipFile

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.first_rows import FirstRow
from connectors.sources.headers import Header, header_row, no_header, plain_header
from connectors.sources.row_source import Row, RowSource, check_columns
from connectors.sources.sheet_facts import UNREADABLE
from connectors.sources.workbook import Sheet, Workbook
from mappings.engine.complaints import listed, nearest

__all__ = ["FORMAT", "SETTINGS", "open_source", "recognises"]

FORMAT = "a workbook"
SETTINGS = ("sheet", "header_line")
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAMPLE = 400


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is a workbook: what Excel wrote before 2007, or a zip archive with a workbook's parts."""
    return bool(_form(path, head))


def _form(path: Path, head: bytes) -> str:
    if head.startswith(_OLD):
        return "xls"
    if not head.startswith(b"PK\x03\x04"):
        return ""
    try:
        with ZipFile(path) as archive:
            there = set(archive.namelist())
            if "xl/workbook.xml" in there:
                return "xlsx"
            if "xl/workbook.bin" in there:
                return "xlsb"
            if {"content.xml", "mimetype"} <= there and b"spreadsheet" in archive.read("mimetype")[:100]:
                return "ods"
    except UNREADABLE:  # a damaged one shows what it was at its beginning
        return "xlsx" if b"xl/" in head else "ods" if b"opendocument.spreadsheet" in head else ""
    return ""


def open_source(path: Path, settings: Mapping[str, Any]) -> RowSource:
    """A sheet of the workbook at `path`: `sheet` is its name or number, `header_line` the row of the names, 0 where there are none. Raises SourceError."""
    with path.open("rb") as file:
        form = _form(path, file.read(1 << 12))
    if form == "xlsb":
        raise SourceError(
            f"{path} is a binary workbook (.xlsb), which muster does not read.", "Save it as .xlsx or as CSV."
        )
    if not form:
        raise SourceError(f"{path} is no workbook.", "Name an .xlsx, .xlsm, .xls or .ods file.")
    status, wanted = path.stat(), settings.get("sheet")
    key = (path, status.st_mtime_ns, status.st_size, wanted)
    read = _READ.get(key) or _READ.setdefault(key, _Read(Workbook(path, form), wanted))
    sheet, oddities = read.sheet, [*read.oddities]
    oddities += sheet.facts.oddities()
    first = _first_rows(sheet)
    if not first:
        raise SourceError(
            f"{path}: the sheet '{sheet.name}' is blank.", "Name another one with sheet: in the mapping."
        )
    header = _header(path, sheet.name, first, settings.get("header_line"), oddities)
    width = max(_usual_width(first), len(header.names))
    check_columns(path, width)
    names = [cell.decode() for cell in header.names]
    names += [f"column {at}" if not header.line else "" for at in range(len(names) + 1, width + 1)]
    source = RowSource(
        path,
        names,
        lambda: _rows(read.sheet, header.line or header.first - 1, oddities),
        reading={"format": form, "sheet": sheet.name, "header_line": header.line or "none"},
        oddities=oddities,
        header_line=header.line,
    )
    if not header.line:
        source.header_cells = ()
    return source


class _Read:
    """A sheet that was chosen and read."""

    def __init__(self, book: Workbook, wanted: Any) -> None:
        self.oddities: list[Oddity] = []
        self.sheet = _chosen(book, wanted, self.oddities)


_READ: WeakValueDictionary[tuple[Path, int, int, Any], _Read] = WeakValueDictionary()
"""What somebody has open: whoever asks which export a workbook is opens it once for each kind."""


def _chosen(book: Workbook, wanted: Any, oddities: list[Oddity]) -> Sheet:
    """The sheet that is wanted, or the first that has a header and a row; those that are shown come first."""
    if wanted is not None:
        return book.sheet(_named(book, str(wanted)))
    if not book.sheets:
        raise SourceError(f"{book.path} has no sheet with cells.", "Export it again.")
    names = sorted(book.sheets, key=lambda name: book.sheets[name])  # the hidden ones last
    found = None
    for name in names:
        sheet = book.sheet(name)
        rows = len(_first_rows(sheet, 2))
        found = sheet if rows and found is None else found
        if rows > 1:
            found = sheet
            break
    found = found or book.sheet(names[0])
    others = [f"'{n}'{' (hidden)' if hidden else ''}" for n, hidden in book.sheets.items() if n != found.name]
    if others:
        text = f"Only the sheet '{found.name}' is read; there are also: {listed(others)}. Say sheet: with a name or number for another one."
        oddities.append(Oddity("other_sheets", text))
    return found


def _named(book: Workbook, wanted: str) -> str:
    names = list(book.sheets)
    folded = {name.casefold(): name for name in names}
    if wanted in names or wanted.casefold() in folded:
        return wanted if wanted in names else folded[wanted.casefold()]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    like = nearest(wanted, names)
    raise SourceError(
        f"{book.path} has no sheet '{wanted}'.",
        f"Did you mean '{like}'?" if like else f"It has: {listed(names)}.",
    )


def _header(path: Path, sheet: str, first: list[FirstRow], wanted: Any, oddities: list[Oddity]) -> Header:
    if wanted is None:
        return header_row(first, oddities)
    if wanted == 0:
        return no_header(first)
    found = [row for row in first if row.line == wanted]
    if not found:
        raise SourceError(
            f"{path}: row {wanted} of the sheet '{sheet}' holds no header.",
            f"The first rows with text are: {', '.join(str(row.line) for row in first[:5])}.",
        )
    return plain_header(found[0])


def _first_rows(sheet: Sheet, most: int = _SAMPLE) -> list[FirstRow]:
    """The first rows that are not blank, without the blanks at their ends, but as wide as the table where they are its rows."""
    rows: list[FirstRow] = []
    for number, cells, _ in sheet.rows():
        texts = [cell.encode() for cell in cells]
        while texts and not texts[-1].strip():
            texts.pop()
        if texts:
            rows.append(FirstRow(number, 0, texts, 0, 0))
            if len(rows) == most:
                break
    width = _usual_width(rows)
    for row in rows:
        if sum(1 for cell in row.cells if cell.strip()) * 2 >= width:
            row.cells.extend([b""] * (width - len(row.cells)))
    return rows


def _usual_width(rows: list[FirstRow]) -> int:
    """The width that nearly no row exceeds."""
    widths = sorted(len(row.cells) for row in rows)
    return widths[int(0.95 * (len(widths) - 1))] if widths else 0


def _rows(sheet: Sheet, after: int, oddities: list[Oddity]) -> Iterator[Row]:
    long = first = 0
    for number, cells, too_long in sheet.rows():
        if number > after:
            if too_long:
                long, first = long + too_long, first or number
            yield Row(number, cells)
    if long:
        what = "cells hold numbers" if long > 1 else "cell holds a number"
        where = f"the first in row {first}" if long > 1 else f"row {first}"
        text = f"{long:,} {what} of more than 15 digits, of which a workbook does not keep the last ones ({where}). Format such ids as text before they are typed or imported."
        oddities.append(Oddity("long_numbers", text, first))

"""What calamine does not tell of a sheet, read from the file's own XML before it: how large it is, what is hidden, errors."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.xml_walk import walk

__all__ = [
    "MOST_CELLS",
    "MOST_XML",
    "UNREADABLE",
    "SheetFacts",
    "check_parts",
    "damaged",
    "of_ods",
    "of_xlsx",
]

MOST_XML = 1 << 30
"""Bytes of XML that are read of one part of a workbook."""
MOST_CELLS = 25_000_000
"""Cells of the area of a sheet, blank ones between included: a workbook is in memory as a whole."""
_REF = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
UNREADABLE = (
    BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
)
"""What the standard library raises for an archive or a part that is damaged."""
_SHARED = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml")
_MOST_SHARED = 1 << 28


@dataclass(slots=True)
class SheetFacts:
    """`errors` are the cells that show an error, by (row, column), both from 1; pairs are (how many, the first row)."""

    rows: int = 0
    columns: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncomputed: tuple[int, int] = (0, 0)
    merged: tuple[int, int] = (0, 0)
    hidden_rows: tuple[int, int] = (0, 0)
    hidden_columns: int = 0

    def oddities(self) -> Iterator[Oddity]:
        """Each as a person should know it."""
        if self.errors:
            (row, _), shown = min(self.errors.items())
            count = len(self.errors)
            what = "cells show an error" if count > 1 else "cell shows an error"
            first = f"the first is {shown} in row {row}" if count > 1 else f"{shown} in row {row}"
            yield Oddity(
                "error_cells", f"{count:,} {what}, which is read as the text that it shows; {first}.", row
            )
        if self.uncomputed[0]:
            text = f"{_counted(self.uncomputed, 'formula', 'formulas')} without a stored result, read as blank: open and save the workbook in a spreadsheet program"
            yield Oddity("uncomputed", text + ".", self.uncomputed[1])
        if self.merged[0]:
            text = f"{_counted(self.merged, 'merged area', 'merged areas')}: the value counts for the first cell, the others are blank"
            yield Oddity("merged_cells", text + ".", self.merged[1])
        if self.hidden_rows[0]:
            text = f"{_counted(self.hidden_rows, 'row is hidden', 'rows are hidden')}, by a filter perhaps, and read like all others"
            yield Oddity("hidden_rows", text + ".", self.hidden_rows[1])
        if self.hidden_columns:
            what = "columns are" if self.hidden_columns > 1 else "column is"
            yield Oddity("hidden_columns", f"{self.hidden_columns} {what} hidden, and read like all others.")

    def check_size(self, path: Path, name: str) -> None:
        """Raises SourceError where the sheet's area is too large for memory."""
        if self.rows * self.columns > MOST_CELLS:
            raise SourceError(
                f"{path}: the sheet '{name}' reaches to row {self.rows:,} and column {self.columns:,},"
                f" an area of more than {MOST_CELLS:,} cells; so large a workbook is not read.",
                "Delete what stands far outside of the table, or export it as CSV, which may have any size.",
            )


def _counted(pair: tuple[int, int], one: str, many: str) -> str:
    count, row = pair
    return f"{count:,} {many if count > 1 else one} ({'the first in ' if count > 1 else ''}row {row})"


def damaged(path: Path) -> SourceError:
    return SourceError(
        f"{path} is damaged: it is no whole workbook.", "Save or export it again, or copy it once more."
    )


def check_parts(path: Path) -> None:
    """Raises SourceError where what all sheets of an .xlsx share is damaged, hostile or too large."""
    try:
        with ZipFile(path) as archive:
            for part in {*archive.namelist()} & {*_SHARED}:
                with archive.open(part) as file:
                    walk(file, f"{path} ({part})", _MOST_SHARED, lambda *_: None)
    except UNREADABLE:
        raise damaged(path) from None


def of_xlsx(path: Path, name: str) -> SheetFacts:
    """The facts of the sheet with that name. Raises SourceError where it is damaged or too large."""
    try:
        with ZipFile(path) as archive:
            there = set(archive.namelist())
            part = _part_of(archive, path, name)
            if part not in there:
                raise damaged(path)
            reader = _Cells(path)
            with archive.open(part) as file:
                walk(file, f"{path} ({part})", MOST_XML, reader.start, None, reader.text)
            reader.start("c", {})
            return reader.facts
    except UNREADABLE:
        raise damaged(path) from None


def _part_of(archive: ZipFile, path: Path, name: str) -> str:
    """Where the sheet's XML lies in the workbook."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheet(element: str, attributes: Mapping[str, str]) -> None:
        if element == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            ids[attributes.get("name", "")] = relation

    def relation(element: str, attributes: Mapping[str, str]) -> None:
        if element == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    with archive.open("xl/workbook.xml") as file:
        walk(file, str(path), _MOST_SHARED, sheet)
    with archive.open("xl/_rels/workbook.xml.rels") as file:
        walk(file, str(path), _MOST_SHARED, relation)
    target = targets.get(ids.get(name, ""), "")
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


class _Cells:
    """Hears the elements of a sheet of an .xlsx."""

    def __init__(self, path: Path) -> None:
        self.facts = SheetFacts()
        self._path = path
        self._row = self._column = 0
        self._error = self._formula = self._value = self._inside = False
        self._letters: dict[str, int] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._inside = False
        if name == "c":
            if self._formula and not self._value:
                self.facts.uncomputed = _more(self.facts.uncomputed, self._row)
            self._formula = self._value = False
            self._error = attributes.get("t") == "e"
            self._place(attributes.get("r"))
        elif name in ("v", "is"):
            self._inside = True
            facts = self.facts
            facts.rows = max(facts.rows, self._row)
            facts.columns = max(facts.columns, self._column)
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._row = int(attributes.get("r") or self._row + 1)
            self._column = 0
            if attributes.get("hidden") in ("1", "true"):
                self.facts.hidden_rows = _more(self.facts.hidden_rows, self._row)
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            self.facts.hidden_columns += int(attributes["max"]) - int(attributes["min"]) + 1
        elif name == "mergeCell":
            found = _REF.match(attributes.get("ref", ""))
            self.facts.merged = _more(self.facts.merged, int(found[2]) if found else 0)

    def text(self, text: str) -> None:
        if self._inside and text:
            self._value = True
            if self._error:
                place = (self._row, self._column)
                self.facts.errors[place] = self.facts.errors.get(place, "") + text

    def _place(self, ref: str | None) -> None:
        if not ref:
            self._column += 1
            return
        letters = ref.rstrip("0123456789")
        column = self._letters.get(letters)
        if column is None:
            if not _REF.fullmatch(ref):
                raise damaged(self._path)
            column = 0
            for letter in letters:
                column = column * 26 + ord(letter) - 64
            self._letters[letters] = column
        self._column = column


def _more(pair: tuple[int, int], row: int) -> tuple[int, int]:
    return pair[0] + 1, pair[1] or row


def of_ods(path: Path) -> dict[str, SheetFacts]:
    """The facts of all sheets, by name. Raises SourceError where the file is damaged or too large."""
    reader = _Table()
    try:
        with ZipFile(path) as archive, archive.open("content.xml") as file:
            walk(file, f"{path} (content.xml)", MOST_XML, reader.start, None, reader.text)
    except UNREADABLE:
        raise damaged(path) from None
    reader.finish()
    return reader.sheets


class _Table:
    """Hears the elements of an .ods, where a row or cell that is repeated stands once with how often."""

    def __init__(self) -> None:
        self.sheets: dict[str, SheetFacts] = {}
        self._facts = SheetFacts()
        self._row = self._rows = self._column = self._columns = 0
        self._filled = 0
        self._error = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("table-cell", "covered-table-cell"):
            self._cell(attributes)
        elif name == "table-row":
            self._end_row()
            self._row += self._rows
            self._rows = int(attributes.get("table:number-rows-repeated", 1))
            self._column = self._columns = 0
            if attributes.get("table:visibility") in ("collapse", "filter"):
                self._facts.hidden_rows = _more(self._facts.hidden_rows, self._row + 1)
        elif name == "table-column":
            if attributes.get("table:visibility") in ("collapse", "filter"):
                self._facts.hidden_columns += int(attributes.get("table:number-columns-repeated", 1))
        elif name == "table":
            self._end_row()
            self._facts = self.sheets.setdefault(attributes.get("table:name", ""), SheetFacts())
            self._row = self._rows = 0

    def _cell(self, attributes: Mapping[str, str]) -> None:
        self._column += self._columns
        self._columns = int(attributes.get("table:number-columns-repeated", 1))
        self._error = False
        for key, value in attributes.items():
            if key.endswith(":value-type"):
                self._filled = self._column + self._columns
                self._error = self._error or value == "error"
            elif key.endswith("-spanned") and value != "1":
                self._facts.merged = _more(self._facts.merged, self._row + 1)
                break

    def text(self, text: str) -> None:
        if text.strip():
            self._filled = max(self._filled, self._column + self._columns)
            if self._error:
                place = (self._row + 1, self._column + 1)
                self._facts.errors[place] = self._facts.errors.get(place, "") + text.strip()

    def _end_row(self) -> None:
        if self._filled:
            self._facts.rows = self._row + self._rows
            self._facts.columns = max(self._facts.columns, self._filled)
        self._filled = 0

    def finish(self) -> None:
        self._end_row()

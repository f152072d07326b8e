"""A returned file as text: its encoding, its delimiter, its lines.

Commas, semicolons or tabs; UTF-8, UTF-16, or Windows-1252, which is guessed only where the file is neither. A character
that Windows-1252 does not have was lost when it was saved; `flows.report.wear` knows such cells.
"""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import SourceError
from flows.report.failures import OWN_COLUMNS

__all__ = ["RUN_COLUMN", "Line", "Sheet", "read_text"]

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
RUN_COLUMN = "_run"
_NEEDED = {RUN_COLUMN, "_row"}
_AT_ONCE = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SPOKEN = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its number in the file, from 1. `typed` are the places of cells that a workbook does not hold as text."""

    number: int
    cells: Sequence[str]
    typed: tuple[int, ...] = ()

    def of_width(self, width: int) -> Line:
        """The same with blank cells at its end, or without them."""
        cells = list(self.cells[:width])
        return Line(self.number, cells + [""] * (width - len(cells)), self.typed)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The header, and the lines below it as they are asked for. `form` is the delimiter's name, or workbook."""

    header: tuple[str, ...]
    lines: Iterator[Line] = field(repr=False)
    form: str
    encoding: str


@contextmanager
def read_text(path: Path) -> Iterator[Sheet]:
    """The file at `path`, open as long as its lines are read. Raises SourceError."""
    encoding = _encoding(path)
    before = csv.field_size_limit(sys.maxsize)  # a cell may be as long as it likes
    try:
        delimiter, header = _form(path, encoding)
        with path.open(encoding=encoding, newline="") as file:
            lines = _lines(path, file, delimiter)
            yield Sheet(header, lines, DELIMITERS[delimiter], _SPOKEN.get(encoding, "UTF-16"))
    except UnicodeDecodeError:
        raise SourceError(f"{path}: this is not {_SPOKEN.get(encoding, 'UTF-16')}.", _SAVE_AGAIN) from None
    finally:
        csv.field_size_limit(before)


_SAVE_AGAIN = 'Save it again as "CSV UTF-8" (in LibreOffice: character set Unicode (UTF-8)).'


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_AT_ONCE)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    place = head.find(RUN_COLUMN.encode("utf-16-le"))
    if place >= 0:  # without a mark: which of the two bytes comes first is told by where the letters stand
        return "utf-16-be" if place % 2 else "utf-16-le"
    if _first_bad_line(path, "utf-8") is None:
        return "utf-8"
    if (line := _first_bad_line(path, "cp1252")) is not None:
        raise SourceError(f"{path}, line {line}: this is neither UTF-8 nor Windows-1252.", _SAVE_AGAIN)
    return "cp1252"


def _first_bad_line(path: Path, encoding: str) -> int | None:
    """The first line with bytes that are not of an encoding; none where all of them are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        number = 1
        while block := file.read(_AT_ONCE):
            try:
                decoder.decode(block, final=False)
            except UnicodeDecodeError as error:
                return number + error.object[: error.start].count(b"\n")
            number += block.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return number
    return None


def _form(path: Path, encoding: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter, and the header as it stands there. Raises SourceError where no delimiter makes it a header of ours."""
    best: set[str] = set()
    for delimiter in DELIMITERS:
        with path.open(encoding=encoding, newline="") as file:
            try:
                names = next(csv.reader(file, delimiter=delimiter, strict=True), [])
            except csv.Error:
                continue
        own = {name.strip() for name in names} & set(OWN_COLUMNS)
        if own >= _NEEDED:
            return delimiter, tuple(names)
        best = max(best, own, key=len)
    if best:
        missing = next(name for name in OWN_COLUMNS if name in _NEEDED - best)
        raise SourceError(
            f"{path}, line 1: the column {missing} is missing.",
            "Take failures.csv from the run's folder again, and leave _run and _row as they are: they say which row it is.",
        )
    raise SourceError(
        f"{path} is no failures.csv of muster: its first line has no columns _run and _row.",
        "Every run's folder has one; muster runs lists the runs, muster report RUN says where the folder is.",
    )


def _lines(path: Path, file: Any, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise SourceError(
                f"{path}, line {line}: this is no row of a CSV file: {error}.",
                'Look at the quotes there: a cell with a quote in it is written "like ""this""".',
            ) from None
        yield Line(line, cells)

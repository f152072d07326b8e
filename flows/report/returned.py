"""A `failures.csv` that comes back: edited by a person, saved again by a text editor or a spreadsheet program.

Its form is known: the source's columns, then `OWN_COLUMNS`, in UTF-8 with or without a byte order mark, parted by
commas, semicolons or tabs. What has another form is refused by its line; nothing about it is guessed.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.errors import SourceError
from connectors.sources.finding import readable
from flows.report.failures import OWN_COLUMNS, TEXT

__all__ = ["Returned", "read_returned"]

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_AT_ONCE = 8192
_LAST_NEEDED = OWN_COLUMNS.index("_code") + 1
"""Spreadsheet programs leave out blank cells at the end of a line; what is blank there can only come after `_code`."""
_MOST_NUMBER = 2**62
_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{4}")
_AGAIN = (
    "Take failures.csv from the run's folder again, and change only the source's columns: "
    "those that begin with _ say which row it is."
)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Returned:
    """The lines of the file, in the order of their rows. `header` and `cells` are as they stand in it, still defused.

    `rows` and `row_lines` are `_row` and `_line`; `lines` says on which line of this file each one starts, from 1.
    """

    path: Path
    header: tuple[str, ...]
    cells: tuple[pa.Array, ...]
    run: str
    rows: Numbers
    row_lines: Numbers
    lines: Numbers
    sha256: str
    delimiter: str

    def __len__(self) -> int:
        return len(self.rows)


def read_returned(path: Path) -> Returned:
    """Reads the file at `path`. Raises SourceError where it is no `failures.csv` of one run."""
    readable(path)
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise SourceError(
                f"{path} is a workbook, and this version retries failures.csv only.",
                "Save the sheet as CSV in UTF-8, or make the corrections in failures.csv; then retry that.",
            )
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with _any_length(), _as_text(path):
        delimiter, header = _form(path)
        return _read(path, delimiter, header, sha256)


@contextmanager
def _any_length() -> Iterator[None]:
    """A cell may be as long as it likes."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _as_text(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise SourceError(
            f"{path}, line {_first_undecodable(path)}: this is not UTF-8.",
            'Save it again as "CSV UTF-8" (in LibreOffice: character set Unicode (UTF-8)).',
        ) from None


def _first_undecodable(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _form(path: Path) -> tuple[str, tuple[str, ...]]:
    """The delimiter, and the header as it stands there. Raises SourceError where no delimiter makes it a header of ours."""
    best: list[str] = []
    for delimiter in DELIMITERS:
        with path.open(encoding="utf-8-sig", newline="") as file:
            try:
                names = next(csv.reader(file, delimiter=delimiter, strict=True), [])
            except csv.Error:
                continue
        if tuple(names[-len(OWN_COLUMNS) :]) == OWN_COLUMNS:
            return delimiter, tuple(names[: -len(OWN_COLUMNS)])
        best = max(best, names, key=lambda found: len(set(found) & set(OWN_COLUMNS)))
    missing = [name for name in OWN_COLUMNS if name not in best]
    if len(missing) == len(OWN_COLUMNS):
        raise SourceError(
            f"{path} is no failures.csv of muster: its first line does not end in {', '.join(OWN_COLUMNS)}.",
            "Every run's folder has one; muster runs lists the runs, muster report RUN says where the folder is.",
        )
    if missing:
        raise SourceError(f"{path}, line 1: the column {missing[0]} is missing.", _AGAIN)
    raise SourceError(
        f"{path}, line 1: the columns are not in their order; it has to end in {', '.join(OWN_COLUMNS)}.",
        _AGAIN,
    )


def _read(path: Path, delimiter: str, header: tuple[str, ...], sha256: str) -> Returned:
    width = len(header)
    runs: list[str] = []
    numbers: list[Numbers] = []
    columns: list[list[pa.Array]] = [[] for _ in header]
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _lines(path, file, delimiter, width)
        while some := list(itertools.islice(lines, _AT_ONCE)):
            for at, column in enumerate(columns):
                column.append(pa.array([cells[at] for _, cells in some], TEXT))
            numbers.append(np.array([_numbers(path, line, cells, width) for line, cells in some], np.int64))
            for line, cells in some:
                if cells[width] not in runs[:1]:
                    runs.append(cells[width])
                if len(runs) > 1:
                    raise SourceError(
                        f"{path}, line {line}: this row is of the run {runs[1]}, and those before it of {runs[0]}.",
                        "Retry the rows of one run at a time.",
                    )
    if not numbers:
        raise SourceError(f"{path} has no rows: there is nothing to retry.", "")
    found = np.concatenate(numbers)
    order = np.argsort(found[:, 0], kind="stable")
    found = found[order]
    again = np.flatnonzero(found[1:, 0] == found[:-1, 0])
    if len(again):
        row, first, second = found[again[0], 0], found[again[0], 2], found[again[0] + 1, 2]
        raise SourceError(
            f"{path}, line {second}: row {row} stands here, and on line {first} as well.",
            "Keep the line that is right, and delete the other one.",
        )
    at = pa.array(order)
    cells = tuple(pa.concat_arrays(column).take(at) for column in columns)
    return Returned(
        path, header, cells, runs[0], found[:, 0], found[:, 1], found[:, 2], sha256, DELIMITERS[delimiter]
    )


def _lines(path: Path, file: Any, delimiter: str, width: int) -> Iterator[tuple[int, Sequence[str]]]:
    """Each line with rows in it: its number, and as many cells as the header has. Blank ones are rows that were taken out."""
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    whole = width + len(OWN_COLUMNS)
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
        if not any(cells):
            continue
        if not width + _LAST_NEEDED <= len(cells) <= whole:
            raise SourceError(
                f"{path}, line {line}: it has {len(cells)} cells, and the header {whole}.",
                "Put a cell with the delimiter in it between double quotes.",
            )
        yield line, cells + [""] * (whole - len(cells))


def _numbers(path: Path, line: int, cells: Sequence[str], width: int) -> tuple[int, int, int]:
    """`_row`, `_line` and the line in this file."""
    run, row, place = cells[width : width + 3]
    if not run:
        raise SourceError(
            f"{path}, line {line}: it has no _run, so that it is no row of the run.",
            "New rows belong into the source; here only rows that muster wrote can be corrected.",
        )
    if not _RUN.fullmatch(run):
        raise SourceError(f"{path}, line {line}: _run is not the name of a run.", _AGAIN)
    found = []
    for name, text in (("_row", row), ("_line", place)):
        if not (text.isascii() and text.isdigit() and 0 < int(text) < _MOST_NUMBER):
            raise SourceError(f"{path}, line {line}: {name} is no number of a row.", _AGAIN)
        found.append(int(text))
    return found[0], found[1], line

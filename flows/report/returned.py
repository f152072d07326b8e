"""A `failures.csv` or `failures.xlsx` that comes back: edited by a person, saved again by an editor or a spreadsheet program.

What is needed to know which row a line is are `_run` and `_row`; every other column may have been moved, added or taken out.
Nothing about these two is guessed: a line of which they are not certain is refused by its number.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.errors import SourceError
from connectors.sources.finding import readable
from flows.report.failures import OWN_COLUMNS, TEXT
from flows.report.returned_text import RUN_COLUMN, Line, Sheet, read_text

__all__ = ["Returned", "read_returned"]

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_AT_ONCE = 8192
_ROW_COLUMN, _LINE_COLUMN = "_row", "_line"
_OFTEN_BLANK = ("_key", "_column", "_problem", "_fix")
"""Programs leave out blank cells at the end of a line; these may be among them."""
_MOST_NUMBER = 2**62
_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{4}")
_NUMBER = re.compile(r"([0-9]{1,19})(?:\.0)?")
_AGAIN = "Take failures.csv from the run's folder again, and leave _run and _row as they are: they say which row it is."

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Returned:
    """The lines of the file, in the order of their rows. `header` and `cells` are those of the columns that are not ours.

    `rows` and `row_lines` are `_row` and `_line`, 0 where that is not there; `lines` says on which line of this file each one starts, from 1.
    `typed` are by column the rows whose cells a workbook holds as number, day or truth value.
    """

    path: Path
    header: tuple[str, ...]
    cells: tuple[pa.Array, ...]
    typed: tuple[frozenset[int], ...]
    run: str
    rows: Numbers
    row_lines: Numbers
    lines: Numbers
    sha256: str
    form: str
    encoding: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def legacy(self) -> bool:
        """Whether it was saved in an encoding that lacks most letters."""
        return self.encoding == "Windows-1252"


def read_returned(path: Path) -> Returned:
    """Reads the file at `path`. Raises SourceError where it is no `failures.csv` or `failures.xlsx` of one run."""
    readable(path)
    with path.open("rb") as file:
        begins = file.read(4)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if begins in _WORKBOOKS:
        from flows.report.returned_book import read_book  # noqa: PLC0415 - only where it is one

        return _laid_out(path, read_book(path), sha256)
    with read_text(path) as sheet:
        return _laid_out(path, sheet, sha256)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the columns stand in the file."""

    run: int
    row: int
    line: int | None
    others: tuple[int, ...]
    needed: int
    width: int

    @classmethod
    def of(cls, path: Path, header: Sequence[str]) -> _Places:
        own: dict[str, int] = {}
        if (
            tuple(header[-len(OWN_COLUMNS) :]) == OWN_COLUMNS
        ):  # as we write it, whatever the source's columns are called
            first = len(header) - len(OWN_COLUMNS)
            own = {name: first + at for at, name in enumerate(OWN_COLUMNS)}
        else:
            for at, name in enumerate(header):
                if name.strip() in OWN_COLUMNS and own.setdefault(name.strip(), at) != at:
                    raise SourceError(
                        f"{path}, line 1: the column {name.strip()} stands there twice.", _AGAIN
                    )
        for name in (RUN_COLUMN, _ROW_COLUMN):
            if name not in own:
                raise SourceError(f"{path}, line 1: the column {name} is missing.", _AGAIN)
        mine = set(own.values())
        others = tuple(at for at in range(len(header)) if at not in mine and header[at].strip())
        unnamed = {at for at in range(len(header)) if at not in mine and not header[at].strip()}
        blank = unnamed | {own[name] for name in _OFTEN_BLANK if name in own}
        return cls(
            run=own[RUN_COLUMN],
            row=own[_ROW_COLUMN],
            line=own.get(_LINE_COLUMN),
            others=tuple(sorted({*others, *unnamed})),
            needed=1 + max(at for at in range(len(header)) if at not in blank),
            width=len(header),
        )


def _laid_out(path: Path, sheet: Sheet, sha256: str) -> Returned:
    places = _Places.of(path, sheet.header)
    runs: list[str] = []
    numbers: list[Numbers] = []
    columns: list[list[pa.Array]] = [[] for _ in places.others]
    typed: list[set[int]] = [set() for _ in places.others]
    lines = _whole(path, sheet.lines, places)
    while some := list(itertools.islice(lines, _AT_ONCE)):
        for at, column in zip(places.others, columns, strict=True):
            column.append(pa.array([line.cells[at] for line in some], TEXT))
        found = [_numbers(path, line, places) for line in some]
        numbers.append(np.array(found, np.int64))
        for (row, _, _), line in zip(found, some, strict=True):
            for at in line.typed:
                if at in places.others:
                    typed[places.others.index(at)].add(row)
            run = line.cells[places.run].strip()
            if run not in runs[:1]:
                runs.append(run)
            if len(runs) > 1:
                raise SourceError(
                    f"{path}, line {line.number}: this row is of the run {runs[1]}, and those before it of {runs[0]}.",
                    "Retry the rows of one run at a time.",
                )
    if not numbers:
        raise SourceError(f"{path} has no rows: there is nothing to retry.", "")
    whole = np.concatenate(numbers)
    order = np.argsort(whole[:, 0], kind="stable")
    whole = whole[order]
    _refuse_twice(path, whole)
    at_rows = pa.array(order)
    return Returned(
        path=path,
        header=tuple(sheet.header[at] for at in places.others),
        cells=tuple(pa.concat_arrays(column).take(at_rows) for column in columns),
        typed=tuple(map(frozenset, typed)),
        run=runs[0],
        rows=whole[:, 0],
        row_lines=whole[:, 1],
        lines=whole[:, 2],
        sha256=sha256,
        form=sheet.form,
        encoding=sheet.encoding,
    )


def _refuse_twice(path: Path, found: Numbers) -> None:
    again = np.flatnonzero(found[1:, 0] == found[:-1, 0])
    if len(again):
        row, first, second = found[again[0], 0], found[again[0], 2], found[again[0] + 1, 2]
        raise SourceError(
            f"{path}, line {second}: row {row} stands here, and on line {first} as well.",
            "Keep the line that is right, and delete the other one.",
        )


def _whole(path: Path, lines: Iterator[Line], places: _Places) -> Iterator[Line]:
    """Each line with something in it, with as many cells as the header has. Blank ones are rows that were taken out."""
    for line in lines:
        cells = line.cells
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < places.needed or any(cells[places.width :]):
            raise SourceError(
                f"{path}, line {line.number}: it has {len(cells)} cells, and the header {places.width}.",
                "Put a cell with the delimiter in it between double quotes.",
            )
        short = places.width - len(cells)
        yield line if short == 0 else line.of_width(places.width)


def _numbers(path: Path, line: Line, places: _Places) -> tuple[int, int, int]:
    """`_row`, `_line` and the line in this file."""
    run = line.cells[places.run].strip()
    if not run:
        raise SourceError(
            f"{path}, line {line.number}: it has no _run, so that it is no row of the run.",
            "New rows belong into the source; here only rows that muster wrote can be corrected.",
        )
    if not _RUN.fullmatch(run):
        raise SourceError(f"{path}, line {line.number}: _run is not the name of a run.", _AGAIN)
    there = line.cells[places.line].strip() if places.line is not None else ""
    return (
        _number(path, line, _ROW_COLUMN, line.cells[places.row]),
        _number(path, line, _LINE_COLUMN, there) if there else 0,
        line.number,
    )


def _number(path: Path, line: Line, name: str, text: str) -> int:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or not 0 < int(found[1]) < _MOST_NUMBER:
        raise SourceError(f"{path}, line {line.number}: {name} is no number of a row.", _AGAIN)
    return int(found[1])

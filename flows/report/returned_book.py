"""A returned workbook: its cells as a person sees them, numbers and days as texts.

A program that opened `failures.csv` and saved it as a workbook has made numbers of texts; which cells those are is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from connectors.errors import SourceError
from connectors.sources.cells import cell_text
from flows.report.failures import FULL
from flows.report.returned_text import RUN_COLUMN, Line, Sheet

__all__ = ["read_book"]

_AGAIN = "Save it again as failures.xlsx, or make the corrections in failures.csv; then retry that."


def read_book(path: Path) -> Sheet:
    """The sheet of the workbook at `path` that has the run's rows. Raises SourceError."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            found = [(name, rows) for name in book.sheet_names if _is_ours(rows := _rows(book, name))]
    except (CalamineError, OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a workbook: {error}.", _AGAIN) from None
    if not found:
        raise SourceError(
            f"{path} is no failures.xlsx of muster: no sheet's first line has the columns _run and _row.",
            "Every run's folder has one; muster runs lists the runs, muster report RUN says where the folder is.",
        )
    if len(found) > 1:
        names = " and ".join(f"'{name}'" for name, _ in found)
        raise SourceError(
            f"{path}: the sheets {names} both hold rows of a run.", "Delete the one that is not meant."
        )
    _, rows = found[0]
    header = [cell_text(cell) for cell in rows[0]]
    while header and not header[-1]:
        header.pop()
    return Sheet(tuple(header), _lines(rows), "workbook", "workbook")


def _rows(book: CalamineWorkbook, name: str) -> list[list[Any]]:
    """All rows from the first one on, also where the first ones or the first columns are blank."""
    return book.get_sheet_by_name(name).to_python(skip_empty_area=False)


def _is_ours(rows: Sequence[Sequence[Any]]) -> bool:
    return bool(rows) and RUN_COLUMN in [cell_text(cell).strip() for cell in rows[0]]


def _lines(rows: Sequence[Sequence[Any]]) -> Iterator[Line]:
    """The line below the last row of a workbook that was too small says so; it is no row."""
    for number, row in enumerate(rows[1:], start=2):
        if len([cell for cell in row if cell != ""]) == 1 and row[0] == FULL:
            continue
        typed = tuple(at for at, cell in enumerate(row) if not isinstance(cell, str))
        yield Line(number, [cell_text(cell) for cell in row], typed)

"""A process that reads a workbook with calamine and is allowed so much memory: `PATH` tells its sheets, `PATH SHEET OUT` writes one.

It is a process of its own because calamine, given a damaged .xls, may ask for a terabyte and end whatever process it is in.
What it tells is JSON: the sheets on standard output; into OUT a line for each row, `[row, [cell, …], how many numbers are too long]`,
whose cells begin with the sheet's first column that is not blank.
"""

from __future__ import annotations

import errno
import json
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from connectors.sources.cells import WORKBOOK_DIGITS, cell_text

__all__ = ["LOCKED", "MEMORY", "TOO_LARGE", "WRITTEN", "main"]

LOCKED, DAMAGED, TOO_LARGE = 3, 4, 5
"""Exit codes."""
MEMORY = 4 << 30
WRITTEN = 4 << 30
"""Bytes of text; a text that is shared by many cells may grow without end."""


def main(path: str, sheet: str = "", out: str = "") -> int:
    """Does it; the exit code."""
    with suppress(ValueError, OSError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    try:
        with Path(path).open("rb") as file:  # by a path it would go by the suffix
            book = CalamineWorkbook.from_filelike(file)
        if not out:
            json.dump(_sheets(book), sys.stdout)
            return 0
        with Path(out).open("x", encoding="utf-8") as file:
            found = book.get_sheet_by_name(sheet)
            file.write(json.dumps(found.start) + "\n")
            file.writelines(
                json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in _rows(found)
            )
    except PasswordError:
        return LOCKED
    except MemoryError:
        return TOO_LARGE
    except OSError as error:
        return TOO_LARGE if error.errno in (errno.EFBIG, errno.ENOSPC) else DAMAGED
    except (CalamineError, ValueError, KeyError):
        return DAMAGED
    return 0


def _sheets(book: CalamineWorkbook) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "hidden": one.visible != SheetVisibleEnum.Visible}
        for one in book.sheets_metadata
        if one.typ == SheetTypeEnum.WorkSheet
    ]


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str], int]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        long = sum(1 for cell in cells if type(cell) is float and abs(cell) >= WORKBOOK_DIGITS)
        texts = [cell if type(cell) is str else cell_text(cell) for cell in cells]
        yield number, texts, long


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

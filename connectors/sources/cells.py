"""Typed cells of workbooks and databases as the text that a person sees or would type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

__all__ = ["WORKBOOK_DIGITS", "cell_text"]

WORKBOOK_DIGITS = 10**15
"""Spreadsheet programs keep fifteen digits of a number; what is larger has lost its last ones."""
_HALF = dt.timedelta(microseconds=500_000)


def cell_text(cell: Any) -> str:
    """A cell as text: numbers plain and without the noise of binary fractions, days as ISO 8601, times to the second.

    >>> cell_text(3.0), cell_text(0.1 + 0.2), cell_text(True), cell_text(dt.date(2025, 3, 4)), cell_text(1e20)
    ('3', '0.3', 'TRUE', '2025-03-04', '100000000000000000000')
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return _number(cell)
    if isinstance(cell, dt.datetime):
        whole = (cell + _HALF).replace(microsecond=0) if cell.microsecond else cell
        if whole.time() == dt.time():
            return whole.date().isoformat()
        return whole.isoformat(sep=" ")
    if isinstance(cell, dt.time):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return "" if cell is None else str(cell)


def _number(cell: float) -> str:
    if cell.is_integer():
        return f"{Decimal(repr(cell)).to_integral_value():f}"
    return f"{Decimal(f'{cell:.15g}'):f}"

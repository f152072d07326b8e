"""Typed cells of workbooks and databases as the text that a person sees or would type."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

__all__ = ["WORKBOOK_DIGITS", "cell_text", "json_text", "value_text"]

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


def value_text(value: Any) -> str:
    """A database's value as text: what is null or no number is blank, times have their fractions and zones, bytes are UTF-8 or hexadecimal digits.

    >>> value_text(None), value_text(True), value_text(2.0), value_text(["a", 1]), value_text({"a": None})
    ('', 'true', '2', 'a;1', '{"a": null}')
    """
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return _of_bytes(bytes(value))
    if isinstance(value, list | tuple) and not any(isinstance(one, list | tuple | dict) for one in value):
        return ";".join(map(value_text, value))
    return json_text(value) if isinstance(value, list | tuple | dict) else cell_text(value)


def json_text(value: Any) -> str:
    """A nested value as JSON."""
    return json.dumps(value, ensure_ascii=False, default=value_text)


def _of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _number(cell: float) -> str:
    if cell.is_integer():
        return f"{Decimal(repr(cell)).to_integral_value():f}"
    return f"{Decimal(f'{cell:.15g}'):f}"

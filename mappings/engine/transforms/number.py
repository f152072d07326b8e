"""number: decimal numbers, with a point unless the mapping says otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value

__all__ = ["convert", "plain", "reader"]

_MOST_DIGITS = 40


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """Numbers such as `12`, `-0.5`, `1E5`; without trailing zeros. `decimal:` and `thousands:` say what the source writes.

    >>> found = convert(pa.array(["12.50", "1E5", "-0", "1,5", ""]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['12.5', '100000', '0', None, None], [3])
    >>> convert(pa.array(["1.234.567,8", "12.34"]), Settings(decimal=",", thousands=".")).values.to_pylist()
    ['1234567.8', None]
    """
    decimal = settings.decimal or "."
    read = reader(decimal, settings.thousands or "")
    example = _example(decimal, settings.thousands or "")

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        return read(text) or ("number_syntax", {"example": example})

    return by_value(texts, canonical)


def reader(decimal: str, thousands: str) -> Callable[[str], str | None]:
    """Reads a number, or gives None. `thousands` are the characters that may stand between groups of three digits.

    Groups are counted, so that `1,5` is never 15. India's (12,34,567) count as groups, too.

    >>> read = reader(".", ",'")
    >>> [read(text) for text in ("1,234.50", "12,34,567", "1'000", "1,5", "1,000'000")]
    ['1234.5', '1234567', '1000', None, None]
    """
    mark = f"[{re.escape(thousands)}]" if thousands else "(?!)"
    whole = rf"[0-9]+|[0-9]{{1,3}}(?P<mark>{mark})[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*"
    indian = rf"|[0-9]{{1,2}}(?P<lakh>{mark})(?:[0-9]{{2}}(?P=lakh))*[0-9]{{3}}"
    point = re.escape(decimal)
    shape = re.compile(
        rf"(?P<sign>[+-]?)(?:(?P<whole>{whole}{indian})(?:{point}(?P<part>[0-9]*))?|{point}(?P<alone>[0-9]+))"
        r"(?:[eE](?P<power>[+-]?[0-9]{1,2}))?"
    )

    def read(text: str) -> str | None:
        found = shape.fullmatch(text)
        if not found or len(text) > _MOST_DIGITS:
            return None
        digits = re.sub("[^0-9]", "", found["whole"] or "0")
        return plain(
            Decimal(f"{found['sign']}{digits}.{found['part'] or found['alone'] or '0'}e{found['power'] or 0}")
        )

    return read


def plain(value: Decimal) -> str:
    """A number as the shortest text without an exponent.

    >>> plain(Decimal("12.50")), plain(Decimal("-0")), plain(Decimal("1E5"))
    ('12.5', '0', '100000')
    """
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if value else "0"


def _example(decimal: str, thousands: str) -> str:
    return f"1{thousands[:1]}234{decimal}5"

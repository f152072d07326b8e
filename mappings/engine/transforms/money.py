"""money: an amount with or without its currency."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value
from mappings.engine.transforms.number import reader

__all__ = ["convert"]

_NO_CENTS = re.compile(r"[.,][-\u2013\u2014]{1,2}$")
_DOLLARS = re.compile(r"^(?:US|HK|NT|[ACRS])(?=\$)|(?<![A-Za-z])(?:US|HK|NT|[ACRS])(?=\$$)")
_CODE = r"(?:[A-Z]{3}|US|R|RM|Rs\.?|[Kk]r\.?|K\u010d|z\u0142|Ft|lei|Fr\.?)"
_CODE_BEFORE = re.compile(rf"{_CODE}(?![A-Za-z])")
_CODE_BEHIND = re.compile(rf"(?<![A-Za-z]){_CODE}$")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_MINUS = "-\u2212\u2013"


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """The amount as a number, without the currency. `decimal: ","` for 1.234,50; thousands may be marked in the usual ways.

    `1.234` is a thousand to some and one to others: refused, unless `decimal:` or `thousands:` is said.

    >>> found = convert(pa.array(["$1,234.50", "(12.00)", "CHF 1'000.-", "EUR 5", "R$ 7", "1,5", "room 5"]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['1234.5', '-12', '1000', '5', '7', None, None], [5, 6])
    >>> convert(pa.array(["1.234,50 \u20ac", "12 000,-", "-3,00"]), Settings(decimal=",")).values.to_pylist()
    ['1234.5', '12000', '-3']
    """
    decimal = settings.decimal or "."
    thousands = settings.thousands or ("," if decimal == "." else ".") + " '\u2019"
    read = reader(decimal, thousands)
    example = "1,234.50" if decimal == "." else "1.234,50"

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        amount, negative = _bare(text)
        if settings.decimal is None and settings.thousands is None and _EITHER.fullmatch(amount):
            return "number_ambiguous", {"large": amount.replace(".", "")}
        found = read(amount)
        if found is None or (negative and found.startswith("-")):
            return "number_syntax", {"example": example}
        return f"-{found}" if negative and found != "0" else found

    return by_value(texts, canonical)


def _bare(text: str) -> tuple[str, bool]:
    """The amount alone, and whether it is written as negative: in parentheses, with a minus in front or behind."""
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    for _ in range(2):  # a sign may stand before or after the currency
        text = text.strip()
        text = _NO_CENTS.sub("", text)
        if not negative and text[:1] and text[0] in _MINUS:
            text, negative = text[1:].strip(), True
        elif not negative and text[-1:] and text[-1] in _MINUS:
            text, negative = text[:-1].strip(), True
        text = _without_currency(text)
    return text.strip(), negative


def _without_currency(text: str) -> str:
    text = _DOLLARS.sub("", text)
    while text and unicodedata.category(text[0]) == "Sc":
        text = text[1:].lstrip()
    while text and unicodedata.category(text[-1]) == "Sc":
        text = text[:-1].rstrip()
    text = _CODE_BEFORE.sub("", text, count=1) if _CODE_BEFORE.match(text) else text
    return _CODE_BEHIND.sub("", text).strip()

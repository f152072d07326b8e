"""number: decimal numbers with a point."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value

_DIGITS = set("0123456789")


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """Numbers such as `12`, `-0.5`, `1E5`; without trailing zeros.

    >>> found = convert(pa.array(["12.50", "1E5", "-0", "1,5", ""]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['12.5', '100000', '0', None, None], [3])
    """
    return by_value(texts, _canonical)


def _canonical(text: str) -> str | tuple[str, dict[str, Any]]:
    mantissa, _, exponent = text.lower().partition("e")
    body = mantissa[1:] if mantissa[:1] in "+-" else mantissa
    whole, _, part = body.partition(".")
    power = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    shaped = (
        bool(whole or part)
        and set(whole + part) <= _DIGITS
        and ("e" not in text.lower() or (bool(power) and set(power) <= _DIGITS and len(power) <= 2))
    )
    if not shaped or len(body) > 40:
        return "number_syntax", {}
    value = Decimal(text)
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if not value else plain

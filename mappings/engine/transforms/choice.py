"""choice: one of the destination's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """The option as it is spelled there, whatever the case here, or what another spelling means. Where no options are known, any text.

    >>> found = convert(pa.array(["gold", "tin", ""]), Settings(options=("Silver", "Gold")))
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['Gold', None, None], [1])
    """
    spelled = spellings(settings.options, settings.spellings)
    unknown = code_of(settings.others)

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        if not spelled:
            return text
        return (
            spelled.get(text)
            or spelled.get(text.casefold())
            or (unknown, {"options": shown(settings.options)})
        )

    return by_value(texts, canonical)


def spellings(options: tuple[str, ...], others: Mapping[str, str] | None = None) -> dict[str, str]:
    """The options by their texts without case, and as they are: `gold` and `Gold` may be two.

    `others` are further texts, in lower case; an option's own text is always the option.

    >>> spellings(("SM",), {"small": "SM"})
    {'small': 'SM', 'sm': 'SM', 'SM': 'SM'}
    """
    folded = {option.casefold(): option for option in reversed(options)}
    return {**(others or {}), **folded, **{option: option for option in options}}


def code_of(others: str) -> str:
    """The problem of a text that is no option."""
    return "choice_left_out" if others == "left_out" else "choice_unknown"


def shown(options: tuple[str, ...]) -> str:
    """The options as a message lists them: the first twelve."""
    return ", ".join(options[:12]) + (", …" if len(options) > 12 else "")

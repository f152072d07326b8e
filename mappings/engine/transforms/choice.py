"""choice: one of the destination's options."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """The option as it is spelled there, whatever the case here. Where no options are known, any text.

    >>> found = convert(pa.array(["gold", "tin", ""]), Settings(options=("Silver", "Gold")))
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['Gold', None, None], [1])
    """
    spelled = spellings(settings.options)

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        if not spelled:
            return text
        return (
            spelled.get(text)
            or spelled.get(text.casefold())
            or ("choice_unknown", {"options": shown(settings.options)})
        )

    return by_value(texts, canonical)


def spellings(options: tuple[str, ...]) -> dict[str, str]:
    """The options by their texts without case, and as they are: `gold` and `Gold` may be two."""
    return {option.casefold(): option for option in reversed(options)} | {
        option: option for option in options
    }


def shown(options: tuple[str, ...]) -> str:
    """The options as a message lists them: the first twelve."""
    return ", ".join(options[:12]) + (", …" if len(options) > 12 else "")

"""choices: several of the destination's options in one cell."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, by_value
from mappings.engine.transforms.choice import shown, spellings

SEPARATOR = "\x1f"
"""Stands between the options in the canonical text."""


def convert(texts: pa.Array, settings: Settings) -> Converted:
    r"""The options as spelled there, each once, in the destination's order.

    >>> found = convert(pa.array(["b; A;b", "a;c", ""]), Settings(options=("A", "B")))
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['A\x1fB', None, None], [1])
    """
    spelled = spellings(settings.options, settings.spellings)
    order = {option: index for index, option in enumerate(settings.options)}

    def canonical(text: str) -> str | tuple[str, dict[str, Any]] | None:
        parts = [part.strip() for part in text.split(settings.split)]
        parts = [part for part in parts if part]
        if not spelled:
            return SEPARATOR.join(dict.fromkeys(parts)) or None
        named = [spelled.get(part) or spelled.get(part.casefold()) for part in parts]
        unknown = [part for part, name in zip(parts, named, strict=True) if name is None]
        if unknown:
            return "choice_unknown", {"value": unknown[0], "options": shown(settings.options)}
        found = {name for name in named if name is not None}
        return SEPARATOR.join(sorted(found, key=order.__getitem__)) or None

    return by_value(texts, canonical)

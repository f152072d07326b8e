"""boolean: yes or no."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mappings.engine.cleaning import clean_text
from mappings.engine.transforms import Converted, Settings, by_value


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """`true` or `false`, from the texts that mean yes and no.

    >>> found = convert(pa.array(["Yes", "0", "perhaps", ""]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['true', 'false', None, None], [2])
    """
    known = {clean_text(text).casefold(): "false" for text in settings.falsy}
    known |= {clean_text(text).casefold(): "true" for text in settings.truthy}
    options = ", ".join((*settings.truthy, *settings.falsy))

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        return known.get(text.casefold()) or ("boolean_unknown", {"options": options})

    return by_value(texts, canonical)

"""split: several values in one cell, trimmed, each once. With part: the first or the last, with join: all of them.

interests: {from: Interests, split: ";", join: ", "}
"""

from __future__ import annotations

import pyarrow as pa

from mappings.engine.transforms import by_value
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["BREAK", "pieces", "split"]

BREAK = "\ue01f"
"""Stands for a separator that cleaning would take away, such as a line break; from the private area of Unicode."""


def pieces(text: str, separator: str) -> list[str]:
    """The values in a text, without blank ones.

    >>> pieces(" a ;; b;a", ";")
    ['a', 'b', 'a']
    """
    mark = separator.strip() or separator
    return [part for part in (part.strip() for part in text.split(mark)) if part]


def split(texts: pa.Array, separator: str, part: str | None = None) -> pa.Array:
    r"""The values of each cell, put together with U+001F; with `part` only the first or the last.

    >>> split(pa.array(["b; a;b", "", "c"]), ";").to_pylist(), split(pa.array(["b; a"]), ";", "last").to_pylist()
    (['b\x1fa', '', 'c'], ['a'])
    """

    def one(text: str) -> str:
        found = list(dict.fromkeys(pieces(text, separator)))
        if part is not None:
            found = pieces(text, separator)
            found = found[:1] if part == "first" else found[-1:]
        return SEPARATOR.join(found)

    return by_value(texts, one).values.fill_null("")

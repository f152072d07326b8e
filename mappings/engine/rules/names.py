"""tags: names from columns, from columns of yes and no, for all rows or for some; lists are written in the same way.

tags: {from: Tags, split: ";", always: [crm], flags: {VIP: vip}, cases: [{when: {Country: DE}, name: german}]}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean_text
from mappings.engine.rules.split import pieces
from mappings.engine.transforms import Converted, by_value
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["flagged", "named", "united"]


def named(
    texts: pa.Array, separator: str, known: Callable[[str], str | tuple[str, dict[str, object]]]
) -> Converted:
    r"""The names in each cell as they are spelled there, put together with U+001F; wrong where one is not `known`.

    >>> there = {"vip": "VIP"}
    >>> found = named(pa.array(["vip; a", "vip", ""]), ";", lambda name: there.get(name) or ("tag_unknown", {"value": name}))
    >>> found.values.to_pylist(), [wrong.detail["value"] for wrong in found.wrong]
    ([None, 'VIP', None], ['a'])
    """

    def one(text: str) -> str | tuple[str, dict[str, object]]:
        names = [known(name) for name in pieces(text, separator)]
        wrong = next((name for name in names if isinstance(name, tuple)), None)
        return wrong or SEPARATOR.join(name for name in names if isinstance(name, str))

    return by_value(texts, one)


def flagged(texts: pa.Array, names: Sequence[str], truthy: Sequence[str], falsy: Sequence[str]) -> Converted:
    """The names where a cell says yes; wrong where it is neither yes nor no.

    >>> found = flagged(pa.array(["Yes", "0", "", "?"]), ["vip"], ["yes"], ["0"])
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['vip', '', None, None], [3])
    """
    said = {clean_text(text).casefold(): "" for text in falsy}
    said |= {clean_text(text).casefold(): SEPARATOR.join(names) for text in truthy}
    options = ", ".join((*truthy, *falsy))

    def one(text: str) -> str | tuple[str, dict[str, object]]:
        found = said.get(text.casefold())
        return found if found is not None else ("boolean_unknown", {"options": options})

    return by_value(texts, one)


def united(parts: Sequence[pa.Array]) -> pa.Array:
    r"""All names of each row, each once, in order.

    >>> united([pa.array(["b", ""]), pa.array(["a\x1fb", ""])]).to_pylist()
    ['a\x1fb', '']
    """
    joined = pc.binary_join_element_wise(*parts, SEPARATOR) if len(parts) > 1 else parts[0]
    unique = by_value(
        joined, lambda text: SEPARATOR.join(sorted({part for part in text.split(SEPARATOR) if part}))
    )
    return pc.fill_null(unique.values, "")

"""values: a table from the source's values to the destination's; case and spaces around do not count.

plan: {from: Plan, values: {gold: Gold, basic: Free}, otherwise: reject}
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from mappings.engine.cleaning import clean_text
from mappings.engine.rules.split import several
from mappings.engine.transforms import Converted, by_value
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["values"]

_SHOWN = 12


def values(
    texts: pa.Array, table: Mapping[str, str | None], otherwise: str, separator: str | None = None
) -> Converted:
    r"""Each value looked up; `otherwise` is reject, blank or as_is. Where several values are in a cell, each of them.

    With a `separator` the table itself may make several values of one.

    >>> found = values(pa.array([" GOLD ".strip(), "tin", "gold\x1ftin", ""]), {"gold": "Au"}, "reject")
    >>> found.values.to_pylist(), [(wrong.at, wrong.detail["value"]) for wrong in found.wrong]
    (['Au', None, None, None], [(1, 'tin'), (2, 'tin')])
    """
    known = {
        clean_text(name).casefold(): several(text or "", separator) if separator else clean_text(text or "")
        for name, text in table.items()
    }
    options = ", ".join(list(table)[:_SHOWN]) + (", …" if len(table) > _SHOWN else "")

    def one(text: str) -> str | None:
        found = known.get(text.casefold())
        return found if found is not None else {"as_is": text, "blank": ""}.get(otherwise)

    def looked_up(text: str) -> str | tuple[str, dict[str, object]]:
        parts = text.split(SEPARATOR)
        found = [one(part) for part in parts]
        if None in found:
            return "value_unknown", {"value": parts[found.index(None)], "options": options}
        return SEPARATOR.join(dict.fromkeys(name for part in found if part for name in part.split(SEPARATOR)))

    return by_value(texts, looked_up)

"""from: a column; of several the first that is not blank.

last_name: {from: [Last Name, Surname]}
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["first"]


def first(columns: Sequence[pa.Array]) -> pa.Array:
    """The first text that is not blank, row by row.

    >>> first([pa.array(["", "a", ""]), pa.array(["b", "c", ""])]).to_pylist()
    ['b', 'a', '']
    """
    texts = columns[-1]
    for earlier in reversed(columns[:-1]):
        texts = pc.if_else(pc.equal(earlier, ""), texts, earlier)
    return texts

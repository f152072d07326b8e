"""join: several columns, or the values that split: found, put together; blank ones leave no gap.

address: {from: [Street, Street 2], join: ", "}
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean

__all__ = ["join"]


def join(columns: Sequence[pa.Array], between: str) -> pa.Array:
    """The texts of the columns that are not blank, with `between` between them.

    >>> join([pa.array(["a", "", ""]), pa.array(["b", "c", ""])], ", ").to_pylist()
    ['a, b', 'c', '']
    """
    texts = columns[0]
    for column in columns[1:]:
        both = pc.and_(pc.not_equal(texts, ""), pc.not_equal(column, ""))
        texts = pc.binary_join_element_wise(texts, pc.if_else(both, between, ""), column, "")
    return clean(texts)

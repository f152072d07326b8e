"""default: used where the value is blank, but not where it is wrong.

language: {from: Language, default: en}
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean_text

__all__ = ["default"]


def default(texts: pa.Array, text: str, wrong: list[int]) -> pa.Array:
    """`text` in place of blanks, except in the rows whose cell was wrong.

    >>> default(pa.array(["de", "", ""]), "en", [2]).to_pylist()
    ['de', 'en', '']
    """
    missing = pc.equal(texts, "")
    if wrong:
        rejected = np.zeros(len(texts), bool)
        rejected[wrong] = True
        missing = pc.and_not(missing, pa.array(rejected))
    return pc.if_else(missing, clean_text(text), texts)

"""default: used where the value is blank, but not where it is wrong.

language: {from: Language, default: en}
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["default"]


def default(texts: pa.Array, text: str, wrong: npt.NDArray[np.bool_]) -> pa.Array:
    """`text`, which is clean, in place of blanks, except in the rows whose cell was wrong.

    >>> default(pa.array(["de", "", ""]), "en", np.array([False, False, True])).to_pylist()
    ['de', 'en', '']
    """
    missing = pc.and_not(pc.equal(texts, ""), pa.array(wrong))
    return pc.if_else(missing, text, texts)

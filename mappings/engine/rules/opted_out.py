"""opted_out: the texts that say that somebody wants no mail; what is not understood counts as one of them.

consent: {opted_out: {from: [Opted out, Do not call], when: [yes, x], unless: [no]}}
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean_text, folded

__all__ = ["opted_out"]


def opted_out(texts: pa.Array, when: Sequence[str], unless: Sequence[str]) -> tuple[pa.Array, pa.Array]:
    """Who opted out, and whose cell is not understood (and who therefore counts as opted out).

    >>> out, unclear = opted_out(pa.array(["Yes", "no", "", "nein"]), ["yes"], ["no"])
    >>> out.to_pylist(), unclear.to_pylist()
    ([True, False, False, True], [False, False, False, True])
    """
    cells = folded(texts)
    yes = pa.array([clean_text(text).casefold() for text in when], pa.string())
    no = pa.array([*(clean_text(text).casefold() for text in unless), ""])
    said, denied = pc.is_in(cells, value_set=yes), pc.is_in(cells, value_set=no)
    unclear = pc.invert(pc.or_(said, denied))
    return pc.or_(said, unclear), unclear

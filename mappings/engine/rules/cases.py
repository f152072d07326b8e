"""cases: several values, each with the rows it is for; the first that fits.

segment: {cases: [{when: {Country: [DE, AT]}, value: dach}, {value: other}]}
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Converted, Wrong

__all__ = ["cases"]


def cases(fitting: Sequence[pa.Array], texts: Sequence[pa.Array], *, reject: bool) -> Converted:
    """For each row the text of the first case that fits; '' where none does, or wrong where that is rejected.

    >>> some = [pa.array([True, False, False]), pa.array([True, True, False])]
    >>> cases(some, [pa.repeat("a", 3), pa.repeat("b", 3)], reject=False).values.to_pylist()
    ['a', 'b', '']
    """
    size = len(fitting[0])
    values, fits = pa.repeat("", size), pa.repeat(False, size)
    for fit, text in zip(reversed(fitting), reversed(texts), strict=True):
        values = pc.if_else(fit, text, values)
        fits = pc.or_(fits, fit)
    wrong = [Wrong(at, "no_case") for at in pc.indices_nonzero(pc.invert(fits)).to_pylist()] if reject else []
    return Converted(values, wrong)

"""take: of several columns the first that is right for the type, where `first_valid` is said.

email_address: {from: [Email, Work email], take: first_valid}
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.problems.codes import CODES
from mappings.engine.transforms import Converted, Wrong

__all__ = ["first_valid"]


def first_valid(found: Sequence[Converted]) -> tuple[Converted, npt.NDArray[np.int64]]:
    """The first value without an error, and which of the columns it came from; warnings are those of the value taken.

    Where no column is right, what is wrong is told of the first that is wrong; -1 where all are blank.

    >>> read = [Converted(pa.array([None, None, None, None], pa.string()), [Wrong(0, "integer_syntax"), Wrong(2, "integer_syntax")]),
    ...         Converted(pa.array(["1", "2", None, None]), [Wrong(2, "integer_syntax")])]
    >>> taken, origin = first_valid(read)
    >>> taken.values.to_pylist(), [wrong.at for wrong in taken.wrong], origin.tolist()
    (['1', '2', None, None], [2], [1, 1, 0, -1])
    """
    size = len(found[0].values)
    origin = np.full(size, -1, np.int64)
    values = pa.nulls(size, pa.string())
    errors = [
        np.array([wrong.at for wrong in column.wrong if CODES[wrong.code].severity == "error"], np.int64)
        for column in found
    ]
    for index, column in enumerate(found):
        right = np.array(pc.is_valid(column.values))
        right[errors[index]] = False
        taken = right & (origin < 0)
        origin[taken] = index
        values = pc.if_else(pa.array(taken), column.values, values)
    for index, wrong in enumerate(errors):
        origin[wrong[origin[wrong] < 0]] = index
    told = [
        wrong for index, column in enumerate(found) for wrong in column.wrong if origin[wrong.at] == index
    ]
    return Converted(values, sorted(told, key=_at)), origin


def _at(wrong: Wrong) -> int:
    return wrong.at

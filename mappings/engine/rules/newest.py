"""duplicates: of several rows with one key the newest, by the date in a column.

duplicates: {newest: Last Modified, format: "DD/MM/YYYY hh:mm"}
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Settings
from mappings.engine.transforms.datetime import convert

__all__ = ["OLDEST", "age"]

OLDEST = np.iinfo(np.int64).min
_PLAIN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}:\d{2})?$"


def age(texts: pa.Array, formats: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Seconds since 1970 (the larger, the newer), and the positions of what is no date; both it and blanks are oldest.

    >>> found, wrong = age(pa.array(["1970-01-02", "1970-01-01T00:01:00Z", "", "new"]), ())
    >>> found.tolist()[:2], (found == OLDEST).tolist(), wrong
    ([86400, 60], [False, False, True, True], [3])
    """
    seconds = np.full(len(texts), OLDEST, np.int64)
    plain = pc.match_substring_regex(texts, _PLAIN) if not formats else pa.repeat(False, len(texts))
    rest = pc.and_not(pc.not_equal(texts, ""), plain)
    try:
        seconds[np.asarray(plain)] = _seconds(texts.filter(plain))
    except pa.ArrowInvalid:  # a 31st of February among them
        rest = pc.not_equal(texts, "")
    at = np.flatnonzero(np.asarray(rest))
    found = convert(texts.filter(rest), Settings(formats=formats))
    read = np.asarray(pc.is_valid(found.values))
    seconds[at[read]] = _seconds(pc.utf8_slice_codeunits(found.values.drop_null(), 0, 19))
    seconds[at[~read]] = OLDEST
    return seconds, at[~read].tolist()


def _seconds(texts: pa.Array) -> npt.NDArray[np.int64]:
    moments: npt.NDArray[np.int64] = np.asarray(pc.cast(pc.cast(texts, pa.timestamp("s")), pa.int64()))
    return moments

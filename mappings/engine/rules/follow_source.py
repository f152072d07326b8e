"""follow_source: since when somebody has consented: where every column of `opted_out` says no, and not by a blank.

consent: {opted_out: Opted out, follow_source: {date: Consent date, format: DD/MM/YYYY}}
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean_text, folded
from mappings.engine.rules.newest import OLDEST, age

__all__ = ["NEVER", "consented"]

NEVER = OLDEST
_WITH_OFFSET = r"(?i):\d{2}(?:[.,]\d+)?\s?(?:z|utc|[+-]\d{2}:?\d{2})$"
_EAST = 14 * 3600
"""A time that says no offset comes so many seconds before UTC's where it comes first."""
_VAGUE = (24 + 26) * 3600
"""So long lasts a day on Earth, from where it begins first to where it ends last."""


def consented(
    answers: Sequence[pa.Array], unless: Sequence[str], dates: pa.Array, formats: tuple[str, ...], latest: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[int]]:
    """The first and the last moment that each consent may have been given, and the positions of dates that are none.

    In seconds since 1970, NEVER where there is no consent. A date after `latest` is none. What has no offset may be anywhere on Earth.

    >>> out = pa.array(["no", "", "yes", "no", "no"])
    >>> dates = pa.array(["1970-01-02", "1970-01-02", "1970-01-02", "soon", "1970-01-02T00:00:00Z"])
    >>> first, last, wrong = consented([out], ["no"], dates, (), 10**9)
    >>> first.tolist()[::4], last.tolist()[::4], (first == NEVER).tolist(), wrong
    ([36000, 86400], [216000, 86400], [False, True, True, True, False], [3])
    """
    no = pa.array([text for text in (clean_text(text).casefold() for text in unless) if text], pa.string())
    willing = np.ones(len(dates), bool)
    for cells in answers:
        willing &= np.asarray(pc.is_in(folded(cells), value_set=no))
    seconds, unreadable = age(pc.if_else(pa.array(willing), dates, ""), formats)
    vague = np.asarray(pc.invert(pc.match_substring_regex(dates, _WITH_OFFSET))) & (seconds != NEVER)
    seconds[vague] -= _EAST
    early = seconds > latest
    seconds[early] = NEVER
    last = np.where(vague & ~early, seconds + _VAGUE, seconds)
    return seconds, last, sorted({*unreadable, *np.flatnonzero(early).tolist()})

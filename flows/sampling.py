"""An even sample: where somebody would have to be looked up one by one, so many are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SAMPLE", "evenly"]

SAMPLE = 500
"""So many contacts are looked up one by one without being asked for."""
_SEED = 20


def evenly(rows: npt.NDArray[np.int64], most: int = SAMPLE) -> npt.NDArray[np.int64]:
    """At most so many of the rows, one from each of as many equal stretches, and the same ones each time.

    Where in its stretch each one lies is drawn, since files have patterns: every fourth row may be of another kind.
    """
    if len(rows) <= most:
        return rows
    ends = np.arange(most + 1) * len(rows) // most
    drawn = np.random.default_rng(_SEED).random(most)
    return rows[ends[:-1] + (drawn * np.diff(ends)).astype(np.int64)]

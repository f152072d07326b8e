"""A frame after the mapping: canonical columns, and what is wrong with which row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mappings.engine.problems.problem import Problem

__all__ = ["Bools", "Mapped"]

Bools = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Mapped:
    """Arrays in the order of the frame's rows.

    `key` and `person` are '' where there is none. `values` are canonical texts by merge tag, null where blank. `names`
    holds for tags, tags_off, lists and lists_off (those that the mapping speaks of) joined names, '' where there
    are none. `kept` is false where `where:` leaves the row out; `invalid` is true where an error was found.
    """

    rows: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    key: pa.Array
    person: pa.Array
    values: dict[str, pa.Array]
    names: dict[str, pa.Array]
    opted_out: Bools
    kept: Bools
    invalid: Bools
    problems: list[Problem] = field(default_factory=list)
    content: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    age: npt.NDArray[np.int64] | None = None
    """Where the newest of several rows with one key is sent: the larger, the newer. Otherwise none."""
    consented: npt.NDArray[np.int64] | None = None
    """Where the mapping follows the source's consents: since when, in seconds since 1970, NEVER without one. Otherwise none."""
    consented_by: npt.NDArray[np.int64] | None = None
    """Likewise the last moment that it may have been."""

    def __len__(self) -> int:
        return len(self.rows)

"""Rivals: for each row that is not sent because of another row, which one that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Rivals"]

Rows = npt.NDArray[np.int64]


class Rivals:
    """16 bytes for each such row, and nothing for all others."""

    def __init__(self) -> None:
        self._some: list[tuple[Rows, Rows]] = []

    def add(self, rows: Rows, others: Rows) -> None:
        """Some rows with their rivals. A row is added once."""
        if len(rows):
            order = np.argsort(rows)
            self._some.append((rows[order], others[order]))

    def of(self, first: int, last: int) -> tuple[Rows, Rows]:
        """The rows from `first` to `last` that have a rival, in order, and the rivals."""
        rows, others = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for some, their in self._some:
            begin, end = np.searchsorted(some, [first, last + 1])
            if begin < end:
                rows.append(some[begin:end])
                others.append(their[begin:end])
        found = np.concatenate(rows)
        order = np.argsort(found)
        return found[order], np.concatenate(others)[order]

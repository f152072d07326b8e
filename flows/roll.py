"""The roll: what is known of every row of the source, two bytes a row."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from flows.rivals import Rivals

__all__ = ["OUTCOMES", "Roll", "Rows", "State"]

OUTCOMES = (
    "created", "updated", "upserted", "unchanged", "filtered", "duplicate", "protected", "invalid", "refused", "failed",
    "unknown", "unsent",
)  # fmt: skip
"""All outcomes, in the order in which they are reported."""


class State(IntEnum):
    """What a row is before anything is sent."""

    UNSEEN = 0
    FILTERED = 1
    INVALID = 2
    DUPLICATE = 3
    UNCHANGED = 4
    NEW = 5
    CHANGED = 6
    REJECTED = 7
    LEFT = 8  # would be sent, and is not: limited
    CONFLICT = 9  # another row has its address and another person
    SPLIT = 10  # another row has its person and another address
    OVERTAKEN = 11  # a row of a retry or a resumed run whose contact a later run has delivered otherwise
    FORGOTTEN = 13  # somebody who asked to be forgotten: nothing of the row is kept
    ANSWERED = 12  # its answer came before the run was interrupted


Rows = npt.NDArray[np.int64]


class Roll:
    """States by row number (from 1), the rows because of which others are not sent, opt-outs.

    A retry has some rows only: the numbers between them stay UNSEEN and count nowhere.
    """

    def __init__(self) -> None:
        self._states = np.zeros(1024, np.uint8)
        self._out = np.zeros(1024, np.bool_)
        self.rows = 0
        """How many rows were read."""
        self._last = 0
        self.rivals = Rivals()
        self.carried: set[int] = set()
        self.were_out: set[int] = set()
        """Rows that differ from what was delivered only in this, that they were opted out then."""
        self.overtaken: dict[int, str] = {}
        """The later run that has delivered a row's contact otherwise."""
        self._consents: list[tuple[Rows, Rows, Rows]] = []

    @property
    def states(self) -> npt.NDArray[np.uint8]:
        """A state for each row number, in order."""
        return self._states[: self._last]

    @property
    def opted_out(self) -> npt.NDArray[np.bool_]:
        """True for the rows that are sent as opted out, because any row of their key or their person is."""
        return self._out[: self._last]

    def read(self, rows: Rows, kept: npt.NDArray[np.bool_], invalid: npt.NDArray[np.bool_]) -> None:
        """Enters a frame's rows. Filtered comes before invalid."""
        last = int(rows[-1])
        if last > len(self._states):
            size = max(last, 2 * len(self._states))
            self._states = np.concatenate([self._states, np.zeros(size - len(self._states), np.uint8)])
            self._out = np.concatenate([self._out, np.zeros(size - len(self._out), np.bool_)])
        self._last = last
        self.rows += len(rows)
        states = np.where(kept, np.where(invalid, State.INVALID, State.UNSEEN), State.FILTERED)
        self._states[rows - 1] = states

    def forget(self, rows: Rows) -> None:
        """Rows of a frame that are of people who were forgotten."""
        self._states[rows - 1] = State.FORGOTTEN

    def consent(self, rows: Rows, first: Rows, last: Rows) -> None:
        """Enters since when a frame's rows have a consent: the first and the last moment. Only where consents are followed."""
        self._consents.append((rows, first, last))

    @property
    def has_consents(self) -> bool:
        """Whether consents are followed."""
        return bool(self._consents)

    def consents(self, rows: Rows) -> tuple[Rows, Rows]:
        """The first and the last moment of the consent of each of these rows; empty where none are followed."""
        if not self._consents:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        numbers, first, last = (np.concatenate(columns) for columns in zip(*self._consents, strict=True))
        self._consents = [(numbers, first, last)]
        at = np.searchsorted(numbers, rows)
        return first[at], last[at]

    def win(self, rows: Rows, states: npt.NDArray[np.int64], opted_out: npt.NDArray[np.bool_]) -> None:
        self._states[rows - 1] = states
        self._out[rows - 1] = opted_out

    def lose(self, rows: Rows, winners: Rows) -> None:
        self._states[rows - 1] = State.DUPLICATE
        self.rivals.add(rows, winners)

    def reject(self, rows: Rows, others: Rows) -> None:
        self._states[rows - 1] = State.REJECTED
        self.rivals.add(rows, others)

    def conflict(self, rows: Rows, others: Rows) -> None:
        """Rows of one address and several persons."""
        self._states[rows - 1] = State.CONFLICT
        self.rivals.add(rows, others)

    def split(self, rows: Rows, others: Rows) -> None:
        """Rows that would win, of one person and several addresses."""
        self._states[rows - 1] = State.SPLIT
        self._out[rows - 1] = False
        self.rivals.add(rows, others)

    def overtake(self, row: int, run: str) -> None:
        """A row that would be sent, and whose contact a later run has delivered otherwise."""
        self._states[row - 1] = State.OVERTAKEN
        self.overtaken[row] = run

    def answered(self, sent: Rows, carried: Rows) -> None:
        """Rows that have their answer from before the run was interrupted: they are not sent again."""
        sent = sent[sent <= self._last]
        self._states[sent - 1] = State.ANSWERED
        self.carried.difference_update(carried.tolist())

    def is_split(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which of the rows are of a person with several addresses; of rows that were not read, none."""
        inside = rows <= self._last
        split: npt.NDArray[np.bool_] = self._states[np.where(inside, rows, 1) - 1] == State.SPLIT
        return inside & split

    def opt_out(self, rows: Rows) -> None:
        """Rows that win and whose person is opted out in a row of another address."""
        rows = rows[~self._out[rows - 1]]
        self._out[rows - 1] = True
        before = np.isin(rows, np.array(sorted(self.were_out), np.int64))
        self._states[rows[before] - 1] = State.UNCHANGED
        others = rows[~before]
        self._states[others[self._states[others - 1] == State.UNCHANGED] - 1] = State.CHANGED

    def carry(self, rows: Rows) -> None:
        """Rows that are not sent themselves and whose opt-out is."""
        self.carried.update(rows.tolist())

    def to_send(self) -> Rows:
        """The rows to be sent, in order."""
        return np.flatnonzero((self.states == State.NEW) | (self.states == State.CHANGED)) + 1

    def leave(self, rows: Rows) -> None:
        """Rows that would be sent, and are not in this run."""
        self._states[rows - 1] = State.LEFT

    def count(self, *states: State) -> int:
        return int(np.isin(self.states, states).sum())

"""Persons: whose rows stand under which address, spilled to disk in the order of the persons' hashes.

Told while the rows of each address meet; when all have met, the addresses of each person meet, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.keys import Partition
from flows.ledger.pages import PAGES
from flows.roll import Roll, State
from flows.spill import Spill, hashes_of, together
from flows.whereabouts import Whereabouts

__all__ = ["Persons"]

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
_AT_ONCE = 32_768
_NEVER = np.iinfo(np.int64).max
_SCHEMA = pa.schema(
    [
        ("hash", pa.uint64()),
        ("row", pa.int64()),
        ("through", pa.int64()),
        ("wins", pa.bool_()),
        ("out", pa.bool_()),
        ("person", pa.string()),
        ("key", pa.string()),
    ]
)


class Persons:
    """The persons of one run's source, with the addresses of their rows."""

    def __init__(self, folder: Path) -> None:
        self._spill = Spill(folder, "persons", _SCHEMA)
        self._waiting: list[tuple[Rows, Rows, Bools, Bools, pa.Array, pa.Array]] = []
        self._size = 0

    def add(self, part: Partition, through: Rows, wins: Bools, opted_out: Bools) -> None:
        """The rows of a partition that have a person.

        `wins`: a row of this person is to be sent to that address, or was before. `through` is that row; else one by
        which an opt-out is carried to that address, and 0 where it is carried already, or somebody else's row wins.
        """
        at = np.flatnonzero(np.asarray(pc.not_equal(part.persons, "")))
        assert part.persons is not None  # noqa: S101 - added only where persons are told apart
        persons, keys = part.persons.take(pa.array(at)), part.keys.take(pa.array(at))
        self._waiting.append((part.rows[at], through[at], wins[at], opted_out[at], persons, keys))
        self._size += len(at)
        if self._size >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        rows, through, wins, opted_out, persons, keys = zip(*self._waiting, strict=True)
        hashes = hashes_of(person := pa.concat_arrays(persons))
        order = np.argsort(hashes, kind="stable")
        numbers = [pa.array(np.concatenate(column)[order]) for column in (rows, through, wins, opted_out)]
        texts = [column.take(pa.array(order)) for column in (person, pa.concat_arrays(keys))]
        self._spill.add(hashes[order], [*numbers, *texts])
        self._waiting, self._size = [], 0

    def settle(self, roll: Roll, path: Path) -> Whereabouts:
        """When all rows are in: nobody wins under two addresses. Returns who stands where, kept in a file at `path`."""
        if self._waiting:
            self._write()
        with Whereabouts.written(path) as write:
            for number in range(PAGES):
                hashes, *columns = self._spill.partition(number)
                rows, through, wins, out = (column.to_numpy(zero_copy_only=False) for column in columns[:4])
                persons, keys = columns[4:]
                order, first = together(hashes.to_numpy(), persons, rows)
                if order is not None:
                    rows, through, wins, out = rows[order], through[order], wins[order], out[order]
                    persons, keys = persons.take(pa.array(order)), keys.take(pa.array(order))
                if len(rows):
                    _split(first, through, wins, out, roll)
                there = pa.array(roll.states[rows - 1] != State.FILTERED)
                write([column.filter(there) for column in (hashes, pa.array(rows), persons, keys)])
        return Whereabouts(path)

    def close(self) -> None:
        """Removes the spilled files."""
        self._spill.close()


def _split(first: Bools, through: Rows, wins: Bools, out: Bools, roll: Roll) -> None:
    """Enters the rows of persons who win under several addresses, and carries opt-outs to all addresses of a person."""
    starts, group = np.flatnonzero(first), np.cumsum(first) - 1
    if len(starts) == len(first):  # everybody stands there once
        return
    one = np.minimum.reduceat(np.where(wins, through, _NEVER), starts)
    another = np.maximum.reduceat(np.where(wins, through, 0), starts)
    torn = one < another
    whose = np.logical_or.reduceat(out, starts)
    roll.opt_out(np.unique(through[wins & (whose & ~torn)[group]]))
    roll.carry(through[(whose & ~torn)[group] & ~wins & (through > 0)])
    if not torn.any():
        return
    at = np.flatnonzero(wins & torn[group])
    rows, once = np.unique(through[at], return_index=True)
    groups = group[at[once]]
    roll.split(rows, np.where(rows == one[groups], another[groups], one[groups]))
    roll.carry(through[(torn & whose)[group] & (through > 0)])

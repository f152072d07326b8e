"""The keys of a source: hashes, fingerprints and texts, spilled to disk in the order of their hashes.

Pass 1 keeps of each row only this. What a mapping does not ask for is not spilled: the age of a row where the
newest wins, the person where persons are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.ledger.pages import key_hash
from flows.spill import Spill, hashes_of
from mappings.engine.mapped import Mapped

__all__ = ["Keys", "Partition", "key_hash", "with_consent"]

_OPTED_OUT = 0x9E3779B97F4A7C15
_FIELDS = [
    ("hash", pa.uint64()),
    ("print", pa.uint64()),
    ("row", pa.int64()),
    ("eligible", pa.bool_()),
    ("out", pa.bool_()),
    ("key", pa.string()),
]


def with_consent(prints: npt.NDArray[np.uint64], opted_out: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """The fingerprints with the consent of all rows of their key in them."""
    return np.where(opted_out, prints ^ np.uint64(_OPTED_OUT), prints)


@dataclass(frozen=True, slots=True)
class Partition:
    """All rows whose keys share a first byte, in the order of hash, then row. `ages` and `persons` where asked for."""

    hashes: npt.NDArray[np.uint64]
    prints: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.bool_]
    opted_out: npt.NDArray[np.bool_]
    keys: pa.Array
    ages: npt.NDArray[np.int64] | None = None
    persons: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, order: npt.NDArray[np.int64]) -> Partition:
        """The same rows in another order."""
        at = pa.array(order)
        return Partition(
            self.hashes[order], self.prints[order], self.rows[order], self.eligible[order], self.opted_out[order],
            self.keys.take(at),
            None if self.ages is None else self.ages[order],
            None if self.persons is None else self.persons.take(at),
        )  # fmt: skip


class Keys:
    """The spilled keys of one run."""

    def __init__(self, folder: Path, *, ages: bool = False, persons: bool = False) -> None:
        fields = [*_FIELDS]
        if ages:
            fields.append(("age", pa.int64()))
        if persons:
            fields.append(("person", pa.string()))
        self._ages, self._persons = ages, persons
        self._spill = Spill(folder, "keys", pa.schema(fields))

    def add(self, mapped: Mapped) -> None:
        """The rows of a frame that have a usable key, whatever else is wrong with them."""
        usable = np.asarray(pc.not_equal(mapped.key, ""))
        at = np.flatnonzero(usable)
        keys = mapped.key.take(pa.array(at))
        hashes = hashes_of(keys)
        order = np.argsort(hashes, kind="stable")
        at = at[order]
        columns = [
            pa.array(mapped.content[at]),
            pa.array(mapped.rows[at]),
            pa.array((mapped.kept & ~mapped.invalid)[at]),
            pa.array(mapped.opted_out[at]),
            keys.take(pa.array(order)),
        ]
        if self._ages:
            assert mapped.age is not None  # noqa: S101 - the mapping says newest:
            columns.append(pa.array(mapped.age[at]))
        if self._persons:
            columns.append(mapped.person.take(pa.array(at)))
        self._spill.add(hashes[order], columns)

    def adopt(self, path: Path) -> None:
        """Takes the keys of a frame that another process spilled; its file is moved."""
        self._spill.adopt(path)

    def partition(self, number: int) -> Partition:
        """All rows of a partition."""
        hashes, prints, rows, eligible, out, keys, *more = self._spill.partition(number)
        return Partition(
            hashes=hashes.to_numpy(),
            prints=prints.to_numpy(),
            rows=rows.to_numpy(),
            eligible=eligible.to_numpy(zero_copy_only=False),
            opted_out=out.to_numpy(zero_copy_only=False),
            keys=keys,
            ages=more.pop(0).to_numpy() if self._ages else None,
            persons=more.pop(0) if self._persons else None,
        )

    def close(self) -> None:
        """Removes the spilled files."""
        self._spill.close()

"""Batches: what is sent together is a unit of accounting and durability, not a barrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.keys import key_hash, with_consent
from flows.roll import Roll
from flows.spool import Spool
from mappings.engine.applying import Application
from mappings.engine.contact import Contact

__all__ = ["Batch", "Entry", "batches"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact to be sent. `carried`: only its opt-out is."""

    contact: Contact
    key_hash: int
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in the order of their rows; numbered from 1."""

    number: int
    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)


def batches(
    spool: Spool,
    application: Application,
    roll: Roll,
    size: int,
    *,
    only: npt.NDArray[np.int64] | None = None,
) -> Iterator[Batch]:
    """Maps again, from the spool, only the rows to be sent: the second pass. Only these become objects.

    `only` are some of these rows, in order, where not all of them are wanted.
    """
    wanted = roll.to_send()
    carried = np.array(sorted(roll.carried), np.int64)
    every = np.union1d(wanted, carried) if only is None else only
    number = 0
    waiting: list[Entry] = []
    for part, first, last in spool.parts():
        begin, end = np.searchsorted(every, [first, last + 1])
        for start in range(begin, end, 8192):
            rows = every[start : min(end, start + 8192)]
            waiting.extend(_entries(spool, application, roll, part, rows))
            while len(waiting) >= size:
                number += 1
                yield Batch(number, tuple(waiting[:size]))
                del waiting[:size]
    if waiting:
        yield Batch(number + 1, tuple(waiting))


def _entries(
    spool: Spool, application: Application, roll: Roll, part: int, rows: npt.NDArray[np.int64]
) -> Iterator[Entry]:
    whole = spool.frame(part)
    frame = whole.take(np.searchsorted(whole.rows, rows))
    mapped = application.apply(frame)
    opted_out = roll.opted_out[rows - 1]
    mapped.content = with_consent(mapped.content, opted_out)
    mapped.opted_out = opted_out
    for contact in application.contacts(mapped, range(len(rows))):
        yield Entry(contact, key_hash(contact.key), contact.row in roll.carried)

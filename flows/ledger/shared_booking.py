"""The account's rate, shared by all machines that use this ledger: whoever books reads them, and writes them where nobody else has meanwhile.

Slots are kept in the server's time. What this machine's clock has to be put forward by is measured with each booking:
the server's time lies between the moments at which it was asked and answered.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Any

from connectors.errors import LedgerError
from connectors.slots import Left, Slots
from flows.ledger.database import Database
from flows.ledger.postgresql import Postgresql
from flows.ledger.spoken import Spoken

__all__ = ["SharedBookings"]

_REMEMBERED = 64
"""So many measurements: two clocks part by less than a millisecond meanwhile."""
_LOOK_AGAIN_SECONDS = 10.0
_SQL_NEW = "insert into slots values (?, 0, ?) on conflict do nothing"
_SQL_SLOTS = "select booked_until, taken, extract(epoch from clock_timestamp())::double precision from slots where account = ?"


class SharedBookings:
    """The bookings of one account, over a connection of its own."""

    def __init__(self, database: Database, account: int) -> None:
        assert isinstance(database, Postgresql)  # noqa: S101 - the other kind has bookings of its own
        self._account = account
        self._server = database.another()
        self._looking = database.another(quick=True)
        self._look_again = 0.0
        self._measured: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._begun = False

    async def booked(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        """The same as `book`, and whoever waits for the server holds up nothing else."""
        return await self._server.beside(lambda: self.book(calls, per_second, limit, now, since, left))

    def book(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        """Books `calls` slots in a row; when the first begins. See `connectors.slots`. Raises LedgerError."""

        def begun(spoken: Spoken) -> float | None:
            """None where another one was first, whose slots have to be known: nobody holds a lock while this is worked out."""
            slots, ahead, seen = self._slots(spoken)
            slots.left([(booked + ahead, really + ahead) for booked, really in left])
            begin = slots.book(calls, per_second, limit, now + ahead, since + ahead)
            written = spoken.execute(
                "update slots set booked_until = ?, taken = ? where account = ? and booked_until = ? and taken = ?",
                (slots.until, slots.packed(), self._account, *seen),
            )
            return begin - ahead if written.rowcount else None

        while True:
            if not self._begun:
                self._server.repeated(lambda spoken: spoken.execute(_SQL_NEW, (self._account, b"")))
                self._begun = True
            begin = self._server.repeated(begun)
            if begin is not None:
                return begin

    def taken(self, since: float) -> int:
        """How many bookings began after `since`, of all who share the account.

        Asked in the middle of everything, so that it waits for nobody: where the server does not answer at once, all are ours.
        """

        def counted(spoken: Spoken) -> int:
            slots, ahead, _ = self._slots(spoken)
            return sum(at >= since + ahead for at in slots.taken)

        if time.monotonic() < self._look_again:
            return sys.maxsize
        try:
            return self._looking.repeated(counted)
        except LedgerError:
            self._look_again = time.monotonic() + _LOOK_AGAIN_SECONDS
            return sys.maxsize

    def _slots(self, spoken: Spoken) -> tuple[Slots, float, tuple[float, bytes]]:
        """The slots, what is added to this machine's time for the server's, and the slots as they are kept.

        Of the last measurements of the two clocks the one that took least counts.
        """
        asked = time.monotonic()
        row: Any = spoken.execute(_SQL_SLOTS, (self._account,)).fetchone()
        answered = time.monotonic()
        if row is None:  # the server crashed, and the slots with it
            self._begun = False
            return Slots(), 0.0, (0.0, b"")
        until, taken, server = row
        self._measured.append((answered - asked, float(server) - (asked + answered) / 2))
        return Slots.unpacked(until, taken), min(self._measured)[1], (until, taken)

    def close(self) -> None:
        self._server.close()
        self._looking.close()

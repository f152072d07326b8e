"""The account's rate, shared by all machines that use this ledger: slots are booked in one short transaction.

Slots are kept in the server's time. What this machine's clock has to be put forward by is measured with each booking:
the server's time lies between the moments at which it was asked and answered.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Any

from connectors.errors import LedgerError
from connectors.slots import Slots
from flows.ledger.database import Database
from flows.ledger.postgresql import Postgresql
from flows.ledger.spoken import Spoken

__all__ = ["SharedBookings"]

_REMEMBERED = 64
"""So many measurements: two clocks part by less than a millisecond meanwhile."""
_LOOK_AGAIN_SECONDS = 10.0
_SQL_TIME = "select extract(epoch from clock_timestamp())::double precision"


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
        self._begin = 0.0  # of the last booking, by the server's time

    async def booked(
        self, calls: int, per_second: float, limit: float, now: float, since: float, late: float = 0.0
    ) -> float:
        """The same as `book`, and whoever waits for the server holds up nothing else."""
        return await self._server.beside(lambda: self.book(calls, per_second, limit, now, since, late))

    def book(
        self, calls: int, per_second: float, limit: float, now: float, since: float, late: float = 0.0
    ) -> float:
        """Books `calls` slots in a row; when the first begins. See `connectors.slots`. Raises LedgerError."""

        def booked(spoken: Spoken) -> float:
            with spoken.transaction():
                slots = self._slots(spoken, " for update")
                ahead = self._ahead(spoken)
                slots.left(self._begin, late)
                begin = slots.book(calls, per_second, limit, now + ahead, since + ahead)
                spoken.execute(
                    "update slots set booked_until = ?, taken = ? where account = ?",
                    (slots.until, slots.packed(), self._account),
                )
            self._begin = begin
            return begin - ahead

        if not self._begun:
            sql = "insert into slots values (?, 0, ?) on conflict do nothing"
            self._server.repeated(lambda spoken: spoken.execute(sql, (self._account, b"")))
            self._begun = True
        return self._server.repeated(booked)

    def taken(self, since: float) -> int:
        """How many bookings began after `since`, of all who share the account.

        Asked in the middle of everything, so that it waits for nobody: where the server does not answer at once, all are ours.
        """

        def counted(spoken: Spoken) -> int:
            ahead = self._ahead(spoken)
            return sum(at >= since + ahead for at in self._slots(spoken, "").taken)

        if time.monotonic() < self._look_again:
            return sys.maxsize
        try:
            return self._looking.repeated(counted)
        except LedgerError:
            self._look_again = time.monotonic() + _LOOK_AGAIN_SECONDS
            return sys.maxsize

    def _slots(self, spoken: Spoken, how: str) -> Slots:
        sql = f"select booked_until, taken from slots where account = ?{how}"  # noqa: S608 - our own words
        row = spoken.execute(sql, (self._account,)).fetchone()
        if row is None:  # the server crashed, and the slots with it
            self._begun = False
            return Slots()
        return Slots.unpacked(*row)

    def _ahead(self, spoken: Spoken) -> float:
        """What is added to this machine's time for the server's: of the last measurements the one that took least."""
        asked = time.monotonic()
        row: Any = spoken.execute(_SQL_TIME).fetchone()
        answered = time.monotonic()
        self._measured.append((answered - asked, float(row[0]) - (asked + answered) / 2))
        return min(self._measured)[1]

    def close(self) -> None:
        self._server.close()
        self._looking.close()

"""The account's rate, shared by all processes that use this ledger: slots are booked in one short transaction.

The bookings are in a file of their own, which is never waited for: what is lost with the power is a tenth of a
second of somebody's turns, and a write that waits for the disk would hold up the calls. Times are those of `time.monotonic`,
which all processes of a machine share and nobody sets; what is left of the time before it was started anew counts for nothing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from connectors.errors import LedgerError
from connectors.pace import Booking
from connectors.slots import Left, Slots
from flows.ledger.damaged import PARTS, is_damage

__all__ = ["NAME", "Booked", "Bookings"]

NAME = "pace.sqlite"


class Booked(Booking, Protocol):
    """Bookings that somebody lets go of at the end."""

    def close(self) -> None: ...


class Bookings:
    """The bookings of one account."""

    def __init__(self, home: Path, account: int) -> None:
        self._account = account
        path = home / NAME
        try:
            try:
                self._database = _opened(path)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                for part in ("", *PARTS):  # nothing is lost with it but a tenth of a second of turns
                    path.with_name(path.name + part).unlink(missing_ok=True)
                self._database = _opened(path)
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"{path} cannot be used: {error}.", "Remove it; it holds nothing but the pace."
            ) from None

    async def booked(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        """The same as `book`: a file is not waited for."""
        return self.book(calls, per_second, limit, now, since, left)

    def book(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        """Books `calls` slots in a row; when the first begins. See `connectors.slots`. Raises LedgerError."""
        try:
            self._database.execute("begin immediate")
            try:
                slots = self._slots()
                slots.left(left)
                begin = slots.book(calls, per_second, limit, now, since)
                self._database.execute(
                    "insert or replace into slots values (?, ?, ?)",
                    (self._account, slots.until, slots.packed()),
                )
            finally:
                self._database.execute("commit")
        except sqlite3.Error as error:
            raise LedgerError(
                f"The pace cannot be booked: {error}.", "Check the disk, then start again."
            ) from None
        return begin

    def taken(self, since: float) -> int:
        """How many bookings began after `since`, of all processes. Raises LedgerError."""
        try:
            return sum(at >= since for at in self._slots().taken)
        except sqlite3.Error as error:
            raise LedgerError(
                f"The pace cannot be read: {error}.", "Check the disk, then start again."
            ) from None

    def _slots(self) -> Slots:
        sql = "select booked_until, taken from slots where account = ?"
        row = self._database.execute(sql, (self._account,)).fetchone()
        if row is None:
            return Slots()
        return Slots.unpacked(*row)

    def close(self) -> None:
        self._database.close()


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to the bookings, which are made where there are none."""
    database = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = off")
        database.execute(
            "create table if not exists slots (account integer primary key, booked_until double precision not null, taken blob not null)"
        )
        database.execute("select count(*) from slots").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database

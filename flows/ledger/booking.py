"""The account's rate, shared by all processes that use this ledger: slots are booked in one statement.

The bookings are in a file of their own, which is never waited for: what is lost with the power is a tenth of a
second of somebody's turns, and a write that waits for the disk would hold up the calls.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from connectors.errors import LedgerError

__all__ = ["NAME", "Bookings"]

NAME = "pace.sqlite"
_AT_MOST_AHEAD = 60.0


class Bookings:
    """The bookings of one account. A clock that jumped back does not leave it booked for hours."""

    def __init__(self, home: Path, account: int) -> None:
        self._account = account
        path = home / NAME
        try:
            self._database = sqlite3.connect(
                path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = off")
            self._database.execute(
                "create table if not exists pace (account integer primary key, booked_until double precision not null)"
            )
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"{path} cannot be used: {error}.", "Remove it; it holds nothing but the pace."
            ) from None

    def book(self, calls: int, per_second: float) -> float:
        """Books `calls` slots in a row; when the first begins (epoch seconds). Raises LedgerError."""
        now, length = time.time(), calls / per_second
        sql = """
            insert into pace values (?, ? + ?) on conflict (account) do update set booked_until =
            case when booked_until < ? or booked_until > ? then ? else booked_until end + ?
            returning booked_until
        """
        parameters = (self._account, now, length, now, now + _AT_MOST_AHEAD, now, length)
        try:
            [(until,)] = self._database.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise LedgerError(
                f"The pace cannot be booked: {error}.", "Check the disk, then start again."
            ) from None
        return float(until) - length

    def close(self) -> None:
        self._database.close()

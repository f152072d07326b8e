"""The account's rate, shared by all processes that use this ledger: slots are booked in one statement."""

from __future__ import annotations

import time

from flows.ledger.database import Database

__all__ = ["Bookings"]

_AT_MOST_AHEAD = 60.0


class Bookings:
    """The bookings of one account. A clock that jumped back does not leave it booked for hours."""

    def __init__(self, database: Database, account: int) -> None:
        self._database = database
        self._account = account

    def book(self, calls: int, per_second: float) -> float:
        """Books `calls` slots in a row; when the first begins (epoch seconds)."""
        now, length = time.time(), calls / per_second
        sql = """
            insert into pace values (?, ? + ?) on conflict (account) do update set booked_until =
            case when booked_until < ? or booked_until > ? then ? else booked_until end + ?
            returning booked_until
        """
        [(until,)] = self._database.ask(
            sql, (self._account, now, length, now, now + _AT_MOST_AHEAD, now, length)
        )
        return float(until) - length

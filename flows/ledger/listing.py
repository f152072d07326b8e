"""Listings: who is in the accounts of destinations that can only be read page by page, so that few pages are read next time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from connectors.listing import Roster, Standing
from flows.ledger.database import Connection, Database

__all__ = ["AccountListing"]


class AccountListing:
    """The list of one account, as connectors.listing.Listing has it. With `writes` false nothing is kept: a plan's."""

    def __init__(self, database: Database, account: int, *, hours: float, writes: bool) -> None:
        self._database = database
        self._account = account
        self._writes = writes
        self.fresh_seconds = hours * 3600

    def load(self) -> Roster | None:
        """None where no list was read to its end yet."""
        found = self._database.ask("select read_at from listing where account = ?", (self._account,))
        if not found:
            return None
        sql = "select contact_id, key, place from listed where account = ?"
        standings = [Standing(*row) for row in self._database.ask(sql, (self._account,))]
        return Roster(standings, dt.datetime.fromisoformat(found[0][0]).timestamp())

    def save(self, roster: Roster) -> None:
        """In the place of all that is kept. Whoever is cut off before the end leaves what was there."""
        if not self._writes:
            return
        read_at = dt.datetime.fromtimestamp(roster.read_at, dt.UTC).isoformat()

        def saved(database: Connection) -> None:
            database.execute("delete from listed where account = ?", (self._account,))
            database.execute(_INSERT, (self._account, _as_json(roster.standings)))
            database.execute(
                """insert into listing (account, total, read_at) values (?, ?, ?) on conflict (account) do update set
                total = excluded.total, read_at = excluded.read_at""",
                (self._account, len(roster.standings), read_at),
            )

        self._database.done(saved)

    def add(self, standings: Sequence[Standing]) -> None:
        """Adds contacts to a list that is kept, and files those that are in it under the address they have now."""
        if not self._writes or not standings:
            return

        def added(database: Connection) -> None:
            if not database.execute("select 1 from listing where account = ?", (self._account,)).fetchone():
                return
            database.execute(
                "delete from listed where account = ? and contact_id in (select value ->> 0 from json_each(?))",
                (self._account, _as_json(standings)),
            )
            database.execute(_INSERT, (self._account, _as_json(standings)))

        self._database.done(added)


_INSERT = """
    insert into listed (account, contact_id, key, place)
    select ?, value ->> 0, value ->> 1, max(cast(value ->> 2 as integer)) from json_each(?) where true group by value ->> 0, value ->> 1
    on conflict (account, key, contact_id) do update set place = excluded.place
"""


def _as_json(standings: Sequence[Standing]) -> str:
    return json.dumps([[one.contact_id, one.key, one.place] for one in standings], ensure_ascii=False)

"""Corrections: what a person made of a cell in a retry, kept for the same person and the same original value.

One for each person and column. It is applied until it is revoked, or done: the source has another value since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.ledger.database import Connection, Database
from flows.ledger.runs import now

__all__ = ["Correction", "Corrections", "Kept"]

Kept = tuple[str, str, str, str]
"""Person, column, what the source has, and what takes its place."""
_COLUMNS = (
    "account, mapping, person, column_name, original, corrected, who, made_at, run, revoked_at, done_at"
)


@dataclass(frozen=True, slots=True)
class Correction:
    """`person` is the row's person id, else its key as the source writes it. Times are ISO 8601, '' where it is not so."""

    account: int
    mapping: str
    person: str
    column: str
    original: str
    corrected: str
    who: str
    made_at: str
    run: str
    revoked_at: str
    done_at: str

    @property
    def state(self) -> str:
        """`applied` to later exports, `revoked` by a person, or `done` because the source has another value since."""
        return "revoked" if self.revoked_at else "done" if self.done_at else "applied"


class Corrections:
    """Corrections by account, mapping, person and column."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, account: int, mapping: str, found: Iterable[Kept], *, run: str, who: str) -> int:
        """Keeps them, each in place of the one before; how many. One that gives back what the source has revokes that instead."""
        rows = list({(one[0], one[1]): one for one in found}.values())
        made_at = now()
        sql = f"""
            insert into correction ({_COLUMNS})
            select ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?, ?, ?, '', '' from json_each(?)
            where value ->> 2 <> value ->> 3
            on conflict (account, mapping, person, column_name) do update set original = excluded.original,
                corrected = excluded.corrected, who = excluded.who, made_at = excluded.made_at, run = excluded.run,
                revoked_at = '', done_at = ''
        """  # noqa: S608 - our own names
        back = """
            update correction set revoked_at = ? where account = ? and mapping = ? and revoked_at = '' and exists
            (select 1 from json_each(?) where value ->> 0 = person and value ->> 1 = column_name and value ->> 2 = value ->> 3)
        """
        written = json.dumps(rows, ensure_ascii=False)

        def kept(database: Connection) -> None:
            database.execute(sql, (account, mapping, who, made_at, run, written))
            database.execute(back, (made_at, account, mapping, written))

        self._database.done(kept)
        return sum(original != corrected for _, _, original, corrected in rows)

    def applied(self, account: int, mapping: str) -> list[Correction]:
        """Those that later exports are corrected with."""
        return self._select(
            "account = ? and mapping = ? and revoked_at = '' and done_at = ''", (account, mapping)
        )

    def all(self, mapping: str | None = None) -> list[Correction]:
        """Those of a mapping or of all, the newest first."""
        return self._select("mapping = ?", (mapping,)) if mapping is not None else self._select("1 = 1", ())

    def done(self, account: int, mapping: str, whose: Iterable[tuple[str, str]]) -> None:
        """The source has another value of these persons and columns since."""
        sql = """
            update correction set done_at = ? where account = ? and mapping = ? and revoked_at = '' and done_at = '' and exists
            (select 1 from json_each(?) where value ->> 0 = person and value ->> 1 = column_name)
        """
        written = json.dumps(list(whose), ensure_ascii=False)
        self._database.tell(sql, (now(), account, mapping, written))

    def revoke(self, which: Iterable[Correction]) -> None:
        """They are not applied any more."""
        those = [(now(), one.account, one.mapping, one.person, one.column) for one in which]

        def revoked(database: Connection) -> None:
            database.executemany(
                "update correction set revoked_at = ? where account = ? and mapping = ? and person = ? and column_name = ?",
                those,
            )

        self._database.done(revoked)

    def _select(self, where: str, parameters: Sequence[object]) -> list[Correction]:
        sql = f"select {_COLUMNS} from correction where {where} order by made_at desc, person, column_name"  # noqa: S608 - no user text
        return [Correction(*row) for row in self._database.ask(sql, parameters)]

"""Acceptances: known problems that somebody accepted. They stay counted, and do not ask for a person again.

Values are kept as keyed hashes: that a cell is the same can be told, and not what stands in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.ledger.database import Connection, Database
from flows.ledger.runs import now

__all__ = ["Acceptance", "Acceptances", "Accepted"]

Accepted = tuple[str, str, str, str]
"""Whose the row is, and code, column and value of the problem; the value is hashed in the ledger."""
_COLUMNS = "account, mapping, person, code, column_name, value_mac, who, why, made_at, last_seen"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`person` is the row's person id, else its key as the source writes it, else `#` and a keyed hash of all its cells."""

    account: int
    mapping: str
    person: str
    code: str
    column: str
    value_mac: str
    who: str
    why: str
    made_at: str
    last_seen: str


class Acceptances:
    """Acceptances by account, mapping, person, code and column."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: bytes | None = None

    def mac(self, text: str) -> str:
        """A keyed hash: the same text is the same in this ledger, and nobody else can tell."""
        if self._secret is None:
            self._secret = self._database.secret
        return hmac.new(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def accept(self, account: int, mapping: str, found: Iterable[Accepted], *, who: str, why: str) -> None:
        """Accepts them, each in place of what was accepted of the same person, code and column before."""
        rows = [(person, code, column, self.mac(value)) for person, code, column, value in found]
        sql = f"""
            insert into acceptance ({_COLUMNS})
            select ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?, ?, ?, '' from json_each(?) where true
            on conflict (account, mapping, person, code, column_name) do update set value_mac = excluded.value_mac,
                who = excluded.who, why = excluded.why, made_at = excluded.made_at
        """  # noqa: S608 - our own names
        self._database.tell(sql, (account, mapping, who, why, now(), json.dumps(rows, ensure_ascii=False)))

    def of(self, account: int, mapping: str) -> dict[tuple[str, str, str], str]:
        """The hashes of accepted values by person, code and column."""
        sql = "select person, code, column_name, value_mac from acceptance where account = ? and mapping = ?"
        return {
            (p, code, column): mac for p, code, column, mac in self._database.ask(sql, (account, mapping))
        }

    def seen(self, account: int, mapping: str, which: Iterable[tuple[str, str, str]], run: str) -> None:
        """A run had these problems again."""
        sql = """
            update acceptance set last_seen = ? where account = ? and mapping = ? and exists (select 1 from json_each(?)
            where value ->> 0 = person and value ->> 1 = code and value ->> 2 = column_name)
        """
        written = json.dumps(list(which), ensure_ascii=False)
        self._database.tell(sql, (run, account, mapping, written))

    def all(self, mapping: str | None = None) -> list[Acceptance]:
        """Those of a mapping or of all, the newest first."""
        if mapping is None:
            return self._select("1 = 1", ())
        return self._select("mapping = ?", (mapping,))

    def revoke(self, which: Iterable[Acceptance]) -> None:
        """These problems ask for a person again."""
        those = [(one.account, one.mapping, one.person, one.code, one.column) for one in which]

        def revoked(database: Connection) -> None:
            database.executemany(
                "delete from acceptance where account = ? and mapping = ? and person = ? and code = ? and column_name = ?",
                those,
            )

        self._database.done(revoked)

    def _select(self, where: str, parameters: Sequence[object]) -> list[Acceptance]:
        sql = f"select {_COLUMNS} from acceptance where {where} order by made_at desc, person, code, column_name"  # noqa: S608 - no user text
        return [Acceptance(*row) for row in self._database.ask(sql, parameters)]

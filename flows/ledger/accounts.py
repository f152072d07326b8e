"""Accounts: whom an API key belongs to, as far as can be told without being told."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from flows.ledger.database import Connection, Database
from flows.ledger.runs import now

__all__ = ["Account", "Accounts"]


@dataclass(frozen=True, slots=True)
class Account:
    """A destination's account. `key_changed`: the key is another than last time, so it has to be settled whose it is."""

    id: int
    kind: str
    name: str
    base_url: str
    generation: int
    new: bool = False
    key_changed: bool = False


class Accounts:
    """Accounts by kind, name and address. A rotated key keeps its account; another workspace is another account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mac(self, key: str) -> str:
        """A keyed hash of an API key: tells keys apart and tells nothing else."""
        return hmac.new(self._database.secret, key.encode(), hashlib.sha256).hexdigest()

    def seen(self, kind: str, name: str, base_url: str, key: str) -> Account:
        """The account behind these; the generation that last used this key, else the newest."""
        mac = self.mac(key)
        sql = "select id, generation, key_mac from account where kind = ? and name = ? and base_url = ? order by generation desc"
        rows = self._database.ask(sql, (kind, name, base_url))
        for account_id, generation, known in rows:
            if known == mac:
                return Account(account_id, kind, name, base_url, generation)
        if rows:
            account_id, generation, _ = rows[0]
            return Account(account_id, kind, name, base_url, generation, key_changed=True)
        return self._add(kind, name, base_url, 1, mac)

    def known(self) -> list[Account]:
        """All accounts, of those with several generations the newest."""
        sql = "select max(id), kind, name, base_url, max(generation) from account group by kind, name, base_url order by kind, name"
        return [Account(*row) for row in self._database.ask(sql)]

    def names(self) -> dict[int, str]:
        """KIND-NAME of every account there ever was, by its number: what locks are called by."""
        return {
            number: f"{kind}-{name}"
            for number, kind, name in self._database.ask("select id, kind, name from account")
        }

    def rotated(self, account: Account, key: str) -> Account:
        """The new key belongs to the same account."""
        self._database.tell(
            "update account set key_mac = ?, last_seen = ? where id = ?", (self.mac(key), now(), account.id)
        )
        return Account(account.id, account.kind, account.name, account.base_url, account.generation)

    def another(self, account: Account, key: str) -> Account:
        """The new key belongs to another workspace behind the same name. Nothing is delivered there, but who wants no mail is known."""
        new = self._add(account.kind, account.name, account.base_url, account.generation + 1, self.mac(key))

        def known(database: Connection) -> None:
            for table, columns in (
                ("consent", "key, opted_out, origin, known_at"),
                ("objection", "key, origin, said_at"),
                ("objector", "mapping, person, said_at"),
            ):
                database.execute(
                    f"insert into {table} (account, {columns}) select ?, {columns} from {table} where account = ? on conflict do nothing",  # noqa: S608 - our own names
                    (new.id, account.id),
                )

        self._database.done(known)
        return new

    def some_delivered(self, account: Account, number: int = 5) -> list[tuple[str, str]]:
        """A few contacts that were delivered to it: key and id there."""
        sql = "select key, contact_id from delivered where account = ? and contact_id <> '' order by delivered_at desc limit ?"
        return [(key, contact_id) for key, contact_id in self._database.ask(sql, (account.id, number))]

    def _add(self, kind: str, name: str, base_url: str, generation: int, mac: str) -> Account:
        sql = """
            insert into account (kind, name, base_url, generation, key_mac, first_seen, last_seen) values (?, ?, ?, ?, ?, ?, ?)
            on conflict (kind, name, base_url, generation) do nothing returning id
        """
        asked = (kind, name, base_url, generation, mac, now(), now())
        added = self._database.done(lambda database: database.execute(sql, asked).fetchone())
        if added is None:  # somebody else met it first, at the same moment
            return self._there(kind, name, base_url, generation)
        return Account(added[0], kind, name, base_url, generation, new=True)

    def _there(self, kind: str, name: str, base_url: str, generation: int) -> Account:
        """An account that is there."""
        sql = "select id from account where kind = ? and name = ? and base_url = ? and generation = ?"
        [(number,)] = self._database.ask(sql, (kind, name, base_url, generation))
        return Account(number, kind, name, base_url, generation)

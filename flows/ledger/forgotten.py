"""Forgotten: whom somebody asked to be forgotten, as keyed hashes that tell nobody who has not the address already."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from flows.ledger.database import Connection, Database
from flows.ledger.people import Who
from flows.ledger.runs import now

__all__ = ["Forgotten"]


class Forgotten:
    """Addresses hold everywhere, ids in the mapping whose source or destination uses them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret = b""

    def mac(self, mapping: str, text: str) -> str:
        """The hash of an address, or of an id of a mapping."""
        self._secret = self._secret or self._database.secret
        name = text.strip().lower() if "@" in text else f"{mapping}\0{text.strip()}"
        return hmac.digest(self._secret, name.encode(), hashlib.sha256).hex()[:32]

    def hashes(self) -> frozenset[str]:
        """All of them."""
        return frozenset(mac for (mac,) in self._database.ask("select key_mac from forgotten"))

    def last(self) -> str:
        """When somebody was forgotten for the last time; '' where nobody was."""
        [(moment,)] = self._database.ask("select max(made_at) from forgotten")
        return moment or ""

    def add(self, who: Who) -> None:
        """From now on nothing of this person is delivered. Durable when it returns."""
        macs = [self.mac("", address) for address in who.addresses]
        macs += [self.mac(mapping, text) for mapping, text in who.ids]
        marks = ", ".join("?" * len(macs))

        def added(database: Connection) -> None:
            # who is forgotten again stays one with what is not known of them any more, so that all of it is allowed back together
            sql = f"select min(made_at) from forgotten where key_mac in ({marks})"  # noqa: S608 - marks only
            (before,) = database.execute(sql, macs).fetchone()
            moment = before or now()
            database.executemany(
                "insert into forgotten values (?, ?) on conflict do nothing", [(mac, moment) for mac in macs]
            )

        self._database.done(added)

    def allow_back(self, mappings: Iterable[str], text: str) -> int:
        """Takes back that a person was forgotten, with all that was forgotten together with them; how many hashes those were."""
        macs = [self.mac(mapping, text) for mapping in ("", *mappings)]
        marks = ", ".join("?" * len(macs))
        with self._database.transaction() as database:
            removed = database.execute(
                f"delete from forgotten where made_at in (select made_at from forgotten where key_mac in ({marks}))",  # noqa: S608 - marks only
                macs,
            )
        return removed.rowcount

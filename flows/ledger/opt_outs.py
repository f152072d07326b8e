"""Opt-outs: everybody of whom the ledger knows that they want no mail, and everybody it knows at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.ledger.database import Database

__all__ = ["Heard", "OptOuts", "Person"]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the source means by a key: `person` is its id for them, `address` theirs; '' where no mapping delivered it."""

    person: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """An opt-out. `origin` is `destination` or the name of the mapping whose source said it; `known_at` ISO 8601 in UTC."""

    key: str
    origin: str
    known_at: str


class OptOuts:
    """What is kept of consent, for those who look at it as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def some(self, account: int) -> bool:
        """Whether any is known."""
        sql = "select 1 from consent where account = ? and opted_out = 1 union all select 1 from objector where account = ? limit 1"
        return bool(self._database.ask(sql, (account, account)))

    def heard(self, account: int) -> Iterator[Heard]:
        """All of an account, by key."""
        sql = "select key, origin, known_at from consent where account = ? and opted_out = 1 order by key"
        for row in self._database.stream(sql, (account,)):
            yield Heard(*row)

    def suppressed(self, account: int) -> Iterator[tuple[Heard, Person]]:
        """Whom a suppression file protected the last time that a run came to them, and since when it does."""
        sql = """
            select i.key, a.code, a.answered_at, i.person, i.wanted from run r join intent i on i.run = r.id
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where r.account = ? and i.key in (select i2.key from answer a2 join intent i2 on i2.run = a2.run
            and i2.row_number = a2.row_number and i2.attempt = a2.attempt where a2.code = 'suppressed')
            order by i.key, a.answered_at
        """
        since: dict[str, tuple[str, Person]] = {}
        for key, code, answered_at, person, wanted in self._database.ask(sql, (account,)):
            if code != "suppressed":
                since.pop(key, None)
            else:
                first = since[key][0] if key in since else answered_at
                since[key] = first, Person(person, _address(json.loads(wanted)))
        for key, (first, whom) in since.items():
            yield Heard(key, "suppression file", first), whom

    def people(self, account: int) -> dict[str, Person]:
        """Whom the source means by the keys of those who opted out, as it was delivered last."""
        sql = """
            select d.key, d.person, d.wanted from delivered d
            join consent c on c.account = d.account and c.key = d.key and c.opted_out = 1
            where d.account = ? order by d.delivered_at
        """
        found: dict[str, Person] = {}
        for key, person, wanted in self._database.stream(sql, (account,)):
            before = found.get(key, Person())
            found[key] = Person(person or before.person, _address(json.loads(wanted)) or before.address)
        return found

    def keys(self, account: int) -> list[str]:
        """Everybody who was delivered to an account, or of whom an opt-out was heard; each once."""
        sql = """
            select key from delivered where account = ? union select key from consent where account = ? and opted_out = 1
            order by 1
        """
        return [key for (key,) in self._database.ask(sql, (account, account))]


def _address(wanted: dict[str, Any]) -> str:
    """The address among the texts of a contact; '' where there is none."""
    texts = wanted.get("texts", {})
    return next((texts[tag] for tag in ("email", "email_address") if "@" in texts.get(tag, "")), "")

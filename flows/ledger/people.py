"""People: everything that the ledger has of one person, under whichever address or id.

Who is asked for by an address is also meant by the ids under which a mapping's source knows them, and by the addresses that
these were delivered under.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.errors import MappingError
from connectors.kinds import destination_module
from flows.ledger.database import Database

__all__ = ["Held", "People", "Trace", "Who"]

_ROUNDS = 8
_BLANK = json.dumps({"texts": {}, "tags": [], "lists": [], "opted_out": False})


@dataclass(frozen=True, slots=True)
class Who:
    """One person. `addresses` are in lower case; `ids` are (mapping, id): a source's person ids, and keys that are no address."""

    addresses: frozenset[str]
    ids: frozenset[tuple[str, str]]

    @property
    def texts(self) -> frozenset[str]:
        """All of them as they may stand somewhere."""
        return self.addresses | {text for _, text in self.ids}


@dataclass(frozen=True, slots=True)
class Trace:
    """One time that a run came to the person: what was to be there, what was there before, and what became of it.

    `outcome` and all after it are '' where there is no answer. `before` is None where nobody was looked up.
    """

    run: str
    mapping: str
    account: int
    row: int
    attempt: int
    carried: bool
    key: str
    old_key: str
    person: str
    wanted: dict[str, Any]
    before: dict[str, Any] | None
    made_at: str
    outcome: str
    code: str
    reason: str
    contact_id: str
    problems: list[Any]
    calls: dict[str, Any]
    answered_at: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a mapping has delivered last of the person to an account."""

    account: int
    kind: str
    name: str
    base_url: str
    mapping: str
    key: str
    person: str
    contact_id: str
    wanted: dict[str, Any]
    run: str
    delivered_at: str


class People:
    """Looks through all that was sent or delivered. Slow where there is much, and seldom asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def who(self, asked: str) -> Who:
        """The person with an address, or with an id of any mapping's source or destination; that they are known is not said."""
        text = asked.strip()
        if "@" in text:
            who = Who(frozenset({text.lower()}), frozenset())
        else:
            sql = """
                select r.mapping, :text from intent i join run r on r.id = i.run where :text in (i.person, i.key)
                union select mapping, :text from delivered where :text in (person, key)
                union select mapping, key from delivered where contact_id = :text
                union select r.mapping, i.key from answer a join run r on r.id = a.run
                join intent i on i.run = a.run and i.row_number = a.row_number and i.attempt = a.attempt where a.contact_id = :text
            """
            found = self._database.ask(sql, {"text": text})
            who = Who(
                frozenset(name.lower() for _, name in found if "@" in name),
                frozenset((mapping, name) for mapping, name in found if name and "@" not in name),
            )
        for _ in range(_ROUNDS):
            more = self._wider(who)
            if more == who:
                break
            who = more
        return who

    def _wider(self, who: Who) -> Who:
        sql = f"""
            with meant as ({_MEANT})
            select r.mapping, i.key, i.old_key, i.person, i.wanted from intent i join run r on r.id = i.run where {_THEIRS.format("i", "r")}
            union select d.mapping, d.key, '', d.person, d.wanted from delivered d where {_THEIRS.format("d", "d").replace("d.old_key", "''")}
        """  # noqa: S608 - no user text
        addresses, ids = set(who.addresses), set(who.ids)
        tags = self._tags()
        for mapping, key, old_key, person, wanted in self._database.ask(sql, self._meant(who)):
            found = [key, old_key, *(str(json.loads(wanted).get("texts", {}).get(tag, "")) for tag in tags)]
            for text in found:
                if "@" in text:
                    addresses.add(text.lower())
                elif text:
                    ids.add((mapping, text))
            if person:
                ids.add((mapping, person))
        # whose address was wrong in the source is known there by what stood in its place
        sql = """
            select mapping, person from correction where lower(corrected) in (select value from json_each(:addresses))
            or lower(original) in (select value from json_each(:addresses))
        """
        ids |= set(self._database.ask(sql, self._meant(who)))
        return Who(frozenset(addresses), frozenset(ids))

    def _tags(self) -> set[str]:
        """The merge tags by which contacts are known at the destinations of this ledger."""
        found: set[str] = set()
        for (kind,) in self._database.ask("select distinct kind from account"):
            with contextlib.suppress(
                MappingError
            ):  # a destination of another package, which is not installed any more
                found.update(destination_module(kind).Connector.keys)
        return found

    def _meant(self, who: Who) -> dict[str, str]:
        return {
            "addresses": json.dumps(sorted(who.addresses), ensure_ascii=False),
            "ids": json.dumps(sorted(who.ids), ensure_ascii=False),
            "tags": json.dumps(sorted(self._tags())),
        }

    def traces(self, who: Who) -> Iterator[Trace]:
        """In the order of time."""
        sql = f"""
            with meant as ({_MEANT})
            select i.run, r.mapping, r.account, i.row_number, i.attempt, i.carried, i.key, i.old_key, i.person, i.wanted, i.before, i.made_at,
            coalesce(a.outcome, ''), coalesce(a.code, ''), coalesce(a.reason, ''), coalesce(a.contact_id, ''),
            coalesce(a.problems, '[]'), coalesce(a.calls, '{{}}'), coalesce(a.answered_at, '')
            from intent i join run r on r.id = i.run
            left join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where {_THEIRS.format("i", "r")} order by i.made_at, i.run, i.row_number
        """  # noqa: S608 - no user text
        for row in self._database.ask(sql, self._meant(who)):
            run, mapping, account, number, attempt, carried, key, old_key, person, wanted, before, *rest = row
            made_at, outcome, code, reason, contact_id, problems, calls, answered_at = rest
            yield Trace(
                run, mapping, account, number, attempt, bool(carried), key, old_key, person, json.loads(wanted),
                _as_it_was(before), made_at, outcome, code, reason, contact_id,
                json.loads(problems), json.loads(calls), answered_at,
            )  # fmt: skip

    def held(self, who: Who) -> list[Held]:
        """What was delivered last, by account and mapping."""
        sql = f"""
            with meant as ({_MEANT})
            select d.account, a.kind, a.name, a.base_url, d.mapping, d.key, d.person, d.contact_id, d.wanted, d.run, d.delivered_at
            from delivered d join account a on a.id = d.account where {_THEIRS.format("d", "d").replace("d.old_key", "''")}
            order by a.kind, a.name, d.mapping, d.key
        """  # noqa: S608 - no user text
        found = []
        for row in self._database.ask(sql, self._meant(who)):
            account, kind, name, base_url, mapping, key, person, contact_id, wanted, run, at = row
            texts = json.loads(wanted)
            found.append(
                Held(account, kind, name, base_url, mapping, key, person, contact_id, texts, run, at)
            )
        return found

    def consents(self, who: Who) -> list[tuple[int, str, str, str]]:
        """Who said that the person wants no mail: account, key, origin, since when."""
        sql = """
            select account, key, origin, said_at from objection where key in (select value from json_each(:texts))
            union select account, person, mapping, said_at from objector
            where exists (select 1 from json_each(:ids) p where p.value ->> 0 = mapping and p.value ->> 1 = person) order by 1, 4
        """
        asked = self._meant(who) | {"texts": json.dumps(sorted(who.texts), ensure_ascii=False)}
        return [(account, key, origin, at) for account, key, origin, at in self._database.ask(sql, asked)]

    def wipe(self, who: Who) -> int:
        """Takes the person out of all tables but `page` and `forgotten`; how many intents were theirs.

        Of what was sent the numbers stay: rows, outcomes, codes, times. Durable when it returns.
        """
        asked = self._meant(who) | {
            "texts": json.dumps(sorted(who.texts), ensure_ascii=False),
            "blank": _BLANK,
        }
        theirs = f"""
            select i.run, i.row_number, i.attempt from intent i join run r on r.id = i.run where {_THEIRS.format("i", "r")}
        """  # noqa: S608 - no user text
        person = "exists (select 1 from json_each(:ids) p where p.value ->> 0 = mapping and p.value ->> 1 = person)"
        key = "key in (select value from json_each(:texts))"
        with self._database.transaction() as database:
            database.execute(
                "create temporary table their (run text not null, row_number integer not null, attempt integer not null)"
            )
            database.execute(f"insert into their with meant as ({_MEANT}) {theirs}", asked)
            (count,) = database.execute("select count(*) from their").fetchone()
            # What was never answered would be settled by a resume: nothing of it is kept.
            database.execute(
                """delete from intent where (run, row_number, attempt) in (select run, row_number, attempt from their)
                and (run, row_number, attempt) not in (select run, row_number, attempt from answer)"""
            )
            mine = "(run, row_number, attempt) in (select run, row_number, attempt from their)"
            database.execute(
                f"update answer set reason = '', contact_id = '', problems = '[]', kept = '{{}}', own = '' where {mine}"  # noqa: S608 - as above
            )
            sql = f"select run, row_number, attempt, calls from answer where {mine}"  # noqa: S608 - as above
            database.executemany(
                "update answer set calls = ? where run = ? and row_number = ? and attempt = ?",
                [(_without_values(calls), *row) for *row, calls in database.execute(sql).fetchall()],
            )
            database.execute(
                f"""update intent set key = '', key_hash = 0, person = '', fingerprint = 0, old_key = '', wanted = :blank, before = null
                where {mine}""",  # noqa: S608 - as above
                asked,
            )
            database.execute(
                f"delete from delivered where exists (with meant as ({_MEANT}) select 1 from (select 1) once where "  # noqa: S608 - as above
                + _THEIRS.format("delivered", "delivered").replace("delivered.old_key", "''")
                + ")",
                asked,
            )
            database.execute(f"delete from vanished where {key} or {person}", asked)  # noqa: S608 - as above
            for table in ("consent", "objection", "listed"):
                database.execute(f"delete from {table} where {key}", asked)  # noqa: S608 - as above
            for table in (
                "objector",
                "correction",
                "acceptance",
            ):  # a source's person may be their address as it writes it
                sql = f"delete from {table} where {person} or lower(trim(person)) in (select value from json_each(:addresses))"  # noqa: S608 - as above
                database.execute(sql, asked)
            for column in ("original", "corrected"):
                sql = f"delete from correction where lower(trim({column})) in (select value from json_each(:addresses))"  # noqa: S608 - as above
                database.execute(sql, asked)
            # an edit is of the run whose rows were edited, what was sent of the retry
            database.execute(
                """delete from edit where (run, row_number) in (select run, row_number from their)
                or (run, row_number) in (select r.follows, t.row_number from their t join run r on r.id = t.run)
                or lower(before) in (select value from json_each(:addresses)) or lower(after) in (select value from json_each(:addresses))""",
                asked,
            )
            database.execute("drop table their")
        return int(count)


def _as_it_was(before: str | None) -> dict[str, Any] | None:
    """How a contact was there before, without what is kept beside it that is nobody's."""
    was = {name: part for name, part in (json.loads(before or "null") or {}).items() if name != "counted"}
    return was if was and was != {"from": "nobody"} else None


def _without_values(calls: str) -> str:
    """What was done for a contact: of what was changed the names only."""
    done = json.loads(calls)
    if isinstance(done.get("changes"), dict):
        done["changes"] = list(done["changes"])
    return json.dumps(done, ensure_ascii=False)


_MEANT = "select value ->> 0 as mapping, value ->> 1 as id from json_each(:ids)"
_THEIRS = """(
    {0}.key in (select value from json_each(:addresses)) or {0}.old_key in (select value from json_each(:addresses))
    or exists (select 1 from meant m where m.mapping = {1}.mapping and m.id in ({0}.person, {0}.key) and m.id <> '')
    or exists (select 1 from json_each({0}.wanted -> 'texts') t
        where t.key in (select value from json_each(:tags)) and lower(t.value) in (select value from json_each(:addresses)))
)"""
"""Whose an intent or a delivered contact is: by its addresses, by an id of its mapping, by an address that is not the key."""

"""Memory: what each mapping last delivered to whom, and what is known of consent."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from connectors.base import Remembered
from flows.ledger.database import Connection, Database, anew
from flows.ledger.pages import Pages, key_hash
from flows.ledger.runs import now

__all__ = ["Memory", "Standing"]

_T = TypeVar("_T")
_MASK = 2**64 - 1
_AT_ONCE = 50_000
_DESTINATION = "destination"
_Objection = tuple[bool, float, float]
"""Whether somebody else said so, since when the destination did, and until when this mapping's source did."""
_LANDED = "('created', 'updated', 'upserted', 'unchanged')"
_SAID = "(i.carried = 1 or i.wanted -> 'opted_out' = 'true')"
"""Whether the source said that the person of an intent wants no mail."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which run has last delivered a contact. `later`: it began after the run that it was asked about."""

    key: str
    person: str
    run: str
    later: bool


class Memory:
    """Filed only for what landed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remembered(
        self, account: int, mapping: str, keys: Sequence[tuple[str, str]]
    ) -> dict[str, Remembered]:
        """What is remembered of (key, person) pairs, by key. A person found under another key has changed it.

        That comes before what was delivered under the key for somebody else: an address can pass to another person.
        """
        names = json.dumps([key for key, _ in keys], ensure_ascii=False)
        persons: dict[
            str, list[str]
        ] = {}  # somebody may stand in a file twice, once with an opt-out to be carried
        for key, person in keys:
            if person:
                persons.setdefault(person, []).append(key)
        sql = """
            select d.key, d.person, d.contact_id, d.wanted, d.own from delivered d
            where d.account = ? and d.mapping = ? and d.key in (select value from json_each(?))
        """
        found = {
            key: (key, person, contact_id, wanted, own)
            for key, person, contact_id, wanted, own in self._database.ask(sql, (account, mapping, names))
        }
        if persons:
            sql = """
                select d.person, d.key, d.contact_id, d.wanted, d.own from delivered d
                where d.account = ? and d.mapping = ? and d.person in (select value from json_each(?))
            """
            people = json.dumps(list(persons), ensure_ascii=False)
            for person, key, contact_id, wanted, own in self._database.ask(sql, (account, mapping, people)):
                for mine in persons[person]:
                    if mine not in found or found[mine][1] != person:
                        found[mine] = (key, person, contact_id, wanted, own)
        old = [entry[0] for entry in found.values()]
        out = self._opted_out(account, mapping, [*(key for key, _ in keys), *old])
        objectors = self._objectors(account, mapping, list(persons)) if persons else {}
        elsewhere = self._lists_elsewhere(account, mapping, names)
        remembered = {}
        for key, person in keys:
            old_key, _, contact_id, wanted, own = found.get(key, ("", "", "", "", ""))
            objections = [out[name] for name in {key, old_key} if name in out]
            if person in objectors:
                objections.append((False, 0.0, objectors[person]))
            if wanted:
                remembered[key] = _objected(_remembered(old_key, contact_id, wanted, own), objections)
            elif objections:
                remembered[key] = _objected(Remembered(""), objections)
            if key in elsewhere:
                known = remembered.get(key, Remembered(""))
                remembered[key] = replace(known, lists=known.lists | elsewhere[key])
        return remembered

    def _lists_elsewhere(self, account: int, mapping: str, names: str) -> dict[str, frozenset[str]]:
        """The lists that other mappings delivered to these keys: whoever left one is not put back by this mapping either."""
        sql = """
            select key, wanted -> 'lists', nullif(own, '') -> 'had_lists' from delivered where account = ? and mapping <> ?
            and key in (select value from json_each(?)) and wanted ->> 'lists' <> '[]'
        """
        found: dict[str, frozenset[str]] = {}
        for key, lists, had in self._database.ask(sql, (account, mapping, names)):
            names_of = frozenset(json.loads(lists or "[]")) | frozenset(json.loads(had or "[]"))
            found[key] = found.get(key, frozenset()) | names_of
        return found

    def _objectors(self, account: int, mapping: str, persons: Sequence[str]) -> dict[str, float]:
        """Until when this mapping's source said so of a person, under whichever address."""
        sql = "select person, said_at from objector where account = ? and mapping = ? and person in (select value from json_each(?))"
        names = json.dumps(persons, ensure_ascii=False)
        return {p: _moment(said) for p, said in self._database.ask(sql, (account, mapping, names))}

    def delivered_for(self, account: int, mapping: str, keys: Sequence[str]) -> dict[str, str]:
        """Under whose person id each of these keys was last delivered; keys that had none are left out."""
        sql = """
            select key, person from delivered
            where account = ? and mapping = ? and person <> '' and key in (select value from json_each(?))
        """
        return dict(self._database.ask(sql, (account, mapping, json.dumps(list(keys), ensure_ascii=False))))

    async def beside(self, work: Callable[[], _T]) -> _T:
        """What `work` gives, which asks this memory: in a thread where a server has to be waited for. Raises LedgerError."""
        return await self._database.beside(work)

    def heard(
        self, account: int, mapping: str, remembered: Remembered | None, keys: Collection[str]
    ) -> Remembered | None:
        """The same with all opt-outs that are known by now under any of a person's addresses and ids.

        Asked right before a contact is sent: raises LedgerError where a lock that whoever asks relies on was lost.
        """
        for fence in self._database.held:
            fence.refuse_when_lost()
        marks = ", ".join("?" * len(keys))
        sql = f"select 1 from consent where account = ? and key in ({marks}) and opted_out = 1 limit 1"  # noqa: S608 - marks only
        if not keys or not self._database.ask(sql, (account, *keys)):  # of nearly everybody none
            return remembered
        memory = remembered or Remembered("")
        found = list(self._opted_out(account, mapping, list(keys)).values())
        if memory.opted_out:
            found.append((memory.out_elsewhere, memory.out_there_since, memory.out_here_until))
        return _objected(memory, found)

    def standing(
        self, account: int, mapping: str, pairs: Sequence[tuple[str, str]], run: str
    ) -> list[Standing]:
        """What stands there under the keys, or of the persons, of (key, person) pairs, and whether it is later than a run."""
        sql = """
            select d.key, d.person, d.run, r.started_at > (select started_at from run where id = ?)
            from delivered d join run r on r.id = d.run where d.account = ? and d.mapping = ? and d.{} in (select value from json_each(?))
        """
        found: dict[str, Standing] = {}
        for name, texts in (
            ("key", [key for key, _ in pairs]),
            ("person", [person for _, person in pairs if person]),
        ):
            asked = json.dumps(texts, ensure_ascii=False)
            for key, person, by, later in self._database.ask(
                sql.format(name), (run, account, mapping, asked)
            ):
                found[key] = Standing(key, person, by, bool(later))
        return list(found.values())

    def _opted_out(self, account: int, mapping: str, keys: Sequence[str]) -> dict[str, _Objection]:
        sql = """
            select c.key, coalesce(sum(case when o.origin in (?, ?) then 0 else 1 end), 1),
            max(case o.origin when ? then o.said_at end), max(case o.origin when ? then o.said_at end)
            from consent c left join objection o on o.account = c.account and o.key = c.key
            where c.account = ? and c.opted_out = 1 and c.key in (select value from json_each(?)) group by c.key
        """
        names = json.dumps(keys, ensure_ascii=False)
        asked = (mapping, _DESTINATION, _DESTINATION, mapping, account, names)
        found = self._database.ask(sql, asked)
        return {key: (bool(others), _moment(there), _moment(here)) for key, others, there, here in found}

    def heard_opt_outs(self, account: int, keys: Sequence[str], origin: str) -> None:
        """Keeps that these people want no mail. It is never taken back by a file that says nothing.

        Of a source it is kept when it last said so, of the destination when it first did.
        """
        sql = """
            insert into consent select ?, value, 1, ?, ? from json_each(?) where true
            on conflict (account, key) do update set opted_out = 1, origin = excluded.origin, known_at = excluded.known_at
            where consent.opted_out = 0
        """
        moment, names = now(), json.dumps(list(dict.fromkeys(keys)), ensure_ascii=False)

        def heard(database: Connection) -> None:
            database.execute(sql, (account, origin, moment, names))
            database.execute(
                "insert into objection select ?, value, ?, ? from json_each(?) where true on conflict (account, key, origin)"
                " do update set said_at = excluded.said_at where objection.origin <> ?",
                (account, origin, moment, names, _DESTINATION),
            )

        self._database.done(heard)

    def heard_under(self, run_id: str, account: int, mapping: str, tags: Collection[str]) -> None:
        """Keeps the opt-outs of a run also under the addresses and ids that are not the mapping's key: `tags` may be keys, too."""
        sql = f"""
            select distinct case when t.value like '%@%' then lower(t.value) else t.value end, {_SAID}
            from intent i left join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            cross join json_each(i.wanted -> 'texts') t
            where i.run = ? and t.key in (select value from json_each(?)) and t.value <> i.key
            and ({_SAID} or a.opted_out = 1)
        """  # noqa: S608 - no user text
        found = self._database.ask(sql, (run_id, json.dumps(list(tags))))
        for origin, by_source in ((mapping, True), (_DESTINATION, False)):
            if keys := [key for key, said_here in found if bool(said_here) == by_source]:
                self.heard_opt_outs(account, keys, origin)

    def settle(self, run_id: str, account: int, mapping: str, pages: Pages) -> int:
        """Files what landed in a run: delivered values, fingerprints, consent. Can be repeated; returns how many.

        Where a later run has delivered a contact meanwhile, that stays.
        """
        return anew(self._database, lambda: self._settled(run_id, account, mapping, pages))

    def _settled(self, run_id: str, account: int, mapping: str, pages: Pages) -> int:
        where = f"i.run = ? and i.carried = 0 and a.outcome in {_LANDED}"
        joined = """
            from intent i join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
        """

        def filed(database: Connection) -> None:
            database.execute(
                f"""insert into delivered
                (account, mapping, key, person, contact_id, wanted, run, delivered_at, own)
                select ?, ?, i.key, i.person, a.contact_id, i.wanted, i.run, a.answered_at, a.own {joined}
                where {where} on conflict (account, mapping, key) do update set person = excluded.person,
                contact_id = excluded.contact_id, wanted = excluded.wanted, run = excluded.run,
                delivered_at = excluded.delivered_at,
                own = case excluded.own when '' then delivered.own else excluded.own end
                where excluded.delivered_at >= delivered.delivered_at""",
                (account, mapping, run_id),
            )
            database.execute(
                f"""delete from delivered where account = ? and mapping = ? and run <> ? and key in
                (select d.key from (select i.old_key, max(a.answered_at) as moved {joined}
                where {where} and i.old_key <> '' group by i.old_key) m
                join delivered d on d.account = ? and d.mapping = ? and d.key = m.old_key where d.delivered_at <= m.moved)""",  # noqa: S608 - no user text
                (account, mapping, run_id, run_id, account, mapping),
            )
            self._are_back(database, joined, where, account, mapping, run_id)
            # Whoever's turn had come is heard, whatever became of it: also a row that is only carried, or left out there.
            for key in ("i.key", "i.old_key"):
                database.execute(
                    f"""insert into consent select ?, key, 1, origin, made_at from (
                    select {key} as key, case when {_SAID} then ? else ? end as origin, i.made_at as made_at,
                    row_number() over (partition by {key} order by i.row_number, i.attempt) as turn
                    from intent i left join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
                    where i.run = ? and {key} <> '' and ({_SAID} or a.opted_out = 1)) heard where turn = 1
                    on conflict (account, key) do update set opted_out = 1, origin = excluded.origin, known_at = excluded.known_at
                    where consent.opted_out = 0""",  # noqa: S608 - no user text
                    (account, mapping, _DESTINATION, run_id),
                )
                database.execute(
                    f"""insert into objection select ?, {key}, ?, max(i.made_at) from intent i
                    where i.run = ? and {key} <> '' and {_SAID} group by {key} on conflict (account, key, origin)
                    do update set said_at = excluded.said_at where objection.said_at < excluded.said_at""",  # noqa: S608 - no user text
                    (account, mapping, run_id),
                )
                database.execute(
                    f"""insert into objection select ?, {key}, ?, a.answered_at {joined}
                    where i.run = ? and {key} <> '' and a.opted_out = 1 on conflict do nothing""",
                    (account, _DESTINATION, run_id),
                )
            database.execute(
                f"""insert into objector select ?, ?, i.person, max(i.made_at) from intent i
                where i.run = ? and i.person <> '' and {_SAID} group by i.person on conflict (account, mapping, person)
                do update set said_at = excluded.said_at where objector.said_at < excluded.said_at""",  # noqa: S608 - no user text
                (account, mapping, run_id),
            )
            self._take_back(database, joined, account, mapping, run_id)

        self._database.done(filed)
        mine = "join delivered d on d.account = ? and d.mapping = ? and d.key = i.key and d.run = i.run"
        stands = "select 1 from delivered d where d.account = ? and d.mapping = ? and d.key = i.old_key"
        olds = self._database.ask(
            f"select i.old_key {joined} where {where} and i.old_key <> '' and not exists ({stands})",
            (run_id, account, mapping),
        )
        if olds:  # first, because somebody else may have that address now
            pages.put(account, mapping, (), [(key_hash(old), old) for (old,) in olds])
        landed = 0
        sql = f"select i.key_hash, i.fingerprint, i.key {joined} {mine} where {where} order by i.key_hash"
        rows = self._database.stream(sql, (account, mapping, run_id))
        # Some pages at a time: a million contacts are no million objects, and a few are one commit.
        while some := list(itertools.islice(rows, _AT_ONCE)):
            entries = [(hashed & _MASK, fingerprint & _MASK, key) for hashed, fingerprint, key in some]
            pages.put(account, mapping, entries)
            landed += len(entries)
        return landed

    def given_back(
        self, account: int, mapping: str, keys: Collection[str], persons: Collection[str], until: str
    ) -> None:
        """An undo subscribed somebody again: what this mapping and the destination had said until then counts no more."""
        names, people = (json.dumps(sorted(some), ensure_ascii=False) for some in (keys, persons))

        def given(database: Connection) -> None:
            database.execute(
                "delete from objector where account = ? and mapping = ? and said_at <= ?"
                " and person in (select value from json_each(?))",
                (account, mapping, until, people),
            )
            database.execute(
                "delete from objection where account = ? and origin in (?, ?) and said_at <= ?"
                " and key in (select value from json_each(?))",
                (account, mapping, _DESTINATION, until, names),
            )
            database.execute(
                """update consent set opted_out = 0, known_at = ? where account = ? and opted_out = 1
                and key in (select value from json_each(?)) and not exists
                (select 1 from objection o where o.account = consent.account and o.key = consent.key)""",
                (now(), account, names),
            )

        self._database.done(given)

    @staticmethod
    def _are_back(
        database: Connection, joined: str, where: str, account: int, mapping: str, run_id: str
    ) -> None:
        """Who was delivered has not vanished, whichever file they came in."""
        for key in ("i.key", "i.old_key"):
            database.execute(
                f"""delete from vanished where account = ? and mapping = ? and key in (select v.key from vanished v
                join (select {key} as key, max(a.answered_at) as there {joined} where {where} and {key} <> '' group by {key}) d
                on d.key = v.key where v.account = ? and v.mapping = ? and d.there >= v.since)""",  # noqa: S608 - no user text
                (account, mapping, run_id, account, mapping),
            )

    @staticmethod
    def _take_back(database: Connection, joined: str, account: int, mapping: str, run_id: str) -> None:
        """Who was subscribed again objects no more; what was heard after that write stays."""
        database.execute(
            f"""delete from objector where account = ? and mapping = ? and person in
            (select i.person {joined} where i.run = ? and a.opted_in = 1 and a.outcome in {_LANDED} and a.answered_at > said_at)""",  # noqa: S608 - no user text
            (account, mapping, run_id),
        )
        for key in ("i.key", "i.old_key"):
            again = f"""select {key} {joined}
                where i.run = ? and a.opted_in = 1 and a.outcome in {_LANDED} and a.answered_at > said_at"""
            database.execute(
                f"delete from objection where account = ? and origin in (?, ?) and key in ({again})",  # noqa: S608 - as above
                (account, mapping, _DESTINATION, run_id),
            )
        for key in ("i.key", "i.old_key"):
            database.execute(
                f"""update consent set opted_out = 0, known_at = ? where account = ? and opted_out = 1 and key in
                (select {key} {joined} where i.run = ? and a.opted_in = 1 and a.outcome in {_LANDED}) and not exists
                (select 1 from objection o where o.account = consent.account and o.key = consent.key)""",  # noqa: S608 - as above
                (now(), account, run_id),
            )


def _moment(written: str | None) -> float:
    return dt.datetime.fromisoformat(written).timestamp() if written else 0.0


def _objected(remembered: Remembered, objections: Sequence[_Objection]) -> Remembered:
    """The same with all that was said, under whichever address."""
    if not objections:
        return remembered
    elsewhere, there, here = zip(*objections, strict=True)
    return replace(
        remembered,
        opted_out=True,
        out_elsewhere=any(elsewhere),
        out_there_since=max(there),
        out_here_until=max(here),
    )


def _remembered(key: str, contact_id: str, wanted: str, own: str) -> Remembered:
    """What was delivered, from its JSON; a muster before the grammar of lists and `own` wrote less of it."""
    had, ours = json.loads(wanted), json.loads(own or "{}")
    return Remembered(
        key=key,
        contact_id=contact_id,
        texts={**had["texts"], **ours.get("texts", {})},
        tags=frozenset(had["tags"]) | frozenset(ours.get("had_tags", ())),
        lists=frozenset(had.get("lists", ())) | frozenset(ours.get("had_lists", ())),
        own_tags=frozenset(ours.get("tags", ())),
        own_lists=frozenset(ours.get("lists", ())),
    )

"""Vanished people: who was delivered by a mapping and is in no row of its complete source, since when, and what was done.

A person is in the table from the first complete source that missed them until one has them again, or until they are delivered
from another one (see memory): whoever is missed after that is missed anew. `done` is the run that
did for them what the mapping says, once; '' as long as nothing was done.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.ledger.database import Connection, Database, anew
from flows.ledger.pages import Pages
from flows.ledger.people import Who

__all__ = ["LastKept", "Missed", "VanishedPeople"]

_DESTINATION = "destination"
_AT_ONCE = 5000
_MASK = 2**64 - 1
_NEVER = 0
"""A fingerprint that no contact has: who comes back is delivered anew."""


@dataclass(frozen=True, slots=True)
class Missed:
    """One of them, as the table has them. `since` is ISO 8601 in UTC, `run` the run that missed them first."""

    key: str
    person: str
    since: str
    run: str
    done: str


@dataclass(frozen=True, slots=True)
class LastKept:
    """What a mapping last delivered under a key: to which person of the source, and by which run."""

    key: str
    person: str
    run: str


class VanishedPeople:
    """Those of each account and mapping."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._pages = pages

    def delivered(self, account: int, mapping: str, keys: Sequence[str]) -> Iterator[LastKept]:
        """What was last delivered under each of the keys, in any order."""
        sql = """
            select key, person, run from delivered
            where account = ? and mapping = ? and key in (select value from json_each(?))
        """
        for start in range(0, len(keys), _AT_ONCE):
            some = json.dumps(keys[start : start + _AT_ONCE], ensure_ascii=False)
            for row in self._database.ask(sql, (account, mapping, some)):
                yield LastKept(*row)

    def of(self, account: int, mapping: str) -> dict[str, Missed]:
        """All of them by key, in the order of the keys."""
        sql = "select key, person, since, run, done from vanished where account = ? and mapping = ? order by key"
        return {row[0]: Missed(*row) for row in self._database.ask(sql, (account, mapping))}

    def theirs(self, who: Who) -> list[tuple[str, Missed]]:
        """Where one person is in the table: the mapping, and what is known."""
        sql = """
            select mapping, key, person, since, run, done from vanished where key in (select value from json_each(?))
            or exists (select 1 from json_each(?) p where p.value ->> 0 = mapping and p.value ->> 1 = person) order by since, mapping
        """
        asked = (
            json.dumps(sorted(who.texts), ensure_ascii=False),
            json.dumps(sorted(who.ids), ensure_ascii=False),
        )
        return [(mapping, Missed(*rest)) for mapping, *rest in self._database.ask(sql, asked)]

    def to_act_on(self, account: int, mapping: str) -> Iterator[str]:
        """The keys of those for whom nothing was done yet, in order."""
        sql = "select key from vanished where account = ? and mapping = ? and done = '' order by key"
        for (key,) in self._database.stream(sql, (account, mapping)):
            yield key

    def is_missed(self, account: int, mapping: str, key: str) -> bool:
        """Whether this person still counts as vanished."""
        sql = "select 1 from vanished where account = ? and mapping = ? and key = ?"
        return bool(self._database.ask(sql, (account, mapping, key)))

    def opted_out(self, account: int, keys: Sequence[str]) -> int:
        """How many of them are known to want no mail."""
        sql = "select count(*) from consent where account = ? and opted_out = 1 and key in (select value from json_each(?))"
        asked = json.dumps(list(keys), ensure_ascii=False)
        return int(self._database.ask(sql, (account, asked))[0][0])

    def file(
        self, account: int, mapping: str, run: str, since: str, missed: Iterable[tuple[str, str]]
    ) -> None:
        """The people, as (key, person), whom a complete source misses: the newcomers are added, all others are back."""
        rows = list(missed)

        def filed(database: Connection) -> None:
            keys = json.dumps([key for key, _ in rows], ensure_ascii=False)
            database.execute(
                "delete from vanished where account = ? and mapping = ? and key not in (select value from json_each(?))",
                (account, mapping, keys),
            )
            database.executemany(
                "insert into vanished (account, mapping, key, person, since, run) values (?, ?, ?, ?, ?, ?)"
                " on conflict (account, mapping, key) do nothing",
                [(account, mapping, key, person, since, run) for key, person in rows],
            )

        self._database.done(filed)

    def acted(
        self,
        run: str,
        account: int,
        mapping: str,
        *,
        fields: Collection[str] = (),
        tags: Collection[str] = (),
        lists: Collection[str] = (),
    ) -> int:
        """Files what a run did for them. Can be repeated; returns for how many.

        `fields`, `tags` and `lists` are those that the mapping changes: they count as delivered no more, so that who comes back gets
        them again. An opt-out is heard, and stays. Who was delivered since, or vanished anew, is not concerned any more.
        """
        taken = functools.partial(_without, fields=fields, tags=tags, lists=lists)
        return anew(self._database, lambda: self._acted(run, account, mapping, taken))

    def _acted(
        self, run: str, account: int, mapping: str, taken: Callable[[str, str], tuple[str, str]]
    ) -> int:
        sql = """
            select i.key, i.key_hash, a.outcome, d.wanted, d.own, a.answered_at from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            left join delivered d on d.account = ? and d.mapping = ? and d.key = i.key and d.delivered_at <= a.answered_at
            where i.run = ? and i.key <> '' and a.outcome in ('updated', 'unchanged', 'protected', 'filtered') order by i.row_number
        """
        landed = 0
        rows = self._database.stream(sql, (account, mapping, run))
        while some := list(itertools.islice(rows, _AT_ONCE)):
            mine = [row for row in some if row[2] in ("updated", "unchanged") and row[3] is not None]
            landed += len(mine)
            # the pages first: whoever is cut off in between finds the same contacts again
            self._pages.put(account, mapping, [(hashed & _MASK, _NEVER, key) for key, hashed, *_ in mine])
            had = [(*taken(wanted, own), account, mapping, key) for key, _, _, wanted, own, _ in mine]
            seen = [(run, account, mapping, row[0], row[5]) for row in some]
            self._database.done(functools.partial(_file_acted, had=had, seen=seen))
        self._hear(run, account, mapping)
        return landed

    def _hear(self, run: str, account: int, mapping: str) -> None:
        """Who was unsubscribed, by the mapping's word, or is found so, by the destination's."""
        said = "case when coalesce(cast(a.calls ->> 'opted_out' as integer), 0) > 0 then ? else ? end"
        joined = """
            from intent i join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and i.key <> '' and a.opted_out = 1
        """
        asked = (account, mapping, _DESTINATION, run)

        def heard(database: Connection) -> None:
            database.execute(
                f"""insert into consent select ?, i.key, 1, {said}, i.made_at {joined}
                on conflict (account, key) do update set opted_out = 1, origin = excluded.origin, known_at = excluded.known_at
                where consent.opted_out = 0""",
                asked,
            )
            database.execute(
                f"insert into objection select ?, i.key, {said}, i.made_at {joined} on conflict (account, key, origin) do nothing",
                asked,
            )

        self._database.done(heard)


def _file_acted(
    database: Connection, had: Sequence[tuple[Any, ...]], seen: Sequence[tuple[Any, ...]]
) -> None:
    database.executemany(
        "update delivered set wanted = ?, own = ? where account = ? and mapping = ? and key = ?", had
    )
    database.executemany(
        "update vanished set done = ? where account = ? and mapping = ? and key = ? and done = '' and since <= ?",
        seen,
    )


def _without(
    wanted: str, own: str, fields: Collection[str], tags: Collection[str], lists: Collection[str]
) -> tuple[str, str]:
    """What was delivered, without what was taken back."""
    left, ours = json.loads(wanted), json.loads(own or "{}")
    for part in (left, ours):
        if "texts" in part:
            part["texts"] = {tag: text for tag, text in part["texts"].items() if tag not in fields}
    for kind, names in (("tags", tags), ("lists", lists)):
        gone = {name.casefold() for name in names}
        for part, name in ((left, kind), (ours, kind), (ours, f"had_{kind}")):
            if name in part:
                part[name] = [one for one in part[name] if one.casefold() not in gone]
    return json.dumps(left, ensure_ascii=False), json.dumps(ours, ensure_ascii=False) if own else own

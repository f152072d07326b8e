"""Deliveries: what each mapping last delivered to whom, read contact by contact to be held against the destination."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.ledger.database import Database

__all__ = ["Deliveries", "LastDelivery"]

_LANDED = "('created', 'updated', 'upserted', 'unchanged')"


@dataclass(frozen=True, slots=True)
class LastDelivery:
    """What a mapping last delivered under a key, by the run `run`.

    `wanted` and `own` are as an intent and an answer have them. `kept` holds what the destination was seen to keep
    differently of this contact, in any run: merge tag → [sent, kept]. `others` is what other mappings delivered to the
    same key, by their names.
    """

    key: str
    person: str
    contact_id: str
    run: str
    delivered_at: str
    wanted: dict[str, Any]
    own: dict[str, Any]
    kept: Sequence[dict[str, Any]]
    others: dict[str, dict[str, Any]]


class Deliveries:
    """The deliveries of each account and mapping, in the order of their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, account: int, mapping: str, run: str = "") -> int:
        """How many contacts they are: all, or those that a run brought there or found so."""
        sql = f"select count(*) from delivered d where {_where(run)}"  # noqa: S608 - no user text
        return int(self._database.ask(sql, _named(account, mapping, run))[0][0])

    def of(
        self, account: int, mapping: str, run: str = "", *, sample: int | None = None
    ) -> Iterator[LastDelivery]:
        """Each of them; with `sample` so many, evenly from all of them and the same ones each time."""
        sql = f"""
            with said as materialized (
                select i.key, group_concat(a.kept, ',') kept from answer a
                join intent i on i.run = a.run and i.row_number = a.row_number and i.attempt = a.attempt
                join run r on r.id = a.run and r.account = ? and r.mapping = ? where a.kept <> '{{}}' group by i.key
            ), chosen as (
                select d.*, row_number() over (order by d.key) place, count(*) over () total from delivered d
                where {_where(run)}
            )
            select c.key, c.person, c.contact_id, c.run, c.delivered_at, c.wanted, c.own, said.kept,
            (select group_concat(json_quote(o.mapping) || ':' || o.wanted, ',') from json_each(?) m
             join delivered o on o.account = c.account and o.mapping = m.value and o.key = c.key)
            from chosen c left join said on said.key = c.key
            where cast(? as bigint) is null or (c.place * cast(? as bigint)) / c.total <> ((c.place - 1) * cast(? as bigint)) / c.total order by c.key
        """  # noqa: S608 - no user text
        few = None if sample is None else min(sample, max(1, self.count(account, mapping, run)))
        others = json.dumps(self._other_mappings(account, mapping))
        asked = (account, mapping, *_named(account, mapping, run), others, few, few, few)
        for key, person, contact_id, by, at, wanted, own, kept, other in self._database.stream(sql, asked):
            yield LastDelivery(
                key, person, contact_id, by, at, json.loads(wanted), json.loads(own or "{}"),
                [one for one in json.loads(f"[{kept or ''}]") if one], json.loads(f"{{{other or ''}}}"),
            )  # fmt: skip

    def _other_mappings(self, account: int, mapping: str) -> list[str]:
        sql = "select distinct mapping from delivered where account = ? and mapping <> ?"
        return [name for (name,) in self._database.ask(sql, (account, mapping))]


def _where(run: str) -> str:
    """Of a run, those that landed in it, also where the person has another key by now."""
    if not run:
        return "d.account = ? and d.mapping = ?"
    landed = f"""
        from intent i join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
        where i.run = ? and i.carried = 0 and a.outcome in {_LANDED}
    """
    return f"""d.account = ? and d.mapping = ? and (d.key in (select i.key {landed})
        or (d.person <> '' and d.person in (select i.person {landed})))"""


def _named(account: int, mapping: str, run: str) -> tuple[Any, ...]:
    return (account, mapping, run, run) if run else (account, mapping)

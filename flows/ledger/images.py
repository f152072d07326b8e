"""Images: what a run did to each contact, and how the contact was there before: what an undo goes by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.ledger.database import Database

__all__ = ["Image", "Images"]

_LANDED = "('created', 'updated', 'upserted')"
_IN_PART = """(a.outcome = 'unknown' or a.outcome = 'refused' and a.code in ('tags_refused', 'address_kept'))
    and a.calls -> 'changes' like '{_%:%'"""
"""Of contacts that were there: what was sent with that, and may be there, although the row did not land as a whole."""
_CHANGED = f"""(i.carried = 0 and (a.outcome in {_LANDED} or {_IN_PART})
    or i.carried = 1 and cast(a.calls ->> 'opted_out' as integer) > 0)"""
_SELECT = f"""
    select i.row_number, i.key, i.person, i.old_key, i.carried, i.wanted, i.before, i.made_at, a.outcome, a.code, a.contact_id,
    a.kept, a.calls, a.opted_in, a.answered_at from intent i
    join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
    where i.run = ? and i.key <> '' and {_CHANGED}
"""  # noqa: S608 - no user text


@dataclass(frozen=True, slots=True)
class Image:
    """One row of a run that landed, or whose opt-out was carried.

    `before` is the contact as it was there, None where nobody looked. `pairs` are the fields that were sent, each with the value
    before and the one after; None where that is not known. `names` are the `tags`, `tags_off`, `lists` and `lists_off` of that
    write. `kept` is what the destination kept instead. `opted_out` and `opted_in`: the run changed that.
    """

    row: int
    key: str
    person: str
    old_key: str
    carried: bool
    wanted: dict[str, Any]
    before: dict[str, Any] | None
    made_at: str
    outcome: str
    code: str
    contact_id: str
    kept: dict[str, Any]
    pairs: dict[str, tuple[Any, Any]] | None
    names: dict[str, list[str]]
    opted_out: bool
    opted_in: bool
    answered_at: str

    @property
    def created(self) -> bool:
        """Whether the contact came there by this run."""
        return self.outcome == "created"

    @property
    def known(self) -> bool:
        """Whether it is known what was changed, and how it was before."""
        return self.created or self.carried or self.pairs is not None


class Images:
    """The images of a ledger's runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beside: dict[tuple[int, str], list[str]] = {}
        """The other mappings that deliver to an account."""

    def of(self, run_id: str) -> Iterator[Image]:
        """All of a run, in the order of their rows."""
        for row in self._database.stream(f"{_SELECT} order by i.row_number", (run_id,)):
            yield _image(*row)

    def one(self, run_id: str, row: int) -> Image | None:
        """That of one row."""
        found = self._database.ask(f"{_SELECT} and i.row_number = ?", (run_id, row))
        return _image(*found[0]) if found else None

    def rows(self, run_id: str) -> Iterator[tuple[int, str]]:
        """The rows that an undo is about, each with its key; each key once, also where an opt-out was carried as well."""
        sql = f"""
            select min(i.row_number), i.key from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and i.key <> '' and {_CHANGED} and (i.carried = 0 or not exists (select 1 from intent o where o.run = i.run
            and o.key = i.key and o.carried = 0)) group by i.key order by 1
        """  # noqa: S608 - no user text
        yield from self._database.stream(sql, (run_id,))

    def count(self, run_id: str) -> int:
        """How many rows those are."""
        sql = f"""
            select count(distinct i.key) from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and {_CHANGED}
        """  # noqa: S608 - no user text
        return int(self._database.ask(sql, (run_id,))[0][0])

    def counts(self, run_id: str) -> dict[str, int]:
        """How many rows of the run changed something, by outcome; `opted_out` are people who may be mailed no more by it."""
        sql = f"""
            select case when i.carried = 1 then 'carried' else a.outcome end, count(*),
            sum(coalesce(cast(a.calls ->> 'opted_out' as integer), 0)) from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and {_CHANGED} group by 1
        """  # noqa: S608 - no user text
        found = self._database.ask(sql, (run_id,))
        return {outcome: count for outcome, count, _ in found} | {
            "opted_out": sum(out for _, _, out in found)
        }

    def given_back(self, undo: str) -> int:
        """How many subscriptions an undo has given back so far."""
        sql = "select count(*) from answer where run = ? and opted_in = 1 and outcome = 'updated'"
        return int(self._database.ask(sql, (undo,))[0][0])

    def later(self, account: int, mapping: str, key: str, run_id: str) -> str:
        """Who else has delivered this contact: another run of the mapping, or another mapping, by name; '' for nobody."""
        sql = "select run from delivered where account = ? and mapping = ? and key = ?"
        if (mine := self._database.ask(sql, (account, mapping, key))) and mine[0][0] != run_id:
            return f"the run {mine[0][0]}"
        if (account, mapping) not in self._beside:
            sql = "select distinct mapping from delivered where account = ? and mapping <> ?"
            self._beside[account, mapping] = [name for (name,) in self._database.ask(sql, (account, mapping))]
        sql = "select 1 from delivered where account = ? and mapping = ? and key = ?"
        others = (
            name for name in self._beside[account, mapping] if self._database.ask(sql, (account, name, key))
        )
        return next((f"the mapping {name}" for name in others), "")

    def objects(self, account: int, mapping: str, image: Image) -> str:
        """Why what is known of the person's consent forbids to give back a subscription that the run took; '' where nothing does.

        Only where nobody but the run's own source and the destination said so, when the run did and not since.
        """
        keys = json.dumps([key for key in {image.key, image.old_key} if key], ensure_ascii=False)
        sql = """
            select min(known_at) from consent where account = ? and opted_out = 1 and key in (select value from json_each(?))
        """
        [(known_at,)] = self._database.ask(sql, (account, keys))
        if known_at is not None and known_at < image.made_at:
            return "they had opted out before the run"
        sql = """
            select o.origin, o.said_at from objection o
            where o.account = ? and o.key in (select value from json_each(?))
        """
        for origin, said_at in self._database.ask(sql, (account, keys)):
            if origin not in (mapping, "destination"):
                return "another source knows of the opt-out"
            if said_at > image.answered_at:
                return "they have opted out again since"
        sql = "select 1 from objector where account = ? and mapping = ? and person = ? and person <> '' and said_at > ?"
        if self._database.ask(sql, (account, mapping, image.person, image.answered_at)):
            return "they have opted out again since"
        return ""


def _image(
    row: int, key: str, person: str, old_key: str, carried: int, wanted: str, before: str | None, made_at: str, outcome: str,
    code: str, contact_id: str, kept: str, calls: str, opted_in: int, answered_at: str,
) -> Image:  # fmt: skip
    was: dict[str, Any] | None = json.loads(before) if before else None
    if was is not None and "from" in was:
        was = None
    wants, done = json.loads(wanted), json.loads(calls)
    changes = done.get("changes")
    pairs: dict[str, tuple[Any, Any]] | None = None
    if isinstance(changes, dict):
        pairs = {tag: (old, new) for tag, (old, new) in changes.items()}
    elif outcome == "updated" and was is not None and isinstance(changes, list):
        # of a muster that kept the names alone
        pairs = {tag: (was["fields"].get(tag), wants["texts"].get(tag)) for tag in changes}
    elif outcome == "updated" and not done.get("calls"):
        pairs = {}
    created = "created" if code == "recreated" else outcome
    return Image(
        row, key, person, old_key, bool(carried), wants, was, made_at, created, code, contact_id, json.loads(kept), pairs,
        {name: done[name] for name in ("tags", "tags_off", "lists", "lists_off") if name in done},
        done.get("opted_out", 0) > 0, bool(opted_in), answered_at,
    )  # fmt: skip

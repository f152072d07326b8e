"""Intents and answers: what is about to be sent, durable before it is; what became of it, durable before it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.ledger.database import Connection, Database, Statement
from flows.ledger.runs import now

__all__ = ["Answers", "Intent", "Outcome"]

_COUNTED = "counted"
_NOBODY_LOOKED = {"from": "nobody"}
"""How a contact was there before, where that is not known and something else is kept of it."""


@dataclass(slots=True)
class Intent:
    """A contact about to be sent. `wanted` is the whole contact: texts by merge tag, names of tags and lists, opted_out."""

    row: int
    batch: int
    key: str
    key_hash: int
    person: str
    fingerprint: int
    wanted: dict[str, Any]
    old_key: str = ""
    before: dict[str, Any] | None = None
    carried: bool = False
    attempt: int = 1


@dataclass(slots=True)
class Outcome:
    """What became of one row. `problems` are code, column, value and detail; `calls` counts what was done there.

    `own` is what the mapping has brought to the contact by now: names of tags and lists, and the texts of fields
    that are delivered only once; None where that is not known.
    """

    row: int
    outcome: str
    code: str = ""
    reason: str = ""
    contact_id: str = ""
    opted_out: bool = False
    opted_in: bool = False
    problems: list[Any] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] | None = None
    attempt: int = 1


class Answers:
    """Both are written many at a time, in one statement each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(self, run_id: str, intents: Sequence[Intent]) -> None:
        """Durable when it returns."""
        moment = now()
        rows = [
            [i.row, i.attempt, i.batch, int(i.carried), i.key, _signed(i.key_hash), i.person, _signed(i.fingerprint), i.old_key,
             i.wanted, i.before]
            for i in intents
        ]  # fmt: skip
        sql = """
            insert into intent (run, row_number, attempt, batch, carried, key, key_hash, person, fingerprint, old_key, wanted, before, made_at)
            select ?, cast(value ->> 0 as integer), cast(value ->> 1 as integer), cast(value ->> 2 as integer),
            cast(value ->> 3 as integer), value ->> 4, cast(value ->> 5 as bigint), value ->> 6, cast(value ->> 7 as bigint),
            value ->> 8, value -> 9, value -> 10, ? from json_each(?) where true on conflict do nothing
        """
        self._database.tell(sql, (run_id, moment, json.dumps(rows, ensure_ascii=False)))

    def seen(self, run_id: str, images: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
        """Notes how contacts were there that were looked up after their intents were kept: row, attempt and image.

        Durable when it returns, and so before the contact is written.
        """
        sql = """
            update intent set before = v.image from (select cast(value ->> 0 as integer) as place, cast(value ->> 1 as integer) as attempt, value -> 2 as image
            from json_each(?)) v where intent.run = ? and intent.row_number = v.place and intent.attempt = v.attempt
        """
        self._database.tell(sql, (json.dumps(images, ensure_ascii=False), run_id))

    def answered(
        self, run_id: str, outcomes: Sequence[Outcome], requests: tuple[int, int, int] | None = None
    ) -> None:
        """Durable when it returns. An answer that is there already stays.

        `requests` are those of this stretch so far: sent, retried, throttled.
        """
        rows = [
            [
                o.row,
                o.attempt,
                o.outcome,
                o.code,
                o.reason,
                o.contact_id,
                int(o.opted_out),
                int(o.opted_in),
                o.problems,
                o.kept,
                o.calls,
                o.own or "",
            ]
            for o in outcomes
        ]
        sql = """
            insert into answer
            (run, row_number, attempt, outcome, code, reason, contact_id, opted_out, opted_in, problems, kept, calls, own, answered_at)
            select ?, cast(value ->> 0 as integer), cast(value ->> 1 as integer), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
            cast(value ->> 6 as integer), cast(value ->> 7 as integer), value -> 8, value -> 9, value -> 10, value ->> 11, ?
            from json_each(?) where true on conflict do nothing
        """
        statements: list[Statement] = [(sql, (run_id, now(), json.dumps(rows, ensure_ascii=False)))]
        if requests is not None:
            sent = "update stretch set sent = ?, retried = ?, throttled = ? where run = ? and ending = ''"
            statements.append((sent, (*requests, run_id)))
        self._database.together(statements)

    def reopen(self, run_id: str) -> None:
        """Forgets what is no answer of the destination's, so that its turn comes again.

        Nothing was applied where a turn came when the run had stopped, or where no call got through: the intent goes, too.
        Of what is `unknown` it stays, so that it is settled like what was on its way; and where opt-outs of the row were carried
        already it keeps what was counted of them.
        """
        nothing = "(outcome = 'unsent' or (outcome = 'failed' and code = 'not_delivered'))"
        again = f"({nothing} or (outcome = 'unknown' and code = 'no_clear_answer'))"
        carried = f"""
            select i.row_number, i.attempt, i.before, a.calls -> 'carried' from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and a.calls -> 'carried' is not null and {again}
        """  # noqa: S608 - no user text

        def forgotten(database: Connection) -> None:
            kept = [
                (_with_counted(before, counted), run_id, row, attempt)
                for row, attempt, before, counted in database.execute(carried, (run_id,)).fetchall()
            ]
            if kept:
                database.executemany(
                    "update intent set before = ? where run = ? and row_number = ? and attempt = ?", kept
                )
            database.execute(
                f"""delete from intent where run = ? and exists (select 1 from answer a where a.run = intent.run
                and a.row_number = intent.row_number and a.attempt = intent.attempt and {nothing} and a.calls -> 'carried' is null)""",  # noqa: S608 - no user text
                (run_id,),
            )
            database.execute(
                f"delete from answer where run = ? and {again}",  # noqa: S608 - as above
                (run_id,),
            )

        self._database.done(forgotten)

    def counted(self, run_id: str) -> dict[int, dict[str, Any]]:
        """What was counted of rows whose turn comes again (see `reopen`)."""
        sql = f"""
            select i.row_number, i.before -> '{_COUNTED}' from intent i where i.run = ? and i.before -> '{_COUNTED}' is not null
            and not exists (select 1 from answer a where a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt)
        """  # noqa: S608 - no user text
        return {row: json.loads(counted) for row, counted in self._database.ask(sql, (run_id,))}

    def answered_rows(self, run_id: str) -> tuple[list[int], list[int]]:
        """The rows that have an answer: those that were sent, and those whose opt-out was carried."""
        sql = """
            select i.row_number, i.carried from intent i join answer a
            on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? order by i.row_number
        """
        sent: list[int] = []
        carried: list[int] = []
        for row, was_carried in self._database.ask(sql, (run_id,)):
            (carried if was_carried else sent).append(row)
        return sent, carried

    def unclear(self, run_id: str) -> dict[int, dict[str, Any] | None]:
        """The rows that may have been sent and have no answer, each with how its contact was there before, None where that is not known."""
        sql = """
            select i.row_number, case when i.before ->> 'from' is not null then null else i.before end from intent i where i.run = ? and not exists
            (select 1 from answer a where a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt)
        """
        return {row: json.loads(before or "null") for row, before in self._database.ask(sql, (run_id,))}

    def drop(self, run_id: str, rows: Sequence[int]) -> None:
        """Forgets intents without an answer: of rows that are not to be sent any more."""
        sql = """
            delete from intent where run = ? and row_number in (select cast(value as integer) from json_each(?)) and not exists
            (select 1 from answer a where a.run = intent.run and a.row_number = intent.row_number and a.attempt = intent.attempt)
        """
        self._database.tell(sql, (run_id, json.dumps(list(rows))))

    def told(self, run_id: str) -> Iterator[tuple[bool, Outcome]]:
        """Each answer of a run, for what is counted of them: whether it was carried, and the answer."""
        sql = """
            select i.carried, a.row_number, a.outcome, a.code, a.opted_out, a.opted_in, a.kept, a.calls
            from intent i join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ?
        """
        for carried, row, outcome, code, opted_out, opted_in, kept, calls in self._database.stream(
            sql, (run_id,)
        ):
            yield bool(carried), Outcome(
                row, outcome, code, opted_out=bool(opted_out), opted_in=bool(opted_in),
                kept=json.loads(kept), calls=json.loads(calls),
            )  # fmt: skip

    def of(self, run_id: str, first: int, last: int) -> Iterator[tuple[Outcome, str, bool]]:
        """The answers of the rows from `first` to `last`: outcome, key, and whether it was a carried opt-out."""
        sql = """
            select i.row_number, a.outcome, a.code, a.reason, a.contact_id, a.opted_out, a.problems, a.kept, a.calls, i.key, i.carried
            from intent i left join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and i.row_number between ? and ? order by i.row_number
        """
        for (
            row,
            outcome,
            code,
            reason,
            contact_id,
            opted_out,
            problems,
            kept,
            calls,
            key,
            carried,
        ) in self._database.ask(sql, (run_id, first, last)):
            if outcome is None:
                yield (
                    Outcome(row, "unknown", "no_clear_answer", "the run stopped before an answer came"),
                    key,
                    bool(carried),
                )
            else:
                yield Outcome(
                    row, outcome, code, reason, contact_id, bool(opted_out), problems=json.loads(problems),
                    kept=json.loads(kept), calls=json.loads(calls),
                ), key, bool(carried)  # fmt: skip

    def changed(self, run_id: str, number: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[str]]]:
        """Some contacts that a run has changed: how each was there before, what was wanted, and the merge tags sent."""
        sql = """
            select i.before, i.wanted, a.calls -> 'changes' from intent i
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where i.run = ? and i.carried = 0 and i.before <> 'null' and a.outcome = 'updated' limit ?
        """
        for before, wanted, tags in self._database.ask(sql, (run_id, number)):
            yield json.loads(before), json.loads(wanted), json.loads(tags or "[]")

    def rows_of(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The rows that were sent for pairs of run and key."""
        sql = """
            select i.run, i.key, i.row_number from intent i join json_each(?) k
            on i.run = k.value ->> 0 and i.key = k.value ->> 1 where i.carried = 0
        """
        found = self._database.ask(sql, (json.dumps(keys, ensure_ascii=False),)) if keys else []
        return {(run, key): row for run, key, row in found}

    def intended(self, run_id: str) -> int:
        """How many rows were about to be sent, without the opt-outs of rows that are not."""
        sql = "select count(*) from intent where run = ? and carried = 0"
        return int(self._database.ask(sql, (run_id,))[0][0])

    def open_intents(self, run_id: str) -> int:
        """How many contacts were about to be sent and have no answer."""
        sql = """
            select count(*) from intent i where i.run = ? and not exists
            (select 1 from answer a where a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt)
        """
        return int(self._database.ask(sql, (run_id,))[0][0])


def _with_counted(before: str | None, counted: str) -> str:
    was = json.loads(before or "null") or _NOBODY_LOOKED
    return json.dumps({**was, _COUNTED: json.loads(counted)}, ensure_ascii=False)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value

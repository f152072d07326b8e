"""Judging a plan: what the guards count, and how many people it would unsubscribe."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from connectors.base import Destination, Known, Remembered
from connectors.consents import will_of
from connectors.errors import LookUpRefused
from flows.allowing import allowed
from flows.guards import Counts, Guard, Verdict, judged
from flows.knowledge import Knowledge
from flows.opened import Opened
from flows.options import Options
from flows.plan import Plan
from flows.roll import State
from mappings.engine.contact import Contact
from mappings.engine.rules.follow_source import NEVER

__all__ = ["judged_plan", "opting_out", "subscribing_again"]

_LOOKED_UP = 2000
_AT_ONCE = 250


def judged_plan(
    plan: Plan,
    options: Options,
    guards: tuple[Guard, ...],
    rows_before: int | None,
    *,
    opt_outs: int | None,
    resubscribes: int = 0,
) -> list[Verdict]:
    """All guards' verdicts on a plan. `rows_before` is the row count of the last complete run, None on a first one.

    `opt_outs` is None as long as they are not counted.
    """
    roll = plan.roll
    counts = Counts(
        rows=roll.rows,
        kept=roll.rows - roll.count(State.FILTERED),
        invalid=roll.count(State.INVALID, State.REJECTED),
        writes=roll.count(State.NEW, State.CHANGED),
        opt_outs=opt_outs,
        rows_before=rows_before,
        resubscribes=resubscribes,
    )
    verdicts = judged(counts, allowed(options.allow), guards)
    if options.opt_outs_only:
        return [dataclasses.replace(v, tripped=v.tripped and v.name == "opt_outs") for v in verdicts]
    return verdicts


async def opting_out(plan: Plan, knowledge: Knowledge, destination: Destination) -> int:
    """How many contacts that may be mailed now a run would unsubscribe; at most so many where it would take long to ask."""
    rows = plan.roll.to_send()
    rows = rows[plan.roll.opted_out[rows - 1]]
    rows = np.union1d(rows, np.array(sorted(plan.roll.carried), np.int64))
    keys = list(plan.books.sample(rows))
    if not knowledge.surveyed:
        return await _mailable(keys, destination) if len(keys) <= _LOOKED_UP else len(keys)
    starts = range(0, len(keys), 500)
    return sum(knowledge.may_be_mailed(keys[start : start + 500]) for start in starts)


async def subscribing_again(plan: Plan, opened: Opened, knowledge: Knowledge) -> int:
    """How many people who opted out a run would subscribe again, because the source has a newer consent.

    Where they have to be looked up one by one, and the destination tells since when they are out, all with a consent are;
    where it does not tell, those of whom the ledger knows an opt-out.
    """
    rules, destination = opened.destination.rules, opened.destination
    if not plan.roll.has_consents or rules.follows_since is None:
        return 0
    rows = plan.roll.to_send()
    rows = rows[~plan.roll.opted_out[rows - 1]]
    rows = rows[plan.roll.consents(rows)[0] != NEVER]
    found = 0
    for contacts in _in_turn(plan, rows):
        remembered = opened.ledger.memory.remembered(
            opened.account.id, opened.mapping.name, [(contact.key, contact.person) for contact in contacts]
        )
        known = knowledge.known([contact.key for contact in contacts])
        if not knowledge.surveyed:
            asked = [
                contact.key
                for contact in contacts
                if destination.tells_changes or _is_out(remembered.get(contact.key))
            ]
            known = await _found(asked, destination)
        found += sum(
            will_of(one, remembered.get(one.key), known.get(one.key), rules).again for one in contacts
        )
    return found


def _in_turn(plan: Plan, rows: npt.NDArray[np.int64]) -> Iterator[list[Contact]]:
    """As much of the rows' contacts as their consent takes, some at a time."""
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        first, last = plan.roll.consents(some)
        yield [
            Contact(
                row=int(row), line=0, key=key, person="", texts={}, consented_at=int(since), consented_by=int(until),
            )
            for row, since, until, key in zip(some, first, last, plan.books.sample(some), strict=True)
        ]  # fmt: skip


def _is_out(remembered: Remembered | None) -> bool:
    return remembered is not None and remembered.opted_out


async def _found(keys: list[str], destination: Destination) -> dict[str, Known]:
    """Those of these keys who are there, all asked at once; who cannot be looked up is not written to either."""
    answers = await asyncio.gather(*(destination.find(key) for key in keys), return_exceptions=True)
    for one in answers:
        if isinstance(one, BaseException) and not isinstance(one, LookUpRefused):
            raise one
    return {key: one for key, one in zip(keys, answers, strict=True) if isinstance(one, Known)}


async def _mailable(keys: list[str], destination: Destination) -> int:
    """How many of these may be mailed now, many asked at once; who cannot be looked up is not written to either."""
    mailable = 0
    for start in range(0, len(keys), _AT_ONCE):
        found = await _found(keys[start : start + _AT_ONCE], destination)
        mailable += sum(not known.opted_out for known in found.values())
    return mailable

"""Judging a plan: what the guards count, and how many people it would unsubscribe."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np

from connectors.base import Destination, Known
from connectors.errors import LookUpRefused
from flows.guards import Counts, Verdict, judged
from flows.knowledge import Knowledge
from flows.options import Options
from flows.plan import Plan
from flows.roll import State

__all__ = ["judged_plan", "opting_out"]

_LOOKED_UP = 2000
_AT_ONCE = 250


def judged_plan(plan: Plan, options: Options, rows_before: int | None, *, opt_outs: int) -> list[Verdict]:
    """All guards' verdicts on a plan. `rows_before` is the row count of the last complete run, None on a first one."""
    roll = plan.roll
    counts = Counts(
        rows=roll.rows,
        kept=roll.rows - roll.count(State.FILTERED),
        invalid=roll.count(State.INVALID, State.REJECTED),
        writes=roll.count(State.NEW, State.CHANGED),
        opt_outs=opt_outs,
        rows_before=rows_before,
    )
    verdicts = judged(counts, options.allow)
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


async def _mailable(keys: list[str], destination: Destination) -> int:
    """How many of these may be mailed now, many asked at once; who cannot be looked up is not written to either."""
    mailable = 0
    for start in range(0, len(keys), _AT_ONCE):
        asked = (destination.find(key) for key in keys[start : start + _AT_ONCE])
        for one in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(one, BaseException) and not isinstance(one, LookUpRefused):
                raise one
            mailable += isinstance(one, Known) and not one.opted_out
    return mailable

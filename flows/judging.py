"""Judging a plan: what the guards count, and how many people it would unsubscribe."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from connectors.errors import LookUpRefused
from flows.allowing import allowed
from flows.batches import batches
from flows.figures import Figures
from flows.guards import Counts, Guard, Verdict, judged
from flows.hearing import Hearing
from flows.knowledge import Knowledge
from flows.opened import Opened
from flows.options import Options
from flows.plan import Plan
from flows.roll import State
from flows.vanished.people import Vanished
from mappings.engine.contact import Contact
from mappings.engine.rules.follow_source import NEVER

__all__ = ["consequences", "judged_plan"]

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
    vanished: Vanished | None = None,
) -> list[Verdict]:
    """All guards' verdicts on a plan. `rows_before` is the row count of the last complete run, None on a first one.

    `opt_outs` is None as long as they are not counted. Of people who `vanished` those who would be unsubscribed count as well.
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
    if vanished is not None:
        if more := vanished.opt_outs(roll.rows, verdicts):
            counts = dataclasses.replace(counts, opt_outs=(opt_outs or 0) + more)
            verdicts = judged(counts, allowed(options.allow), guards)
        verdicts.append(vanished.verdict(roll.rows, verdicts, options))
    if options.opt_outs_only:
        return [dataclasses.replace(v, tripped=v.tripped and v.name == "opt_outs") for v in verdicts]
    return verdicts


async def consequences(
    plan: Plan,
    opened: Opened,
    hearing: Hearing,
    knowledge: Knowledge,
    also: Callable[[Contact], bool] | None = None,
) -> tuple[int, int]:
    """How many people this run would unsubscribe who may be mailed now, and how many it would subscribe again.

    Decided as the delivery decides, also for whom only the ledger knows to be out, under whichever address or id they are
    there. Where they have to be looked up one by one, the first 2,000 are; of more, all who are out count. An undo says who
    matters `also`: their number is to be typed, so that all of them are looked up.
    """
    figures, destination, looked_up = Figures(), opened.destination, 0
    if not destination.mails_people:
        return 0, 0
    for batch in batches(
        plan.spool,
        opened.application,
        plan.roll,
        _AT_ONCE,
        only=_who_may_matter(plan, opened) if also is None else None,
    ):
        seen = await hearing.look_up(batch)
        asked = []
        for entry in batch.entries:
            known, memory, now = seen[entry.contact.key]
            out = entry.carried or entry.contact.opted_out or (memory is not None and memory.opted_out)
            if also is not None and not also(entry.contact):
                continue
            if also is None and not out and entry.contact.consented_at is None:
                continue
            if knowledge.surveyed:
                figures.add(destination, entry, known, memory, now, surveyed=True)
            elif looked_up < _LOOKED_UP or also is not None:
                asked.append((entry, memory))
                looked_up += 1
            else:
                figures.opt_outs += bool(out)
        found = await asyncio.gather(
            *(destination.look_up(entry.contact, memory) for entry, memory in asked), return_exceptions=True
        )
        for (entry, memory), one in zip(asked, found, strict=True):
            if isinstance(one, LookUpRefused):  # nor is it written to
                continue
            if isinstance(one, BaseException):
                raise one
            memory = hearing.heard(entry.contact, memory, *one)  # noqa: PLW2901 - the same, known better
            figures.add(destination, entry, one[0], memory, one[1], surveyed=False)
    return figures.opt_outs, figures.opt_ins


def _who_may_matter(plan: Plan, opened: Opened) -> npt.NDArray[np.int64]:
    """The rows that can change whether somebody is mailed: all, once the ledger knows of an opt-out."""
    sent, carried = plan.roll.to_send(), np.array(sorted(plan.roll.carried), np.int64)
    if not opened.ledger.opt_outs.some(opened.account.id):
        chosen = plan.roll.opted_out[sent - 1]
        first, _ = plan.roll.consents(sent)
        if len(first):
            chosen = chosen | (first != NEVER)
        sent = sent[chosen]
    return np.union1d(sent, carried)

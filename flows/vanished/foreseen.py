"""What the run for vanished people would do, for a plan: decided as it decides, and nothing sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from connectors.base import Destination, Known
from connectors.errors import LookUpRefused
from flows.batches import Batch, Entry
from flows.figures import Figures
from flows.keys import key_hash
from flows.sampling import evenly
from flows.vanished.farewell import foreseen_by
from mappings.engine.contact import Contact

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["foreseen"]

_AT_ONCE = 250


async def foreseen(run: SyncRun, *, everybody: bool) -> Figures | None:
    """The figures of that run, were the prepared `run` to come to its end; None where none would follow it.

    Who was not read with the account is looked up: an even sample of them, unless `everybody` is to be. None also where nobody can be.
    """
    plan, vanished, opened = run.plan, run.vanished, run.opened
    if vanished is None or vanished.why_not(plan.rows, plan.guards) or vanished.why_nothing():
        return None
    people = [one.key for one in vanished.to_act_on]
    if not people:
        return None
    if not opened.destination.finds:
        return None
    surveyed = run.knowledge is not None and run.knowledge.surveyed
    if not surveyed and not everybody:
        asked = [people[at] for at in evenly(np.arange(len(people))).tolist()]
    else:
        asked = people
    rules = opened.destination.rules
    figures, found = Figures(), Figures()
    try:
        looks = foreseen_by(opened, run.id)
        for start in range(0, len(asked), _AT_ONCE):
            keys = asked[start : start + _AT_ONCE]
            entries = [Entry(Contact(0, 0, key, "", {}), key_hash(key)) for key in keys]
            seen = await run.delivery.hearing.look_up(Batch(1, tuple(entries)))
            there = [seen[key][0] for key in keys] if surveyed else await _looked_up(looks, keys)
            for entry, known in zip(entries, there, strict=True):
                if isinstance(known, LookUpRefused):  # nor would it be written to
                    continue
                figures.add(looks, entry, known, seen[entry.contact.key][1], None, surveyed=surveyed)
    finally:
        opened.destination.rules = rules
    found.take(figures, of=len(people))
    return found


async def _looked_up(destination: Destination, keys: list[str]) -> list[Known | LookUpRefused | None]:
    """Those who are there, looked up at the account's pace. Raises Unreachable."""
    found = await asyncio.gather(*(destination.find(key) for key in keys), return_exceptions=True)
    answers: list[Known | LookUpRefused | None] = []
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, LookUpRefused):
            raise one
        answers.append(one)
    return answers

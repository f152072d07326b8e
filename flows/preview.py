"""What a sync would do: every batch decided and none sent. The same decisions as the sync's, from the same code.

Where the account was not read as a whole, each contact has to be looked up. For many that takes long, so that only an
even sample of them is, the same one each time, and the figures are estimates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connectors.base import Known, Remembered
from connectors.errors import LookUpRefused
from flows.accepted import AcceptedRows, accepted_rows
from flows.batches import Batch, Entry, batches
from flows.figures import Figures
from flows.outcomes import kept_back
from flows.plan import count_states
from flows.report.outcomes import NEED_A_PERSON
from flows.roll import State
from flows.sampling import SAMPLE, evenly
from flows.sync_run import BATCH, SyncRun
from flows.vanished.foreseen import foreseen

__all__ = ["SAMPLE", "Preview", "accepted_in", "preview"]

_PACED_AT = 0.99

Rows = npt.NDArray[np.int64]
_Seen = tuple[Known | None, Remembered | None, Known | None]


@dataclass(slots=True)
class Preview(Figures):
    """The figures of a plan. `reading` are the requests made before the first contact, which the sync makes as well.

    `sampled` is how many contacts were looked up where that was not everybody, and None where it was.
    """

    reading: int = 0
    lookups: int = 0
    sampled: int | None = None
    estimated: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int = 0
    accepted: int = 0
    """Rows that break a rule, and of which every problem was accepted."""
    vanished: Figures | None = None
    """What would be done with vanished people in a run of its own; what that may start is among `started`, too."""


async def preview(run: SyncRun, *, everybody: bool = False) -> Preview:
    """Decides every contact of a prepared run. `everybody`: nobody is left out of the look-ups, however many there are."""
    plan, per_second = run.plan, run.opened.per_second * _PACED_AT
    found = Preview(reading=run.opened.destination.traffic.sent)
    states = count_states(plan)
    to_send = states.pop("to_send")
    found.outcomes.update(states)
    found.reasons.update(kept_back(plan.roll))
    found.accepted = len(accepted_in(run).rows)
    if run.guarded:
        found.outcomes["unsent"] += to_send
        found.exit_code = 3
        return found
    sent, carried = plan.roll.to_send(), np.array(sorted(plan.roll.carried), np.int64)
    surveyed = run.knowledge is not None and run.knowledge.surveyed
    found.lookups = 0 if surveyed else len(sent) + len(carried)
    sample = None
    if found.lookups > SAMPLE and not everybody:
        sample = np.union1d(evenly(sent, SAMPLE), evenly(carried, SAMPLE))
        found.sampled = len(sample)
    mine, others = Figures(), Figures()
    for batch in _batches(run, sample):
        for entry, seen in zip(batch.entries, await _seen(run, batch, surveyed=surveyed), strict=True):
            figures = others if entry.carried else mine
            if isinstance(seen, LookUpRefused):
                _refused(figures, run, entry)
                continue
            stale = surveyed and (mine.requests + others.requests) / per_second > _fresh_seconds(run)
            figures.add(run.opened.destination, entry, *seen, surveyed=surveyed, stale=stale)
        run.watcher.advance(len(batch))
    found.take(mine, of=len(sent))
    found.take(others, of=len(carried))
    found.estimated = tuple(mine.outcomes) if sample is not None else ()
    found.vanished = await foreseen(run, everybody=everybody)
    if found.vanished is not None:
        found.started.update(found.vanished.started)
    found.seconds = (found.reading + found.requests) / per_second
    if sum(found.outcomes[name] for name in NEED_A_PERSON) > found.accepted:
        found.exit_code = 1
    if plan.tripped:  # an undo's plan shows all the same what it would do
        found.exit_code = 3
    return found


def accepted_in(run: SyncRun) -> AcceptedRows:
    """The rows of a prepared run that are invalid and that nobody has to look at again."""
    opened = run.opened

    def invalid() -> dict[int, str]:
        return dict.fromkeys((np.flatnonzero(run.plan.roll.states == State.INVALID) + 1).tolist(), "")

    return accepted_rows(opened.folder, opened.mapping, invalid, opened.ledger.acceptances, opened.account.id)


def _batches(run: SyncRun, sample: Rows | None) -> Iterator[Batch]:
    if sample is None:
        yield from run.to_deliver()
        return
    run.watcher.stage("looking up a sample", len(sample))
    yield from batches(run.plan.spool, run.opened.application, run.plan.roll, BATCH, only=sample)


async def _seen(run: SyncRun, batch: Batch, *, surveyed: bool) -> list[_Seen | LookUpRefused]:
    """What is known of each contact, looked up where nobody has read it: all of a batch at once, at the account's pace."""
    looked_up = await run.delivery.hearing.look_up(batch)
    seen = [looked_up[entry.contact.key] for entry in batch.entries]
    if surveyed:
        return list(seen)
    found = await asyncio.gather(
        *(_asked(run, entry, remembered) for entry, (_, remembered, _) in zip(batch.entries, seen, strict=True)),
        return_exceptions=True,
    )  # fmt: skip
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, LookUpRefused):
            raise one
    return [one for one in found if not isinstance(one, BaseException) or isinstance(one, LookUpRefused)]


async def _asked(run: SyncRun, entry: Entry, remembered: Remembered | None) -> _Seen:
    known, now = await run.opened.destination.look_up(entry.contact, remembered)
    return known, run.delivery.hearing.heard(entry.contact, remembered, known, now), now


def _refused(figures: Figures, run: SyncRun, entry: Entry) -> None:
    """Who cannot be looked up is not sent, and the sync says so of them."""
    figures.contacts += 1
    figures.calls.update(run.opened.destination.find_calls)
    if not entry.carried:
        figures.outcomes["refused"] += 1


def _fresh_seconds(run: SyncRun) -> float:
    return run.opened.destination.fresh_seconds

"""Runs that were cut off: the ledger says that they are running, and nobody is at work at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from flows.ledger import Ledger, Run

__all__ = ["cut_off", "how_to_finish"]


def cut_off(ledger: Ledger, runs: Iterable[Run]) -> set[str]:
    """The ids of those of the runs whose process was killed, or whose machine lost its power.

    A mapping's lock is held by the run at which somebody began to work last; an older one that still counts as
    running was cut off before that.
    """
    names = ledger.accounts.names()
    running: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for run in runs:
        if run.state == "running":
            running[run.account, run.mapping].append(run.id)
    found = {run for ids in running.values() for run in ids}
    for (account, mapping), ids in running.items():
        if ledger.locks.at_work(mapping, names[account]):
            found.discard(ledger.stretches.last_begun(ids) or max(ids))
    return found


def how_to_finish(run: Run, state: str) -> str:
    """What finishes a run that did not end by itself, in a sentence; '' where nothing is left to do or somebody is at it."""
    if state == "running" or not run.unfinished:
        return "Nothing of it was sent; the next sync begins anew." if state == "cut off" else ""
    return f"muster resume {run.id} finishes it."

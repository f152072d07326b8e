"""Filing: what a run has delivered, heard and corrected is the ledger's when its answers are in."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from connectors.errors import LedgerError
from flows.corrected import Corrected
from flows.corrections import keep
from flows.opened import Opened
from flows.roll import State
from flows.vanished.farewell import file_acted

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["file_cut_off", "file_delivered", "file_opt_outs_there", "keep_corrections", "supersede_older"]

_AT_ONCE = 5000


def file_opt_outs_there(run: SyncRun) -> None:
    """Who is out there now may be removed there tomorrow: the ledger keeps it, whatever becomes of their rows."""
    opened = run.opened
    delivers = run.options.verb == "sync" and run.options.rehearsal is None
    if delivers and opened.destination.mails_people and run.knowledge is not None:
        for keys in run.knowledge.opted_out():
            opened.ledger.memory.heard_opt_outs(opened.account.id, keys, "destination")


def file_delivered(run: SyncRun) -> None:
    """What landed counts as delivered, and the source's opt-outs as heard. Raises LedgerError."""
    opened = run.opened
    ledger, account, mapping = opened.ledger, opened.account.id, opened.mapping
    if run.parts:
        file_acted(ledger, run.id, account, mapping)
        return
    if run.undoes:
        _file_undone(run, opened)
        return
    ledger.memory.settle(run.id, account, mapping.name, ledger.pages)
    if len(opened.destination.keys) > 1:
        ledger.memory.heard_under(run.id, account, mapping.name, opened.destination.keys)
    # Those who are unchanged, too: their source says so still. Not those that are left for another time.
    roll = run.plan.roll
    rows = np.flatnonzero(roll.opted_out & (roll.states == State.UNCHANGED)) + 1
    keys = list(run.plan.books.sample(rows))
    for start in range(0, len(keys), _AT_ONCE):
        ledger.memory.heard_opt_outs(account, keys[start : start + _AT_ONCE], mapping.name)


def file_cut_off(run: SyncRun, opened: Opened, state: str) -> None:
    """What landed before an error or a cancellation in the middle. Where that fails, too, the next run does it."""
    ledger = opened.ledger
    with contextlib.suppress(LedgerError):
        if run.undoes:
            _file_undone(run, opened)
        elif run.parts:
            file_acted(ledger, run.id, opened.account.id, opened.mapping)
        else:
            ledger.memory.settle(run.id, opened.account.id, opened.mapping.name, ledger.pages)
        ledger.stretches.ended(run.id, state)
        ledger.runs.finished(run.id, state, 130 if state == "interrupted" else 2, {})


def _file_undone(run: SyncRun, opened: Opened) -> None:
    """What was put back counts as delivered no more; where the undo was a plan, nothing was."""
    if run.is_registered:
        opened.ledger.undone.file(
            run.id, run.undoes, opened.account.id, opened.mapping.name, opened.destination.keys
        )


def keep_corrections(run: SyncRun, *, whole: bool) -> None:
    """What was corrected in a retry outlives it; what its source has otherwise by now is not applied any more."""
    opened = run.opened
    corrections, account = opened.ledger.corrections, opened.account.id
    if run.follows:
        if said := keep(opened.ledger, account, opened.mapping, opened.folder, run.id):
            run.watcher.say(f"kept      {said}")
    elif whole and isinstance(opened.source, Corrected) and (outdated := opened.source.outdated()):
        corrections.done(account, opened.mapping.name, outdated)


def supersede_older(run: SyncRun) -> None:
    """What an older run of the same source left undone is done by now, or is not wanted any more."""
    runs = run.opened.ledger.runs
    kept = runs.get(run.id)
    for older in runs.supersede(kept) if kept is not None else ():
        run.watcher.say(f"The run {older}, which was interrupted, is superseded by this one.")

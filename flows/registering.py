"""A run in the ledger: it is there before the first row is read, and what it begins with before the first request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import LedgerError
from flows.clearing import clear_left_shards
from flows.depot import rows_brought
from flows.opening import today
from flows.resume import Begun
from flows.resuming import file_landed, take_up
from flows.settings import note_settings
from flows.vanished.farewell import VERB

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["enter", "enter_its_beginning"]


def enter(run: SyncRun) -> None:
    """The run is in the ledger when this returns; what earlier ones have left is filed. Raises LedgerError, CannotStart."""
    opened, resume = run.opened, run.resume
    if run.options.rehearsal is None:
        note_settings(opened.home, Path(opened.mapping.file))
    _file_what_waits(run)
    clear_left_shards(run)
    if resume is not None:
        run.watcher.say(f"resume    {take_up(opened.ledger, resume, opened.destination.keys)}")
        return
    _end_what_never_began(run)
    opened.ledger.runs.began(
        run.id,
        opened.account.id,
        opened.mapping.name,
        opened.mapping.sha256,
        opened.mapping.text,
        VERB if run.parts else "undo" if run.undoes else "sync" if run.retry is None else "retry",
        str(opened.source.path),
        str(opened.folder),
        follows=run.follows,
        mapping_path=opened.mapping.file,
        undoes=run.undoes,
    )
    opened.ledger.stretches.began(run.id)


def _file_what_waits(run: SyncRun) -> None:
    """What landed in runs that wait for their resume counts as delivered from now on."""
    opened = run.opened
    for other in opened.ledger.runs.unfinished(opened.account.id, opened.mapping.name):
        if other.id != run.id:
            file_landed(opened.ledger, other, opened.destination.keys)
            run.watcher.say(
                f"The run {other.id} was {'cut off' if other.state == 'running' else other.state}; what landed in it is not sent "
                f"again, and muster resume {other.id} finishes it."
            )


def _end_what_never_began(run: SyncRun) -> None:
    """An earlier version of muster did not keep what a run begins with: what landed then is filed, and looked up otherwise."""
    opened = run.opened
    for other in opened.ledger.runs.never_begun(opened.account.id, opened.mapping.name):
        landed = file_landed(opened.ledger, other, opened.destination.keys)
        opened.ledger.runs.finished(other.id, "interrupted", 130, {})
        what = f"after {landed:,} contacts had landed" if landed else "before anything was sent"
        run.watcher.say(f"The run {other.id} was cut off {what}.")


def enter_its_beginning(run: SyncRun) -> None:
    """What the run is begun with is durable before its first request, and so are its rows. Raises LedgerError."""
    opened, plan = run.opened, run.plan
    if run.resume is not None or not len(plan.roll.to_send()) + len(plan.roll.carried):
        return
    try:
        plan.spool.make_durable()
    except OSError as error:
        raise LedgerError(
            f"The rows of the run cannot be kept in {opened.folder}: {error.strerror}.",
            "Check the disk, then start again; nothing was sent.",
        ) from error
    if run.brings_its_folder:
        rows_brought(run.id, opened.folder, opened.mapping.file)
    begun = Begun(
        options=run.options,
        guards=tuple(plan.guards),
        permissions=tuple(run.permissions),
        edited=run.edited,
        new_columns=tuple(plan.new_columns),
        reading={name: str(value) for name, value in opened.source.reading.items()},
        oddities=tuple(opened.source.oddities),
        today=today(),
        attempt=run.attempt,
        surveyed=run.knowledge is not None and run.knowledge.surveyed,
    )
    opened.ledger.runs.begin(run.id, begun.written())

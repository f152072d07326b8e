"""The first pass of a run: its source read and mapped, and what is said of its columns and its corrected cells."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import Counter
from typing import TYPE_CHECKING

from flows.corrections import kept_cells, login, whats_corrected
from flows.forgotten import blocked_by
from flows.options import resending
from flows.plan import Plan, make_plan
from flows.shards.dividing import shards_of
from flows.shards.gathering import Shards
from mappings.engine.complaints import listed, visible

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["corrected_cells", "new_columns", "read_through"]


async def read_through(run: SyncRun) -> Plan:
    """The whole source, read once; Ctrl-C is heard meanwhile. Raises SourceError, LedgerError."""
    opened, options, resume = run.opened, run.options, run.resume
    account, name = opened.account.id, opened.mapping.name
    rehearsed_in = options.rehearsal.home if options.rehearsal else None
    shards = _shards(run)
    gone = threading.Event()
    reading = functools.partial(
        make_plan,
        opened.source,
        opened.application,
        opened.folder,
        lambda number: opened.ledger.pages.page(account, name, number),
        run.watcher,
        resend=resending("" if run.of_ledger else options.resend),
        stop=gone.is_set,
        spooled=resume.spool if resume is not None else None,
        blocked=blocked_by(
            opened.ledger, rehearsed_in, opened.mapping, opened.source.header, opened.destination.keys
        ),
        vanished=run.vanished,
        shards=shards,
    )
    try:
        return await asyncio.to_thread(reading)
    finally:
        gone.set()


def _shards(run: SyncRun) -> Shards | None:
    """How the source is divided among others, None where one process reads it."""
    opened, options = run.opened, run.options
    whole = run.retry is None and run.resume is None and not run.of_ledger
    if not whole or run.vanished is not None:  # who vanished is seen frame by frame
        return None
    forgets_in = options.rehearsal.home if options.rehearsal else opened.home
    keys = opened.destination.keys
    return shards_of(opened.source, opened.application, forgets_in, keys, options.shards, run.crew)


def new_columns(run: SyncRun) -> list[str]:
    """The columns that no earlier run has seen and nobody has decided about; said at once."""
    opened = run.opened
    unmapped = [use.name for use in opened.application.uses() if use.use == "unmapped"]
    new = opened.ledger.columns.new(opened.account.id, opened.mapping.name, unmapped)
    if new:
        names = listed(visible(name) or "(no name)" for name in new)
        run.watcher.say(
            f"columns   new in this file, and not used: {names}. Map them, or name them under ignore:."
        )
    return new


def corrected_cells(run: SyncRun) -> tuple[Counter[str], dict[int, str]]:
    """Whose cells are not as the source has them, by column and their columns by row; what was edited for this retry is noted."""
    corrected, rows = kept_cells(run.opened.folder)
    if corrected and not run.follows:
        run.watcher.say(f"corrected {whats_corrected(corrected)}")
    if run.retry is not None and run.is_registered:
        repair = run.retry.repair
        run.opened.ledger.edits.note(run.follows, repair.edits, who=login(), origin=repair.origin)
    return corrected, rows

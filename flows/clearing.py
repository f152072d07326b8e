"""What earlier runs of a mapping have left, and when it goes: rows after their days, shards of runs that were killed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import LedgerError, SourceError
from flows.depot import depot_of, tidied
from flows.retention import let_go
from flows.settings import Settings
from flows.shards.shared import clear_left, place_of

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["clear_left_shards", "let_go_of_old_runs"]

_EARLIER = 1000


def clear_left_shards(run: SyncRun) -> None:
    """What shards of earlier runs of this mapping have left, because they were killed: nobody is at work at any of them."""
    opened = run.opened
    settings = Settings(Path(opened.mapping.file))
    if not place_of(settings):
        return
    earlier = [
        other.id
        for other in opened.ledger.runs.last(_EARLIER, opened.mapping.name)
        if other.account == opened.account.id
    ]
    try:
        clear_left(settings, set(earlier) | {run.id})
    except SourceError as error:
        run.watcher.say(f"shards    What earlier runs left may be there still. {error.what} {error.fix}")


def let_go_of_old_runs(run: SyncRun) -> None:
    """What runs kept of people does not stay for ever. The run is over: where that fails, the next one does it."""
    opened, say = run.opened, run.watcher.say
    try:
        depot = depot_of(opened.mapping.file, opened.folder) if run.brings_its_folder else None
        elsewhere = depot.let_go if depot is not None else lambda _: None
        if gone := let_go(opened.ledger, opened.keep, dt.datetime.now(dt.UTC), elsewhere, but=run.id):
            runs = f"{len(gone):,} run{'s' if len(gone) > 1 else ''}"
            say(f"The rows of {runs} are not kept any more (MUSTER_KEEP_DAYS); the counts stay.")
        if depot is not None:
            tidied(opened.ledger, depot)
        if gone:
            clear_left(Settings(Path(opened.mapping.file)), gone)
    except (LedgerError, OSError):
        pass
    except SourceError as error:
        say(
            f"runs      What older runs kept may be there still; the next run looks again. {error.what} {error.fix}"
        )

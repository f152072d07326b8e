"""What a sync does about vanished people: looks for them, keeps who they are, and says what is to be done with them next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.report.vanished_list import write_vanished
from flows.vanished.farewell import Farewell
from flows.vanished.people import Vanished, looked_for

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["farewell_after", "file_vanished", "since_of", "vanished_of"]


def vanished_of(run: SyncRun) -> Vanished | None:
    """Who gathers them in the first pass; None where nobody is looked for: only a whole, complete source can miss somebody."""
    opened = run.opened
    whole = not (run.follows or run.of_ledger or run.closing)
    if not whole or not looked_for(opened.mapping, run.options):
        return None
    later = run.resume is not None and opened.ledger.runs.began_after(run.resume.run)
    return Vanished(opened.mapping, opened.ledger, opened.account, later=later)


def since_of(run: SyncRun) -> str:
    """When the run began, as the ledger writes it."""
    return run.started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def file_vanished(run: SyncRun) -> None:
    """The list is written where there is somebody on it; the ledger knows them only where the run came to its end. Raises OSError, LedgerError."""
    opened, plan, vanished = run.opened, run.plan, run.vanished
    if vanished is None or vanished.why_not(plan.rows, plan.guards):
        return
    since = since_of(run)
    for folder in filter(None, (opened.folder, run.options.report_dir) if vanished.people else ()):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_vanished(folder, vanished.lines(since))
    if not run.why_stopped and run.is_registered:
        vanished.file(run.id, since)


def farewell_after(run: SyncRun, *, whole: bool) -> Farewell | None:
    """What is to be done with them when the run is over; None where nothing is. `whole`: the run came to its end."""
    opened, plan, vanished = run.opened, run.plan, run.vanished
    if vanished is None or not whole or not run.is_registered:
        return None
    if vanished.why_not(plan.rows, plan.guards) or vanished.why_nothing() or not vanished.to_act_on:
        return None
    most = len(vanished.to_act_on)
    return Farewell(run.id, opened.home, opened.folder, opened.account.id, opened.mapping, most)

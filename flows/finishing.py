"""The end of a run: what landed is filed, every row has its outcome, the report is written, and the ledger says how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import LedgerError, Stopped
from flows.filing import file_delivered, keep_corrections, supersede_older
from flows.reporting import Ending, report
from flows.vanished.of_sync import farewell_after, file_vanished

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["STRETCH_ENDINGS", "ended"]

STRETCH_ENDINGS = {"": "finished", "interrupted": "interrupted"}
"""How a stretch of a run ended, by why it was stopped; `stopped` for any other reason."""


def ended(run: SyncRun) -> Ending:
    """Nothing is on its way any more when this is called. Raises Stopped: something may have been sent, which is more than "could not start"."""
    try:
        return _ended(run)
    except LedgerError as error:
        raise Stopped(error.what, error.fix) from error
    except OSError as error:
        raise Stopped(
            f"The report in {run.opened.folder} cannot be written: {error.strerror or error}.",
            "Make room or mend the rights, then start again; what has landed is not sent again.",
        ) from error


def _ended(run: SyncRun) -> Ending:
    opened, ledger = run.opened, run.opened.ledger
    if not run.guarded:
        file_delivered(run)
    run.end_turn()
    if run.is_registered:
        ledger.stretches.ended(run.id, STRETCH_ENDINGS.get(run.why_stopped, "stopped"))
    if run.vanished is not None:
        file_vanished(run)
    ending = report(run)
    whole = ending.state in ("completed", "needs_review")
    run.next = farewell_after(run, whole=whole)
    run.bring_folder()  # before the ledger says that it has ended: else its report might be nowhere
    if whole and not run.follows and not run.of_ledger:
        ledger.columns.remember(opened.account.id, opened.mapping.name, opened.source.header)
    summary = ending.summary
    ledger.runs.finished(run.id, ending.state, summary.exit_code, summary.model_dump(mode="json"))
    if whole and run.is_registered:
        supersede_older(run)
    if run.is_registered:
        keep_corrections(run, whole=whole)
    return ending

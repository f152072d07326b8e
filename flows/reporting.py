"""From a run's ledger and parts to its summary and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.came_to import came_to
from flows.copies.bringing import Brought, mark
from flows.in_detail import in_detail
from flows.in_numbers import in_numbers
from flows.report import Details, Summary, write_report

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["Ending", "report"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its summary, the details of its page, its state in the ledger; what came of its copies, None where there are none."""

    summary: Summary
    details: Details
    state: str
    copies: Brought | None = None


def report(run: SyncRun) -> Ending:
    """Every row's outcome, the balance, the exit code, and all files of the report. Raises LedgerError, OSError."""
    opened, ended = run.opened, came_to(run)
    summary, details = in_numbers(run, ended), in_detail(run, ended)
    write_report(opened.folder, summary, details)
    if run.is_registered:
        mark(opened.folder, opened.mapping, run.id)
    if run.options.report_dir is not None:
        write_report(opened.folder, summary, details, into=run.options.report_dir)
    return Ending(summary, details, ended.state)

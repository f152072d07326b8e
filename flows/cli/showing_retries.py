"""What became of a run's rows that were retried, and which run a retry follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flows.cli.showing import console_for_people
from flows.ledger.runs import Run
from flows.report.outcomes import NEED_A_PERSON
from flows.report.summary import Summary
from flows.settled_rows import settled_rows

__all__ = ["show_how_to_retry", "show_retries"]


def show_retries(run: Run, retries: Sequence[Run]) -> None:
    """The run that this one follows, its retries and theirs, and how many of its rows they have settled."""
    console = console_for_people()
    if run.follows:
        console.print(f"retry of  {run.follows}", markup=False)
    for retry in reversed(retries):
        rows = f"{retry.rows_read:,} row{'' if retry.rows_read == 1 else 's'}"
        of = "" if retry.follows == run.id else f", a retry of {retry.follows}"
        console.print(f"retried   {rows} in the run {retry.id} ({retry.state}{of})", markup=False)
    if retries:
        needed = sum(run.summary["outcomes"][name] for name in NEED_A_PERSON)
        console.print(
            f"settled   {len(settled_rows(retries)):,} of the {needed:,} rows that need a person here",
            markup=False,
        )


def show_how_to_retry(summary: Summary, folder: Path) -> None:
    """What to do about the rows that need a person, where there are some."""
    if summary.needing and summary.rehearsal is None:
        line = f"retry     muster retry {folder / 'failures.csv'}   (when it is corrected)"
        console_for_people().print(line, markup=False, soft_wrap=True)

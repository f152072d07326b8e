"""A run in detail: what its page shows beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.came_to import CameTo
from flows.comparison import compared
from flows.listing_facts import facts_of, twice_of
from flows.report.details import Column, Details, FieldChange, OddLine
from flows.report.reasons import reasons
from flows.report.unseen import unseen_values

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["in_detail"]


def in_detail(run: SyncRun, ended: CameTo) -> Details:
    """What only the run's page shows."""
    opened, traffic = run.opened, run.opened.destination.traffic
    survey = run.knowledge.survey if run.knowledge is not None else None
    last = max(traffic.answered_at, default=-1)
    return Details(
        title=opened.mapping.title or opened.mapping.name,
        mapping_path=opened.mapping.file,
        columns=_columns(run),
        oddities=_oddities(run),
        reasons=reasons(opened.folder),
        pace_series=[(second, traffic.answered_at.get(second, 0)) for second in range(last + 1)],
        source_reading={name: str(value) for name, value in opened.source.reading.items()},
        newcomers=opened.destination.rules.newcomers if opened.destination.mails_people else "",
        unseen=unseen_values(opened.folder, opened.mapping, opened.schema),
        comparison=None if run.resume is not None else compared(run, ended.balance),
        listing=facts_of(survey),
        twice=twice_of(survey),
        changes=_changes(run),
        kept_examples=run.delivery.seen.kept,
        new_rows=None if ended.since is None else ended.since.new_rows,
    )


def _columns(run: SyncRun) -> list[Column]:
    """What became of each column of the source."""
    plan = run.plan
    return [
        Column(name=use.name, use=use.use, into=list(use.into), filled=filled, rows=plan.rows)  # type: ignore[arg-type]
        for use, filled in zip(run.opened.application.uses(), plan.filled, strict=True)
    ]


def _oddities(run: SyncRun) -> list[OddLine]:
    """Columns that no run has seen before, and what is odd about the file."""
    new = [
        OddLine(line=0, message=f"The column '{name}' is new, and nothing is taken from it yet.")
        for name in run.plan.new_columns
    ]
    return [*new, *(OddLine(line=odd.line, message=odd.message) for odd in run.opened.source.oddities)]


def _changes(run: SyncRun) -> list[FieldChange]:
    """By merge tag, the most frequent first."""
    delivery = run.delivery
    if run.resume is not None:
        delivery.seen.recall(run.opened.ledger.answers, run.id)
    return [
        FieldChange(tag=tag, count=count, examples=delivery.seen.changes.get(tag, []))
        for tag, count in delivery.tally.changed.most_common()
    ]

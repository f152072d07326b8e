"""Runs whose worker died: which of them another worker takes over, and which wait for a person."""

from __future__ import annotations

from dataclasses import dataclass

from flows.cut_off import cut_off
from flows.ledger import Ledger
from flows.ledger.stretches import CUT_OFF

__all__ = ["MOST_TIMES", "Abandoned", "abandoned"]

MOST_TIMES = 5
"""A run that was cut off so often in a row takes its worker with it: it waits for a person."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A run that nobody is at work at, though nobody ended it. `flow_run` is '' where Prefect never heard of it."""

    id: str
    mapping: str
    flow_run: str
    times: int

    @property
    def too_often(self) -> bool:
        return self.times >= MOST_TIMES


def abandoned(ledger: Ledger) -> list[Abandoned]:
    """All of a ledger, the oldest first. The lock tells: who is only slow holds it still."""
    runs = [run for run_id in ledger.flow_runs.running() if (run := ledger.runs.get(run_id)) is not None]
    gone = cut_off(ledger, runs)
    return [
        Abandoned(run.id, run.mapping, ledger.flow_runs.of(run.id), _in_a_row(ledger, run.id))
        for run in runs
        if run.id in gone
    ]


def _in_a_row(ledger: Ledger, run_id: str) -> int:
    """How often the run was cut off without a single answer in between."""
    times, answers = 0, None
    for stretch in reversed(ledger.stretches.of(run_id)):
        if stretch.ending not in ("", CUT_OFF) or (answers is not None and stretch.answers < answers):
            break
        times, answers = times + 1, stretch.answers
    return times

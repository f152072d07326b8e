"""What was planned and what was done, by outcome, for the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flows.plan import count_states
from flows.report.details import Compared, Comparison
from flows.roll import OUTCOMES

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["compared"]


def compared(run: SyncRun, done: Counter[str]) -> Comparison | None:
    """The plan that was named, else the run's own decisions; none where a guard stopped it before it decided anything."""
    if run.guarded:
        return None
    planned, plan = run.options.planned, ""
    outcomes = _decided(run, done)
    if planned is not None:
        outcomes, plan = Counter(planned.outcomes.model_dump()), f"{planned.made_at:%Y-%m-%d %H:%M} UTC"
    return Comparison(
        plan=plan,
        estimated=planned is not None and planned.estimated,
        outcomes=[
            Compared(outcome=name, planned=outcomes[name], done=done[name])
            for name in OUTCOMES
            if outcomes[name] or done[name]
        ],
    )


def _decided(run: SyncRun, done: Counter[str]) -> Counter[str]:
    """What was decided before it was sent; rows whose turn never came count as they are."""
    decided = run.delivery.planned.outcomes
    states = count_states(run.plan)
    untried = states.pop("to_send") - decided.total()
    outcomes = Counter(states) + decided
    outcomes["unsent"] += min(untried, done["unsent"] - outcomes["unsent"])
    return outcomes

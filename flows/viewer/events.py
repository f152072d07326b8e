"""Events of a run, that automations can act on: what became of it, in counts.

    muster.run.completed      every row is where it should be
    muster.run.needs-review   finished, some rows need a person
    muster.run.guard-tripped  a guard stopped it before anything was sent
    muster.run.stopped        too many failures or the destination stopped it, or a person did
    muster.run.failed         it could not start, broke off or does not balance
    muster.run.recovered      beside completed, where the run before it was not

The resource is `muster.mapping.NAME`; the flow run and its deployment are related to it.
"""

from __future__ import annotations

import contextlib
from typing import Any

from prefect.context import FlowRunContext
from prefect.events import emit_event

from flows.ledger import Run
from flows.report.summary import Summary
from flows.report.vanished import worst_code
from flows.sync_run import SyncRun

__all__ = ["told_of_ending", "told_of_failure", "told_of_parting"]

_BY_STATUS = {
    "guarded": "guard-tripped",
    "stopped": "stopped",
    "interrupted": "stopped",
    "superseded": "stopped",
}
_NOT_WELL = ("needs_review", "guarded", "stopped", "failed")


def told_of_ending(run: SyncRun) -> None:
    """Tells how a run with a report ended. Nothing is raised."""
    if run.ending is None:
        return
    summary = run.ending.summary
    names = [_name_of(summary)]
    if names == ["completed"] and _was_not_well(run):
        names.append("recovered")
    for name in names:
        _tell(name, summary.mapping.name, _counts(summary))


def told_of_parting(run: SyncRun) -> None:
    """Tells where the run for vanished people, right after a sync that went well, did not. Nothing is raised."""
    if run.ending is None:
        return
    summary = run.ending.summary
    code = worst_code(summary.exit_code, summary.vanished_details)
    if code != summary.exit_code:
        name = {1: "needs-review", 3: "stopped", 130: "stopped"}.get(code, "failed")
        _tell(name, summary.mapping.name, {"run": summary.run_id, "exit_code": code, "why": "vanished"})


def told_of_failure(mapping: str, why: str) -> None:
    """Tells of a run that came to no report. `why` is the name of its state. Nothing is raised."""
    _tell("failed", mapping, {"why": why})


def _name_of(summary: Summary) -> str:
    if summary.exit_code == 4:
        return "failed"
    return _BY_STATUS.get(summary.status) or ("needs-review" if summary.exit_code == 1 else "completed")


def _was_not_well(run: SyncRun) -> bool:
    """Whether the run of this mapping before this one ended otherwise than completed."""
    with contextlib.suppress(Exception):  # the ledger is the truth; this is news
        for one in run.opened.ledger.runs.latest(10, run.opened.mapping.name):
            before: list[Run] = [
                each for each in one if each.id != run.id and each.account == run.opened.account.id and each.verb == "sync"
            ]  # fmt: skip
            if before:
                return before[0].state in _NOT_WELL
    return False


def _counts(summary: Summary) -> dict[str, Any]:
    return {
        "run": summary.run_id,
        "exit_code": summary.exit_code,
        "rows": summary.source.rows_read,
        "need_a_person": summary.needing,
        "outcomes": summary.outcomes.model_dump(),
        "problems": {one.code: one.count for one in summary.problems},
        "guards": {one.name: one.count for one in summary.guards if one.tripped and not one.allowed},
    }


def _tell(name: str, mapping: str, payload: dict[str, Any]) -> None:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    related = [
        {
            "prefect.resource.id": f"prefect.flow-run.{context.flow_run.id}",
            "prefect.resource.role": "flow-run",
        }
    ]
    with contextlib.suppress(Exception):  # Prefect is a viewer
        emit_event(
            event=f"muster.run.{name}",
            resource={"prefect.resource.id": f"muster.mapping.{mapping}", "prefect.resource.name": mapping},
            related=related,
            payload=payload,
        )

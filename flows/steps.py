"""The steps of an open run as Prefect's tasks, and the state that it ends in: what all flows that deliver have in common.

What crosses into Prefect are names, numbers and sentences with counts, never a person's data: tasks take a run's id and a portion's
number, and an error crosses with its code alone.
"""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed

from connectors.errors import MappingError, MusterError
from flows.account_limit import at_the_switch
from flows.asking import not_allowed
from flows.deployed import left_by
from flows.key_like import shown
from flows.ledger import Run
from flows.opening import load_mapping
from flows.pipeline import Portion, deliver_all
from flows.report.vanished import worst_code
from flows.report.verdict import verdict
from flows.settings import find_mapping
from flows.stopping import interruptible, interruptible_before
from flows.sync_run import SyncRun
from flows.viewer.artifacts import followed, show
from flows.viewer.events import told_of_ending, told_of_failure
from flows.work import StepFailed, at_work, kept, left_over, set_out

__all__ = ["carried_out", "could_not_start", "known_as", "left_by_this_flow", "log", "state_of"]

_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retries": 0, "log_prints": False}


@at_the_switch
async def carried_out(run: SyncRun, *, yes: bool, prepared: bool) -> State[Any]:
    """An open run to its end, step by step: what all flows that deliver have in common."""
    _note_flow(run)
    try:
        async with followed(run):
            with contextlib.nullcontext() if prepared else interruptible_before():
                await read_map_and_check(run.id)
            if run.not_allowed and not prepared:
                refusal = not_allowed(run.not_allowed, run.opened.mapping)
                return _failed(run, f"{refusal.what} {refusal.fix}", "NeedsPermission")
            if run.question() and not yes:
                return _failed(run, run.question(), "NeedsAYes")
            with interruptible(run):
                await deliver_all(run, run.delivery.deliver, functools.partial(_as_task, run))
                await write_report(run.id)
    except StepFailed:
        return _failed(run, _told(run.crashed), "Stopped" if run.prepared else "CouldNotStart")
    if trouble := await show(run):
        log(f"no artifacts: {trouble}")
    if run.ending is not None and run.ending.copies is not None and run.ending.copies.missing:
        log(run.ending.copies.told())
    told_of_ending(run)
    return state_of(run)


def could_not_start(error: Exception, mapping: str) -> State[Any]:
    told_of_failure(known_as(mapping), "CouldNotStart")
    return Failed(message=_told(error), name="CouldNotStart")


def _failed(run: SyncRun, message: str, name: str) -> State[Any]:
    told_of_failure(run.opened.mapping.name, name)
    return Failed(message=message, name=name)


def known_as(mapping: str) -> str:
    """What a mapping calls itself, or its file's name where that cannot be read."""
    with contextlib.suppress(MusterError):
        return load_mapping(find_mapping(mapping)).name
    return shown(Path(mapping).stem) if shown(mapping) == mapping else shown(mapping)


@task(name="read, map and check", task_run_name="read, map and check", **_STEP)
async def read_map_and_check(run_id: str) -> dict[str, int]:
    """The first pass. Returns counts."""
    run = at_work(run_id)
    with kept(run):
        if not run.prepared:
            await run.prepare()
    return {"rows": run.plan.rows, "to_send": len(run.plan.roll.to_send())}


async def _as_task(run: SyncRun, portion: Portion) -> None:
    set_out(run.id, portion)
    await deliver_portion(run.id, portion.number)


@task(name="deliver a portion", task_run_name="portion {number}", **_STEP)
async def deliver_portion(run_id: str, number: int) -> int:
    """The batches of some seconds; returns how many contacts they held. Their outcomes are in the ledger."""
    run, portion = at_work(run_id), left_over(run_id, number)
    with kept(run):
        return await portion.deliver()


@task(name="write the report", task_run_name="write the report", **_STEP)
async def write_report(run_id: str) -> int:
    """The balance and the report; returns the exit code."""
    run = at_work(run_id)
    with kept(run):
        return await run.finish()


def _told(error: BaseException | None) -> str:
    """What Prefect may keep of an error: never what a file or an example of a mapping holds."""
    if isinstance(error, MusterError) and not isinstance(error, MappingError):
        said = error.what.splitlines()[0]
        return said if shown(said) == said else "It could not start; muster plan says why."
    if isinstance(error, MappingError):
        return "The mapping does not fit; muster check says where."
    return f"A bug in muster: {type(error).__name__}."


def _note_flow(run: SyncRun) -> None:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        run.opened.ledger.flow_runs.note(run.id, str(context.flow_run.id))


def state_of(run: SyncRun) -> State[Any]:
    """A state that tells the truth: needs a person is not failed, and neither is completed."""
    assert run.ending is not None  # noqa: S101 - the report was written
    summary = run.ending.summary
    message, code = verdict(summary), worst_code(summary.exit_code, summary.vanished_details)
    if code == 0:
        return Completed(message=message)
    if code == 1:
        return Completed(message=message, name="NeedsReview")
    if code == 130:
        return Cancelled(message=message)
    if code == 3:
        return Failed(
            message=message, name="Guarded" if run.ending.summary.status == "guarded" else "Stopped"
        )
    return Failed(message=message, name="DoesNotBalance")


def left_by_this_flow(home: Path, url: str | None = None) -> Run | None:
    """The run that this very flow run has begun before, None where it is here for the first time."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return None
    return left_by(home, str(context.flow_run.id), url)


def log(line: str) -> None:
    """To the flow run's log, as long as there is somebody who keeps it."""
    with contextlib.suppress(Exception):
        get_run_logger().info(line)

"""The flow: contacts are read, mapped, checked, delivered in batches, and every row is accounted for.

The truth is the ledger; Prefect is a viewer. What crosses into Prefect are names, numbers and sentences with counts,
never a person's data: tasks take a run's id and a batch's number, and an error crosses with its code alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from connectors.errors import MappingError, MusterError
from flows.allowing import wrong_with
from flows.asking import not_allowed
from flows.batches import Batch
from flows.beginning import begun
from flows.map_shard import on_workers
from flows.options import Options
from flows.pipeline import deliver_all
from flows.report.summary import verdict
from flows.settings import Settings
from flows.stopping import interruptible
from flows.sync_run import SyncRun
from flows.watching import Silent
from flows.work import StepFailed, at_work, ended, hand_over, kept, left_over, set_out

__all__ = ["carried_out", "could_not_start", "sync_contacts"]

_STEP: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False, "retries": 0, "log_prints": False}
_VIEWER_SECONDS = 5.0


def _named() -> str:
    given = flow_run.parameters
    source = given.get("source")
    return Path(given["mapping"]).stem + (f" {Path(source).name}" if source else "")


@flow(name="sync-contacts", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
async def sync_contacts(
    mapping: Annotated[str, Field(description="A mapping's file, or the name of one that comes with muster")],
    source: Annotated[
        str | None, Field(description="The file to read; the mapping's own source if not given")
    ] = None,
    limit: Annotated[int | None, Field(description="Send at most so many contacts", ge=1)] = None,
    allow: Annotated[
        list[str] | None,
        Field(
            description="Guards that may be passed in this run, and what may be started; each alone or as NAME=N"
        ),
    ] = None,
    opt_outs_only: Annotated[bool, Field(description="Deliver nothing but opt-outs")] = False,
    yes: Annotated[bool, Field(description="Say yes to what a person would be asked")] = False,
    shards: Annotated[
        int | Literal["auto"],
        Field(
            description="Read and map the file in so many parts side by side; auto divides large files only"
        ),
    ] = "auto",
    shards_on: Annotated[
        str | None,
        Field(description="The map-shard deployment whose workers map the parts; this machine if not given"),
    ] = None,
    run_id: Annotated[str | None, Field(description="A run that is prepared in this process")] = None,
) -> State[Any]:
    """Contacts from a file go to a marketing tool, and every row is accounted for."""
    async with contextlib.AsyncExitStack() as stack:
        prepared = run_id is not None
        if run_id is None:
            if wrong := next(filter(None, map(wrong_with, allow or ())), ""):
                return Failed(message=f"allow: {wrong}", name="CouldNotStart")
            options = Options(
                limit=limit,
                allow=frozenset(allow or ()),
                opt_outs_only=opt_outs_only,
                shards=None if shards == "auto" else shards,
            )
            try:
                run = await stack.enter_async_context(begun(mapping, source, options, Silent()))
                if shards_on is not None:
                    place = Settings(Path(run.opened.mapping.file)).get("MUSTER_SHARED")
                    run.crew = await asyncio.to_thread(on_workers, shards_on, run.id, place)
            except MusterError as error:
                return could_not_start(error)
            run_id = hand_over(run)
        stack.callback(ended, run_id)
        return await carried_out(at_work(run_id), yes=yes or prepared, prepared=prepared)


async def carried_out(run: SyncRun, *, yes: bool, prepared: bool) -> State[Any]:
    """An open run to its end, step by step: what all flows that deliver have in common."""
    _note_flow(run)
    try:
        await read_map_and_check(run.id)
        if run.not_allowed and not prepared:
            refusal = not_allowed(run.not_allowed, run.opened.mapping)
            return Failed(message=f"{refusal.what} {refusal.fix}", name="NeedsPermission")
        if run.question() and not yes:
            return Failed(message=run.question(), name="NeedsAYes")
        with interruptible(run):
            await deliver_all(run, functools.partial(_as_task, run))
            await write_report(run.id)
    except StepFailed:
        return Failed(message=_told(run.crashed), name="Stopped" if run.prepared else "CouldNotStart")
    await _show(run)
    return _state(run)


def could_not_start(error: MusterError) -> State[Any]:
    return Failed(message=_told(error), name="CouldNotStart")


@task(name="read, map and check", **_STEP)
async def read_map_and_check(run_id: str) -> dict[str, int]:
    """The first pass. Returns counts."""
    run = at_work(run_id)
    with kept(run):
        if not run.prepared:
            await run.prepare()
    return {"rows": run.plan.rows, "to_send": len(run.plan.roll.to_send())}


async def _as_task(run: SyncRun, batch: Batch) -> None:
    set_out(run.id, batch)
    await deliver_batch(run.id, batch.number)


@task(name="deliver a batch", task_run_name="batch {number}", **_STEP)
async def deliver_batch(run_id: str, number: int) -> int:
    """One batch; returns how many contacts it held. Their outcomes are in the ledger."""
    run, batch = at_work(run_id), left_over(run_id, number)
    with kept(run):
        await run.delivery.deliver(batch)
    return len(batch)


@task(name="write the report", **_STEP)
async def write_report(run_id: str) -> int:
    """The balance and the report; returns the exit code."""
    run = at_work(run_id)
    with kept(run):
        return await run.finish()


def _told(error: BaseException | None) -> str:
    """What Prefect may keep of an error: never what a file or an example of a mapping holds."""
    if isinstance(error, MusterError) and not isinstance(error, MappingError):
        return error.what.splitlines()[0]
    if isinstance(error, MappingError):
        return "The mapping does not fit; muster check says where."
    return f"A bug in muster: {type(error).__name__}."


def _note_flow(run: SyncRun) -> None:
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        run.opened.ledger.runs.flow(run.id, str(context.flow_run.id))


async def _show(run: SyncRun) -> None:
    """Artifacts for whoever watches in Prefect: counts and the report's place. The run does not depend on them."""
    if run.ending is None:
        return
    summary, name = run.ending.summary, run.opened.mapping.name
    balance = [{"outcome": key, "rows": count} for key, count in summary.outcomes.model_dump().items()]
    try:
        async with asyncio.timeout(_VIEWER_SECONDS):
            await acreate_table_artifact(key=f"{name}-balance", table=balance, description=verdict(summary))
            report = run.opened.folder / "report.html"
            problems = "".join(f"| `{p.code}` | {p.severity} | {p.count} |\n" for p in summary.problems)
            markdown = f"{verdict(summary)}\n\nReport: `{report}`\n\n| problem | severity | rows |\n|---|---|---|\n{problems}"
            await acreate_markdown_artifact(
                key=f"{name}-report", markdown=markdown, description="the run's report"
            )
    except Exception as error:  # noqa: BLE001 - the viewer is gone; the ledger has everything
        with contextlib.suppress(Exception):
            get_run_logger().warning("no artifacts: %s", type(error).__name__)


def _state(run: SyncRun) -> State[Any]:
    """A state that tells the truth: needs a person is not failed, and neither is completed."""
    assert run.ending is not None  # noqa: S101 - the report was written
    message, code = verdict(run.ending.summary), run.ending.summary.exit_code
    if code == 0:
        return Completed(message=message)
    if code == 1:
        return Completed(message=message, name="NeedsReview")
    if code == 130:
        return Cancelled(message=message)
    return Failed(message=message, name={3: "Stopped"}.get(code, "DoesNotBalance"))

"""The flow that looks after the others: what a dead worker was at goes on on another one.

The ledger tells which runs nobody is at work at any more, by their locks. Their flow runs are set to be started again, as
"Retry" in Prefect's page does, and whichever worker takes one finishes the run: what has an answer is not sent again. Made for a
schedule of every minute; it sends nothing itself.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    FlowRun,
    State,
    StateType,
)
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed, Failed, Scheduled
from prefect.types.entrypoint import EntrypointType
from pydantic import Field

from connectors.errors import MusterError
from flows.abandoned import MOST_TIMES, Abandoned, abandoned
from flows.ledger.opening import open_ledger
from flows.settings import Settings
from flows.viewer.described import described

__all__ = ["deploy", "looked_after", "take_over"]

_STARTS_WITHIN = dt.timedelta(minutes=2)
"""A worker that has taken a flow run and not begun it by then is gone as well."""
_ONE = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW, grace_period_seconds=60
)
_AT_WORK = (StateType.RUNNING, StateType.CRASHED)


@flow(name="take-over", retries=0, persist_result=False, log_prints=False)
@described
async def take_over(
    home: Annotated[
        str | None, Field(description="The home folder of the ledger; MUSTER_HOME of the worker if not given")
    ] = None,
) -> State[Any]:
    """Runs whose worker died are started again, on any worker."""
    try:
        ledger = open_ledger(Path(home) if home else Settings().home_here())
    except MusterError as error:
        return Failed(message=error.what.splitlines()[0], name="CouldNotStart")
    try:
        found = abandoned(ledger)
    finally:
        ledger.close()
    done = await looked_after(found)
    for run, what in done:
        get_run_logger().info("run %s of %s: %s", run.id, run.mapping, what)
    said = Counter(what for _, what in done)
    if not said:
        return Completed(message="Somebody is at work at every run that was begun.")
    return Completed(message="; ".join(f"{count} {what}" for what, count in said.items()) + ".")


async def looked_after(found: Sequence[Abandoned]) -> list[tuple[Abandoned, str]]:
    """Has those started again that can be; each with what was done about it."""
    async with get_client() as client:
        return [(run, await _taken_over(client, run)) for run in found]


async def deploy(pool: str, home: Path, every: float) -> str:
    """Makes or changes the deployment on a work pool; its name. One of its runs at a time: those that come late take no worker's room.

    Raises CannotStart where there is no such pool.
    """
    from flows.viewer.deployments import with_pool  # noqa: PLC0415 - it knows all flows, and each look would import them

    async with get_client() as client:
        await with_pool(client, pool)
    made: RunnerDeployment = await take_over.ato_deployment(
        name="every-minute", interval=every, parameters={"home": str(home)}, concurrency_limit=_ONE,
        work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH,
        description="Runs whose worker died go on on another one.",
    )  # fmt: skip
    await made.aapply(work_pool_name=pool)
    return f"{made.flow_name}/{made.name}"


async def _taken_over(client: PrefectClient, run: Abandoned) -> str:
    """Has one started again; what was done about it, as a count says it."""
    shown = await _shown(client, run.flow_run)
    if shown is None or shown.deployment_id is None or shown.state is None:
        return "cut off, not of a deployment: muster resume finishes it"
    if run.too_often:
        if shown.state.type == StateType.RUNNING:
            why = f"The run {run.id} was cut off {run.times} times in a row. Look at the worker's memory and log; muster resume finishes it."
            await client.set_flow_run_state(shown.id, Crashed(message=why), force=True)
        return f"cut off {MOST_TIMES} times in a row, left for a person"
    if shown.state.type == StateType.CANCELLING:
        why = f"The run {run.id} was cut off while it was cancelled; muster resume finishes it."
        await client.set_flow_run_state(shown.id, Cancelled(message=why), force=True)
        return "cut off while it was cancelled: muster resume finishes it"
    late = shown.state.type == StateType.PENDING and _age(shown.state) > _STARTS_WITHIN
    if shown.state.type not in _AT_WORK and not late:
        return "to be started already" if shown.state.type in (StateType.SCHEDULED, StateType.PENDING) else (
            f"cut off, and {shown.state.name} in Prefect: muster resume finishes it"
        )  # fmt: skip
    again: State[Any] = Scheduled(name="TakenOver", message=f"The worker of the run {run.id} is gone; the next one finishes it.")  # fmt: skip
    await client.set_flow_run_state(shown.id, again, force=True)
    return "taken over"


async def _shown(client: PrefectClient, flow_run: str) -> FlowRun | None:
    if not flow_run:
        return None
    try:
        return await client.read_flow_run(UUID(flow_run))
    except ObjectNotFound:
        return None


def _age(state: State[Any]) -> dt.timedelta:
    return dt.datetime.now(dt.UTC) - state.timestamp

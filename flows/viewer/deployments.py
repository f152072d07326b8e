"""Deployments of syncs on a Prefect server: made or renewed, listed, paused, resumed, taken away.

Each runs `flows.sync_contacts.sync_contacts`, or `flows.watch_fixes.watch_fixes`, named as a module, so that a worker needs muster installed and no code copied. A
deployment of this machine (without a pool of its own) goes to the pool `muster`, into the queue of its ledger's folder, which `muster serve`
works off.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from connectors.errors import CannotStart
from flows.schedule import Schedule, Scheduled
from flows.sync_contacts import sync_contacts
from flows.watch_fixes import watch_fixes

__all__ = [
    "ENTRYPOINTS",
    "POOL",
    "Wanted",
    "deploy",
    "listed",
    "paused",
    "queue_of",
    "removed",
    "resumed",
    "with_pool",
]

_FLOWS: dict[str, Flow[..., Any]] = {"sync": sync_contacts, "fixes": watch_fixes}
ENTRYPOINTS = {"sync": "flows.sync_contacts.sync_contacts", "fixes": "flows.watch_fixes.watch_fixes"}
"""What a deployment does, and where its flow is."""
POOL = "muster"
TAG = "muster"
_PAGE = 200
_NOT_IN_NAMES = "/%&<>"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deployment as somebody asks for it. `pool` is '' for this machine; `does` is sync or fixes."""

    name: str
    description: str
    parameters: dict[str, Any]
    schedule: Schedule
    home: Path
    pool: str = ""
    does: str = "sync"


def queue_of(home: Path) -> str:
    """The queue of a ledger's folder on this machine: its syncs run where its files are."""
    digest = hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:8]
    return f"{socket.gethostname().split('.')[0].lower()}-{digest}"


async def with_pool(client: PrefectClient, pool: str) -> None:
    """Makes sure that there is such a pool; one that is not muster's own has to be there. Raises CannotStart."""
    try:
        await client.read_work_pool(pool)
    except ObjectNotFound:
        if pool != POOL:
            raise CannotStart(
                f"The Prefect server has no work pool {pool}.",
                f"Make one: prefect work-pool create {pool} --type process. A schedule without --pool is run by muster serve.",
            ) from None
        try:
            await client.create_work_pool(
                WorkPoolCreate(name=POOL, type="process", description="Syncs of muster serve")
            )
        except ObjectAlreadyExists:
            return


async def deploy(wanted: Wanted) -> bool:
    """Makes the deployment, or renews the one of its name; whether it is new. Raises CannotStart."""
    if found := [sign for sign in _NOT_IN_NAMES if sign in wanted.name]:
        raise CannotStart(
            f"A deployment in Prefect cannot be called {wanted.name}: its name may not have {' '.join(found)}.",
            "Choose another --name.",
        )
    async with get_client() as client:
        await with_pool(client, wanted.pool or POOL)
        before = await _named(client, wanted.name)
        if before is not None and (other := before.parameters.get("mapping")) != wanted.parameters["mapping"]:
            raise CannotStart(
                f"{wanted.name} is scheduled for {other} on this server.",
                f"Choose another --name, or take that one away: muster schedule --remove {wanted.name}.",
            )
        if before is not None and before.entrypoint != ENTRYPOINTS[wanted.does]:
            raise CannotStart(
                f"{wanted.name} is scheduled on this server, and does something else.",
                f"Choose another --name, or take that one away: muster schedule --remove {wanted.name}.",
            )
        does = _FLOWS[wanted.does]
        await client.create_deployment(
            flow_id=await client.create_flow(does),
            name=wanted.name,
            description=wanted.description,
            entrypoint=ENTRYPOINTS[wanted.does],
            schedules=[DeploymentScheduleCreate(schedule=_schedule(wanted.schedule), active=True)],
            parameters=wanted.parameters,
            parameter_openapi_schema=parameter_schema(does).model_dump_for_openapi(),
            enforce_parameter_schema=True,
            work_pool_name=wanted.pool or POOL,
            work_queue_name=None if wanted.pool else queue_of(wanted.home),
            tags=[TAG],
            paused=False,
        )
    return before is None


async def listed() -> list[Scheduled]:
    """All deployments of syncs on the server, by name."""
    async with get_client() as client:
        found = await _all(client)
        return [await _seen(client, one) for one in found]


async def paused(name: str) -> None:
    """Its schedule begins no run any more. Raises CannotStart where there is no such deployment."""
    async with get_client() as client:
        await client.pause_deployment((await _there(client, name)).id)


async def resumed(name: str) -> None:
    """Its schedule begins runs again. Raises CannotStart where there is no such deployment."""
    async with get_client() as client:
        await client.resume_deployment((await _there(client, name)).id)


async def removed(name: str) -> None:
    """Takes it away; ledger and reports stay. Raises CannotStart where there is no such deployment."""
    async with get_client() as client:
        await client.delete_deployment((await _there(client, name)).id)


async def _all(client: PrefectClient) -> list[DeploymentResponse]:
    named = FlowFilter(name=FlowFilterName(any_=[one.name for one in _FLOWS.values()]))
    found: list[DeploymentResponse] = []
    while True:
        page = await client.read_deployments(
            flow_filter=named, limit=_PAGE, offset=len(found), sort=DeploymentSort.NAME_ASC
        )
        found += page
        if len(page) < _PAGE:
            return found


async def _named(client: PrefectClient, name: str) -> DeploymentResponse | None:
    for one in _FLOWS.values():
        try:
            return await client.read_deployment_by_name(f"{one.name}/{name}")
        except ObjectNotFound:
            continue
    return None


async def _there(client: PrefectClient, name: str) -> DeploymentResponse:
    found = await _named(client, name)
    if found is None:
        names = ", ".join(one.name for one in await _all(client))
        raise CannotStart(
            f"No sync is scheduled as {name}.",
            f"There is: {names}." if names else "muster schedule MAPPING makes one.",
        )
    return found


async def _seen(client: PrefectClient, one: DeploymentResponse) -> Scheduled:
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[one.id]))
    next_ = await client.read_flow_runs(
        deployment_filter=of_it, limit=1, sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": ["SCHEDULED"]}}}),
    )  # fmt: skip
    last = await client.read_flow_runs(
        deployment_filter=of_it, limit=1, sort=FlowRunSort.START_TIME_DESC,
        flow_run_filter=FlowRunFilter.model_validate({"start_time": {"is_null_": False}}),
    )  # fmt: skip
    state = last[0].state if last else None
    parameters = one.parameters or {}
    return Scheduled(
        name=one.name,
        mapping=str(parameters.get("mapping", "")),
        source=parameters.get("source"),
        schedule="; ".join(_said(each.schedule) for each in one.schedules) or "none",
        pool=one.work_pool_name or "",
        here=one.work_queue_name or "",
        paused=one.paused,
        next_run=_utc(next_[0].expected_start_time) if next_ and not one.paused else None,
        last_run=_utc(last[0].start_time) if last else None,
        last_state=(state.name or "") if state is not None else "",
        last_message=(state.message or "") if state is not None else "",
    )


def _schedule(schedule: Schedule) -> CronSchedule | IntervalSchedule:
    """As Prefect has it. Raises CannotStart for a cron line or a time zone that is none."""
    try:
        if schedule.cron:
            return CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
        return IntervalSchedule(
            interval=dt.timedelta(seconds=schedule.every or 0), timezone=schedule.timezone
        )
    except ValidationError as error:
        what = "; ".join(str(one["msg"]) for one in error.errors())
        raise CannotStart(
            f"The schedule {schedule} is none: {what}.", 'Such as --cron "0 6 * * *" or --every 6h.'
        ) from None


def _said(schedule: Any) -> str:
    zone = f" {schedule.timezone}" if getattr(schedule, "timezone", None) else ""
    if isinstance(schedule, CronSchedule):
        return f"{schedule.cron}{zone}"
    if isinstance(schedule, IntervalSchedule):
        return f"every {Schedule(every=schedule.interval.total_seconds())}"
    return str(getattr(schedule, "rrule", schedule))


def _utc(moment: Any) -> dt.datetime | None:
    return None if moment is None else dt.datetime.fromtimestamp(moment.timestamp(), dt.UTC)

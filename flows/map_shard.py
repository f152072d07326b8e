"""The flow that maps one part of a very large source on a worker, and how a run has its parts mapped by such flows.

Parameters are names and numbers: what is to be done stands in the run's folder, and so does what came of it.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import Annotated, Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Completed, Failed
from prefect.types.entrypoint import EntrypointType
from pydantic import Field

from connectors.errors import CannotStart, MusterError
from flows.deployed import refuse_keys
from flows.settings import Settings
from flows.shards.shard import map_shard
from flows.shards.shared import at_hand, place_of
from flows.shards.workers import Starter, Workers
from flows.viewer.described import described

__all__ = ["DEPLOYMENT", "deploy", "map_shard_flow", "on_workers"]

DEPLOYMENT = "parts"
_MOST = 16


@flow(
    name="map-shard", flow_run_name="{run} part {number}", retries=0, persist_result=False, log_prints=False
)
@described
def map_shard_flow(
    place: Annotated[str, Field(description="Where the parts are asked for: a folder that all workers have, or an address")],
    run: Annotated[str, Field(description="The run that asks")],  # noqa: ARG001 - for whoever looks on
    number: Annotated[int, Field(description="Which part, from 1", ge=1)],
) -> State[Any]:  # fmt: skip
    """One part of a large file is read and mapped; the run that asks puts all of them together."""
    try:
        with at_hand(place, number, Settings().get) as folder:
            there = map_shard(folder, number)
    except FileNotFoundError:
        return Failed(
            message=f"Nobody asks for part {number}, or its place is not seen from here.", name="NotAsked"
        )
    except MusterError as error:
        return Failed(message=error.what.splitlines()[0], name="CouldNotMap")
    except Exception as error:  # noqa: BLE001 - what it says may be somebody's
        return Failed(message=f"A bug in muster: {type(error).__name__}.", name="CouldNotMap")
    if not there:
        return Failed(message=f"Part {number} cannot be mapped; the run says why.", name="CouldNotMap")
    return Completed(message=f"Part {number} is mapped.")


async def deploy(pool: str) -> str:
    """Makes or changes the deployment on a work pool; its name."""
    made: RunnerDeployment = await map_shard_flow.ato_deployment(
        name=DEPLOYMENT, work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH,
        description="Parts of very large files are read and mapped, for syncs whose deployment says shards_on.",
    )  # fmt: skip
    await made.aapply(work_pool_name=pool)
    return f"{made.flow_name}/{made.name}"


def on_workers(deployment: str, run: str, settings: Settings) -> Workers:
    """The crew of a deployment of `map-shard`, named FLOW/DEPLOYMENT or by the deployment's name. Raises CannotStart.

    Below the address in `MUSTER_SHARED` the run has a folder of its own; without it the workers have to see the run's folder.
    """
    place = place_of(settings)
    refuse_keys(MUSTER_SHARED=place)
    name = deployment if "/" in deployment else f"map-shard/{deployment}"
    client = get_client(sync_client=True)
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound:
        raise CannotStart(
            f"There is no deployment {name} on this Prefect server.",
            f"muster takeover --pool POOL makes one, {DEPLOYMENT}; or leave shards_on out.",
        ) from None

    def start(where: str, number: int) -> str:
        given = {"place": where, "run": run, "number": number}
        return str(client.create_flow_run_from_deployment(found.id, parameters=given, tags=[run]).id)

    def is_over(worker: str) -> bool:
        with contextlib.suppress(Exception):  # Prefect is away for a moment: it is asked again
            state = client.read_flow_run(uuid.UUID(worker)).state
            return state is not None and state.is_final()
        return False

    def stop(worker: str) -> None:
        with contextlib.suppress(Exception):  # the viewer is gone, or it has ended by itself
            client.set_flow_run_state(uuid.UUID(worker), Cancelling())

    return Workers(
        Starter(start, is_over, stop), _MOST, f"{place.rstrip('/')}/{run}" if place else "", settings.get
    )

"""The work pool, a deployment for each list and a flow run of each: `deploy_lists.py POOL MAPPING FILE [MAPPING FILE …]`, ids as JSON.

A process of its own, because Prefect reads its settings from the environment when it is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists


async def deployed(pool: str, lists: list[tuple[Path, Path]]) -> list[str]:
    async with get_client() as client:
        with contextlib.suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        found = []
        for mapping, source in lists:
            made = RunnerDeployment(
                name=f"{pool}-{mapping.stem}", flow_name="sync-contacts", entrypoint="raised_rate.sync_contacts", work_pool_name=pool,
                parameters={"mapping": str(mapping), "source": str(source), "new_ledger": True},
            )  # fmt: skip
            run = await client.create_flow_run_from_deployment(await made.aapply(work_pool_name=pool))
            found.append(str(run.id))
    return found


if __name__ == "__main__":
    words = [Path(word) for word in sys.argv[2:]]
    print(json.dumps(asyncio.run(deployed(sys.argv[1], list(zip(words[::2], words[1::2], strict=True))))))

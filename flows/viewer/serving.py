"""The worker of `muster serve`: it works off the queue of one ledger's folder, each sync in a Python process of its own."""

from __future__ import annotations

from pathlib import Path

from prefect import get_client
from prefect.workers.process import ProcessWorker

from flows.viewer.deployments import POOL, queue_of, with_pool

__all__ = ["work_off"]


async def work_off(home: Path) -> None:
    """Runs what is due, until it is cancelled.

    Without a limit of the worker: with one, Prefect's worker ends by an error when a run is retried whose process has just been killed.
    """
    async with get_client() as client:
        await with_pool(client, POOL)
    queue = queue_of(home)
    worker = ProcessWorker(work_pool_name=POOL, work_queues=[queue], name=f"muster-{queue}")
    await worker.start(printer=lambda *_: None)

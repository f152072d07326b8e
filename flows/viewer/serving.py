"""The worker of `muster serve`: it works off the queue of one ledger's folder, each sync in a Python process of its own."""

from __future__ import annotations

from pathlib import Path

from prefect import get_client
from prefect.workers.process import ProcessWorker

from flows.viewer.deployments import POOL, queue_of, with_pool

__all__ = ["work_off"]


async def work_off(home: Path, *, at_once: int) -> None:
    """Runs what is due, at most so many syncs at once, until it is cancelled."""
    async with get_client() as client:
        await with_pool(client, POOL)
    queue = queue_of(home)
    worker = ProcessWorker(work_pool_name=POOL, work_queues=[queue], name=f"muster-{queue}", limit=at_once)
    await worker.start(printer=lambda *_: None)

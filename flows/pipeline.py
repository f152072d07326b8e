"""The pipeline: all batches of a run, the next ones begun while the last calls of one are still out."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from flows.batches import Batch
from flows.sync_run import SyncRun

__all__ = ["deliver_all"]

_AT_ONCE = 3


async def deliver_all(run: SyncRun, deliver: Callable[[Batch], Awaitable[Any]]) -> None:
    """Delivers what the run has left. `deliver` is one batch; when it fails, what is out is finished before that is told.

    Cancelled, it stops now: what has no answer is `unknown`, the rest `unsent`.
    """
    waiting: set[asyncio.Future[Any]] = set()
    gc.freeze()  # what was imported and planned is not searched for garbage again and again while contacts come and go
    try:
        for batch in run.to_deliver():
            waiting.add(asyncio.ensure_future(deliver(batch)))
            if len(waiting) >= _AT_ONCE:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for finished in done:
                    finished.result()
            if run.delivery.stopped:
                break
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for finished in done:
                finished.result()
    except asyncio.CancelledError:
        run.interrupt()
        for unfinished in waiting:
            unfinished.cancel()
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
    finally:
        gc.unfreeze()
        await asyncio.gather(*waiting, return_exceptions=True)

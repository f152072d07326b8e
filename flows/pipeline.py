"""The pipeline: all batches of a run, the next ones begun while the last calls of one are still out.

Prefect is told of portions: what is begun within some seconds, however many batches that are. So its share of the time stays the same
small one at any rate, while a batch stays what may have been sent when a run is cut off.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.batches import Batch
from flows.sync_run import SyncRun

__all__ = ["PORTION_SECONDS", "Portion", "deliver_all"]

PORTION_SECONDS = 15.0
"""So long a portion takes batches."""
_AT_ONCE = 3


@dataclass
class _Line:
    """The batches that are left and the room for those under way, of all portions."""

    run: SyncRun
    deliver: Callable[[Batch], Awaitable[Any]]
    left: Iterator[Batch]
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    failed: bool = False

    @property
    def closed(self) -> bool:
        return self.failed or bool(self.run.delivery.stopped)


class Portion:
    """Batches that follow each other, numbered from 1. `taken` is set when it takes no more of them."""

    def __init__(self, number: int, first: Batch, line: _Line, seconds: float) -> None:
        self.number = number
        self.taken = asyncio.Event()
        self._line = line
        self._left = itertools.chain((first,), line.left)
        self._seconds = seconds
        self._out: set[asyncio.Future[Any]] = set()

    async def deliver(self) -> int:
        """Takes batches while it is its time; how many contacts they held, when all of them have an outcome.

        When one fails, what is out is finished before that is told.
        """
        count, until = 0, time.monotonic() + self._seconds
        try:
            while count == 0 or time.monotonic() < until:
                await self._line.room.acquire()
                self._look()
                batch = None if self._line.closed else next(self._left, None)
                if batch is None:
                    self._line.room.release()
                    break
                count += len(batch)
                self._begin(batch)
            self.taken.set()
            while self._out:
                await asyncio.wait(self._out, return_when=asyncio.FIRST_COMPLETED)
                self._look()
        except asyncio.CancelledError:
            for unfinished in self._out:
                unfinished.cancel()
            raise
        finally:
            self.taken.set()
            await asyncio.gather(*self._out, return_exceptions=True)
        return count

    def _begin(self, batch: Batch) -> None:
        one = asyncio.ensure_future(self._line.deliver(batch))
        one.add_done_callback(lambda _: self._line.room.release())
        self._out.add(one)

    def _look(self) -> None:
        """Raises what a batch that has ended has raised."""
        for finished in [one for one in self._out if one.done()]:
            self._out.remove(finished)
            finished.result()


async def deliver_all(
    run: SyncRun,
    deliver: Callable[[Batch], Awaitable[Any]],
    carried: Callable[[Portion], Awaitable[Any]] | None = None,
) -> None:
    """Delivers what the run has left. `deliver` is one batch; when it fails, what is out is finished before that is told.

    `carried` has a portion delivered; without it all is one. Cancelled, it stops now: what has no answer is `unknown`, the rest `unsent`.
    """
    seconds = PORTION_SECONDS if carried is not None else float("inf")
    line, waiting = _Line(run, deliver, run.to_deliver()), set[asyncio.Future[Any]]()
    gc.freeze()  # what was imported and planned is not searched for garbage again and again while contacts come and go
    try:
        for number, first in enumerate(line.left, 1):
            portion = Portion(number, first, line, seconds)
            waiting.add(asyncio.ensure_future(portion.deliver() if carried is None else carried(portion)))
            taken = asyncio.ensure_future(portion.taken.wait())
            try:
                while not taken.done():
                    waiting = await _some(waiting, taken)
            finally:
                taken.cancel()
            if line.closed:
                break
        while waiting:
            waiting = await _some(waiting)
    except asyncio.CancelledError:
        run.interrupt()
        for unfinished in waiting:
            unfinished.cancel()
        current = asyncio.current_task()
        if current is not None:
            current.uncancel()
    except BaseException:
        line.failed = True
        raise
    finally:
        gc.unfreeze()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _some(waiting: set[asyncio.Future[Any]], *beside: asyncio.Future[Any]) -> set[asyncio.Future[Any]]:
    """Those that still go on, when one has ended. Raises what it raised."""
    done, left = await asyncio.wait({*waiting, *beside}, return_when=asyncio.FIRST_COMPLETED)
    for finished in done:
        finished.result()
    return left - set(beside)

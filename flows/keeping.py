"""Keeping: intents are durable before the first call, answers before they count, many of them in one statement."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from connectors.errors import LedgerError, MusterError
from connectors.traffic import Traffic
from flows.ledger import Answers, Intent, Outcome

__all__ = ["Keeping"]

_GROUP_SECONDS = 0.05
_FEW = 64
"""So few that wait are worth waiting for more, for so long."""
_SOON_SECONDS = 0.02
"""And so long where somebody may only then send."""


class Keeping:
    """Writes the intents and answers of one run, in a thread of its own."""

    def __init__(self, answers: Answers, run_id: str, traffic: Traffic) -> None:
        self._answers = answers
        self._run = run_id
        self._traffic = traffic
        self._writer = ThreadPoolExecutor(1, "answers")
        self._waiting: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._seen: list[tuple[tuple[int, int, dict[str, Any]], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()

    async def intend(self, intents: Sequence[Intent]) -> None:
        """They are on the disk when this returns. Raises LedgerError."""
        await self._durably(lambda: self._answers.intend(self._run, intents))

    async def keep(self, outcome: Outcome) -> None:
        """It is on the disk when this returns, also where whoever waits was cancelled meanwhile. Raises LedgerError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, done))
        if len(self._waiting) >= _FEW:
            self._enough.set()
        try:
            await self._written(asyncio.shield(done))
        except asyncio.CancelledError:
            await done
            raise

    async def saw(self, row: int, attempt: int, image: dict[str, Any]) -> None:
        """How a contact is there, before it is written: on the disk when this returns. Raises LedgerError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._seen:
            asyncio.get_running_loop().call_later(_SOON_SECONDS, self._enough.set)
        self._seen.append(((row, attempt, image), done))
        await self._written(done)

    async def _written(self, done: Awaitable[None]) -> None:
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        try:
            await self._more()
            await self._flush_waiting()
        finally:
            self._flushing = None

    async def _more(self) -> None:
        """Waits for more that is written in the same statement."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GROUP_SECONDS):
                await self._enough.wait()

    async def _flush_waiting(self) -> None:
        while self._waiting or self._seen:
            self._enough.clear()
            group, self._waiting = self._waiting, []
            seen, self._seen = self._seen, []
            if seen:
                images = [image for image, _ in seen]
                write = functools.partial(self._answers.seen, self._run, images)
                await self._told(write, [done for _, done in seen])
            if group:
                outcomes = [outcome for outcome, _ in group]
                requests = (self._traffic.sent, self._traffic.retried, self._traffic.throttled)
                write = functools.partial(self._answers.answered, self._run, outcomes, requests)
                await self._told(write, [done for _, done in group])
            if self._waiting or self._seen:
                await self._more()

    async def _told(self, write: Callable[[], Any], waiting: list[asyncio.Future[None]]) -> None:
        """Writes, and tells all who wait for it; whoever was cancelled meanwhile does not wait any more."""
        try:
            await self._durably(write)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            what, fix = (error.what, error.fix) if isinstance(error, MusterError) else (_broken(error), "")
            for done in waiting:
                if not done.done():
                    done.set_exception(LedgerError(what, fix))
        else:
            for done in waiting:
                if not done.done():
                    done.set_result(None)

    async def _durably(self, write: Callable[[], Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, write)

    async def close(self) -> None:
        """Everything that was answered is durable when this returns."""
        if self._flushing is not None:
            await self._flushing
        self._writer.shutdown()


def _broken(error: Exception) -> str:
    return f"An answer could not be kept ({type(error).__name__})."

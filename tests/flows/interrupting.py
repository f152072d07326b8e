"""How tests interrupt a run: when so many outcomes are durable, once or twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.conformance.ended import Listening
from flows.pipeline import deliver_all

if TYPE_CHECKING:
    from conftest import Desk

UNHEARD = {"kind": "late", "share": 0.5, "seconds": 3, "paths": "POST"}
"""Half of the writes are applied at once, and answered when nobody waits any more."""


async def interrupted(
    desk: Desk, file: Path, after: int, *, now: bool = False, mapping: str = "people.yml", **options: Any
) -> list[str]:
    """A sync that is interrupted after so many outcomes: what is on its way is finished, or not. What it said."""
    async with desk.begun(file, mapping, **options) as run:
        await run.prepare()
        delivering = asyncio.ensure_future(deliver_all(run, run.delivery.deliver))

        def stop(number: int) -> None:
            if number == after:
                run.interrupt()
                if now:
                    delivering.cancel()

        watcher: Any = run.watcher
        assert isinstance(watcher, Listening)
        watcher.on_outcome = stop
        await delivering
        assert await run.finish() == 130
        return watcher.said

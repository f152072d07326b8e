"""What a sync does about copies: its report goes to where the mapping says, and what earlier runs could not copy after it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from flows.copies.bringing import bring, bring_what_was_left

if TYPE_CHECKING:
    from flows.reporting import Ending
    from flows.sync_run import SyncRun

__all__ = ["copy_report"]


async def copy_report(run: SyncRun, ending: Ending) -> None:
    """The report goes to where the mapping says. Nobody else is at this mapping meanwhile, and none of it changes how the run ended."""
    opened = run.opened
    try:
        brought = await asyncio.to_thread(bring, opened.folder)
        if brought is None:
            return
        await asyncio.to_thread(run.bring_folder)  # what it says of its copies
        run.ending = dataclasses.replace(ending, copies=brought)
        if brought.missing:
            run.watcher.say(f"reports   {brought.told()}")
            return
        left = opened.ledger.runs.with_rows()
        await asyncio.to_thread(bring_what_was_left, left, opened.mapping, run.id, run.watcher.say)
    except Exception as error:  # noqa: BLE001 - the run is over, and its own report is there
        run.watcher.say(f"reports   Not copied: {type(error).__name__}. The next run tries again.")

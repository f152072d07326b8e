"""The flow that looks into a mapping's folder of fixes: what was dropped there is retried and answered.

It does what `muster fixes` does, once each time that it runs. Steps, tasks and what crosses into Prefect are those of `flows.steps`; names of
files are people's, and stay out of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from connectors.errors import Busy, Stopped
from flows.deployed import at_home, keys_of, refuse_keys
from flows.fixes.folder import FixesFolder
from flows.fixes.turn import Piece, Told, one_after_the_other, refuse_to_ask
from flows.key_like import shown
from flows.options import Options
from flows.settings import Settings, find_mapping
from flows.steps import carried_out, could_not_start, log
from flows.stopping import interruptible_before
from flows.sync_run import SyncRun
from flows.viewer.blocks import lent
from flows.viewer.described import described
from flows.watching import Counting
from flows.work import ended, hand_over

__all__ = ["watch_fixes"]


def _named() -> str:
    mapping = flow_run.parameters["mapping"]
    return f"fixes {Path(mapping).stem if shown(mapping) == mapping else shown(mapping)}"


@flow(name="watch-fixes", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
@described
async def watch_fixes(
    mapping: Annotated[
        str, Field(description="A mapping's file on the worker, which says fixes:", min_length=1)
    ],
    home: Annotated[
        str | None,
        Field(description="The folder of the ledger (MUSTER_HOME), as an absolute path on the worker"),
    ] = None,
) -> State[Any]:
    """Corrected files of failures that were dropped are retried and answered."""
    try:
        refuse_keys(mapping=mapping, home=home)
        with at_home(home):
            async with lent(Settings(find_mapping(mapping)), keys_of(mapping)):
                fixes = FixesFolder.of(mapping)
                with fixes.alone():
                    told = await one_after_the_other(fixes, lambda piece: _sent(fixes, piece), log)
    except Busy:
        return Completed(
            message="Another run looks into the folder; nothing was sent by this one.", name="Skipped"
        )
    except asyncio.CancelledError:
        if (task_of_flow := asyncio.current_task()) is not None:
            task_of_flow.uncancel()
        return Cancelled(message="Interrupted; what was dropped is seen to by the next run.")
    except Exception as error:  # noqa: BLE001 - what it says may be somebody's, and Prefect keeps it
        return could_not_start(error, mapping)
    return _state_of(told)


async def _sent(fixes: FixesFolder, piece: Piece) -> None:
    """One file's retry to its end. Raises Busy, Unusable, CannotStart, Stopped."""
    async with contextlib.AsyncExitStack() as stack:
        options = piece.resume.options() if piece.resume is not None else Options()
        with interruptible_before():
            run = SyncRun(str(fixes.path), None, options, Counting(), retry=piece.retry, resume=piece.resume)
            await stack.enter_async_context(run)
            await run.open()
            run.register()
        stack.callback(ended, hand_over(run))
        state = await carried_out(run, yes=False, prepared=False)
        if run.ending is not None:
            return
        if run.crashed is not None:
            raise run.crashed
        refuse_to_ask(run)
        raise Stopped(state.message or "The run came to no end.", "The next look finishes it.")


def _state_of(told: Sequence[Told]) -> State[Any]:
    """A state that tells the truth, by numbers of files alone."""
    if not told:
        return Completed(message="Nothing was dropped; nothing was sent.", name="NothingNew")
    counts = Counter(one.state for one in told)
    message = ", ".join(f"{count} {state}" for state, count in counts.items()) + "."
    codes = {one.exit_code for one in told}
    if 4 in codes:
        return Failed(message=message, name="DoesNotBalance")
    if 130 in codes:
        return Cancelled(message=message)
    if counts["stopped"]:
        return Failed(message=message, name="Stopped")
    if 1 in codes:
        return Completed(message=message, name="NeedsReview")
    if set(counts) == {"waits"}:
        return Completed(message=message, name="NothingNew")
    return Completed(message=message)

"""When a sync of Prefect's has its turn: one run of a mapping at a time, the files of an inbox one after the other.

What this flow run has begun before is gone on with.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed

from connectors.errors import Busy
from flows.alerts.not_begun import told_where_not_begun
from flows.beginning import begun
from flows.deployed import resume_of
from flows.inbox.arrivals import Inbox
from flows.inbox.turn import one_after_the_other, tell_no_file
from flows.ledger import Run, RunLock
from flows.map_shard import on_workers
from flows.options import Options
from flows.settings import Settings, find_mapping
from flows.steps import carried_out, known_as, log, state_of
from flows.stopping import interruptible_before
from flows.sync_run import SyncRun
from flows.vanished.parting import parted
from flows.viewer.events import told_of_parting
from flows.viewer.names import deployment, rename
from flows.watching import Counting
from flows.work import ended, hand_over

__all__ = ["arrived", "in_turn", "skipped"]

_AGAIN_SECONDS = 2.0
"""So often it is looked whether another run of the mapping has finished."""


async def arrived(
    inbox: Inbox, sync: Callable[[str], Coroutine[Any, Any, State[Any]]], until: float
) -> State[Any]:
    """What came into an inbox, each file as a run of its own; the state of the last one, unless an earlier one asks for a person.

    Raises Busy where somebody else is still at the inbox at that time, and CannotStart.
    """
    with contextlib.ExitStack() as alone:
        while True:
            try:
                async with told_where_not_begun(str(inbox.path), log):
                    alone.enter_context(inbox.alone())
                break
            except Busy:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)
        look, states = await one_after_the_other(inbox, sync, lambda state: state.is_completed(), log)
    await tell_no_file(inbox, look, log)
    if look.overdue is not None:
        return Completed(message=look.overdue.told(dt.datetime.now(dt.UTC)), name="NeedsReview")
    if not states:
        late = look.needs_a_person(deltas=inbox.deltas)
        return (
            Completed(message="A file of deltas came late and waits for a person.", name="NeedsReview")
            if late
            else Completed(message="Nothing new came; nothing was sent.", name="NothingNew")
        )
    return (
        next((state for state in states if state.name == "NeedsReview"), states[-1])
        if states[-1].is_completed()
        else states[-1]
    )


async def in_turn(
    mapping: str,
    source: str | None,
    options: Options,
    earlier: Run | None,
    *,
    home: Path,
    until: float,
    yes: bool,
    shards_on: str | None,
) -> State[Any]:
    """One run, when no other one of its mapping is at work. Raises Busy where one still is at that time, and CannotStart.

    What this flow run has begun before, and was cut off or stopped, is gone on with: Retry in Prefect is `muster resume`. Of one
    deployment only one run waits: those that come meanwhile are skipped, since the one that waits reads what is there then.
    """
    try:
        with contextlib.ExitStack() as waiting:
            waits = False
            while True:
                try:
                    opening = functools.partial(_opened, mapping, source, options, earlier, home)
                    return await _once(opening, yes=yes, shards_on=shards_on)
                except Busy as busy:
                    if time.monotonic() > until:
                        raise
                    if not waits:
                        try:
                            waiting.enter_context(_first_to_wait(home, mapping, source, options))
                        except Busy:
                            return skipped(
                                Busy(f"{busy.what} One of the same deployment waits for it already.", "")
                            )
                        waits = True
                        log(f"{busy.what} This one waits until it has finished.")
                with interruptible_before():
                    await asyncio.sleep(_AGAIN_SECONDS)
    except asyncio.CancelledError:
        task_of_flow = asyncio.current_task()
        if task_of_flow is not None:
            task_of_flow.uncancel()
        return Cancelled(message="Interrupted before anything was sent.")


async def _once(
    opening: Callable[[contextlib.AsyncExitStack], Awaitable[SyncRun]], *, yes: bool, shards_on: str | None
) -> State[Any]:
    """A run from its beginning to its end, and what is done with vanished people after it. Raises Busy, and CannotStart."""
    async with contextlib.AsyncExitStack() as stack:
        with interruptible_before():
            run = await opening(stack)
        if shards_on is not None:
            known = Settings(Path(run.opened.mapping.file))
            run.crew = await asyncio.to_thread(on_workers, shards_on, run.id, known)
        state = await carried_out(run, yes=yes, prepared=False)
    if run.next is None:
        return state
    await parted(run)
    told_of_parting(run)
    return state_of(run)


def _first_to_wait(
    home: Path, mapping: str, source: str | None, options: Options
) -> contextlib.AbstractContextManager[Any]:
    """Of one deployment and the same rows only one run waits on a machine. Raises Busy when it is entered by another."""
    if deployment() == "none":
        return contextlib.nullcontext()
    asked = repr((source, options.limit, options.opt_outs_only, sorted(options.allow)))
    what = hashlib.sha256(asked.encode()).hexdigest()[:12]
    return RunLock(home, known_as(mapping), f"waits-{deployment()}-{what}")


async def _opened(
    mapping: str,
    source: str | None,
    options: Options,
    earlier: Run | None,
    home: Path,
    stack: contextlib.AsyncExitStack,
) -> SyncRun:
    """A new run, or the one that this flow run has begun and not finished; open until the stack is closed."""
    watcher, resume = Counting(), resume_of(home, earlier, Settings(find_mapping(mapping)).ledger_url())
    if resume is None:
        run = await stack.enter_async_context(begun(mapping, source, options, watcher))
    else:
        resumed = resume.options(None, options.allow)
        run = await stack.enter_async_context(SyncRun(mapping, None, resumed, watcher, resume=resume))
        await run.open()
        run.register()
    stack.callback(ended, hand_over(run))
    await rename(run)
    return run


def skipped(busy: Busy) -> State[Any]:
    """The state of a run that did not wait for its turn."""
    return Completed(message=f"{busy.what} This one was skipped, and nothing was sent.", name="Skipped")

"""The flow: contacts are read, mapped, checked, delivered in batches, and every row is accounted for.

The truth is the ledger; Prefect is a viewer. Here stands when a run has its turn, and what it waits for; what it does then are its `steps`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow, get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.flow_runs import asuspend_flow_run
from prefect.input.run_input import run_input_subclass_from_type
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from connectors.errors import Busy
from flows.allowing import ALLOWED, NAMES
from flows.approval import Approval, opened_by, question_about, why_not
from flows.beginning import begun
from flows.deployed import at_home, home_of, keys_of, refuse_keys, refuse_to_ask, resume_of
from flows.inbox.arrivals import Inbox
from flows.inbox.turn import one_after_the_other, tell_no_file
from flows.key_like import shown
from flows.ledger import Run, RunLock
from flows.map_shard import on_workers
from flows.options import Options
from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.settings import Settings, find_mapping
from flows.steps import carried_out, could_not_start, known_as, left_by_this_flow, log, state_of
from flows.stopping import interruptible_before
from flows.sync_run import SyncRun
from flows.vanished.parting import parted
from flows.viewer.blocks import lent
from flows.viewer.events import told_of_parting
from flows.watching import Counting
from flows.work import at_work, ended, hand_over

__all__ = ["sync_contacts"]

_VIEWER_SECONDS = 5.0
_AGAIN_SECONDS = 2.0
"""So often it is looked whether another run of the mapping has finished."""
_MOST_ANSWERS = 200
"""Of all that is kept of the questions about one run: three for each."""


def _named() -> str:
    given = flow_run.parameters
    source = given.get("source")
    return _called(given["mapping"], source)


def _called(mapping: str, source: str | None) -> str:
    """By mapping and file, as far as they may be shown."""
    file = f" {Path(source).name if shown(source) == source else shown(source)}" if source else ""
    return (Path(mapping).stem if shown(mapping) == mapping else shown(mapping)) + file


@flow(name="sync-contacts", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
async def sync_contacts(
    mapping: Annotated[
        str,
        Field(
            description="A mapping's file on the worker, or the name of one that comes with muster",
            min_length=1,
        ),
    ],
    source: Annotated[
        str | None, Field(description="The file to read; the mapping's own source if not given")
    ] = None,
    limit: Annotated[int | None, Field(description="Send at most so many contacts", ge=1)] = None,
    allow: Annotated[
        list[Annotated[str, Field(pattern=ALLOWED)]] | None,
        Field(
            description=f"Guards that may be passed in this run, and what may be started; each alone or as NAME=N. There is: {', '.join(NAMES)}"
        ),
    ] = None,
    opt_outs_only: Annotated[bool, Field(description="Deliver nothing but opt-outs")] = False,
    yes: Annotated[bool, Field(description="Say yes to what a person would be asked")] = False,
    home: Annotated[
        str | None,
        Field(description="The folder of the ledger (MUSTER_HOME), as an absolute path on the worker"),
    ] = None,
    new_ledger: Annotated[
        bool,
        Field(description="Begin a new ledger where there is none; everybody then counts as never delivered"),
    ] = False,
    overlap: Annotated[
        Literal["wait", "skip"],
        Field(
            description="Where another run of this mapping is at work: wait until it has finished, or skip this one"
        ),
    ] = "wait",
    wait_minutes: Annotated[int, Field(description="How long to wait for another run", ge=0, le=1440)] = 60,
    on_guard: Annotated[
        Literal["stop", "ask"],
        Field(
            description="Where a guard trips: stop, or suspend this run until a person lets it pass or does not"
        ),
    ] = "stop",
    ask_hours: Annotated[int, Field(description="How long a person may take for that", ge=1, le=168)] = 24,
    shards: Annotated[
        int | Literal["auto"],
        Field(
            description="Read and map the file in so many parts side by side; auto divides large files only"
        ),
    ] = "auto",
    shards_on: Annotated[
        str | None,
        Field(description="The map-shard deployment whose workers map the parts; this machine if not given"),
    ] = None,
    run_id: Annotated[
        str | None, Field(description="Leave it empty: a run that is prepared in this Python process")
    ] = None,
) -> State[Any]:
    """Contacts from a file go to a marketing tool, and every row is accounted for."""
    if run_id is not None:
        try:
            return await carried_out(at_work(run_id), yes=True, prepared=True)
        finally:
            ended(run_id)
    options = Options(
        limit=limit,
        allow=frozenset(allow or ()),
        opt_outs_only=opt_outs_only,
        shards=None if shards == "auto" else shards,
    )
    until = time.monotonic() + (60 * wait_minutes if overlap == "wait" else 0)
    async with contextlib.AsyncExitStack() as stack:
        try:
            refuse_keys(mapping=mapping, source=source, home=home)
            stack.enter_context(at_home(home))
            settings = Settings(find_mapping(mapping))
            refuse_to_ask(mapping, source, on_guard)
            await stack.enter_async_context(lent(settings, keys_of(mapping)))
            where = home_of(mapping, new_ledger=new_ledger)
            if source is None and (inbox := Inbox.of(mapping)) is not None:
                syncs = functools.partial(
                    _in_turn,
                    options=options,
                    home=where,
                    earlier=None,
                    until=until,
                    yes=yes,
                    shards_on=shards_on,
                )
                return await _arrived(inbox, functools.partial(syncs, mapping), until)
            earlier = left_by_this_flow(where, settings.ledger_url())
            while True:
                if earlier is not None and earlier.state == "guarded" and on_guard == "ask":
                    answer = await _asked(earlier, ask_hours)
                    if refusal := why_not(answer, earlier):
                        return Failed(message=refusal, name="NotAllowed")
                    opened = opened_by(answer, earlier)
                    options = dataclasses.replace(
                        options, allow=options.allow | opened.allow, who=opened.who, why=opened.why
                    )
                state = await _in_turn(
                    mapping, source, options, where, earlier, until, yes=yes, shards_on=shards_on
                )
                earlier = left_by_this_flow(where, settings.ledger_url())
                if state.name != "Guarded" or on_guard == "stop" or _cannot_suspend():
                    return state
        except Busy as busy:
            return (
                _skipped(busy) if overlap == "skip" else could_not_start(_waited(busy, wait_minutes), mapping)
            )
        except Exception as error:  # noqa: BLE001 - what it says may be somebody's, and Prefect keeps it
            return could_not_start(error, mapping)


async def _arrived(
    inbox: Inbox, sync: Callable[[str], Coroutine[Any, Any, State[Any]]], until: float
) -> State[Any]:
    """What came into an inbox, each file as a run of its own; the state of the last one, unless an earlier one asks for a person.

    Raises Busy where somebody else is still at the inbox at that time, and CannotStart.
    """
    with contextlib.ExitStack() as alone:
        while True:
            try:
                alone.enter_context(inbox.alone())
                break
            except Busy:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)
        look, states = await one_after_the_other(inbox, sync, lambda state: state.is_completed())
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


async def _in_turn(
    mapping: str,
    source: str | None,
    options: Options,
    home: Path,
    earlier: Run | None,
    until: float,
    *,
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
                    async with contextlib.AsyncExitStack() as stack:
                        with interruptible_before():
                            run = await _opened(stack, mapping, source, options, home, earlier)
                        if shards_on is not None:
                            known = Settings(Path(run.opened.mapping.file))
                            run.crew = await asyncio.to_thread(on_workers, shards_on, run.id, known)
                        state = await carried_out(run, yes=yes, prepared=False)
                    if run.next is None:
                        return state
                    await parted(run)
                    told_of_parting(run)
                    return state_of(run)
                except Busy as busy:
                    if time.monotonic() > until:
                        raise
                    if not waits:
                        try:
                            waiting.enter_context(_first_to_wait(home, mapping, source, options))
                        except Busy:
                            return _skipped(
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


def _first_to_wait(
    home: Path, mapping: str, source: str | None, options: Options
) -> contextlib.AbstractContextManager[Any]:
    """Of one deployment and the same rows only one run waits on a machine. Raises Busy when it is entered by another."""
    if _deployment() == "none":
        return contextlib.nullcontext()
    asked = repr((source, options.limit, options.opt_outs_only, sorted(options.allow)))
    what = hashlib.sha256(asked.encode()).hexdigest()[:12]
    return RunLock(home, known_as(mapping), f"waits-{_deployment()}-{what}")


async def _opened(
    stack: contextlib.AsyncExitStack,
    mapping: str,
    source: str | None,
    options: Options,
    home: Path,
    earlier: Run | None,
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
    await _rename(run)
    return run


def _deployment() -> str:
    """The deployment's id, 'none' where the flow was called by itself."""
    context = FlowRunContext.get()
    known = context.flow_run.deployment_id if context is not None and context.flow_run is not None else None
    return str(known or "none")


async def _asked(run: Run, hours: int) -> Any:
    """The answer of a person about a run that its guards stopped. Suspends: the worker is free, and Prefect starts the flow
    run again when somebody has answered, or fails it when nobody has in time.

    An answer counts once, and each question has a key of its own: whoever retries the flow run is asked anew.
    """
    context = FlowRunContext.get()
    assert context is not None  # noqa: S101 - only flow runs are suspended
    assert context.flow_run is not None  # noqa: S101 - as above
    async with get_client() as client:
        answers = [
            one
            for one in await client.filter_flow_run_input(
                context.flow_run.id, key_prefix=f"suspended-{run.id}", limit=_MOST_ANSWERS, exclude_keys=set()
            )
            if one.key.endswith("-response")
        ]
        for one in answers:
            await client.delete_flow_run_input(context.flow_run.id, one.key)
    if answers:
        return Approval.model_validate(max(answers, key=lambda one: one.key).decoded_value)
    form: Any = run_input_subclass_from_type(Approval)
    form = form.with_initial_data(
        description=question_about(run, verdict(Summary.model_validate(run.summary)))
    )
    asked = dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S%f")
    return await asuspend_flow_run(wait_for_input=form, timeout=hours * 3600, key=f"{run.id}-{asked}")


def _cannot_suspend() -> bool:
    """Only a deployment's flow run is started again by Prefect."""
    return _deployment() == "none"


def _waited(busy: Busy, minutes: int) -> Busy:
    return Busy(f"{busy.what} It was waited for {minutes:,} minute{'' if minutes == 1 else 's'}.", busy.fix)


def _skipped(busy: Busy) -> State[Any]:
    return Completed(message=f"{busy.what} This one was skipped, and nothing was sent.", name="Skipped")


async def _rename(run: SyncRun) -> None:
    """By mapping and file, now that it is known which file a mapping's own source is."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or flow_run.parameters.get("source"):
        return
    name = _called(run.opened.mapping.file, run.opened.source.path.name)
    with contextlib.suppress(Exception):  # Prefect is a viewer
        async with asyncio.timeout(_VIEWER_SECONDS), get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name)

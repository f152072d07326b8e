"""The flow: contacts are read, mapped, checked, delivered in batches, and every row is accounted for.

The truth is the ledger; Prefect is a viewer. Here stands what a person or a schedule asks for; when it has its turn says `in_turn`, and
what a run does then are its `steps`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field

from connectors.errors import Busy
from flows.alerts.not_begun import told_where_not_begun
from flows.allowing import ALLOWED, NAMES
from flows.approval import opened_by, why_not
from flows.deployed import at_home, home_of, keys_of, refuse_keys, refuse_to_ask
from flows.in_turn import arrived, in_turn, skipped
from flows.inbox.arrivals import Inbox
from flows.ledger import Run
from flows.options import Options
from flows.settings import Settings, find_mapping
from flows.steps import carried_out, could_not_start, left_by_this_flow, log
from flows.viewer.blocks import lent
from flows.viewer.described import described
from flows.viewer.names import called
from flows.viewer.questions import answer_about, cannot_suspend
from flows.work import at_work, ended

__all__ = ["sync_contacts"]


def _named() -> str:
    given = flow_run.parameters
    source = given.get("source")
    return called(given["mapping"], source)


@flow(name="sync-contacts", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
@described
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
        Annotated[int, Field(ge=1)] | Literal["auto"],
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
            async with told_where_not_begun(mapping, log):
                settings = Settings(find_mapping(mapping))
                refuse_to_ask(mapping, source, on_guard)
                await stack.enter_async_context(lent(settings, keys_of(mapping)))
                where = home_of(mapping, new_ledger=new_ledger)
                inbox = Inbox.of(mapping) if source is None else None
            sync = functools.partial(in_turn, mapping, home=where, until=until, yes=yes, shards_on=shards_on)
            if inbox is not None:
                return await arrived(inbox, functools.partial(sync, options=options, earlier=None), until)
            return await _let_pass(
                functools.partial(sync, source),
                options,
                functools.partial(left_by_this_flow, where, settings.ledger_url()),
                ask_hours if on_guard == "ask" else None,
            )
        except Busy as busy:
            return (
                skipped(busy) if overlap == "skip" else could_not_start(_waited(busy, wait_minutes), mapping)
            )
        except Exception as error:  # noqa: BLE001 - what it says may be somebody's, and Prefect keeps it
            return could_not_start(error, mapping)


async def _let_pass(
    sync: Callable[[Options, Run | None], Awaitable[State[Any]]],
    options: Options,
    left: Callable[[], Run | None],
    hours: int | None,
) -> State[Any]:
    """The sync, and again when a person has let pass what its guards have stopped; `hours` is how long they may take, None: nobody is asked.

    `left` is what this flow run has begun before. Raises Busy and CannotStart.
    """
    while True:
        earlier = left()
        if hours is not None and earlier is not None and earlier.state == "guarded":
            answer = await answer_about(earlier, hours)
            if refusal := why_not(answer, earlier):
                return Failed(message=refusal, name="NotAllowed")
            opened = opened_by(answer, earlier)
            options = dataclasses.replace(
                options, allow=options.allow | opened.allow, who=opened.who, why=opened.why
            )
        state = await sync(options, earlier)
        if state.name != "Guarded" or hours is None or cannot_suspend():
            return state


def _waited(busy: Busy, minutes: int) -> Busy:
    return Busy(f"{busy.what} It was waited for {minutes:,} minute{'' if minutes == 1 else 's'}.", busy.fix)

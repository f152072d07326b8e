"""The switch of an account: a global concurrency limit of Prefect that a person lowers in the UI, and the pace follows.

It is called `muster-KIND-ACCOUNT`, and its limit is calls a second. It only slows down: the destination's own rate, and the
reservation that keeps several senders within it, stand as ever. Where there is no such limit, or it is paused, nothing happens;
where Prefect does not answer, what it said last holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from flows.sync_run import SyncRun
from mappings.engine.document import Mapping

__all__ = ["at_the_switch", "following", "name_of"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_EVERY_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0


def name_of(mapping: Mapping) -> str:
    """How the limit of a mapping's account is called: muster-campaignlark-main."""
    return f"muster-{mapping.destination.kind}-{mapping.destination.account}"


def at_the_switch(
    work: Callable[Concatenate[SyncRun, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[SyncRun, _P], Coroutine[Any, Any, _R]]:
    """A flow's work on an open run, whose pace follows the switch while it lasts."""

    @functools.wraps(work)
    async def followed(run: SyncRun, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with following(run):
            return await work(run, *args, **kwargs)

    return followed


@contextlib.contextmanager
def following(run: SyncRun) -> Iterator[None]:
    """While it lasts, the run's pace follows the limit of its account. Needs a running loop."""
    watching = asyncio.ensure_future(_follow(run))
    try:
        yield
    finally:
        watching.cancel()


async def _follow(run: SyncRun) -> None:
    name, pace, said = name_of(run.opened.mapping), run.opened.pace, None
    with contextlib.suppress(Exception):  # without its viewer a run goes on as fast as it may
        async with get_client() as client:
            while True:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_PATIENCE_SECONDS):
                        per_second = await _limit(client, name)
                    if per_second != said:
                        run.watcher.say(f"pace      {_told(per_second, name)}")
                        said = per_second
                pace.follow(said)
                await asyncio.sleep(_EVERY_SECONDS)


async def _limit(client: PrefectClient, name: str) -> float | None:
    """Calls a second, None where nobody limits them. Below one a second the slot decay says it, beside a limit of 1."""
    try:
        found = await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return None
    if not found.active:
        return None
    slow = found.limit == 1 and 0 < found.slot_decay_per_second < 1
    return found.slot_decay_per_second if slow else float(found.limit)


def _told(per_second: float | None, name: str) -> str:
    if per_second is None:
        return (
            f"as fast as the destination allows: Prefect's limit {name} is not there any more, or is paused."
        )
    if per_second <= 0:
        return f"stands still: Prefect's limit {name} is 0."
    return f"at most {per_second:g} calls a second: Prefect's limit {name}."

"""The turn of an inbox: what arrived is synced one file after the other, and whoever waits for a file is told that none came."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flows.alerts.alert import Alert
from flows.alerts.not_begun import told_where_not_begun
from flows.alerts.telling import Occasion, tell
from flows.inbox.arrivals import Inbox, Look

__all__ = ["one_after_the_other", "tell_no_file"]

Ended = TypeVar("Ended")
_LOG = logging.getLogger("muster")


async def one_after_the_other(
    inbox: Inbox,
    sync: Callable[[str], Awaitable[Ended]],
    goes_on: Callable[[Ended], bool],
    say: Callable[[str], None] = _LOG.warning,
) -> tuple[Look, list[Ended]]:
    """Looks, syncs what is new, up to a run after which it does not go on, and keeps what became of the files.

    To be called by who is alone with the inbox. That it cannot be looked into is told to whom the mapping names. Raises SourceError, CannotStart, and what `sync` raises.
    """
    async with told_where_not_begun(str(inbox.path), say):
        look = await asyncio.to_thread(inbox.look)
    ended: list[Ended] = []
    for one in look.to_sync:
        ended.append(await sync(str(one.path)))
        if not goes_on(ended[-1]):
            break
    await asyncio.to_thread(inbox.settle, look)
    return look, ended


async def tell_no_file(inbox: Inbox, look: Look, say: Callable[[str], None]) -> None:
    """Tells whom the mapping names, once, that no file came in time. It never raises."""
    if look.overdue is None:
        return
    now, destination = dt.datetime.now(dt.UTC), inbox.mapping.destination
    alert = Alert(
        "no_file",
        inbox.mapping.name,
        look.overdue.told(now),
        now.isoformat(),
        f"{destination.kind}-{destination.account}",
    )
    await tell(Occasion(alert, inbox.path, inbox.home, inbox.mapping.notify), say)

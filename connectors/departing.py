"""When a request really leaves: after its turn, it may have to wait for a connection."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.connector import Connection

__all__ = ["Departing", "departure"]

departure: ContextVar[Callable[[], None]] = ContextVar("departure")
"""Called when a request that is made in this context has been given to a connection."""


class Departing(aiohttp.ClientRequest):
    """A request that says so. aiohttp's own tracing says it, too, for a sixth of what a whole call costs."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        response = await super().send(conn)
        departure.get(_nobody)()
        return response


def _nobody() -> None:
    """Whoever waits for nothing."""

"""What a run does when the lock is lost that says that nobody else is at work: nothing more is begun."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from connectors.errors import MusterError
from flows.delivery import Delivery

__all__ = ["stopping"]


def stopping(delivery: Delivery) -> Callable[[MusterError], None]:
    """Stops a delivery of the present loop; may be called in any thread, also when the loop is over."""
    loop = asyncio.get_running_loop()

    def stop(error: MusterError) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(delivery.stop, "ledger", error)

    return stop

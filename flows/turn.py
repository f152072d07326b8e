"""A run's turn to send: of all mappings of an account, one sends at a time, unless they say that they share it.

It begins before the destination is read, so that nobody changes the contacts between that and the run's own writes, and ends
with its last answer. Whoever dies gives it back: the lock is the ledger's.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

from connectors.errors import Busy
from flows.ledger import Account, Ledger
from flows.watching import Watcher

__all__ = ["Turn"]

_AGAIN_SECONDS = 0.5
_SAID_AGAIN_SECONDS = 300.0


class Turn:
    """The turn of one run; `shared` ones never wait, and nobody waits for them."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._held = ExitStack()

    async def begin(self, ledger: Ledger, account: Account, watcher: Watcher) -> None:
        """Waits until nobody else sends to the account, and says for whom. Cancelled, it holds nothing."""
        if self._shared:
            return
        said = float("-inf")
        while True:
            try:
                self._held.enter_context(ledger.sender_lock(account.id))
            except Busy as busy:
                if time.monotonic() - said > _SAID_AGAIN_SECONDS:
                    said = time.monotonic()
                    watcher.stage("waiting for its turn")
                    watcher.say(
                        f"waits     {busy.what} The turn of this run comes when that one has ended: {account.kind}, {account.name} "
                        "has one sender at a time (senders: shared in the mapping lets several send side by side)."
                    )
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    def end(self) -> None:
        """The next one may send. Ended before, or never begun, it does nothing."""
        self._held.close()

"""A run's turn to send: of all mappings of an account, one sends at a time, unless they say that they share it.

It begins before the destination is read, so that nobody changes the contacts between that and the run's own writes, and ends
with its last answer. Whoever dies gives it back: the lock is the ledger's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from connectors.errors import Busy, MusterError
from flows.ledger import Account, Ledger, Lock
from flows.watching import Watcher

__all__ = ["Turn"]

_AGAIN_SECONDS = 0.5
_SAID_AGAIN_SECONDS = 300.0


class Turn:
    """The turn of one run; `shared` ones never wait, and nobody waits for them."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._held: Lock | None = None

    async def begin(self, ledger: Ledger, account: Account, watcher: Watcher) -> None:
        """Waits until nobody else sends to the account, and says for whom. Cancelled, it holds nothing."""
        if self._shared:
            return
        lock, said = ledger.sender_lock(account.id), float("-inf")
        while True:
            try:
                lock.__enter__()
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
                self._held = lock
                return

    def when_lost(self, told: Callable[[MusterError], None]) -> None:
        """`told` is called, in another thread, when somebody else may send by now: see flows.ledger.lock."""
        if self._held is not None:
            self._held.when_lost(told)

    def end(self) -> None:
        """The next one may send. Ended before, or never begun, it does nothing."""
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)

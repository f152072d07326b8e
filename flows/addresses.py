"""Addresses: nobody is opted out under an address while the contact that has it is being moved away.

An opt-out is a look-up and a write by address; a contact that leaves in between would be created anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from connectors.base import Remembered
from flows.batches import Entry

__all__ = ["Addresses"]


class Addresses:
    """Contacts that move or are opted out come one after the other where they share an address; all others at once."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def alone(self, entry: Entry, remembered: Remembered | None) -> AsyncIterator[None]:
        """Waits until nobody else moves or is opted out under this contact's addresses."""
        contact, before = entry.contact, remembered.key if remembered is not None else ""
        moves = before not in ("", contact.key)
        out = entry.carried or contact.opted_out or (remembered is not None and remembered.opted_out)
        if not (moves or out):  # nearly everybody
            yield
            return
        async with contextlib.AsyncExitStack() as stack:
            for address in sorted({contact.key, before} - {""}):
                await stack.enter_async_context(self._locks.setdefault(address, asyncio.Lock()))
            yield

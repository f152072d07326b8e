"""Creations without a clear answer of which only the destination's whole list tells: settled together, when all else is done."""

from __future__ import annotations

import asyncio

from connectors.base import Delivered, Remembered, SettlesLater
from flows.batches import Entry

__all__ = ["MOST", "Later", "Unsettled"]

MOST = 5_000
"""So many that wait for the end of the run are kept in memory; of more of them, it is stopped, and a resume settles all."""
Unsettled = tuple[Entry, Remembered | None, Delivered]
"""A contact that waits, with what was remembered of it and what came back so far."""


class Later:
    """Those of one run. What waits here has no answer yet: so long it counts as unclear, whatever happens to the run."""

    def __init__(self) -> None:
        self._waiting: list[Unsettled] = []
        self._reading: asyncio.Future[list[Delivered]] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more of them can be kept."""
        return len(self._waiting) >= MOST

    def wait_with(self, one: Unsettled) -> None:
        """It is settled later."""
        self._waiting.append(one)

    async def settled_by(self, destination: SettlesLater) -> list[tuple[Unsettled, Delivered]]:
        """What became of those who wait; of nobody where that is given up meanwhile. Raises Unreachable, CredentialsError."""
        waiting, self._waiting = self._waiting, []
        unclear = [(entry.contact, delivered) for entry, _, delivered in waiting]
        self._reading = asyncio.ensure_future(destination.settle_later(unclear))
        await asyncio.wait([self._reading])
        if self._reading.cancelled():  # reading changes nothing there
            return []
        return list(zip(waiting, self._reading.result(), strict=True))

    def give_up(self) -> None:
        """The list is not read any further: the run was stopped."""
        if self._reading is not None:
            self._reading.cancel()

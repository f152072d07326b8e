"""How fast we may call: one rate for an account, smooth rather than in bursts, shared by whoever books with it.

Turns are booked ahead with the account's `Booking` in small blocks, a slot each, and waited for. A 429 stops all
turns for as long as the destination says and lowers the rate; it rises again slowly.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

__all__ = ["Alone", "Booking", "Pace"]

# A server counts in windows of its own; at 99% the worst sliding second still holds the limit.
_SHARE = 0.99
_BLOCK_SECONDS = 0.05
_LAPSE_SECONDS = 0.012
_AHEAD_SECONDS = 0.1
_LOWEST_SHARE = 0.1
_AT_MOST_AHEAD = 60.0
# A destination's window began up to so many windows ago by our clock, what is on its way included.
_LOOK_BACK = 1.1
_FEW = 0.05


class Booking(Protocol):
    """Where slots are booked: in the ledger's database when several processes share an account."""

    def book(self, calls: int, per_second: float) -> float:
        """Books `calls` slots in a row; the time (epoch seconds) at which the first of them begins."""
        ...


class Alone:
    """Slots for one process. A clock that jumped back does not leave it booked for hours."""

    def __init__(self) -> None:
        self._until = 0.0

    def book(self, calls: int, per_second: float) -> float:
        now = time.time()
        begin = self._until if now <= self._until <= now + _AT_MOST_AHEAD else now
        self._until = begin + calls / per_second
        return begin


async def _until(moment: float) -> None:
    wait = moment - time.monotonic()
    if wait > 0:
        await asyncio.sleep(wait)


class Pace:
    """Turns for the calls of one account.

    `per_second` is the rate allowed by the destination or set lower by the mapping; `patient` seconds is the
    wait after a 429 that names none. `share` is the part that is ours of a limit that the destination tells.
    """

    def __init__(
        self, per_second: float, booking: Booking | None = None, patient: float = 1.0, share: float = 1.0
    ) -> None:
        self._part = share
        self.allowed = self._most = per_second
        self._booking = booking or Alone()
        self._patient = patient
        self._share = 1.0
        self._slots: list[float] = []  # on the monotonic clock, the next one last
        self._stopped_until = 0.0
        self._queue = asyncio.Lock()
        self._waiting = asyncio.Lock()
        self._raised_at = 0.0
        self._callers = 0
        self._fewer = asyncio.Event()
        self._window = 0.0
        self._taken: deque[float] = deque()

    @property
    def per_second(self) -> float:
        """The rate right now."""
        return self.allowed * _SHARE * self._share

    async def room(self) -> None:
        """Waits until few calls wait for a turn, so that nothing is begun long before it can be sent."""
        while self._callers > max(2.0, self.per_second * _AHEAD_SECONDS):
            self._fewer.clear()
            await self._fewer.wait()

    async def turn(self, *, soon: bool = False) -> None:
        """Waits for the next slot; `soon` goes before all who are not."""
        self._callers += 1
        try:
            if soon:
                await self._next_slot()
            else:
                async with self._queue:
                    await self._next_slot()
        finally:
            self._callers -= 1
            self._fewer.set()

    async def _next_slot(self) -> None:
        async with self._waiting:
            lapsed = time.monotonic() - _LAPSE_SECONDS
            while self._slots and self._slots[-1] < lapsed:
                self._slots.pop()  # what was booked and not used in time is not made up for in a burst
            if not self._slots:
                self._book()
            slot = self._slots.pop()
            await _until(slot)
            while self._stopped_until > slot:  # a 429 may come meanwhile, and again
                slot = self._stopped_until
                await _until(slot)
            if self._window:
                self._taken.append(time.monotonic())
                self._forget_old()

    def _book(self) -> None:
        rate = self.per_second
        calls = max(1, int(rate * _BLOCK_SECONDS))
        begin = self._booking.book(calls, rate) - time.time() + time.monotonic()
        self._slots = [begin + index / rate for index in range(calls - 1, -1, -1)]

    def slow_down(self, seconds: float | None) -> None:
        """The destination said 429: all turns stop for a while, and the rate drops."""
        now = time.monotonic()
        already = now < self._stopped_until
        self._stopped_until = max(self._stopped_until, now + (self._patient if seconds is None else seconds))
        self._slots.clear()
        if not already:
            self._share = max(_LOWEST_SHARE, self._share * 0.8)
            self._raised_at = now

    def told(self, per_second: float, left: int, window: float = 1.0) -> None:
        """The destination says how fast it may be called and how many calls its window of so many seconds has left.

        The rate is never higher than that, nor than the one allowed. Where nothing is left and our own calls do not explain
        it, somebody else is calling, too: the rate drops a little, at most once a second, and rises again when that ends.
        """
        if per_second > 0:
            self.allowed = min(self._most, per_second * self._part)
        self._window = window
        self._forget_old()
        limit = round(per_second * window)
        others = limit - left - len(self._taken)
        now = time.monotonic()
        if left <= 0 and others > max(1.0, limit * _FEW) and now - self._raised_at >= 1.0:
            self._share = max(_LOWEST_SHARE, self._share - 0.05)
            self._raised_at = now

    def _forget_old(self) -> None:
        """Of our own calls only those count that may be in the destination's window."""
        oldest = time.monotonic() - self._window * _LOOK_BACK
        while self._taken and self._taken[0] < oldest:
            self._taken.popleft()

    def went_well(self) -> None:
        """An answer came: after quiet seconds the rate rises again, a twentieth of the limit each."""
        if self._share < 1.0:
            now = time.monotonic()
            if now - max(self._raised_at, self._stopped_until) >= 1.0:
                self._share = min(1.0, self._share + 0.05)
                self._raised_at = now

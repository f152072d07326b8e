"""How fast we may call: one rate for an account, smooth rather than in bursts, shared by whoever books with it.

Turns are booked with the account's `Booking`, a slot each, and waited for. A 429 stops all turns for as long as the destination
says and lowers the rate. It rises again along a curve that is flat near the rate at which the 429 came, and steeper once that is
passed: with another client on the account we stay just below what is left, and take it up again when they end.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connectors.slots import Left, Slots, stretch

__all__ = ["Alone", "Booking", "Pace", "Turn"]

# A server counts in windows of its own, and no two calls take equally long to arrive.
_SHARE = 0.993
# A turn that came so much too late, because this machine was busy, is made up for.
_MADE_UP_SECONDS = 0.1
_BLOCKS = 100
_AHEAD_SECONDS = 0.1
_LOWEST_SHARE = 0.1
_FIRST_DROP = 0.8
_DROP = 0.95
_DROP_AGAIN = 0.75
_SOFT_DROP = 0.95
_SOON_SECONDS = 2.0
# The curve: from a twentieth below it takes some 10 seconds to the old rate, from half some 35 to the full one.
_STEEP = 4e-5
# Where the rate was lowered already, a 429 is a touch: it comes at the end of a window.
_TOUCH = 0.25
_LONGEST_WINDOW = 10.0
# A destination's window began up to so many windows ago by our clock, what is on its way included.
_LOOK_BACK = 1.1
_FEW = 0.05
# A switch that stands at nothing is looked at again after so long.
_STANDS_SECONDS = 3.0
# What a call needs to be written, unless a connection is made for it or this machine is busy.
_AT_ONCE_SECONDS = 0.002
_REMEMBERED = 10_000


class Booking(Protocol):
    """Where slots are booked: in the ledger's database when several processes share an account.

    Times are seconds of a clock that all processes of this machine share and that nobody sets: `time.monotonic`.
    """

    async def booked(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        """Books `calls` slots in a row; when the first of them begins. See `connectors.slots.Slots.book`.

        `left`: when calls that were booked before have really left, if later. See `Slots.left`.
        """
        ...

    def taken(self, since: float) -> int:
        """How many bookings began after `since`, of all who share the account; as many as are remembered."""
        ...


class Alone:
    """Slots for one process."""

    def __init__(self) -> None:
        self.slots = Slots()

    async def booked(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        return self.book(calls, per_second, limit, now, since, left)

    def book(
        self, calls: int, per_second: float, limit: float, now: float, since: float, left: Left = ()
    ) -> float:
        self.slots.left(left)
        return self.slots.book(calls, per_second, limit, now, since)

    def taken(self, since: float) -> int:
        return sum(at >= since for at in self.slots.taken)


@dataclass(slots=True, eq=False)
class _Block:
    """Calls that were booked together, the first for `begin`; `late` is how long after its slot one of them left, at most.

    Whoever books believes that they left at `told`.
    """

    begin: float
    told: float
    late: float = 0.0


@dataclass(slots=True, eq=False)
class Turn:
    """It was booked for `slot`, with others, and came `at`."""

    slot: float
    at: float
    block: _Block


class Pace:
    """Turns for the calls of one account.

    `per_second` is the rate allowed by the destination or set lower by the mapping; `patient` seconds is the
    wait after a 429 that names none. `share` is the part that is ours of a limit that the destination tells. A `clock`
    that jumps or stands still neither stalls the turns nor lets them come in a burst.
    """

    def __init__(
        self,
        per_second: float,
        booking: Booking | None = None,
        patient: float = 1.0,
        share: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._part = share
        self.allowed = self._most = per_second
        self._told = self._switch = float("inf")
        self._booking = booking or Alone()
        self._patient = patient
        self._clock = clock
        self._latest = float("-inf")
        self._share = self._top = self._bottom = 1.0
        self._lowered_at = float("-inf")
        self._slots: list[float] = []  # the next one last
        self._block = _Block(0.0, 0.0)  # that of `_slots`
        self._late: list[_Block] = []  # left later than whoever books has been told
        self._sent: list[float] = []  # in order
        self._stopped_until = float("-inf")
        self._queue = asyncio.Lock()
        self._waiting = asyncio.Lock()
        self._callers = 0
        self._fewer = asyncio.Event()
        self._window = 1.0

    def _now(self) -> float:
        """The clock's time, which never goes back, and is no earlier than what was waited for."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    @property
    def per_second(self) -> float:
        """The rate right now."""
        return self.allowed * _SHARE * self._share

    async def room(self) -> None:
        """Waits until few calls wait for a turn, so that nothing is begun long before it can be sent."""
        while self._callers > max(2.0, self.per_second * _AHEAD_SECONDS):
            self._fewer.clear()
            await self._fewer.wait()

    async def turn(self, *, soon: bool = False) -> Turn:
        """Waits for the next slot; `soon` goes before all who are not. `left` is told of it when the call has left."""
        self._callers += 1
        came = self._now()
        try:
            if soon:
                return await self._next_slot(came)
            async with self._queue:
                return await self._next_slot(came)
        finally:
            self._callers -= 1
            self._fewer.set()

    def left(self, turn: Turn) -> None:
        """The call that had this turn is on its way now.

        Where a connection had to be made first it is closer to those behind it than they were booked, and room is made for that.
        """
        now = self._now()
        if now - turn.at < _AT_ONCE_SECONDS:
            return
        at = bisect_left(self._sent, turn.at)
        if at < len(self._sent) and self._sent[at] == turn.at:
            del self._sent[at]
        insort(self._sent, now)
        self._was_late(turn.block, now - turn.slot)

    async def _next_slot(self, came: float) -> Turn:
        async with self._waiting:
            while True:
                while self._stopped_until > self._now():  # a 429 may come meanwhile, and again
                    await self._until(self._stopped_until)
                lapsed = self._now() - _MADE_UP_SECONDS
                while self._slots and self._slots[-1] < lapsed:
                    self._slots.pop()
                if not self._slots:
                    await self._book(max(came, lapsed, self._stopped_until))
                slot, block = self._slots.pop(), self._block
                await self._until(slot)
                if self._stopped_until <= slot:
                    break
            # One that woke up late is closer to those after it than it was booked.
            calls, seconds = stretch(self.allowed)
            if len(self._sent) >= calls:
                await self._until(self._sent[-calls] + seconds)
            turn = Turn(slot, self._now(), block)
            self._was_late(block, turn.at - slot)
            insort(self._sent, turn.at)
            if len(self._sent) > 2 * _REMEMBERED:
                del self._sent[:-_REMEMBERED]
            return turn

    def _was_late(self, block: _Block, late: float) -> None:
        if late > block.late:
            if block not in self._late:
                self._late.append(block)
            block.late = late

    async def _until(self, moment: float) -> None:
        wait = moment - self._now()
        if wait > 0:
            await asyncio.sleep(wait)
            self._latest = max(self._latest, moment)

    async def _book(self, since: float) -> None:
        rate, now = self.per_second, self._now()
        calls, left = self._calls, [(block.told, block.begin + block.late) for block in self._late]
        for block in self._late:
            block.told = block.begin + block.late
        self._late.clear()
        begin = await self._booking.booked(calls, rate, self.allowed, now, since, left)
        self._block = _Block(begin, begin)
        self._slots = [begin + index / rate for index in range(calls - 1, -1, -1)]

    def slow_down(self, seconds: float | None) -> None:
        """The destination said 429: all turns stop for a while, and the rate drops."""
        now = self._now()
        already = now < self._stopped_until
        soon = now - self._lowered_at < _SOON_SECONDS * self._slowness
        if seconds is None:
            seconds = self._patient * (_TOUCH if self._share < 1.0 and not soon else 1.0)
        self._stopped_until = max(self._stopped_until, now + seconds)
        self._slots.clear()
        if already:
            return
        if soon:
            self._lower(_DROP_AGAIN, self._stopped_until)
            self._top = (self._top + self._bottom) / 2
        else:
            self._lower(_FIRST_DROP if self._share >= 1.0 else _DROP, self._stopped_until)

    def told(self, per_second: float, left: int, window: float = 1.0) -> None:
        """The destination says how fast it may be called and how many calls its window of so many seconds has left.

        The rate is never higher than our share of that, nor than the one allowed. Where nothing is left and our own calls, those of
        other processes with the same ledger included, do not explain it, somebody else is calling, too: the rate
        drops a little, at most once a second, and rises again when that ends.
        """
        if per_second > 0:
            self._told = per_second * self._part
            self._allow()
        self._window = window
        now = self._now()
        if left > 0 or now - self._lowered_at < 1.0:
            return
        limit = round(per_second * window)
        ours = self._booking.taken(now - window * _LOOK_BACK) * self._calls
        if limit - ours > max(1.0, limit * _FEW):
            self._lower(_SOFT_DROP, now)

    def follow(self, per_second: float | None) -> None:
        """Somebody turns the rate down at a switch: never more than so many calls a second, until the switch says otherwise.

        None is no switch. With 0 the turns stand still for three seconds; it is said again for as long as it holds. The
        destination's own rate is never passed.
        """
        if per_second is not None and per_second <= 0:
            self._stopped_until = max(self._stopped_until, self._now() + _STANDS_SECONDS)
            return
        switch = float("inf") if per_second is None else per_second
        if switch != self._switch:
            self._switch = switch
            self._slots.clear()  # booked at the rate before
            self._allow()

    def _allow(self) -> None:
        self.allowed = min(self._most, self._told, self._switch)

    def went_well(self) -> None:
        """An answer came: the rate rises again with the time since it was lowered."""
        if self._share >= 1.0:
            return
        quiet = (self._now() - self._lowered_at) / self._slowness
        if quiet > 0:
            back = ((self._top - self._bottom) / _STEEP) ** (1 / 3)
            self._share = min(1.0, max(self._share, self._top + _STEEP * (quiet - back) ** 3))

    def _lower(self, factor: float, at: float) -> None:
        self._top = self._share
        self._share = self._bottom = max(_LOWEST_SHARE, self._share * factor)
        self._lowered_at = at

    @property
    def _calls(self) -> int:
        """So many calls are booked at once: one, but where they come too fast for that."""
        return max(1, int(self.allowed / _BLOCKS + 0.5))

    @property
    def _slowness(self) -> float:
        """Where the destination counts in long windows, everything takes longer to show."""
        return min(max(self._window, 1.0), _LONGEST_WINDOW)

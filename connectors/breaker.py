"""When a destination counts as down: nothing is sent any more, it is asked gently, and all goes on by itself once it answers.

    closed  --(10 requests in a row without a usable answer)-->  open  --(patience is over)-->  given up
       ^--------------------(a usable answer)----------------------'

While it is open, every call waits at the gate. One task asks the destination with a harmless read, at growing intervals.
When that is answered, reads go through, and of the writes a single one is let through as a trial: some servers read well
and write nothing. Where the destination names no such read, a call that waits is the trial.

No usable answer is one that broke, a 5xx, one that is not JSON; being told to slow down is none of these. Reads and writes are
counted apart, so that a look-up between two failed writes does not make them look well; a single contact that always fails does
not open it while others are written.
"""

from __future__ import annotations

import asyncio
import enum
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["PATIENT_SECONDS", "Breaker", "Place", "span"]

PATIENT_SECONDS = 300.0
"""So long a destination that is down is waited for, where nothing else is said."""
_IN_A_ROW = 10
_FIRST_SECONDS = 1.0
_MOST_SECONDS = 30.0
_NOBODY_CAME = 3


_T = TypeVar("_T")


class Place(enum.Enum):
    """Where the gate leaves a call."""

    IN = "in"
    TRIAL = "trial"  # in, alone: what becomes of it decides about the others
    LATE = "late"  # what it was based on has grown old while it waited
    OUT = "out"  # nobody is let in any more


class Breaker:
    """The gate of one wire.

    `stopping` is set when the run stops: then all who wait are let go. `ask` is the harmless read: whether it had a
    usable answer; None where there is none. `say` hears sentences for people, `held` whether everything waits.
    """

    def __init__(
        self,
        stopping: asyncio.Event,
        ask: Callable[[], Awaitable[bool]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = PATIENT_SECONDS
        """Seconds of one outage, before it is given up."""
        self.first, self.most = _FIRST_SECONDS, _MOST_SECONDS
        """Seconds between the first two questions, and at most."""
        self.say: Callable[[str], None] = lambda _: None
        self.held: Callable[[bool], None] = lambda _: None
        self.open = False
        self.reads = False
        """Whether reads go through although it is open."""
        self.given_up = ""
        """What happened, in words, once it was waited for in vain; '' before."""
        self._stopping = stopping
        self._ask = ask
        self._clock = clock
        self._over = False
        self._why = ""
        self._broken = {True: 0, False: 0}
        """In a row: reads, and writes."""
        self._gate: deque[tuple[bool, float | None, asyncio.Future[Place]]] = deque()
        self._beginners: deque[asyncio.Future[None]] = deque()
        self._trial: asyncio.Future[None] | None = None
        self._outage: float | None = None
        self._waited = 0.0
        self._shut_before = 0.0
        self._shut_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def shut_seconds(self) -> float:
        """How long it has been open so far, all in all: time that counts against nobody's patience."""
        return self._shut_before + self._shut_now()

    def _shut_now(self) -> float:
        return self._clock() - self._shut_since if self._shut_since is not None else 0.0

    def lets(self, *, reads: bool) -> bool:
        """Whether a call may go through right now."""
        return not self.open or (reads and self.reads)

    async def gate(self, *, reads: bool, latest: float | None = None) -> Place:
        """Waits until the call may be sent. After `latest` (monotonic) it is not worth being the trial."""
        if self.lets(reads=reads):
            return Place.IN
        if self._over or self._stopping.is_set():
            return Place.OUT
        place: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._gate.append((reads, latest, place))
        return await place

    async def may_begin(self) -> None:
        """Waits until something new may be begun, or nothing will be any more."""
        while self.open and not self._over and not self._stopping.is_set():
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._beginners.append(turn)
            await turn
            if self.reads:  # as the one whose call will be the next trial
                return

    def heard(self, usable: bool, *, reads: bool, why: str = "") -> None:
        """One request was answered, or was not; `why` says in a few words what came instead."""
        if not usable:
            self._broken[reads] += 1
            self._why = why
            if not self.open and sum(self._broken.values()) >= _IN_A_ROW:
                self._opens()
            return
        self._broken[True] = 0
        if not reads:
            self._broken[False] = 0
        tells = not self._broken[False]
        if self.open and tells:
            self._closes()
        elif self.open:
            self._let_reads_in()
        if tells and self._outage is not None:
            self.say(
                f"The destination answers again after {span(self._clock() - self._outage)}; the run goes on."
            )
            self._outage, self._waited = None, 0.0

    def tried(self) -> None:
        """The call that was let in alone has ended, one way or another."""
        if self._trial is not None and not self._trial.done():
            self._trial.set_result(None)

    async def close(self) -> None:
        """Nobody is waited for any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # how it opens and closes

    def _opens(self) -> None:
        self.open, self.reads = True, False
        self._shut_since = self._clock()
        self.held(True)
        if self._outage is None:
            self._outage = self._clock()
            self.say(
                f"The destination gives no usable answer ({self._why}). Nothing new is begun; "
                f"it is asked again every few seconds, for up to {span(self.patience)}."
            )
        self._task = asyncio.get_running_loop().create_task(self._tend())

    def _closes(self) -> None:
        """All who wait go on. Whether the destination is well, the next answers say."""
        shut = self._shut_now()
        self._waited += shut
        self._shut_before += shut
        self._shut_since = None
        self.open = self._over = False
        self._broken = {True: 0, False: 0}
        self.held(False)
        self._let_go(Place.IN)

    def _let_go(self, place: Place) -> None:
        while self._gate:
            _settle(self._gate.popleft()[2], place)
        while self._beginners:
            _settle(self._beginners.popleft(), None)
        self.tried()

    def _let_reads_in(self) -> None:
        self.reads = True
        for one in [one for one in self._gate if one[0]]:
            self._gate.remove(one)
            _settle(one[2], Place.IN)

    async def _tend(self) -> None:
        """Asks until it answers, patience is over, or the run stops."""
        asking = asyncio.create_task(self._asking())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asking, stopping):
                task.cancel()
            await asyncio.gather(asking, stopping, return_exceptions=True)
            if self.open:
                self._over = True
                self.held(False)
                self._let_go(Place.OUT)

    async def _asking(self) -> None:
        wait, nobody = self.first, 0
        while self.open:
            left = self.patience - self._waited - self._shut_now()
            if left <= 0:
                self.given_up = (
                    f"the destination gave no usable answer for {span(self.patience)} ({self._why})"
                    if self.patience
                    else f"the destination gives no usable answer ({self._why})"
                )
                return
            await asyncio.sleep(min(left, wait * (0.5 + random.random() / 2)))  # noqa: S311 - jitter
            answered = await self._ask() if self._ask is not None else None
            if not self.open:
                return
            if answered is False:
                self.reads = False
                wait = min(self.most, wait * 2)
                continue
            if answered:
                self._let_reads_in()
            wait = min(wait * 2, 2 * self.first if answered else self.most)
            if await self._tries_one():
                nobody = 0
                continue
            nobody += 1
            if not self._broken[False] or nobody >= _NOBODY_CAME:
                self._closes()

    async def _tries_one(self) -> bool:
        """Lets one call in and waits for what becomes of it; false where none waits."""
        came = bool(self._beginners)
        if not self._gate and came:
            _settle(self._beginners.popleft(), None)
            await asyncio.sleep(self.first / 4)  # until its call stands at the gate
        while self._gate:
            _, latest, place = self._gate.popleft()
            came = True
            if place.done():  # whoever waited is gone
                continue
            if latest is not None and self.reads and time.monotonic() > latest:
                _settle(place, Place.LATE)  # it reads again, and comes back
                continue
            self._trial = asyncio.get_running_loop().create_future()
            _settle(place, Place.TRIAL)
            await self._trial
            return True
        return came


def _settle(future: asyncio.Future[_T], result: _T) -> None:
    if not future.done():
        future.set_result(result)


def span(seconds: float) -> str:
    """A time as people say it.

    >>> span(42), span(300), span(90), span(7200), span(0.5)
    ('42 s', '5 minutes', '90 s', '2 hours', '1 s')
    """
    seconds = max(1, round(seconds))
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} hours"
    return f"{seconds / 60:.3g} minutes" if seconds >= 120 else f"{seconds} s"

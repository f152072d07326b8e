"""How long a stage still takes: from the rate of the last while, not since its beginning."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

__all__ = ["TimeLeft", "shortly"]

_WHILE_SECONDS = 60.0
_LEAST_SECONDS = 3.0
_LEAST_SHARE = 0.02
_MARKS = 120


class TimeLeft:
    """An estimate of one stage. What comes in bursts, and a slow beginning, are evened out over up to a minute.

    While everything waits for the destination (`held`) there is no estimate, and the time does not count.
    """

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.done = 0
        self._clock = clock
        self._stood_still = 0.0
        self._held_since: float | None = None
        self._marks: deque[tuple[float, int]] = deque([(self._now(), 0)])
        self._first: float | None = None

    def _now(self) -> float:
        """The time without that in which everything waited."""
        held = self._clock() - self._held_since if self._held_since is not None else 0.0
        return self._clock() - self._stood_still - held

    @property
    def waits(self) -> bool:
        return self._held_since is not None

    def held(self, waits: bool) -> None:
        """Whether everything waits for the destination."""
        if waits and self._held_since is None:
            self._held_since = self._clock()
        elif not waits and self._held_since is not None:
            self._stood_still += self._clock() - self._held_since
            self._held_since = None

    def advance(self, count: int) -> None:
        """So many more are done."""
        now = self._now()
        self.done += count
        if self._first is None:  # until then calls were on their way, and nothing could be done
            self._first = now
            self._marks = deque([(now, self.done)])
            return
        if now - self._marks[-1][0] >= _WHILE_SECONDS / _MARKS:
            self._marks.append((now, self.done))
            while len(self._marks) > 2 and self._marks[1][0] < now - _WHILE_SECONDS:
                self._marks.popleft()

    @property
    def per_second(self) -> float | None:
        """The rate of the last while; None where too little is known."""
        begin, before = self._marks[0]
        seconds = self._now() - begin
        return (self.done - before) / seconds if seconds > 0 and self.done > before else None

    @property
    def seconds(self) -> float | None:
        """How long it still takes; None where that cannot be said."""
        rate = self.per_second
        if self.total is None or self.waits or rate is None or self._first is None:
            return None
        early = self._now() - self._first < _LEAST_SECONDS and self.done < self.total * _LEAST_SHARE
        return None if early else max(0.0, (self.total - self.done) / rate)

    def __str__(self) -> str:
        """For people: "3 min left", "waiting for the destination", or nothing."""
        if self.waits:
            return "waiting for the destination"
        seconds = self.seconds
        return "" if seconds is None else f"{shortly(seconds)} left"


def shortly(seconds: float) -> str:
    """A time as it is said in passing.

    >>> shortly(80), shortly(600), shortly(9000)
    ('80 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

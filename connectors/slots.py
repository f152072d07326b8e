"""The slots of one account: when the next calls may be made, as plain arithmetic on times that somebody else tells."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["MOST_BLOCKS", "Slots"]

MOST_BLOCKS = 256
"""So many bookings are remembered."""
_AT_MOST_AHEAD = 60.0
# In any stretch in which the limit allows so many calls no more are made, and this much longer for what is late on its way.
_LATE = 1.005
_FASTER = 1.2


@dataclass(slots=True)
class Slots:
    """`until` is the time up to which calls are booked, `taken` when the last bookings began."""

    until: float = 0.0
    taken: list[float] = field(default_factory=list)

    def book(self, calls: int, per_second: float, limit: float, now: float, since: float) -> float:
        """Books `calls` at `per_second`; when they begin.

        `limit` is how many a second the destination allows, and is never passed. `since` is when whoever calls began to wait: a
        slot after that which nobody could take in time is made up for, one in an idle time is not. A time that lies
        far ahead is another clock's, and counts for nothing.
        """
        ahead = max(_AT_MOST_AHEAD, 2 * stretch(limit)[1])
        if self.until > now + ahead:
            self.until = 0.0
        self.taken = [at for at in self.taken[-MOST_BLOCKS:] if at <= now + ahead]
        due = max(self.until, min(since, now))
        begin = max(due, now)
        calls_in, seconds = stretch(limit)
        blocks = max(1, int(calls_in // calls))
        if len(self.taken) >= blocks:
            begin = max(begin, self.taken[-blocks] + seconds)
        if self.taken:  # what is made up for comes a little faster, and not in a burst
            begin = max(begin, self.taken[-1] + calls / (limit * _FASTER))
        self.until = due + calls / per_second
        self.taken.append(begin)
        return begin


def stretch(limit: float) -> tuple[int, float]:
    """So many calls in so many seconds, where `limit` a second are allowed: a second, or what a few calls take.

    >>> stretch(100), stretch(0.5)
    ((100, 1.005), (4, 8.04))
    """
    calls = int(limit) if limit >= 1 else 4
    return calls, round(calls / limit * _LATE, 9)

"""The slots of one account: when the next calls may be made, as plain arithmetic on times that somebody else tells."""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

__all__ = ["MOST_BLOCKS", "Left", "Slots", "stretch"]

Left = Sequence[tuple[float, float]]
"""Of bookings that left later than booked: for when, as whoever books knows it, and when really."""

MOST_BLOCKS = 256
"""So many bookings are remembered."""
_AT_MOST_AHEAD = 60.0
# In any stretch in which the limit allows so many calls no more are made, and this much longer for what is late on its way.
_LATE = 1.005
_FASTER = 1.2
# Two machines' clocks part by less. One booking is as good as another that is so near.
_THE_SAME = 0.002


@dataclass(slots=True)
class Slots:
    """`until` is the time up to which calls are booked, `last` the beginning of the latest booking.

    `taken` is when the calls of the last bookings left, in order, as far as that is known: of those that are still to come, or
    whose caller has not said so yet, it is when they should.
    """

    until: float = 0.0
    taken: list[float] = field(default_factory=list)
    last: float = float("-inf")

    def book(self, calls: int, per_second: float, limit: float, now: float, since: float) -> float:
        """Books `calls` at `per_second`; when they begin.

        `limit` is how many a second the destination allows, and is never passed. `since` is when whoever calls began to wait: a
        slot after that which nobody could take in time is made up for, one in an idle time is not. A time that lies
        far ahead is another clock's, and counts for nothing.
        """
        ahead = max(_AT_MOST_AHEAD, 2 * stretch(limit)[1])
        if self.until > now + ahead:
            self.until = 0.0
        if self.last > now + ahead:
            self.last = float("-inf")
        self.taken = [at for at in self.taken[-MOST_BLOCKS:] if at <= now + ahead]
        due = max(self.until, min(since, now))
        begin = max(due, now)
        calls_in, seconds = stretch(limit)
        blocks = max(1, int(calls_in // calls))
        if len(self.taken) >= blocks:
            begin = max(begin, self.taken[-blocks] + seconds)
        # what is made up for comes a little faster, and not in a burst
        begin = max(begin, self.last + calls / (limit * _FASTER))
        self.until = due + calls / per_second
        self.last = begin
        insort(self.taken, begin)
        return begin

    @classmethod
    def unpacked(cls, until: float, packed: bytes) -> Self:
        """As `packed` wrote them."""
        last, *taken = struct.unpack(f"<{len(packed) // 8}d", packed) or (float("-inf"),)
        return cls(until, taken, last)

    def packed(self) -> bytes:
        """All but `until`, as a row of a ledger keeps it: little-endian doubles, `last` first."""
        return struct.pack(f"<{1 + len(self.taken)}d", self.last, *self.taken)

    def left(self, left: Left) -> None:
        """These calls left later than they were booked: whoever books now keeps the limit from there.

        A busy machine wakes a caller up late, and a connection takes a while to be made. Where many have that happen at once, their
        calls are as close together as if they had been booked so, and only the bookings of all of them can make room for that.
        """
        for booked, really in left:
            at = bisect_left(self.taken, booked - _THE_SAME)
            if at < len(self.taken) and self.taken[at] <= booked + _THE_SAME:
                del self.taken[at]
                insort(self.taken, really)


def stretch(limit: float) -> tuple[int, float]:
    """So many calls in so many seconds, where `limit` a second are allowed: a second, or what a few calls take.

    >>> stretch(100), stretch(0.5)
    ((100, 1.005), (4, 8.04))
    """
    calls = int(limit) if limit >= 1 else 4
    return calls, round(calls / limit * _LATE, 9)

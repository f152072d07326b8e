"""How many requests Corporate Merch takes from a client: 40 per minute, and the headers that tell of it.

Source: https://corporatemerch.readme.io/reference/rate-limits. Inferred: that the window begins with a client's first
request and that a refused one does not count, both as Laravel does it; that the timestamp is in seconds since 1970.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

__all__ = ["Allowance", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a request may pass, how many more may, and when there are more (seconds since 1970, and from now)."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    wait: float

    def headers(self, *, waiting: bool) -> dict[str, str]:
        """Two, and with `waiting` four; none where any number may come."""
        if not self.limit:
            return {}
        shown = {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining)}
        if waiting:
            shown["X-RateLimit-Reset"] = str(math.ceil(self.reset))
            shown["Retry-After"] = str(max(1, math.ceil(self.wait)))
        return shown


class Allowance:
    """`limit` requests in `seconds` for each client; 0 for any number. `sliding`: in any such stretch of time."""

    def __init__(self, limit: int, seconds: float, *, sliding: bool) -> None:
        self.limit = limit
        self.seconds = seconds
        self.sliding = sliding
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def look(self, client: str, now: float) -> Turn:
        """What the client may do now; it takes nothing."""
        taken = self._taken[client]
        if self.sliding:
            while taken and now - taken[0] >= self.seconds:
                taken.popleft()
        elif taken and now - taken[0] >= self.seconds:
            taken.clear()
        reset = (taken[0] if taken else now) + self.seconds
        left = self.limit - len(taken)
        return Turn(not self.limit or left > 0, self.limit, max(0, left), reset, reset - now)

    def take(self, client: str, now: float) -> Turn:
        """The same, and one request fewer after it when it is allowed."""
        turn = self.look(client, now)
        if not turn.allowed or not self.limit:
            return turn
        self._taken[client].append(now)
        return Turn(True, self.limit, turn.remaining - 1, turn.reset, turn.wait)

"""What went over the wire, and whether more may."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Traffic"]


@dataclass(slots=True)
class Traffic:
    """What went over the wire, for the report."""

    sent: int = 0
    retried: int = 0
    throttled: int = 0
    seconds: list[float] = field(default_factory=list)
    answered_at: dict[int, int] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when the run stops."""
    may_send: Callable[[], bool] = field(default=lambda: True, repr=False)
    """Asked right before each request: false where somebody else may be sending in this one's place."""
    broken_in_a_row: int = 0
    """Requests since the last answer that said anything."""
    first_sent: float = 0.0
    last_sent: float = 0.0

    _MOST = 20_000

    @property
    def last_orders(self) -> bool:
        """The run stops: what is out is not tried again for long, and nothing is waited for."""
        return self.stopping.is_set()

    @last_orders.setter
    def last_orders(self, stops: bool) -> None:
        if stops:
            self.stopping.set()
        else:
            self.stopping.clear()

    def answered(self, started: float, ended: float) -> None:
        """Notes one answer: its latency (a bounded sample) and the second it came in."""
        if len(self.seconds) < self._MOST:
            self.seconds.append(ended - started)
        else:
            self.seconds[random.randrange(self._MOST)] = ended - started  # noqa: S311 - a sample
        second = int(ended - self.first_sent)
        self.answered_at[second] = self.answered_at.get(second, 0) + 1

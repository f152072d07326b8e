"""How long one call is tried."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call is tried: attempts and seconds, whichever ends first; waits double from `first` to `most`."""

    attempts: int = 6
    seconds: float = 60.0
    first: float = 0.25
    most: float = 8.0

    def wait(self, attempt: int) -> float:
        """Seconds before the next attempt, with jitter so that many callers do not return at once."""
        return min(self.most, self.first * 2.0 ** (attempt - 1)) * (0.5 + random.random() / 2)  # noqa: S311 - jitter

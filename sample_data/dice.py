"""Chance that is the same every time, for made-up people and the order of rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Chance that falls the same way on every Python: only `random.random()` promises that."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        return int(self._random.random() * count)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def one_of(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def share(self, part: float) -> bool:
        return self._random.random() < part

    def digits(self, pattern: str) -> str:
        return "".join(str(self.below(10)) if sign == "#" else sign for sign in pattern)

    def shuffled(self, things: Sequence[T]) -> list[T]:
        keyed = [(self._random.random(), place) for place in range(len(things))]
        return [things[place] for _, place in sorted(keyed)]

"""A crew of workers of other machines: somebody else starts them, and they are asked now and then whether they have ended."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.shards.piece import BRIEF, asking, piece_of, wrong_of
from flows.shards.shared import Shared, is_address

__all__ = ["Starter", "Workers"]

PATIENCE = 900.0
"""Seconds after which a worker counts as dead: a shard takes some, and waits for its turn. Twice as many for each further one."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Starter:
    """How workers are started for a place and a shard, asked by the id that this gives whether they are over, and stopped."""

    start: Callable[[str, int], str]
    is_over: Callable[[str], bool]
    stop: Callable[[str], None]


class Workers:
    """See crew.Crew: at most so many shards at once. `place` is an address that all of them reach; '' where they have the run's folder
    under the same path.
    """

    def __init__(
        self,
        starter: Starter,
        most: int,
        place: str = "",
        patience: float = PATIENCE,
        look: float = _LOOK_SECONDS,
    ) -> None:
        self._starter = starter
        self._most = most
        self._place = place
        self._patience = patience
        self._look = look
        self._folder = Path()
        self._shared: Shared | None = None
        self._waiting: deque[int] = deque()
        self._at_work: dict[int, tuple[str, float]] = {}
        self._tries: Counter[int] = Counter()
        self._looked = 0.0

    def begin(self, folder: Path) -> None:
        self._folder = folder
        self._place = self._place or str(folder)
        if is_address(self._place):
            self._shared = Shared(self._place)
            self._shared.send(folder / BRIEF)

    def give(self, number: int) -> None:
        if self._shared is not None:
            self._shared.send(asking(self._folder, number))
        self._waiting.append(number)
        self._set_to_work()

    def ended(self, seconds: float) -> list[int]:
        left = self._looked + self._look - time.monotonic()
        if left > seconds:
            time.sleep(seconds)
            return []
        time.sleep(max(0.0, left))
        self._looked = time.monotonic()
        found = [
            number
            for number, (worker, began) in self._at_work.items()
            if self._is_over(number, worker, began)
        ]
        for number in found:
            del self._at_work[number]
            if self._shared is not None:
                for path in (piece_of(self._folder, number), wrong_of(self._folder, number)):
                    self._shared.fetch(path)
        self._set_to_work()
        return found

    def _is_over(self, number: int, worker: str, began: float) -> bool:
        if self._starter.is_over(worker):
            return True
        if time.monotonic() - began < self._patience * 2 ** (self._tries[number] - 1):
            return False
        self._starter.stop(worker)
        return True

    def _set_to_work(self) -> None:
        while self._waiting and len(self._at_work) < self._most:
            number = self._waiting.popleft()
            self._tries[number] += 1
            self._at_work[number] = self._starter.start(self._place, number), time.monotonic()

    def close(self) -> None:
        for worker, _ in self._at_work.values():
            self._starter.stop(worker)
        self._at_work.clear()
        if self._shared is not None:
            self._shared.clear()

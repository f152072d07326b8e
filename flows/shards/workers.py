"""A crew of workers of other machines: somebody else starts them, and they are asked now and then whether they have ended.

Nothing waits for them for long: a shard that nobody has begun in a minute, and one whose worker has shown no sign of life for
half of one, is mapped by processes of this machine.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import SourceError
from flows.shards.crew import Crew, Processes, processors
from flows.shards.piece import BRIEF, asking, piece_of, wrong_of
from flows.shards.shared import Setting, Shared, is_address
from flows.shards.sign import sign_of

__all__ = ["BEGINS", "SILENT", "Starter", "Workers"]

BEGINS = 60.0
"""Seconds in which a worker has to begin: it looks for work every ten or fifteen, and starts a Python process for it."""
SILENT = 30.0
"""Seconds without a sign of life after which it counts as dead; see flows.shards.sign."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Starter:
    """How workers are started for a place and a shard, asked by the id that this gives whether they are over, and stopped."""

    start: Callable[[str, int], str]
    is_over: Callable[[str], bool]
    stop: Callable[[str], None]


@dataclass(slots=True)
class _Turn:
    """A shard that a worker has. `since` is when its sign of life was another one for the last time, or when it was asked."""

    worker: str
    since: float
    sign: str = ""


class Workers:
    """See crew.Crew: at most so many shards at once. `place` is an address that all of them reach; '' where they have the run's folder
    under the same path.
    """

    def __init__(
        self,
        starter: Starter,
        most: int,
        place: str = "",
        setting: Setting = lambda _: "",
        *,
        begins: float = BEGINS,
        silent: float = SILENT,
        look: float = _LOOK_SECONDS,
        here: Callable[[], Crew] = lambda: Processes(processors()),
    ) -> None:
        self._starter = starter
        self._most = most
        self._place = place
        self._setting = setting
        self._begins, self._silent, self._look = begins, silent, look
        self._folder = Path()
        self._shared: Shared | None = None
        self._waiting: deque[int] = deque()
        self._at_work: dict[int, _Turn] = {}
        self._given: set[int] = set()
        self._make_here = here
        self._here: Crew | None = None
        self._heard_of = False
        self._nobody = False
        self._looked = 0.0

    def begin(self, folder: Path) -> None:
        self._folder = folder
        self._place = self._place or str(folder)
        if is_address(self._place):
            self._shared = Shared(self._place, self._setting)
            self._shared.send(folder / BRIEF)

    def give(self, number: int) -> None:
        if number in self._given or self._nobody:
            self._map_here(number)
            return
        self._given.add(number)
        if self._shared is not None:
            self._shared.send(asking(self._folder, number))
        self._waiting.append(number)
        self._set_to_work()

    def ended(self, seconds: float) -> list[int]:
        left = self._looked + self._look - time.monotonic()
        if left > seconds:
            return self._ended_here(seconds)
        found = self._ended_here(max(0.0, left))
        self._looked = time.monotonic()
        over = [number for number, turn in self._at_work.items() if self._is_over(number, turn)]
        for number in over:
            del self._at_work[number]
            if self._shared is not None:
                self._shared.fetch_folder(piece_of(self._folder, number))
                self._shared.fetch(wrong_of(self._folder, number))
            self._heard_of |= piece_of(self._folder, number).is_dir()
        while self._nobody and self._waiting:
            self._map_here(self._waiting.popleft())
        self._set_to_work()
        return found + over

    def _ended_here(self, seconds: float) -> list[int]:
        if self._here is not None:
            return self._here.ended(seconds)
        time.sleep(seconds)
        return []

    def _map_here(self, number: int) -> None:
        if self._here is None:
            self._here = self._make_here()
            self._here.begin(self._folder)
        self._here.give(number)

    def _is_over(self, number: int, turn: _Turn) -> bool:
        if self._starter.is_over(turn.worker):
            return True
        now, sign = time.monotonic(), self._sign(number)
        if sign != turn.sign:
            turn.sign, turn.since, self._heard_of = sign, now, True
        if now - turn.since < (self._silent if turn.sign else self._begins):
            return False
        self._nobody = not self._heard_of
        self._starter.stop(turn.worker)
        return True

    def _sign(self, number: int) -> str:
        path = sign_of(self._folder, number)
        with contextlib.suppress(OSError, SourceError):  # the place is away for a moment: it is looked again
            if self._shared is None or self._shared.fetch(path):
                return path.read_text("utf-8")
        return self._at_work[number].sign

    def _set_to_work(self) -> None:
        while self._waiting and len(self._at_work) < self._most:
            number = self._waiting.popleft()
            self._at_work[number] = _Turn(self._starter.start(self._place, number), time.monotonic())

    def close(self) -> None:
        if self._here is not None:
            self._here.close()
        for turn in self._at_work.values():
            self._starter.stop(turn.worker)
        self._at_work.clear()
        if self._shared is not None:
            self._shared.clear()

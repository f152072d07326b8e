"""What a run tells whoever watches it: stages, rows, outcomes as they come."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Counting", "Hushed", "Silent", "Watcher"]


class Watcher(Protocol):
    """Somebody who watches a run: a terminal, a log, Prefect."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins: `total` rows or contacts if that is known."""
        ...

    def advance(self, count: int) -> None: ...

    def outcome(self, name: str) -> None:
        """One contact's outcome is durable."""
        ...

    def say(self, line: str) -> None:
        """Something a person should know now."""
        ...

    def held(self, waits: bool) -> None:
        """Whether everything waits for the destination."""
        ...


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...
    def outcome(self, name: str) -> None: ...
    def say(self, line: str) -> None: ...
    def held(self, waits: bool) -> None: ...


class Counting:
    """Counts, for somebody who looks now and then. `artifact` is theirs: where they have written it down."""

    def __init__(self) -> None:
        self.artifact: Any = None
        self._stage = "beginning"
        self._total: int | None = None
        self._done = 0
        self._waits = False

    @property
    def percent(self) -> float:
        """How much of the stage is done, 0 to 100; 0 where nobody knows how much there is."""
        return min(100.0, round(100 * self._done / self._total, 1)) if self._total else 0.0

    @property
    def sentence(self) -> str:
        """The stage and its counts: `delivering, 4,000 of 12,000`."""
        far = f", {self._done:,}" + (f" of {self._total:,}" if self._total else "") if self._done else ""
        return self._stage + far + ("; everything waits for the destination" if self._waits else "")

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage, self._total, self._done = name, total, 0

    def advance(self, count: int) -> None:
        self._done += count

    def outcome(self, name: str) -> None: ...
    def say(self, line: str) -> None: ...

    def held(self, waits: bool) -> None:
        self._waits = waits


class Hushed:
    """Passes everything on but sentences, until it may `speak`: what was said already is not said again."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.speaks = False

    def stage(self, name: str, total: int | None = None) -> None:
        if self.speaks:
            self._watcher.stage(name, total)

    def advance(self, count: int) -> None:
        self._watcher.advance(count)

    def outcome(self, name: str) -> None:
        self._watcher.outcome(name)

    def held(self, waits: bool) -> None:
        self._watcher.held(waits)

    def say(self, line: str) -> None:
        if self.speaks:
            self._watcher.say(line)

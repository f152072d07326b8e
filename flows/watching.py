"""What a run tells whoever watches it: stages, rows, outcomes as they come."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Hushed", "Silent", "Watcher"]


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

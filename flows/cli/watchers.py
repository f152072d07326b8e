"""Watching a run: live at a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Self

import click

from flows.cli.time_left import TimeLeft
from mappings.engine.complaints import visible

__all__ = ["Lines", "Live", "watcher"]

_EVERY_SECONDS = 10


class Lines:
    """Plain log lines on standard error: a line for each stage, and progress every ten seconds."""

    def __init__(self) -> None:
        self._left = TimeLeft(None)
        self._said = time.monotonic()
        self._outcomes: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The watching is over."""

    def stage(self, name: str, total: int | None = None) -> None:
        self._left, self._said = TimeLeft(total), time.monotonic()
        self.say(name + (f": {total:,} contacts" if total is not None else ""))

    def advance(self, count: int) -> None:
        self._left.advance(count)
        if time.monotonic() - self._said >= _EVERY_SECONDS:
            self._said = time.monotonic()
            of = f" of {self._left.total:,}" if self._left.total is not None else ""
            so_far = ", ".join(f"{name} {count:,}" for name, count in self._outcomes.items())
            self.say("; ".join(filter(None, [f"{self._left.done:,}{of}", so_far, str(self._left)])))

    def outcome(self, name: str) -> None:
        self._outcomes[name] += 1

    def held(self, waits: bool) -> None:
        """Whether everything waits for the destination."""
        self._left.held(waits)

    def say(self, line: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {visible(line)}", err=True)


class Live:
    """A live line at a terminal: stage, count, rate, time left, outcomes so far."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only at a terminal
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[note]}"), console=self._console, transient=True,
        )  # fmt: skip
        self._task: int | None = None
        self._outcomes: Counter[str] = Counter()
        self._left = TimeLeft(None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The live line goes away."""
        self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        from rich.progress import TaskID  # noqa: PLC0415 - as above

        if self._task is not None:
            self._progress.remove_task(TaskID(self._task))
        self._left = TimeLeft(total)
        self._task = self._progress.add_task(name, total=total, note="", count="")

    def advance(self, count: int) -> None:
        self._left.advance(count)
        self._show()

    def _show(self) -> None:
        from rich.progress import TaskID  # noqa: PLC0415 - as above

        if self._task is None:
            return
        left = self._left
        rate = None if left.waits else left.per_second
        notes = [f"{rate:,.0f}/s" if rate is not None else "", str(left)]
        notes += [f"{name} {count:,}" for name, count in self._outcomes.most_common(4)]
        done = f"{left.done:,}" + (f"/{left.total:,}" if left.total else "")
        self._progress.update(
            TaskID(self._task), completed=left.done, note="  ".join(filter(None, notes)), count=done
        )

    def outcome(self, name: str) -> None:
        self._outcomes[name] += 1

    def held(self, waits: bool) -> None:
        """Whether everything waits for the destination."""
        self._left.held(waits)
        self._show()

    def say(self, line: str) -> None:
        self._console.print(visible(line), markup=False, soft_wrap=True)


def watcher() -> Lines | Live:
    """Live where a person sees it, lines elsewhere."""
    return Live() if sys.stderr.isatty() else Lines()

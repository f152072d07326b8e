"""A crew: who maps the shards of a source. Here: processes of this machine, which end when this one does."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, Protocol

__all__ = ["Crew", "Processes", "processors"]


def processors() -> int:
    """How many of this machine's processors may be used."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew(Protocol):
    """Maps shards, several at once. Whoever begins one closes it."""

    def begin(self, folder: Path) -> None:
        """The folder of the shards is there, and the first of them comes soon."""
        ...

    def give(self, number: int) -> None:
        """A shard is to be mapped, now or when somebody has time. Returns at once."""
        ...

    def ended(self, seconds: float) -> list[int]:
        """The shards at which nobody works any more, whatever became of them, since this was asked; waits so long for one at most."""
        ...

    def close(self) -> None:
        """Nobody works at anything any more when this returns."""
        ...


class Processes:
    """So many processes at most, each with one shard at a time. They stand in a session of their own: Ctrl-C means their run,
    which stops them; and they end by themselves when their standard input closes, however their run ended.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._folder = Path()
        self._waiting: deque[int] = deque()
        self._at_work: dict[int, int] = {}
        self._idle: list[subprocess.Popen[str]] = []
        self._all: dict[int, subprocess.Popen[str]] = {}
        self._listeners: list[threading.Thread] = []
        self._said: queue.Queue[tuple[int, str]] = queue.Queue()

    def begin(self, folder: Path) -> None:
        self._folder = folder
        for _ in range(self._most):
            self._idle.append(self._started())

    def give(self, number: int) -> None:
        self._waiting.append(number)
        self._set_to_work()

    def ended(self, seconds: float) -> list[int]:
        found: list[int] = []
        try:
            while True:
                pid, line = self._said.get(timeout=0 if found else seconds)
                found += self._heard(pid, line)
                if not found:
                    break
        except queue.Empty:
            pass
        self._set_to_work()
        return found

    def _heard(self, pid: int, line: str) -> list[int]:
        """A process has ended a shard, or itself."""
        number = self._at_work.pop(pid, None)
        if line:
            self._idle.append(self._all[pid])
        elif (gone := self._all.pop(pid, None)) is not None:
            self._idle = [process for process in self._idle if process.pid != pid]
            _let_go(gone)
        return [number] if number is not None else []

    def _set_to_work(self) -> None:
        while self._waiting and (self._idle or len(self._all) < self._most):
            process = self._idle.pop() if self._idle else self._started()
            number = self._waiting[0]
            try:
                assert process.stdin is not None  # noqa: S101 - a pipe
                process.stdin.write(f"{number}\n")
                process.stdin.flush()
            except OSError:  # it died idle, and its end is about to be heard
                self._all.pop(process.pid, None)
                _let_go(process)
                continue
            self._at_work[process.pid] = self._waiting.popleft()

    def _started(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "flows.shards.process", str(self._folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self._all[process.pid] = process
        assert process.stdout is not None  # noqa: S101 - a pipe
        listener = threading.Thread(
            target=self._listen, args=(process.pid, process.stdout), name="shards", daemon=True
        )
        listener.start()
        self._listeners.append(listener)
        return process

    def _listen(self, pid: int, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._said.put((pid, line))
        self._said.put((pid, ""))

    def close(self) -> None:
        for process in self._all.values():
            process.kill()
        for process in self._all.values():
            _let_go(process)
        for listener in self._listeners:
            listener.join()
        self._all.clear()
        self._idle.clear()


def _let_go(process: subprocess.Popen[str]) -> None:
    """Of a process that has ended, or is about to."""
    process.wait()
    assert process.stdin is not None  # noqa: S101 - a pipe
    with contextlib.suppress(OSError):  # something was not written any more
        process.stdin.close()

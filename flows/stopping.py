"""Ctrl-C and SIGTERM: once finishes what is on its way, twice stops now; both leave a report."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator

from flows.sync_run import SyncRun

__all__ = ["interruptible", "interruptible_before", "terminable"]

_TOGETHER_SECONDS = 1.0
"""SIGTERM that comes again within this time is the same one: Prefect's worker sends it to the flow and to its group."""


def terminable() -> None:
    """From now on SIGTERM means what Ctrl-C means."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@contextlib.contextmanager
def interruptible_before() -> Iterator[None]:
    """While it lasts nothing is sent yet, and SIGTERM cancels the current task; outside the main thread it does nothing."""
    loop, current = asyncio.get_running_loop(), asyncio.current_task()
    before = signal.getsignal(signal.SIGTERM)
    try:
        loop.add_signal_handler(signal.SIGTERM, lambda: current.cancel() if current is not None else None)
    except (ValueError, RuntimeError, NotImplementedError):  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def interruptible(run: SyncRun) -> Iterator[None]:
    """While it lasts, the signals mean the run; outside the main thread it does nothing."""
    loop, current = asyncio.get_running_loop(), asyncio.current_task()
    asked_at = 0.0

    def stop(number: int) -> None:
        nonlocal asked_at
        if number == signal.SIGTERM and time.monotonic() - asked_at < _TOGETHER_SECONDS:
            return
        asked_at = time.monotonic()
        if run.finishing:
            run.watcher.say("The report is being written; the run ends by itself.")
        elif run.delivery.stopped == "interrupted" and current is not None:
            current.cancel()
        else:
            run.interrupt()
            run.watcher.say("Stopping: what is on its way is finished first. Once more stops now.")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    installed = []
    for number in before:
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not in the main thread
            loop.add_signal_handler(number, stop, number)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])

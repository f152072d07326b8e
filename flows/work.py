"""Runs at work in this process, by id: Prefect's tasks take an id and a number, and find the rest here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flows.pipeline import Portion
from flows.sync_run import SyncRun

__all__ = ["StepFailed", "at_work", "ended", "hand_over", "kept", "left_over", "set_out"]

_RUNS: dict[str, SyncRun] = {}
_PORTIONS: dict[tuple[str, int], Portion] = {}


class StepFailed(Exception):  # noqa: N818 - it says what happened
    """A step of a run failed. All that crosses into Prefect: the error itself stays with the run, as `crashed`."""


@contextlib.contextmanager
def kept(run: SyncRun) -> Iterator[None]:
    """Keeps what a step raises with the run, and raises StepFailed with its name instead."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - kept, and told where the run ends
        run.crashed = error
        raise StepFailed(type(error).__name__) from None


def hand_over(run: SyncRun) -> str:
    """Makes a run known under its id."""
    _RUNS[run.id] = run
    return run.id


def at_work(run_id: str) -> SyncRun:
    """The run. Raises KeyError where it is not at work in this process."""
    return _RUNS[run_id]


def ended(run_id: str) -> None:
    """Forgets a run and its portions."""
    _RUNS.pop(run_id, None)
    for key in [key for key in _PORTIONS if key[0] == run_id]:
        del _PORTIONS[key]


def set_out(run_id: str, portion: Portion) -> None:
    """Lays a portion ready."""
    _PORTIONS[run_id, portion.number] = portion


def left_over(run_id: str, number: int) -> Portion:
    """A portion, handed out once."""
    return _PORTIONS.pop((run_id, number))

"""Retention: what runs have kept of people goes after a while; their counts stay.

90 days (`MUSTER_KEEP_DAYS`), and where `MUSTER_KEEP_RUNS` says how many, no more than the newest so many of each mapping. What was
delivered to whom, and who opted out, is no run's and stays: the next sync compares with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from connectors.errors import CannotStart
from flows.copies.leaving import take_away, take_away_what_was_left
from flows.ledger import Ledger, Run
from flows.settings import Settings

__all__ = ["Keep", "let_go"]

_DAYS = "90"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the rows of runs are kept. `runs` is how many of a mapping at most, None for any number."""

    days: int
    runs: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """As the settings say. Raises CannotStart where one is no number from 1 on."""
        days, runs = settings.get("MUSTER_KEEP_DAYS", _DAYS), settings.get("MUSTER_KEEP_RUNS")
        return cls(_number("MUSTER_KEEP_DAYS", days), _number("MUSTER_KEEP_RUNS", runs) if runs else None)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
        raise CannotStart(
            f"{name} is '{text}', which is no number from 1 on.", f"Set it to a number, such as {_DAYS}."
        )
    return int(text)


def let_go(
    ledger: Ledger,
    keep: Keep,
    now: dt.datetime,
    elsewhere: Callable[[Run], None] = lambda _: None,
    *,
    but: str,
) -> list[str]:
    """Takes away folders, intents and answers of older runs; the ids of these. The run `but` stays whatever it is.

    `elsewhere` takes away what lies of a run where machines share it; where it raises, the run is looked at another time.
    A run that was interrupted, and nobody resumed in all that time, cannot be resumed any more. The copies of a folder go with it;
    those that cannot be reached are taken away by a later run.
    """
    oldest = (now - dt.timedelta(days=keep.days)).strftime("%Y-%m-%dT%H:%M:%S")
    gone = []
    runs = sorted(ledger.runs.with_rows(), key=lambda run: (run.account, run.mapping))
    for _, mine in groupby(runs, key=lambda run: (run.account, run.mapping)):
        for number, run in enumerate(sorted(mine, key=lambda run: run.started_at, reverse=True)):
            old = run.started_at < oldest or (
                keep.runs is not None and number >= keep.runs and not run.unfinished
            )
            if old and run.id != but:
                elsewhere(run)  # first: nobody would look for it again
                ledger.runs.let_go(run.id)  # what is cut off here leaves a folder, and not a run without one
                take_away(Path(run.folder))
                gone.append(run.id)
    take_away_what_was_left(ledger.database.home / "runs")
    return gone

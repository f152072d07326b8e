"""What lies in a folder of fixes: what is taken, what is left alone, and why. Pure: no place, no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.places.lying import Lying

__all__ = ["OPEN_HOURS", "Dropped", "dropped"]

OPEN_HOURS = 12
"""A lock file that is older was left behind by a program that crashed."""
_OURS, _THEIRS = "~$", (".~lock.", "#")
_LEFT_ALONE = ("thumbs.db", "desktop.ini")
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that lies there. `state` is taken, growing (still being written), open (in a spreadsheet program) or lock (nothing else)."""

    lying: Lying
    state: str


def dropped(
    found: Sequence[Lying], *, now: dt.datetime, settled: float, whole_at_once: bool
) -> list[Dropped]:
    """All files that are somebody's, the oldest first. `settled` are seconds; in a place where files are there `whole_at_once` nobody waits.

    >>> at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    >>> files = [Lying("in/failures.xlsx", 9, at), Lying("in/~$failures.xlsx", 165, at), Lying("in/b.csv", 9, at)]
    >>> [(one.lying.name, one.state) for one in dropped(files, now=at + dt.timedelta(hours=1), settled=60, whole_at_once=False)]
    [('b.csv', 'taken'), ('failures.xlsx', 'open')]
    """
    names = {one.name for one in found}
    fresh = {one.name for one in found if _age(one, now) < OPEN_HOURS * 3600}
    verdicts = []
    for one in sorted(found, key=lambda one: (one.modified, one.name)):
        name = one.name
        if name.startswith(".") or name.lower() in _LEFT_ALONE or name.lower().endswith(_UNFINISHED):
            continue
        if name.startswith(_OURS):
            if name.removeprefix(_OURS) not in names:
                verdicts.append(Dropped(one, "lock" if _rests(one, now, settled) else "growing"))
        elif {f"{_OURS}{name}", f"{_THEIRS[0]}{name}{_THEIRS[1]}"} & fresh:
            verdicts.append(Dropped(one, "open"))
        else:
            rests = whole_at_once or _rests(one, now, settled)
            verdicts.append(Dropped(one, "taken" if rests else "growing"))
    return verdicts


def _rests(one: Lying, now: dt.datetime, settled: float) -> bool:
    return abs((now - one.modified).total_seconds()) >= settled  # a time far ahead is a clock that is wrong


def _age(one: Lying, now: dt.datetime) -> float:
    return (now - one.modified).total_seconds()

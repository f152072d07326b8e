"""A mapping's last runs as a small line: in how many rows each of them needed a person."""

from __future__ import annotations

from collections.abc import Sequence

from flows.ledger import Run
from flows.report.outcomes import NEED_A_PERSON, still_unclear

__all__ = ["drawn", "needing", "trend"]

_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_WHOLE = ("completed", "needs_review", "limited")


def needing(run: Run) -> int:
    """How many of a run's rows needed a person; those that were accepted are not among them, nor those that a resume looks up."""
    outcomes = run.summary.get("outcomes", {})
    needed: int = sum(outcomes.get(name, 0) for name in NEED_A_PERSON) - run.summary.get("accepted", 0)
    return needed - still_unclear(run.summary.get("status", ""), outcomes.get("unknown", 0))


def trend(runs: Sequence[Run]) -> list[int | None]:
    """Of a mapping's runs, given the newest first: how many rows needed a person, the oldest first.

    None stands for a run that did not come to its end. Retries and undoings are left out: they are runs over a few rows.
    """
    return [needing(run) if run.state in _WHOLE else None for run in reversed(runs) if run.verb == "sync"]


def drawn(numbers: Sequence[int | None]) -> str:
    """As a line of bars, the highest for the most; · for a run that did not come to its end.

    >>> drawn([0, 3, 12, None, 6]), drawn([0, 0]), drawn([])
    ('▁▃█·▅', '▁▁', '')
    """
    most = max((number for number in numbers if number is not None), default=0)
    return "".join(_NONE if number is None else _bar(number, most) for number in numbers)


def _bar(number: int, most: int) -> str:
    """Nothing is always the lowest bar, and anything never is."""
    return _BARS[0] if not number else _BARS[max(1, round(number / most * (len(_BARS) - 1)))]

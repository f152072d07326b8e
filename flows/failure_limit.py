"""The failure limit: where too many of the contacts answered so far were refused or failed, the rest is not sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingOf

from connectors.base import Delivered, StopAt
from connectors.errors import MusterError
from flows.guards import FAILURES, limited
from mappings.engine.document import Guards

__all__ = ["FailureLimit", "stop_at"]

_ANSWERED = frozenset({"created", "updated", "upserted", "refused", "failed", "unknown"})
_FAILED = frozenset({"refused", "failed", "unknown"})


def stop_at(guards: Guards | None, allowed: MappingOf[str, int | None]) -> StopAt | None:
    """The limit of a mapping, and what a person has allowed for this run; None where any number may fail.

    >>> stop_at(None, {}), stop_at(None, {"failures": 80}), stop_at(None, {"failures": None})
    (StopAt(share=0.2, floor=50), StopAt(share=0.2, floor=81), None)
    """
    guard = limited(FAILURES, guards)
    if "failures" not in allowed:
        return StopAt(guard.share, guard.floor)
    most = allowed["failures"]
    return None if most is None else StopAt(guard.share, max(guard.floor, most + 1))


class FailureLimit:
    """Counts what becomes of the contacts of one run."""

    def __init__(self) -> None:
        self._answered = 0
        self._reasons: Counter[str] = Counter()

    def add(self, delivered: Delivered) -> None:
        """One more contact has its outcome. Those of which nothing was tried count for nothing."""
        if delivered.outcome not in _ANSWERED:
            return
        self._answered += 1
        if delivered.outcome in _FAILED:
            code = delivered.problems[0][0] if delivered.problems else delivered.code
            self._reasons[code or delivered.outcome] += 1

    def passed(self, limit: StopAt | None) -> MusterError | None:
        """Why the run stops; None while it goes on."""
        failed = self._reasons.total()
        if limit is None or failed < max(1, limit.floor) or failed <= limit.share * self._answered:
            return None
        [(code, count)] = self._reasons.most_common(1)
        return MusterError(
            f"Stopped: {failed:,} of the {self._answered:,} contacts answered so far were refused or failed "
            f"(the limit is {limit.share * 100:g}%, from {limit.floor:,} on); most often {code}, {count:,} times.",
            "Look at failures.csv and remove the cause, then muster resume sends the rest. "
            "If so many may fail, say --allow failures.",
        )

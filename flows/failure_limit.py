"""The failure limit: where too many of the contacts answered so far were refused or failed, the rest is not sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as MappingOf
from types import MappingProxyType

from connectors.base import Delivered
from connectors.errors import MusterError
from flows.guards import FAILURES, Guard, Verdict, opens, trips

__all__ = ["FailureLimit"]

_ANSWERED = frozenset({"created", "updated", "upserted", "refused", "failed", "unknown"})
_FAILED = frozenset({"refused", "failed", "unknown"})
_NOTHING: MappingOf[str, int | None] = MappingProxyType({})


class FailureLimit:
    """Counts what becomes of the contacts of one run. `allowed` is what a person has allowed for it."""

    def __init__(self, guard: Guard = FAILURES, allowed: MappingOf[str, int | None] = _NOTHING) -> None:
        self._guard = guard
        self._allowed = allowed
        self._answered = 0
        self._reasons: Counter[str] = Counter()
        self._tripped = False
        self._default_tripped = False

    def add(self, delivered: Delivered) -> None:
        """One more contact has its outcome. Those of which nothing was tried count for nothing."""
        if delivered.outcome not in _ANSWERED:
            return
        self._answered += 1
        if delivered.outcome in _FAILED:
            code = delivered.problems[0][0] if delivered.problems else delivered.code
            self._reasons[code or delivered.outcome] += 1
        self._tripped |= trips(self._guard, self._failed, self._share)
        self._default_tripped |= trips(FAILURES, self._failed, self._share)

    @property
    def _failed(self) -> int:
        return self._reasons.total()

    @property
    def _share(self) -> float:
        return self._failed / self._answered if self._answered else 0.0

    def passed(self) -> MusterError | None:
        """Why the run stops now; None while it goes on."""
        guard = self._guard
        if not trips(guard, self._failed, self._share) or opens(guard, self._failed, self._allowed):
            return None
        [(code, count)] = self._reasons.most_common(1)
        return MusterError(
            f"Stopped: {self._failed:,} of the {self._answered:,} contacts answered so far were refused or failed "
            f"(the limit is {guard.share * 100:g}%, from {guard.floor:,} on); most often {code}, {count:,} times.",
            "Look at failures.csv and remove the cause, then muster resume sends the rest. "
            "If so many may fail, say --allow failures.",
        )

    def verdict(self) -> Verdict:
        """What was counted in the end, and whether the limit was passed on the way."""
        guard = self._guard
        return Verdict(
            guard.name, self._failed, self._share, guard.share, guard.floor, self._tripped,
            opens(guard, self._failed, self._allowed), guard.says,
            own=guard.own, allowed_count=self._allowed.get(guard.name), default_trips=self._default_tripped,
        )  # fmt: skip

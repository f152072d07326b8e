"""How many rows ended in each outcome, and which of them a person has to look at."""

from __future__ import annotations

from flows.report.model import Count, Model

__all__ = ["NEED_A_PERSON", "Outcomes", "still_unclear"]

NEED_A_PERSON = ("invalid", "refused", "failed", "unknown")


class Outcomes(Model):
    """How many rows ended in each outcome. Every name is always there."""

    created: Count = 0
    updated: Count = 0
    upserted: Count = 0
    unchanged: Count = 0
    filtered: Count = 0
    duplicate: Count = 0
    protected: Count = 0
    invalid: Count = 0
    refused: Count = 0
    failed: Count = 0
    unknown: Count = 0
    unsent: Count = 0

    def of(self, *names: str) -> int:
        """The sum of some outcomes, of all of them without names."""
        return sum(int(getattr(self, name)) for name in names or type(self).model_fields)


def still_unclear(status: str, unknown: int, *, rehearsed: bool = False) -> int:
    """Of the rows of a run without a clear answer those that its resume looks up.

    >>> still_unclear("interrupted", 3), still_unclear("needs_review", 3)
    (3, 0)
    """
    return unknown if status in ("interrupted", "stopped") and not rehearsed else 0

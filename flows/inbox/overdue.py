"""No file came: a new one was expected by now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Overdue", "overdue", "spoken"]


@dataclass(frozen=True, slots=True)
class Overdue:
    """The inbox of a mapping without the file that was expected. `since` is when the last one was written, or was first waited for.

    `ever`: whether any came before.
    """

    mapping: str
    account: int
    every_seconds: float
    since: dt.datetime
    ever: bool

    def told(self, now: dt.datetime) -> str:
        """The sentence for people. It holds no name of a file."""
        last = "The newest file is" if self.ever else "None ever came, and the inbox is watched since"
        ago = spoken((now - self.since).total_seconds())
        return f"No file came: one is expected every {spoken(self.every_seconds)}. {last} {ago}" + (
            " old." if self.ever else "."
        )


def overdue(
    *, mapping: str, account: int, every_seconds: float | None, last: dt.datetime | None, watched: dt.datetime, now: dt.datetime
) -> Overdue | None:  # fmt: skip
    """Whether a new file should have come by now: `last` is when the newest was written, `watched` when somebody first looked."""
    since = last or watched
    if every_seconds is None or (now - since).total_seconds() <= every_seconds:
        return None
    return Overdue(mapping, account, every_seconds, since, ever=last is not None)


def spoken(seconds: float) -> str:
    """A time in words.

    >>> spoken(93600), spoken(5400), spoken(3 * 86400)
    ('26 hours', '90 minutes', '3 days')
    """
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length and (unit != "days" or seconds >= 3 * length):
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"

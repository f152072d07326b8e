"""Guards: shares with a floor that stop a run before the first request, when a file or a mapping is likely wrong."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GUARDS", "Counts", "Guard", "Verdict", "judged"]


@dataclass(frozen=True, slots=True)
class Guard:
    """It trips when `count` is at least `floor` and more than `share` of what it is measured against."""

    name: str
    share: float
    floor: int
    says: str
    first_run: bool = True


GUARDS = (
    Guard("empty_source", 0.0, 0, "the file has a header and no rows"),
    Guard("shrunk", 0.20, 50, "rows are missing that the last complete run had", first_run=False),
    Guard("invalid", 0.20, 50, "rows are invalid"),
    Guard("changes", 0.50, 200, "contacts would be written", first_run=False),
    Guard("opt_outs", 0.02, 20, "contacts that may be mailed now would be unsubscribed"),
)
"""The defaults. `--allow NAME` opens one for one run, which is recorded."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the guards look at. `rows_before` is the row count of the last complete run, None on a first run."""

    rows: int
    kept: int
    invalid: int
    writes: int
    opt_outs: int
    rows_before: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guard's verdict. `share` is the part that was found, between 0 and 1."""

    name: str
    count: int
    share: float
    limit_share: float
    floor: int
    tripped: bool
    allowed: bool
    says: str
    asked: bool = True

    @property
    def near(self) -> float:
        """How much of the way to tripping is gone: below 1 it cannot trip. 0 where the guard is not asked.

        >>> Verdict("invalid", 25, 0.5, 0.2, 50, False, False, "rows are invalid").near
        0.5
        """
        if not self.asked or not self.count:
            return 0.0
        parts = [self.share / self.limit_share if self.limit_share else 1.0]
        parts += [self.count / self.floor] if self.floor else []
        return round(min(parts), 4)


def judged(counts: Counts, allowed: frozenset[str]) -> list[Verdict]:
    """All guards' verdicts, in their order.

    >>> counts = Counts(rows=1000, kept=1000, invalid=300, writes=700, opt_outs=0, rows_before=None)
    >>> [verdict.name for verdict in judged(counts, frozenset()) if verdict.tripped]
    ['invalid']
    """
    first = counts.rows_before is None
    missing = max(0, (counts.rows_before or 0) - counts.rows)
    measured = {
        "empty_source": (int(counts.rows == 0), 1),
        "shrunk": (missing, counts.rows_before or 0),
        "invalid": (counts.invalid, counts.rows),
        "changes": (counts.writes, counts.kept),
        "opt_outs": (counts.opt_outs, counts.kept),
    }
    verdicts = []
    for guard in GUARDS:
        count, of = measured[guard.name]
        share = count / of if of else 0.0
        asked = guard.first_run or not first
        tripped = asked and count > 0 and count >= guard.floor and share > guard.share
        verdicts.append(
            Verdict(
                guard.name, count, share, guard.share, guard.floor, tripped, guard.name in allowed, guard.says, asked
            )
        )  # fmt: skip
    return verdicts

"""Guards: shares with a floor that stop a run before the first request, when a file or a mapping is likely wrong.

The defaults are here; a mapping may set others under `guards:`. A guard yields only to `--allow NAME`, or to
`--allow NAME=N` where no more than N are counted. One that is `typed` stops the run however few they are, and yields
only to exactly the number that was counted.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace

from mappings.engine.document import Guards, TypedLimit

__all__ = [
    "FAILURES",
    "GUARDS",
    "VANISHED",
    "Counts",
    "Guard",
    "Verdict",
    "judged",
    "judged_alone",
    "limited",
    "of_mapping",
    "opens",
    "set_by_mapping",
    "to_be_typed",
    "trips",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guard:
    """It trips when `count` is at least `floor` and more than `share` of what it is measured against.

    `own`: the mapping has another limit than the default. `typed`: it trips at any count but none.
    """

    name: str
    share: float
    floor: int
    says: str
    first_run: bool = True
    own: bool = False
    typed: bool = False

    @property
    def limit(self) -> str:
        """When it trips, in words.

        >>> Guard("opt_outs", 0.02, 20, "").limit
        'above 2%, from 20 on'
        """
        if self.typed:
            return "until their number is typed"
        return f"above {self.share * 100:g}%, from {self.floor:,} on"


GUARDS = (
    Guard("empty_source", 0.0, 0, "the file has a header and no rows"),
    Guard("shrunk", 0.20, 50, "rows are missing that the last complete run had", first_run=False),
    Guard("invalid", 0.20, 50, "rows are invalid"),
    Guard("changes", 0.50, 200, "contacts would be written", first_run=False),
    Guard("opt_outs", 0.02, 20, "contacts that may be mailed now would be unsubscribed"),
    Guard("resubscribes", 0.02, 20, "people who opted out would be subscribed again"),
)
"""The defaults. `--allow NAME` opens one for one run, which is recorded."""
FAILURES = Guard("failures", 0.20, 50, "contacts were refused or failed")
"""The one that stops a run while it sends: see flows.failure_limit."""
VANISHED = Guard(
    "vanished", 0.05, 20, "people are no longer in the source, and something would be done with them"
)
"""The one of complete sources: see flows.vanished.people."""


def of_mapping(guards: Guards | None) -> tuple[Guard, ...]:
    """The guards with the limits that a mapping sets.

    >>> [guard.floor for guard in of_mapping(Guards.model_validate({"opt_outs": {"floor": 50}})) if guard.own]
    [50]
    """
    return tuple(limited(guard, guards) for guard in GUARDS)


def to_be_typed(guards: tuple[Guard, ...], name: str) -> tuple[Guard, ...]:
    """The same, of which one stops the run until exactly its number is typed."""
    return tuple(
        replace(guard, share=0.0, floor=1, typed=True) if guard.name == name else guard for guard in guards
    )


def set_by_mapping(guards: Guards | None) -> dict[str, str]:
    """The limits that differ from the defaults, in words.

    >>> set_by_mapping(Guards.model_validate({"opt_outs": "typed"}))
    {'opt_outs': 'until their number is typed; by default above 2%, from 20 on'}
    """
    both = zip(
        (*of_mapping(guards), limited(FAILURES, guards), limited(VANISHED, guards)),
        (*GUARDS, FAILURES, VANISHED),
        strict=True,
    )
    return {guard.name: f"{guard.limit}; by default {default.limit}" for guard, default in both if guard.own}


def limited(guard: Guard, guards: Guards | None) -> Guard:
    """The guard with the limit that a mapping sets, if it does."""
    limit = getattr(guards, guard.name, None)
    if limit is None:
        return guard
    if isinstance(limit, TypedLimit) and limit.typed:
        return replace(guard, share=0.0, floor=1, own=True, typed=True)
    share = guard.share if limit.share is None else limit.share
    floor = guard.floor if limit.floor is None else limit.floor
    return replace(guard, share=share, floor=floor, own=(share, floor) != (guard.share, guard.floor))


@dataclass(frozen=True, slots=True)
class Counts:
    """What the guards look at. `rows_before` is the row count of the last complete run, None on a first run.

    `opt_outs` is None as long as nobody has counted them.
    """

    rows: int
    kept: int
    invalid: int
    writes: int
    opt_outs: int | None
    rows_before: int | None
    resubscribes: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guard's verdict. `share` is the part that was found, between 0 and 1.

    `allowed_count` is the number that was named with --allow. `own`: the limit is the mapping's; `default_trips`:
    with the default limit it would have tripped.
    """

    name: str
    count: int
    share: float
    limit_share: float
    floor: int
    tripped: bool
    allowed: bool
    says: str
    asked: bool = True
    typed: bool = False
    own: bool = False
    allowed_count: int | None = None
    default_trips: bool = False

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

    @property
    def let_pass(self) -> str:
        """Who let more pass than the default does: `person`, `mapping`, or '' where nobody did."""
        if self.tripped:
            return "person" if self.allowed else ""
        return "mapping" if self.own and self.default_trips else ""


def judged(
    counts: Counts, allowed: MappingOf[str, int | None], guards: tuple[Guard, ...] = GUARDS
) -> list[Verdict]:
    """All guards' verdicts, in their order. `allowed` are the guards that may be passed, each with the number that was named.

    >>> counts = Counts(rows=1000, kept=1000, invalid=300, writes=700, opt_outs=0, rows_before=None)
    >>> [verdict.name for verdict in judged(counts, {}) if verdict.tripped]
    ['invalid']
    """
    first = counts.rows_before is None
    missing = max(0, (counts.rows_before or 0) - counts.rows)
    measured = {
        "empty_source": (int(counts.rows == 0), 1),
        "shrunk": (missing, counts.rows_before or 0),
        "invalid": (counts.invalid, counts.rows),
        "changes": (counts.writes, counts.kept),
        "opt_outs": (counts.opt_outs or 0, counts.kept),
        "resubscribes": (counts.resubscribes, counts.kept),
    }
    defaults = {guard.name: guard for guard in GUARDS}
    verdicts = []
    for guard in guards:
        count, of = measured[guard.name]
        share = count / of if of else 0.0
        asked = guard.first_run or not first
        known = guard.name not in ("opt_outs", "resubscribes") or counts.opt_outs is not None
        named = allowed.get(guard.name)
        tripped = asked and trips(guard, count, share)
        if guard.typed:  # a number that was named has to be right, also where nobody is counted
            tripped = known and (count > 0 or bool(named))
        verdicts.append(
            Verdict(
                guard.name, count, share, guard.share, guard.floor, tripped, opens(guard, count, allowed), guard.says, asked,
                typed=guard.typed, own=guard.own, allowed_count=named, default_trips=asked and trips(defaults[guard.name], count, share),
            )
        )  # fmt: skip
    return verdicts


def judged_alone(
    default: Guard,
    guards: Guards | None,
    count: int,
    of: int,
    allowed: MappingOf[str, int | None],
    *,
    asked: bool,
) -> Verdict:
    """The verdict of a guard that is not among `GUARDS`, on `count` of `of`."""
    guard = limited(default, guards)
    share, named = count / of if of else 0.0, allowed.get(guard.name)
    tripped = (count > 0 or bool(named)) if guard.typed else trips(guard, count, share)
    return Verdict(
        guard.name, count, share, guard.share, guard.floor, asked and tripped, opens(guard, count, allowed), guard.says, asked,
        typed=guard.typed, own=guard.own, allowed_count=named, default_trips=asked and trips(default, count, share),
    )  # fmt: skip


def trips(guard: Guard, count: int, share: float) -> bool:
    """Whether so many, and such a share, are more than the guard lets pass."""
    return count > 0 and count >= guard.floor and share > guard.share


def opens(guard: Guard, count: int, allowed: MappingOf[str, int | None]) -> bool:
    """Whether what was allowed lets this many pass: exactly so many where they are typed, else no more than were named."""
    if guard.name not in allowed:
        return False
    named = allowed[guard.name]
    if guard.typed:
        return named == count
    return named is None or count <= named

"""Tally: what is counted of the contacts of a run, from each answer as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from connectors.base import Delivered, Started

__all__ = ["Tally", "started_by"]


@dataclass(slots=True)
class Tally:
    """What has become of the contacts so far. `changed` counts, by merge tag, contacts that were there and are changed now."""

    kept: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    automations: Counter[tuple[str, str]] = field(default_factory=Counter)
    opted_out: int = 0
    opted_in: int = 0

    def add(self, other: Tally) -> None:
        """Counts what another one has, too."""
        if other.kept:
            self.kept.update(other.kept)
        if other.changed:
            self.changed.update(other.changed)
        if other.automations:
            self.automations.update(other.automations)
        self.opted_out += other.opted_out
        self.opted_in += other.opted_in

    def written(self) -> dict[str, Any]:
        """As JSON: opt-outs and automations, as far as there are some."""
        started = [[*which, count] for which, count in self.automations.items() if count]
        return ({"opted_out": self.opted_out} if self.opted_out else {}) | (
            {"automations": started} if started else {}
        )

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """What was written so."""
        started = {(name, why): count for name, why, count in written.get("automations", ())}
        return cls(automations=Counter(started), opted_out=written.get("opted_out", 0))

    def count(self, delivered: Delivered, *, carried: bool) -> None:
        """Counts what became of one contact; of one that is `carried`, its opt-out is counted address by address."""
        decision = delivered.decision
        landed = delivered.outcome in ("created", "updated", "upserted")
        out = decision.opts_out or (decision.creates and decision.status == "UNSUBSCRIBED")
        self.opted_out += landed and out and not carried
        self.opted_in += landed and decision.opts_in
        if started := started_by(delivered):
            self.automations.update(started)
        if delivered.kept:
            self.kept.update(dict.fromkeys(delivered.kept, 1))
        if delivered.outcome == "updated" and not carried:
            self.changed.update(dict.fromkeys(decision.changes, 1))


def started_by(delivered: Delivered) -> Started:
    """What a contact may have started there: also where it is not clear what became of it."""
    tried = delivered.outcome not in ("unsent", "unchanged") or delivered.in_part
    tried = tried and not delivered.decision.outcome
    return delivered.decision.automations if tried and not delivered.untouched else {}

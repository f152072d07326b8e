"""Vanished people: who was delivered by a mapping and is in no row of its complete source that is kept.

Found while the source is compared with the ledger, a partition at a time: the keys of the ledger's page that none of the kept rows has. Whoever
is there under another key, as the same person, has moved. Rows that are invalid, duplicates or in conflict count as there.

Nobody counts as vanished in a source that may not be whole: one that is empty or has shrunk, with rows that cannot be read, or with rows
of which nobody knows whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.allowing import allowed
from flows.forgotten import CODE
from flows.guards import VANISHED, Verdict, judged_alone
from flows.keys import Keys, Partition
from flows.ledger import Account, Ledger
from flows.ledger.pages import PAGES, Page
from flows.ledger.vanished import Missed
from flows.options import Options
from flows.report.vanished import VanishedFacts
from flows.roll import Roll, State
from mappings.engine import document
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped

__all__ = ["Absent", "Vanished", "looked_for"]

_MOST_LOOSE = 100_000
"""So many persons without a usable key are told apart; more count as rows of which nobody knows whose they are."""


@dataclass(frozen=True, slots=True)
class Absent:
    """One of them. `reason` is `absent`, or `filtered` where only rows that `where:` leaves out have them.

    `since` is when a run missed them first, '' where it is this one; `done` the run that did something for them, `last_run` the
    one that delivered them last.
    """

    key: str
    person: str
    reason: str
    since: str
    done: str
    last_run: str


def looked_for(mapping: document.Mapping, options: Options) -> bool:
    """Whether a run of a whole source with these options can tell who vanished from it."""
    part = options.limit is not None or options.only is not None or options.opt_outs_only
    return mapping.source.complete and not part and options.rehearsal is None


@dataclass(slots=True)
class Vanished:
    """Gathers them in the first pass; who they are is complete after `settle`."""

    mapping: document.Mapping
    ledger: Ledger
    account: Account
    later: bool = False
    """Whether another run of the mapping began after this one, so that this source is not the newest."""
    people: list[Absent] = field(default_factory=list)
    back: int = 0
    """So many who had vanished are in the source again."""
    entries: int = 0
    """So many people the mapping has delivered, whom the guard measures them against."""
    misread: int = 0
    nobodys: int = 0
    """Rows that are kept, and of which neither key nor person can be told."""
    _keys: list[pa.Array] = field(default_factory=list)
    _filtered: list[pa.Array] = field(default_factory=list)
    _loose: dict[str, bool] = field(default_factory=dict)

    def read(self, frame: Frame, mapped: Mapped, roll: Roll) -> None:
        """Takes a frame of the source that is entered in the roll."""
        self.misread += sum(bad.code != CODE for bad in frame.misread)
        loose = np.asarray(pc.equal(mapped.key, ""))
        loose &= roll.states[mapped.rows - 1] != State.FORGOTTEN
        for at in np.flatnonzero(loose).tolist():  # few, but for a wrong mapping, which the guards stop
            person, kept = mapped.person[at].as_py(), bool(mapped.kept[at])
            if person and len(self._loose) < _MOST_LOOSE:
                self._loose[person] = self._loose.get(person, False) or kept
            else:
                self.nobodys += kept

    def compare(self, part: Partition, page: Page, roll: Roll) -> None:
        """Takes a partition of the source and the ledger's page of the same number."""
        self.entries += len(page)
        if not len(page):
            return
        kept = roll.states[part.rows - 1] != State.FILTERED
        there = pc.is_in(page.keys, value_set=part.keys.filter(pa.array(kept)))
        missed = page.keys.filter(pc.invert(there))
        if len(missed):
            self._keys.append(missed)
            self._filtered.append(pc.is_in(missed, value_set=part.keys.filter(pa.array(~kept))))

    def settle(self, keys: Keys, roll: Roll, *, persons: bool) -> None:
        """Tells who of them is only somewhere else. `persons`: rows say whose they are."""
        missed = [key for some in self._keys for key in some.to_pylist()]
        filtered = [flag for some in self._filtered for flag in some.to_pylist()]
        self._keys, self._filtered = [], []
        account, name = self.account.id, self.mapping.name
        last = {one.key: one for one in self.ledger.vanished.delivered(account, name, missed)}
        whose = {key: one.person for key, one in last.items() if one.person}
        here = self._whereabouts(keys, roll, set(whose.values())) if persons and whose else {}
        known = self.ledger.vanished.of(account, name)
        for key, out in zip(missed, filtered, strict=True):
            person = whose.get(key, "")
            if here.get(person):  # they have another key now
                continue
            before = known.get(key, Missed(key, person, "", "", ""))
            self.people.append(
                Absent(
                    key, person, "filtered" if out or person in here else "absent", before.since, before.done,
                    last[key].run if key in last else "",
                )
            )  # fmt: skip
        self.people.sort(key=lambda one: one.key)
        self.back = len(known.keys() - {one.key for one in self.people})

    def _whereabouts(self, keys: Keys, roll: Roll, wanted: set[str]) -> dict[str, bool]:
        """Those of the persons that stand in any row: whether in one that is kept."""
        here = {person: kept for person, kept in self._loose.items() if person in wanted}
        asked = pa.array(sorted(wanted), pa.string())
        for number in range(PAGES):
            part = keys.partition(number)
            if part.persons is None or not len(part):
                continue
            at = np.flatnonzero(np.asarray(pc.is_in(part.persons, value_set=asked)))
            kept = roll.states[part.rows[at] - 1] != State.FILTERED
            for person, mine in zip(part.persons.take(pa.array(at)).to_pylist(), kept.tolist(), strict=True):
                here[person] = here.get(person, False) or mine
        return here

    # what is made of them

    def why_not(self, rows: int, guards: Iterable[Verdict]) -> str:
        """Why nobody counts as vanished; '' where they do."""
        shrunk = any(one.name == "shrunk" and one.tripped for one in guards)
        if self.later:
            return "another run began after this one, so that this source may not be the newest"
        if not rows:
            return "the source is empty"
        if shrunk:
            return "the source has shrunk"
        if self.misread:
            return f"{self.misread:,} of its rows cannot be read"
        return ""

    def why_nothing(self) -> str:
        """Why nothing is done with them, though the mapping says so; '' where it is."""
        if not self.nobodys or not self.to_act_on:
            return ""
        rows = "1 row has" if self.nobodys == 1 else f"{self.nobodys:,} rows have"
        return f"{rows} neither a usable key nor a person id, and may be theirs"

    @property
    def acts(self) -> bool:
        """Whether the mapping says that something is done with them."""
        return self.mapping.vanished is not None and self.mapping.vanished.acts

    @property
    def to_act_on(self) -> list[Absent]:
        """For whom nothing was done yet, where something is to be."""
        return [one for one in self.people if not one.done] if self.acts else []

    def verdict(self, rows: int, guards: list[Verdict], options: Options) -> Verdict:
        """What the guard says. It is asked only where something would be done."""
        quiet = bool(self.why_not(rows, guards) or self.why_nothing())
        mine = [one for one in self.people if not one.done]
        return judged_alone(
            VANISHED, self.mapping.guards, 0 if quiet else len(mine), self.entries, allowed(options.allow),
            asked=self.acts and not quiet,
        )  # fmt: skip

    def opt_outs(self, rows: int, guards: list[Verdict]) -> int:
        """How many people would be unsubscribed of whom nobody knows that they want no mail."""
        vanished = self.mapping.vanished
        if vanished is None or not vanished.unsubscribe or self.why_not(rows, guards) or self.why_nothing():
            return 0
        keys = [one.key for one in self.to_act_on]
        return len(keys) - self.ledger.vanished.opted_out(self.account.id, keys)

    def facts(self, rows: int, guards: list[Verdict]) -> VanishedFacts:
        """What the report says of them."""
        vanished = self.mapping.vanished
        says = vanished.said() if vanished is not None else ""
        if why_not := self.why_not(rows, guards):
            return VanishedFacts(not_judged=why_not, says=says)
        filtered = sum(one.reason == "filtered" for one in self.people)
        return VanishedFacts(
            people=len(self.people),
            absent=len(self.people) - filtered,
            filtered=filtered,
            new=sum(not one.since for one in self.people),
            done_before=sum(bool(one.done) for one in self.people),
            back=self.back,
            says=says,
            withheld=self.why_nothing(),
        )

    def file(self, run: str, since: str) -> None:
        """From now on the ledger knows who they are; of those who are back, no more."""
        pairs = [(one.key, one.person) for one in self.people]
        self.ledger.vanished.file(self.account.id, self.mapping.name, run, since, pairs)

    def lines(self, since: str, done: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
        """The lines of `vanished.csv`. `since` is this run's beginning, `done` the run that did something since, by key."""
        return [
            (one.key, one.person, one.since or since, one.reason, one.done or (done or {}).get(one.key, ""), one.last_run)
            for one in self.people
        ]  # fmt: skip

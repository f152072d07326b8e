"""Figures: what the decisions of a run come to, counted. A plan shows them; a sync counts the same ones, to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from connectors.automations import by_name
from connectors.base import Decision, Destination, Known, Remembered
from flows.batches import Entry
from mappings.engine.contact import Contact

__all__ = ["LEFT_ALONE", "Figures", "shared_out"]

EXAMPLES = 3
LEFT_ALONE = ("exists", "identity_conflict", "suppressed")
"""Why somebody who is there is not written, by the code that says it; their opt-out is carried all the same."""
ROWS = 10
_BLANK: tuple[Any, ...] = (None, "", [])
_Name = TypeVar("_Name")

Examples = dict[str, list[tuple[Any, Any]]]
"""By merge tag: pairs of the value there and the other one."""


@dataclass(slots=True)
class Figures:
    """Counts over contacts. `outcomes` are those that a run would give, `calls` the requests by their names.

    `changed` counts by merge tag the contacts that are there and whose value changes, `changes` has examples of old and
    new; `stayed` and `stays` likewise what was changed there by hand and is left. `emptied` are values that are taken
    away, `filled` values that are set where there was none. `opt_outs` are people who may be mailed now and then not
    any more, `opt_ins` those who opted out and are subscribed again.
    `wrong` counts problems that are found when a contact is decided, by code and merge tag; `wrong_rows` has the
    first rows of each, with value and detail. `new_tags` are those to be created there, in lower case, with the contacts that get them.
    `started` are automations by name and reason.
    """

    contacts: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    changes: Examples = field(default_factory=dict)
    stayed: Counter[str] = field(default_factory=Counter)
    stays: Examples = field(default_factory=dict)
    emptied: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    tags_off: Counter[str] = field(default_factory=Counter)
    lists: Counter[str] = field(default_factory=Counter)
    lists_off: Counter[str] = field(default_factory=Counter)
    newcomers: Counter[str] = field(default_factory=Counter)
    new_tags: Counter[str] = field(default_factory=Counter)
    started: Counter[tuple[str, str]] = field(default_factory=Counter)
    opt_outs: int = 0
    opt_ins: int = 0
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong_rows: dict[tuple[str, str], list[tuple[int, str, Any]]] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return sum(self.calls.values())

    @property
    def automations(self) -> Counter[str]:
        return Counter(by_name(self.started))

    def add(
        self,
        destination: Destination,
        entry: Entry,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
        *,
        surveyed: bool,
        stale: bool = False,
    ) -> None:
        """Decides one contact and counts what that comes to, the requests as the delivery makes them.

        `surveyed`: what is there was read page by page, so that nobody was looked up for it; `stale`: so long ago that
        whoever is there is looked up once more.
        """
        contact = entry.contact
        self.contacts += 1
        old_key = remembered.key if remembered is not None else ""
        addresses = {contact.key: known}
        if old_key:
            addresses.setdefault(old_key, now)
        if entry.carried:
            for there in addresses.values():
                if not surveyed or (there is not None and not there.opted_out):
                    self._opt_out(destination, there)
            self._opt_out_other(destination, contact, addresses.values(), now)
            return
        decision = destination.decide(contact, known, remembered, now)
        if not surveyed:
            self.calls.update(destination.look_up_calls(contact, remembered))
        self.calls.update(decision.calls)
        if (decision.code == "gone" and destination.finds) or (
            stale and not _looks_again(destination, decision) and (known or now)
        ):
            self._look_up(destination, len(addresses))
        out = contact.opted_out or (remembered is not None and remembered.opted_out)
        if decision.code in LEFT_ALONE and out:
            for there in addresses.values():
                self._opt_out(destination, there)
            self._opt_out_other(destination, contact, addresses.values(), now)
        self._count(decision, destination)
        self._note_problems(contact.row, decision)

    def _opt_out_other(
        self, destination: Destination, contact: Contact, done: Iterable[Known | None], now: Known | None
    ) -> None:
        """Whoever has the row's other id, where that is no contact that was opted out just before."""
        if destination.other_id_of(contact):
            out = {there.contact_id for there in done if there is not None}
            self._opt_out(destination, None if now is None or now.contact_id in out else now)

    def _note_problems(self, row: int, decision: Decision) -> None:
        problems = decision.problems
        if decision.outcome == "invalid" and not problems:
            problems = ((decision.code, decision.reason, "", {}),)
        for code, tag, value, detail in problems:
            self.wrong[code, tag] += 1
            rows = self.wrong_rows.setdefault((code, tag), [])
            if len(rows) < ROWS:
                rows.append((row, value, detail))

    def _look_up(self, destination: Destination, times: int) -> None:
        for call in destination.find_calls:
            self.calls[call] += times

    def _opt_out(self, destination: Destination, there: Known | None) -> None:
        """One address, as `opt_out` does it: looked up, and written where it may be mailed."""
        if not destination.opt_out_calls:  # nobody is mailed there
            return
        if there is None or there.opted_out:
            self._look_up(destination, 1)
        else:
            self.calls.update(destination.opt_out_calls)
            self.started.update(destination.opt_out_automations)
            self.opt_outs += 1

    def _count(self, decision: Decision, destination: Destination) -> None:
        outcome = decision.outcome or _landing(decision)
        self.outcomes[outcome] += 1
        if decision.outcome and decision.reason:
            self.reasons[outcome, decision.reason] += 1
        _noted(self.stayed, self.stays, decision.stays)
        if decision.outcome:
            return
        if decision.creates and not destination.mails_people:
            pass
        elif decision.creates:
            self.newcomers[decision.status or destination.rules.newcomers] += 1
        elif not decision.upserts:
            _noted(self.changed, self.changes, decision.changes)
            for tag, (old, new) in decision.changes.items():
                self.emptied[tag] += new in _BLANK and old not in _BLANK
                self.filled += old in _BLANK and new not in _BLANK
        for counts, names in (
            (self.tags, decision.tags), (self.tags_off, decision.tags_off),
            (self.lists, decision.lists), (self.lists_off, decision.lists_off),
        ):  # fmt: skip
            counts.update(names)
        for name in destination.missing_tags(decision.tags):
            if name.casefold() not in self.new_tags:
                self.calls.update(destination.create_tag_calls)
            self.new_tags[name.casefold()] += 1
        self.started.update(decision.automations)
        self.opt_outs += decision.opts_out
        self.opt_ins += decision.opts_in

    def take(self, other: Figures, *, of: int) -> None:
        """Adds figures of a sample, scaled up to `of` contacts; outcomes stay whole and add up."""
        if not other.contacts:
            return
        factor = of / other.contacts
        self.contacts += of
        self.outcomes.update(shared_out(other.outcomes, round(other.outcomes.total() * factor)))
        for part in fields(other):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            if part.name in ("contacts", "outcomes"):
                continue
            if isinstance(theirs, Counter):
                mine.update({name: round(count * factor) for name, count in theirs.items()})
            elif isinstance(theirs, dict):
                for tag, pairs in theirs.items():
                    mine.setdefault(tag, []).extend(pairs)
            else:
                setattr(self, part.name, mine + round(theirs * factor))


def _landing(decision: Decision) -> str:
    """The outcome of a contact that is sent, should it land."""
    return "upserted" if decision.upserts else "created" if decision.creates else "updated"


def _looks_again(destination: Destination, decision: Decision) -> bool:
    return bool(set(destination.find_calls) & set(decision.calls))


def _noted(counts: Counter[str], examples: Examples, pairs: Mapping[str, tuple[Any, Any]]) -> None:
    for tag, pair in pairs.items():
        counts[tag] += 1
        known = examples.setdefault(tag, [])
        if len(known) < EXAMPLES and pair not in known:
            known.append(pair)


def shared_out(counts: Mapping[_Name, int], total: int) -> dict[_Name, int]:
    """Whole numbers in the proportions of `counts` that add up to `total`; the largest remainders are rounded up.

    >>> shared_out({"created": 1, "updated": 2}, 10)
    {'created': 3, 'updated': 7}
    """
    of = sum(counts.values())
    if not of:
        return {}
    exact = {name: count * total / of for name, count in counts.items()}
    whole = {name: int(share) for name, share in exact.items()}
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[: total - sum(whole.values())]:
        whole[name] += 1
    return whole

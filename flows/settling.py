"""Settling: what may have been sent before a run was interrupted is looked up, and compared with what was to be sent.

there now              what becomes of it
exactly as wanted      it landed: `created`, `updated` or `upserted`, with the code `looked_up`
otherwise              it is decided anew from what is there now, and sent again (`sent_again`)
not listed, and the    a creation that cannot be looked up is never repeated in the same run: `failed`; the next sync
list is all there is   decides anew
no answer              nothing is kept: it stays unclear, is reported as `unknown`, and the next resume looks again
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.automations import both, starts
from connectors.base import Decision, Delivered, Destination, Known, Remembered, Started
from connectors.changes import folded
from connectors.endings import half_done
from connectors.values import same
from flows.tally import Tally
from mappings.engine.contact import Contact, rendered

__all__ = ["Settling", "Unclear", "as_it_was"]

_SHOWN = "a look-up after the interruption shows it"
_AGAIN = "it may have been sent before the interruption; a look-up did not show it, so it was sent again"
_PART = "a part of it was sent before the interruption, and landed; the rest did not"
_NOT_LISTED = "it may have been sent before the run was interrupted, and is not created twice in one run"
_NOT_ALL = "a part of it landed before another run took the place of this one"
_NOT_THERE = "it was not there when it was looked up, and another run took the place of this one"


@dataclass(frozen=True, slots=True)
class Unclear:
    """Rows of a run that is resumed, which may have been sent before it was interrupted.

    `before` says of each how its contact was there before, None where that is not known; `surveyed`: who was not known then
    was not there. `closing`: they are looked up, and nothing is sent. `counted` is what was counted of a row before its turn
    came again.
    """

    before: Mapping[int, Mapping[str, Any] | None]
    surveyed: bool = False
    closing: bool = False
    counted: Mapping[int, Tally] = field(default_factory=dict)


class Settling:
    """The unclear rows of one run, against one destination."""

    def __init__(self, destination: Destination, unclear: Unclear) -> None:
        self._destination = destination
        self._unclear = unclear

    def __contains__(self, row: int) -> bool:
        return row in self._unclear.before

    def known_out(
        self, contact: Contact, remembered: Remembered | None, there: Known | None
    ) -> Remembered | None:
        """What is remembered, with the opt-out of somebody who had one there and was created again without it."""
        before = as_it_was(self._unclear.before.get(contact.row))
        if before is None or there is None or not before.opted_out or there.contact_id == before.contact_id:
            return remembered
        memory = remembered or Remembered("")
        since = max(memory.out_there_since, before.seen)
        return replace(memory, opted_out=True, out_there_since=since)

    def settled(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered | None:
        """What became of it, by how it is there `now` that it was looked up; None where it is to be sent.

        Who was put on a suppression list since the interruption may have been sent before that, all the same.
        """
        today = self._destination.decide(contact, known, remembered, now)
        remembered = self._not_suppressed(contact.row, remembered)
        before, then = self._then(contact, remembered)
        sure = self._sure(contact.row)
        if sure and then.outcome:  # nothing was sent for it
            return None
        if known is not None and self._holds(contact, known, remembered, now):
            return Delivered(
                ("updated" if before is not None else "created") if sure else "upserted",
                "looked_up",
                _SHOWN,
                known.contact_id,
                decision=replace(
                    then, outcome="", automations=self._started(contact.row, before, then, known)
                ),
                opted_out=known.opted_out,
            )
        if self._unclear.closing:
            there = known or now
            if before is None or there is None or not self._touched(contact.row, before, then, there):
                return Delivered("unsent", "superseded", _NOT_THERE)
            started = self._started(contact.row, before, then, there)
            decision = Decision(automations=started)
            return Delivered("unsent", "superseded", _NOT_ALL, decision=decision, in_part=True)
        if today.creates and not self._destination.finds:
            said = ("not_listed", "", "", {"detail": _NOT_LISTED})
            return Delivered("failed", "not_listed", _NOT_LISTED, problems=(said,), decision=then)
        return None

    def sent_again(
        self, contact: Contact, there: Known | None, remembered: Remembered | None, delivered: Delivered
    ) -> Delivered:
        """The same, saying that it was sent again; what the first time may have started is counted, too.

        `there`: how it was looked up before.
        """
        before, then = self._then(contact, self._not_suppressed(contact.row, remembered))
        if then.outcome:
            return delivered
        decision, touched = delivered.decision, False
        if decision.outcome:  # it is left alone now: what the first time may have started is counted
            if before is None or there is None or not self._touched(contact.row, before, then, there):
                return delivered
            started = self._started(contact.row, before, then, there)
            return replace(delivered, decision=replace(decision, outcome="", automations=started))
        if before is not None and there is not None and self._touched(contact.row, before, then, there):
            touched = True
            started = self._started(contact.row, before, then, there)
            decision = replace(decision, automations=both(decision.automations, started))
            if self._unclear.before.get(contact.row) is not None:
                decision = self._with_what_landed(decision, then, before, there)
        if then.opts_in and there is not None and not there.opted_out:  # that part had landed
            decision = replace(decision, opts_in=True)
        delivered = replace(
            delivered,
            code=delivered.code or "sent_again",
            reason=delivered.reason or _AGAIN,
            decision=decision,
        )
        return half_done(delivered, _PART) if touched else delivered

    def _started(self, row: int, before: Known | None, then: Decision, there: Known) -> Started:
        """What the first time may have started: that it was created again, too, where it is another one now."""
        name, image = self._destination.creation_starts, as_it_was(self._unclear.before.get(row))
        if not name or before is None or image is None or image.contact_id == there.contact_id:
            return then.automations
        return both(then.automations, starts(name, ["created again"]))

    def _with_what_landed(self, decision: Decision, then: Decision, before: Known, there: Known) -> Decision:
        """What was done in all: with that part of what was about to be done which is there now, and was not before."""
        types = self._destination.rules.types
        landed = {
            tag: pair for tag, pair in then.changes.items()
            if same(pair[1], there.fields.get(tag), types.get(tag, "text")) and tag not in decision.changes
        }  # fmt: skip
        names: dict[str, Any] = {
            name: (*_came(getattr(then, name), getattr(before, name), getattr(there, name)), *getattr(decision, name))
            for name in ("tags", "lists")
        }  # fmt: skip
        names |= {
            f"{name}_off": (*_came(getattr(then, f"{name}_off"), getattr(there, name), getattr(before, name)), *getattr(decision, f"{name}_off"))
            for name in ("tags", "lists")
        }  # fmt: skip
        out = decision.opts_out or (then.opts_out and there.opted_out and not before.opted_out)
        return replace(decision, changes={**landed, **decision.changes}, opts_out=out, **names)

    def _sure(self, row: int) -> bool:
        """Whether it is known how a contact was there before."""
        return self._unclear.surveyed or self._unclear.before.get(row) is not None

    def _not_suppressed(self, row: int, remembered: Remembered | None) -> Remembered | None:
        """What is remembered, as it may have been before the person came on a list; as it is where nobody can tell what was sent."""
        if remembered is None or not self._sure(row):
            return remembered
        return replace(remembered, suppressed=False)

    def _then(self, contact: Contact, remembered: Remembered | None) -> tuple[Known | None, Decision]:
        """How it was there, and what was about to be done."""
        before = as_it_was(self._unclear.before.get(contact.row)) or self._as_delivered(contact, remembered)
        moved = before is not None and before.key != contact.key.lower()
        known, old = (None, before) if moved else (before, None)
        return before, self._destination.decide(contact, known, remembered, old)

    def _as_delivered(self, contact: Contact, remembered: Remembered | None) -> Known | None:
        """How it was there as far as is remembered, where it was looked up only after its intent was kept."""
        texts = remembered.texts if remembered is not None else None
        if self._unclear.surveyed or remembered is None or texts is None:
            return None
        types = self._destination.rules.types
        return Known(
            contact_id=remembered.contact_id,
            key=(remembered.key or contact.key).lower(),
            status="",
            opted_out=remembered.opted_out,
            fields={tag: rendered(text, types.get(tag, "text")) for tag, text in texts.items()},
            tags=remembered.tags,
            seen=0.0,
            lists=remembered.lists,
        )

    def _touched(self, row: int, before: Known, then: Decision, there: Known) -> bool:
        """Whether something of what was to be done may have been done."""
        if self._unclear.before.get(row) is not None:
            return _differ(before, there)
        types = self._destination.rules.types
        named = folded(then.tags) & folded(there.tags) or folded(then.lists) & folded(there.lists or ())
        return bool(named) or any(
            same(new, there.fields.get(tag), types.get(tag, "text")) for tag, (_, new) in then.changes.items()
        )

    def _holds(
        self, contact: Contact, known: Known, remembered: Remembered | None, now: Known | None
    ) -> bool:
        """Whether it is there exactly as wanted: also where the mapping only creates, and did."""
        rules = self._destination.rules
        try:
            self._destination.rules = replace(rules, write="merge") if rules.write == "create_only" else rules
            return self._destination.decide(contact, known, remembered, now).outcome == "unchanged"
        finally:
            self._destination.rules = rules


def as_it_was(before: Mapping[str, Any] | None) -> Known | None:
    """A contact from what an intent keeps of it."""
    if before is None:
        return None
    lists = before.get("lists")
    return Known(
        contact_id=before["id"],
        key=before.get("key", ""),
        status=before["status"],
        opted_out=before.get("opted_out", False),
        fields=before["fields"],
        tags=frozenset(before["tags"]),
        seen=before.get("seen", 0.0),
        lists=None if lists is None else frozenset(lists),
    )


def _came(
    asked: Collection[str], before: Collection[str] | None, now: Collection[str] | None
) -> tuple[str, ...]:
    """Those of the names that are there now and were not before."""
    new = folded(now or ()) - folded(before or ())
    return tuple(name for name in asked if name.casefold() in new)


def _differ(before: Known, now: Known) -> bool:
    return (before.status, before.fields, before.tags, before.lists) != (
        now.status, now.fields, now.tags, now.lists,
    )  # fmt: skip

"""CampaignLark's decisions: what is to be done for one contact. Pure: nothing is asked or sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.automations import starts, watched
from connectors.base import Decision, Known, Remembered
from connectors.changes import FieldChanges, NameChanges, field_changes, name_changes
from connectors.consents import Will, will_of
from connectors.destinations.campaignlark_workspace import MAY_BE_MAILED, Workspace, emptied, written
from connectors.endings import LEFT_OUT
from connectors.values import same
from mappings.engine.contact import Contact, rendered

__all__ = [
    "FIND",
    "ODD_STATUS",
    "PUT",
    "STRICTNESS",
    "TAGS_ADD",
    "TAGS_CALLS",
    "TAGS_REMOVE",
    "UPSERTS",
    "Deciding",
    "tags_ride",
]

STRICTNESS = {
    "SUBSCRIBED": 0,
    "UNCONFIRMED": 0,
    "UNSUBSCRIBED": 1,
    "CLEANED": 2,
    "BOUNCED": 2,
    "COMPLAINED": 3,
}
ODD_STATUS = "its status there, '{status}', is none that may be sent back"
FIND = "GET /contacts/by-email"
PUT = "PUT /contacts/{id}"
TAGS_ADD = "POST /contacts/{id}/tags/add"
TAGS_REMOVE = "POST /contacts/{id}/tags/remove"
UPSERTS = "POST /contacts/upsert"
TAGS_CALLS = (TAGS_ADD, TAGS_REMOVE)
"""In this order, after the fields."""
PENDING, FIELD_UPDATED = "CONTACT_SUBSCRIBED_PENDING", "FIELD_UPDATED"
TAG_ADDED, TAG_REMOVED = "TAG_ADDED", "TAG_REMOVED"
"""The automations that a write starts. A confirmation mail is the first one's."""
_ADDRESS = "email_address"


class Deciding(Workspace):
    """The table of the destination's own page, for one contact."""

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """The table above, for one contact. Pure: nothing is asked or sent."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        decision = self._decide(contact, known, remembered, now, moved=moved)
        if moved and decision.calls[:1] == (FIND,):  # under both addresses
            decision = replace(decision, calls=(FIND, *decision.calls))
        return decision

    def _decide(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
        *,
        moved: bool,
    ) -> Decision:
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if remembered is not None and remembered.conflict:
            return Decision("protected", "identity_conflict", remembered.conflict)
        if moved and known is not None and now is not None and known.contact_id != now.contact_id:
            reason = "the person's old and new address are two contacts there"
            return Decision("protected", "identity_conflict", reason)
        there = now if moved and known is None else known
        will = will_of(contact, remembered, there, self.rules)
        if there is None:
            return self._decide_absent(contact, remembered, will)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if remembered is not None and remembered.contact_id not in ("", there.contact_id):
            if there is now and known is None:
                reason = "the person's old address belongs to another contact there by now"
                return Decision("protected", "identity_conflict", reason)
            # What was delivered was another contact's.
            remembered = replace(remembered, texts=None, tags=frozenset(), own_tags=frozenset())
        return self._decide_present(contact, there, remembered, will, moved=moved and known is None)

    def _decide_absent(self, contact: Contact, remembered: Remembered | None, will: Will) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        delivered = remembered is not None and remembered.texts is not None
        if delivered and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        if will.out and self.rules.unknown_opted_out == "leave_out":
            return LEFT_OUT
        for known in self._required:
            if known.name != "email_address" and known.name not in contact.texts:
                return Decision("invalid", "required_blank", known.name, creates=True)
        changes = {tag: (None, self._value(tag, text)) for tag, text in contact.texts.items()}
        status = "UNSUBSCRIBED" if will.out else self.rules.newcomers
        must_say = self.rules.write in ("create_only", "replace") or status != "SUBSCRIBED"
        call = {"create_only": "POST /contacts", "replace": "POST /contacts/upsert (replace)"}.get(
            self.rules.write, UPSERTS
        )
        return Decision(
            creates=True,
            changes=changes,
            tags=name_changes(contact.tags, contact.tags_off, ()).add,
            status=status if must_say else None,
            opts_out=False,
            calls=(FIND, call) if must_say else (call,),
            automations=starts(PENDING, ["created"]) if status == "UNCONFIRMED" else {},
        )

    def _decide_present(
        self, contact: Contact, there: Known, remembered: Remembered | None, will: Will, *, moved: bool
    ) -> Decision:
        fields = self._fields(contact, there, remembered)
        names = self._names(contact, there, remembered)
        changes = fields.changes
        if there.key != contact.key.lower():
            changes = {_ADDRESS: (written(there), contact.key), **changes}
        opts_out = will.out and there.status in MAY_BE_MAILED
        status = self._stricter(there.status, "UNSUBSCRIBED") if opts_out else None
        status = "SUBSCRIBED" if will.again else status
        if not changes and not names.add and not names.off and status is None:
            reason = "the destination already has exactly this"
            return Decision("unchanged", "already_there", reason, stays=fields.stays)
        calls: list[str] = []
        whole = self.rules.write == "replace"
        by_id = moved or self.rules.write == "update_only"
        inside = whole and not by_id  # the write carries the tags
        if changes or status is not None or (inside and (names.add or names.off)):
            if (by_id or whole) and there.status not in STRICTNESS:
                return Decision("protected", "status_unknown", ODD_STATUS.format(status=there.status))
            if by_id:
                calls += [FIND, PUT]
            elif whole:
                calls += [FIND, "POST /contacts/upsert (replace)"]
            else:
                calls += ([FIND] if status is not None else []) + [UPSERTS]
        rides = not names.off and UPSERTS in calls and self.answers.get("partial_with_tags") == "union"
        if not inside and not rides:
            calls += [call for call, some in zip(TAGS_CALLS, (names.add, names.off), strict=True) if some]
        written_anew = [
            tag for tag in contact.texts if inside and calls and self._differs(contact, there, tag)
        ]
        automations = starts(FIELD_UPDATED, watched(self.rules, dict.fromkeys([*changes, *written_anew])))
        automations += starts(TAG_ADDED, names.add) + starts(TAG_REMOVED, names.off)
        return Decision(
            changes=changes,
            stays=fields.stays,
            left_over=fields.left_over,
            tags=names.add,
            tags_off=names.off,
            status=status,
            opts_out=opts_out,
            opts_in=will.again,
            calls=tuple(calls),
            automations=automations,
        )

    def empties(self, tag: str) -> bool:
        """Where it is known how; a required field never is."""
        return emptied(self.answers)[0] and tag not in {known.name for known in self._required}

    def restoration(self, there: Known, asked: Decision) -> Decision:
        """See connectors.base.Restores. An address is put back by PUT, everything else by a partial upsert and the tags' calls."""
        moves = _ADDRESS in asked.changes
        if moves and there.status not in STRICTNESS:
            return Decision("protected", "status_unknown", ODD_STATUS.format(status=there.status))
        status = self._stricter(there.status, "UNSUBSCRIBED") if asked.opts_out else None
        status = "SUBSCRIBED" if asked.opts_in else status
        calls: list[str] = []
        if moves:
            calls = [FIND, PUT]
        elif asked.changes or status is not None:
            calls = [FIND, UPSERTS] if status is not None else [UPSERTS]
        calls += [call for call, some in zip(TAGS_CALLS, (asked.tags, asked.tags_off), strict=True) if some]
        automations = starts(FIELD_UPDATED, watched(self.rules, asked.changes))
        automations += starts(TAG_ADDED, asked.tags) + starts(TAG_REMOVED, asked.tags_off)
        return replace(asked, status=status, calls=tuple(calls), automations=automations)

    def _fields(self, contact: Contact, there: Known, remembered: Remembered | None) -> FieldChanges:
        """The fields to send. But by a full replace none is emptied where it is not known how; a required one never is."""
        delivered = remembered.texts if remembered is not None else None
        clears, _ = emptied(self.answers)
        found = field_changes(contact.texts, there.fields, delivered, self.rules, key=_ADDRESS, clears=clears)
        if not clears or self.rules.write == "replace":
            return found
        required = {known.name for known in self._required}
        stay = {tag: old for tag, (old, new) in found.changes.items() if new is None and tag in required}
        if not stay:
            return found
        changes = {tag: pair for tag, pair in found.changes.items() if tag not in stay}
        return replace(found, changes=changes, left_over={**found.left_over, **stay})

    def _names(self, contact: Contact, there: Known, remembered: Remembered | None) -> NameChanges:
        memory = remembered or Remembered("")
        return name_changes(
            contact.tags,
            contact.tags_off,
            there.tags,
            delivered=memory.tags,
            own=memory.own_tags,
            write=self.rules.tags,
        )

    def _differs(self, contact: Contact, there: Known, tag: str) -> bool:
        """Whether a full replace writes a field another way than it is kept there, though it means the same."""
        return tag != _ADDRESS and self._value(tag, contact.texts[tag]) != there.fields.get(tag)

    def _value(self, tag: str, text: str) -> Any:
        return rendered(text, self.rules.types.get(tag, "text"))

    def _same(self, tag: str, ours: Any, theirs: Any) -> bool:
        return same(ours, theirs, self.rules.types.get(tag, "text"))

    @staticmethod
    def _stricter(status: str, wanted: str) -> str:
        """The stricter of two statuses; one we do not know is never lifted."""
        if status not in STRICTNESS:
            return status
        return wanted if STRICTNESS[wanted] > STRICTNESS[status] else status


def tags_ride(decision: Decision) -> bool:
    """Whether the write of the fields carries the tags of a contact that is there."""
    return bool(decision.tags) and UPSERTS in decision.calls and TAGS_ADD not in decision.calls

"""CampaignLark's decisions: what is to be done for one contact. Pure: nothing is asked or sent."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

from connectors.base import Decision, Known, Remembered
from connectors.destinations.campaignlark_workspace import MAY_BE_MAILED, Workspace, written
from mappings.engine.contact import Contact, rendered

__all__ = ["FIND", "ODD_STATUS", "PUT", "STRICTNESS", "TAGS_ADD", "Deciding"]

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
        opted_out = contact.opted_out or (remembered is not None and remembered.opted_out)
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if moved and known is not None and now is not None and known.contact_id != now.contact_id:
            reason = "the person's old and new address are two contacts there"
            return Decision("protected", "identity_conflict", reason)
        there = now if moved and known is None else known
        if there is None:
            return self._decide_absent(contact, remembered, opted_out)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if remembered is not None and remembered.contact_id not in ("", there.contact_id):
            if there is now and known is None:
                reason = "the person's old address belongs to another contact there by now"
                return Decision("protected", "identity_conflict", reason)
            remembered = replace(remembered, texts=None, tags=frozenset())  # delivered to another contact
        return self._decide_present(contact, there, remembered, opted_out, moved=moved and known is None)

    def _decide_absent(self, contact: Contact, remembered: Remembered | None, opted_out: bool) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        delivered = remembered is not None and remembered.texts is not None
        if delivered and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        for known in self._required:
            if known.name != "email_address" and known.name not in contact.texts:
                return Decision("invalid", "required_blank", known.name, creates=True)
        changes = {tag: (None, self._value(tag, text)) for tag, text in contact.texts.items()}
        status = "UNSUBSCRIBED" if opted_out else self.rules.newcomers
        must_say = self.rules.write in ("create_only", "replace") or status != "SUBSCRIBED"
        call = {"create_only": "POST /contacts", "replace": "POST /contacts/upsert (replace)"}.get(
            self.rules.write, "POST /contacts/upsert"
        )
        return Decision(
            creates=True,
            changes=changes,
            tags=contact.tags,
            status=status if must_say else None,
            opts_out=False,
            calls=(FIND, call) if must_say else (call,),
            automations={"CONTACT_SUBSCRIBED_PENDING": 1} if status == "UNCONFIRMED" else {},
        )

    def _decide_present(
        self, contact: Contact, there: Known, remembered: Remembered | None, opted_out: bool, *, moved: bool
    ) -> Decision:
        changes = self._changes(contact, there, remembered)
        tags = self._missing_tags(contact, there, remembered)
        opts_out = opted_out and there.status in MAY_BE_MAILED
        status = self._stricter(there.status, "UNSUBSCRIBED") if opts_out else None
        whole = self.rules.write == "replace"
        if whole:
            wiped = {
                tag: (value, None)
                for tag, value in there.fields.items()
                if tag not in contact.texts and tag != "email_address" and value not in (None, "", [])
            }
            changes = {**changes, **wiped}
        if not changes and not tags and not opts_out:
            return Decision("unchanged", "already_there", "the destination already has exactly this")
        calls: list[str] = []
        by_id = moved or self.rules.write == "update_only"
        if changes or opts_out or (whole and tags and not by_id):
            if (by_id or whole) and there.status not in STRICTNESS:
                return Decision("protected", "status_unknown", ODD_STATUS.format(status=there.status))
            if by_id:
                calls += [FIND, PUT]
            elif whole:
                calls += [FIND, "POST /contacts/upsert (replace)"]
            else:
                calls += ([FIND] if opts_out else []) + ["POST /contacts/upsert"]
        if tags and (by_id or not whole):
            calls.append(TAGS_ADD)
        automations = Counter({"FIELD_UPDATED": len(changes), "TAG_ADDED": len(tags)})
        return Decision(
            changes=changes,
            tags=tags,
            status=status,
            opts_out=opts_out,
            calls=tuple(calls),
            automations={name: count for name, count in automations.items() if count},
        )

    def _changes(
        self, contact: Contact, there: Known, remembered: Remembered | None
    ) -> dict[str, tuple[Any, Any]]:
        """The fields to send: those that changed at the source since we delivered them, unless they are right already."""
        delivered = remembered.texts if remembered is not None and self.rules.write != "replace" else None
        changes: dict[str, tuple[Any, Any]] = {}
        if there.key != contact.key.lower():
            changes["email_address"] = (written(there), contact.key)
        for tag, text in contact.texts.items():
            if tag == "email_address":
                continue
            value, old = self._value(tag, text), there.fields.get(tag)
            if (
                delivered is not None
                and delivered.get(tag) == text
                and self.rules.writes.get(tag) != "always"
            ):
                continue
            if not self._same(tag, value, old):
                changes[tag] = (old, value)
        return changes

    def _missing_tags(self, contact: Contact, there: Known, remembered: Remembered | None) -> tuple[str, ...]:
        """The tags to add: not there, and not taken away there after we had delivered them."""
        there_now = {tag.casefold() for tag in there.tags}
        had = {tag.casefold() for tag in remembered.tags} if remembered is not None else set()
        return tuple(tag for tag in contact.tags if tag.casefold() not in there_now | had)

    def _value(self, tag: str, text: str) -> Any:
        return rendered(text, self.rules.types.get(tag, "text"))

    def _same(self, tag: str, ours: Any, theirs: Any) -> bool:
        """Whether the destination's value means what we would send, however it writes it."""
        if theirs in (None, "", []) or ours in (None, "", []):
            return theirs in (None, "", []) and ours in (None, "", [])
        type_ = self.rules.types.get(tag, "text")
        if type_ in ("number", "integer"):
            try:
                return float(theirs) == float(ours)
            except (TypeError, ValueError):
                return False
        if type_ == "boolean":
            return str(theirs).lower() == str(ours).lower()
        if type_ in ("date", "datetime"):
            return _moment(str(theirs)) == _moment(str(ours))
        if type_ == "choices":
            listed = theirs if isinstance(theirs, list) else str(theirs).split(",")
            return sorted(str(part).strip() for part in listed) == sorted(ours)
        return str(theirs) == str(ours)

    @staticmethod
    def _stricter(status: str, wanted: str) -> str:
        """The stricter of two statuses; one we do not know is never lifted."""
        if status not in STRICTNESS:
            return status
        return wanted if STRICTNESS[wanted] > STRICTNESS[status] else status


def _moment(text: str) -> dt.datetime | str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

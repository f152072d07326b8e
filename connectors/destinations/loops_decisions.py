"""Loops' decisions: what is to be done for one contact. Pure: nothing is asked or sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.automations import starts, watched
from connectors.base import Decision, Known, Remembered
from connectors.changes import FieldChanges, NameChanges, field_changes, folded, name_changes
from connectors.consents import will_of
from connectors.destinations.loops_team import (
    ADDED,
    ADDED_TO_LIST,
    CREATE,
    EMAIL,
    FIND,
    SUBSCRIBED,
    SUPPRESSION,
    UPDATE,
    UPDATED,
    USER_ID,
    Team,
    id_of,
    user_id_of,
    written,
)
from connectors.endings import LEFT_OUT
from connectors.values import same
from mappings.engine.contact import Contact, rendered

__all__ = ["Deciding"]

_IDS = (EMAIL, USER_ID)


class Deciding(Team):
    """The table of the destination's own page, for one contact."""

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """`known` is the contact under its key, `now` the one under its other id or under the key it had before."""
        decision = self._decide(contact, known, remembered, now)
        attaches = decision.creates or not decision.changes.keys().isdisjoint(_IDS)
        unasked = now is None and bool(id_of(contact, self.other_key))
        unasked = unasked and not self.asks_other(contact, remembered) and not decision.upserts
        if decision.calls and attaches and unasked:
            return replace(decision, calls=(FIND, *decision.calls))
        return decision

    def _decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        memory = remembered or Remembered("")
        if memory.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if memory.conflict:
            return _conflict(memory.conflict)
        if known is not None and now is not None:
            if known.contact_id != now.contact_id:
                moved = memory.key not in ("", contact.key) and not id_of(contact, self.other_key)
                what = f"the person's old and new {self._key_name}" if moved else "its address and its userId"
                return _conflict(f"{what} are two contacts there")
            now = None
        there = known or now
        if there is None:
            if not self.asks(contact, remembered):
                return self._decide_blind(contact)
            return self._decide_absent(contact, memory)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if memory.contact_id not in ("", there.contact_id):
            if known is None:
                return _conflict("what was delivered before is another contact's there by now")
            # What was delivered was another contact's. Whoever left a list is not put back, all the same.
            memory = replace(memory, texts=None, own_lists=frozenset())
        return self._decide_present(contact, there, memory)

    def _decide_blind(self, contact: Contact) -> Decision:
        """Never delivered, and there is nothing that the destination would have to be asked first."""
        changes = field_changes(contact.texts, None, None, self.rules, key=EMAIL).changes
        changes = {tag: pair for tag, pair in changes.items() if tag not in _IDS}
        changes = {EMAIL: (None, contact.key), **changes}
        properties = [tag for tag in changes if tag != EMAIL]
        fired = starts(ADDED, ["created"]) + self._updates(properties)  # whichever it is
        return Decision(upserts=True, changes=changes, calls=(UPDATE,), automations=fired)

    def _decide_absent(self, contact: Contact, memory: Remembered) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        if memory.texts is not None and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        out = will_of(contact, memory, None, self.rules).out
        if out and self.rules.unknown_opted_out == "leave_out":
            return LEFT_OUT
        if not id_of(contact, EMAIL):
            return Decision("invalid", "required_blank", EMAIL, creates=True)
        stays_out = out or self.rules.newcomers == "UNSUBSCRIBED"
        # Somebody who comes in between is not to be unsubscribed unless they said so: create refuses who is there.
        creates_only = self.rules.write == "create_only" or (stays_out and not out)
        joins = () if stays_out else self._lists(contact, None, memory, joins=True).add
        return Decision(
            creates=True,
            changes={tag: (None, self._value(tag, text)) for tag, text in contact.texts.items()},
            lists=joins,
            status="UNSUBSCRIBED" if stays_out else None,
            calls=(CREATE,) if creates_only else (UPDATE,),
            automations=starts(ADDED, ["created"]) + starts(ADDED_TO_LIST, joins),
        )

    def _decide_present(self, contact: Contact, there: Known, memory: Remembered) -> Decision:
        reason = self._never_overwritten(contact, there)
        if reason:
            return _conflict(reason)
        fields = self._fields(contact, there, memory)
        changes = fields.changes
        if EMAIL in changes and not (USER_ID in changes or user_id_of(there)):
            return _conflict("its address cannot be changed: it has no userId there, and the row has none")
        will = will_of(contact, memory, there, self.rules)
        opts_out = will.out and not there.opted_out
        lists = self._lists(contact, there, memory, joins=not will.out)
        if not changes and not lists.add and not lists.off and not opts_out and not will.again:
            same_already = "the destination already has exactly this"
            return Decision("unchanged", "already_there", same_already, stays=fields.stays)
        attached_first = EMAIL in changes and USER_ID in changes
        status_changes = [SUBSCRIBED] if opts_out or will.again else []
        fired = self._updates([*changes, *status_changes]) + starts(ADDED_TO_LIST, lists.add)
        return Decision(
            changes=changes,
            stays=fields.stays,
            lists=lists.add,
            lists_off=lists.off,
            status="UNSUBSCRIBED" if opts_out else "SUBSCRIBED" if will.again else None,
            opts_out=opts_out,
            opts_in=will.again,
            calls=(SUPPRESSION,) * will.again + ((UPDATE, UPDATE) if attached_first else (UPDATE,)),
            automations=fired,
        )

    def empties(self, tag: str) -> bool:
        """Every property but the ids."""
        return tag not in _IDS

    def restoration(self, there: Known, asked: Decision) -> Decision:
        """See connectors.base.Restores. The address of a contact without a userId cannot be changed."""
        changes, left = dict(asked.changes), dict(asked.left_over)
        if EMAIL in changes and not user_id_of(there):
            left[EMAIL] = changes.pop(EMAIL)[0]
        again = asked.opts_in and there.opted_out
        status = "SUBSCRIBED" if again else "UNSUBSCRIBED" if asked.opts_out else None
        some = changes or asked.lists or asked.lists_off or status is not None
        updates = (UPDATE, UPDATE) if EMAIL in changes and USER_ID in changes else (UPDATE,)
        fired = self._updates([*changes, *([SUBSCRIBED] if status is not None else [])])
        return replace(
            asked,
            changes=changes,
            left_over=left,
            status=status,
            calls=((SUPPRESSION,) * again + updates) if some else (),
            automations=fired + starts(ADDED_TO_LIST, asked.lists),
        )

    def _never_overwritten(self, contact: Contact, there: Known) -> str:
        """Why this is another person's contact: it has a userId of its own. '' where it may be written."""
        theirs, ours = user_id_of(there), id_of(contact, USER_ID)
        if (
            not theirs
            or not ours
            or theirs == ours
            or self.rules.writes.get(USER_ID) in ("always", "if_empty")
        ):
            return ""
        change = (
            "correct the row, or change it there"
            if self.rules.key == USER_ID
            else "say write: always of userId to change it"
        )
        return f"the contact there has the userId {theirs}, and the row {ours}; {change}"

    def _fields(self, contact: Contact, there: Known, memory: Remembered) -> FieldChanges:
        """The properties to send. An id is never emptied; addresses are compared without case."""
        values = dict(there.fields)
        if written(there).lower() == id_of(contact, EMAIL).lower() != "":
            values[EMAIL] = id_of(contact, EMAIL)
        found = field_changes(contact.texts, values, memory.texts, self.rules)
        changes = dict(found.changes)
        key = self._key_name
        if not same(contact.key, values.get(key)):  # under its other id, or under the key it had before
            changes[key] = (values.get(key), contact.key)
        changes = {tag: pair for tag, pair in changes.items() if tag not in _IDS or pair[1] is not None}
        if EMAIL in changes and not user_id_of(there) and USER_ID not in changes and id_of(contact, USER_ID):
            changes[USER_ID] = (
                None,
                id_of(contact, USER_ID),
            )  # the address of who has none cannot be changed
        stays = {tag: pair for tag, pair in found.stays.items() if tag not in changes}
        return FieldChanges(changes, stays)

    def _lists(
        self, contact: Contact, there: Known | None, memory: Remembered, *, joins: bool
    ) -> NameChanges:
        """The lists to join and to leave. Who left a list themselves is not put back, whatever `write` says."""
        before = self._named(memory.lists) if there is not None else ()
        found = name_changes(
            self._named(contact.lists),
            self._named(contact.lists_off),
            there.lists if there is not None else (),
            delivered=before,
            own=self._named(memory.own_lists),
            write=self.rules.lists,
        )
        left = folded(before) - folded(there.lists or () if there is not None else ())
        add = tuple(name for name in found.add if joins and name.casefold() not in left)
        return NameChanges(add, found.off)

    def _updates(self, properties: Sequence[str]) -> Counter[tuple[str, str]]:
        return starts(UPDATED, watched(self.rules, properties))

    @property
    def _key_name(self) -> str:
        return USER_ID if self.rules.key == USER_ID else EMAIL

    def _value(self, tag: str, text: str) -> Any:
        return rendered(text, self.rules.types.get(tag, "text"))

    def _same(self, tag: str, ours: Any, theirs: Any) -> bool:
        if tag == EMAIL:
            return str(ours).lower() == str(theirs).lower()
        return same(ours, theirs, self.rules.types.get(tag, "text"))


def _conflict(reason: str) -> Decision:
    return Decision("protected", "identity_conflict", reason)

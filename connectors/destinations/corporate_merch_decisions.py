"""Corporate Merch's decisions: what is to be done for one contact. Pure: nothing is asked or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Decision, Known, Remembered, Rules
from connectors.changes import FieldChanges, NameChanges, field_changes, name_changes
from connectors.destinations.corporate_merch_account import Account
from connectors.destinations.corporate_merch_fields import BLOCK, FLAGS, STREET, TYPES, empties, schema
from connectors.destinations.corporate_merch_pages import TWICE
from connectors.destinations.corporate_merch_places import is_territory, state_code, state_known, suggested
from connectors.values import is_blank
from mappings.engine.contact import Contact, rendered

__all__ = ["CREATE", "UPDATE", "Deciding", "Problem", "written"]

CREATE = "POST /contacts"
UPDATE = "{verb} /contacts/{{id}}"
_EMAIL = "email"
_REQUIRED = tuple(known.name for known in schema().fields if known.required)
_LABELS = {known.name: known.label for known in schema().fields}
_EXAMPLES = {"US": "CA", "CA": "ON"}

_STATE_RULE = "state: {from: [STATE, CITY]}"
"""Whoever knows the mapping puts its columns in."""
_ONLY_MAY_BE = frozenset({"state_territory"})
"""What is sent all the same."""

Problem = tuple[str, str, str, Mapping[str, Any]]
"""Code, merge tag, value, detail."""


@dataclass(frozen=True, slots=True)
class Names:
    """What becomes of labels and lists."""

    tags: NameChanges = field(default_factory=NameChanges)
    lists: NameChanges = field(default_factory=NameChanges)

    @property
    def some(self) -> bool:
        return any((self.tags.add, self.tags.off, self.lists.add, self.lists.off))


class Deciding(Account):
    """The table of the destination's own page, for one contact."""

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """The table above, for one contact. Pure: nothing is asked or sent."""
        decision = self._decide(contact, known, remembered, now)
        if decision.outcome:
            return decision
        problems = tuple(self._problems(contact, None if decision.creates else known or now, decision))
        wrong = [one for one in problems if one[0] not in _ONLY_MAY_BE]
        if not wrong:
            return replace(decision, problems=problems)
        blank = dict.fromkeys(tag for code, tag, _, _ in wrong if code.endswith("_blank"))
        others = dict.fromkeys(tag for code, tag, _, _ in wrong if not code.endswith("_blank"))
        said = [f"{what}: {', '.join(tags)}" for what, tags in (("blank", blank), ("wrong", others)) if tags]
        return Decision(
            "invalid", wrong[0][0], "; ".join(said), creates=decision.creates, problems=tuple(wrong)
        )

    def _decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        moved = remembered is not None and remembered.key not in ("", contact.key)
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if remembered is not None and remembered.conflict:
            return Decision("protected", "identity_conflict", remembered.conflict)
        if moved and known is not None and now is not None and known.contact_id != now.contact_id:
            reason = "the person's old and new address are two contacts there"
            return Decision("protected", "identity_conflict", reason)
        there = now if moved and known is None else known
        if there is None:
            return self._decide_absent(contact, remembered)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if there.status == TWICE:
            return Decision("protected", "identity_conflict", TWICE)
        if remembered is not None and remembered.contact_id not in ("", there.contact_id):
            if there is now and known is None:
                reason = "the person's old address belongs to another contact there by now"
                return Decision("protected", "identity_conflict", reason)
            # What was delivered was another contact's.
            remembered = Remembered(remembered.key)
        return self._decide_present(contact, there, remembered)

    def _decide_absent(self, contact: Contact, remembered: Remembered | None) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        delivered = remembered is not None and remembered.texts is not None
        if delivered and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        texts = _settled(contact.texts, {})
        changes = {tag: (None, self._value(tag, text)) for tag, text in texts.items()}
        return Decision(
            creates=True,
            changes=changes,
            tags=name_changes(contact.tags, contact.tags_off, ()).add,
            lists=name_changes(contact.lists, contact.lists_off, ()).add,
            calls=(CREATE,),
        )

    def _decide_present(self, contact: Contact, there: Known, remembered: Remembered | None) -> Decision:
        fields = self._fields(contact, there, remembered)
        names = self._names(contact, there, remembered)
        changes = dict(fields.changes)
        if there.key != contact.key.lower():
            changes = {_EMAIL: (written(there), contact.key), **changes}
        if not changes and not names.some:
            reason = "the destination already has exactly this"
            return Decision("unchanged", "already_there", reason, stays=fields.stays)
        return Decision(
            changes=changes,
            stays=fields.stays,
            left_over=fields.left_over,
            tags=names.tags.add,
            tags_off=names.tags.off,
            lists=names.lists.add,
            lists_off=names.lists.off,
            calls=(UPDATE.format(verb=self.inferred.update),),
        )

    def _fields(self, contact: Contact, there: Known, remembered: Remembered | None) -> FieldChanges:
        """The fields to send: the address as one block, and what was found out of the old one not of the new one."""
        texts = _settled(contact.texts, there.fields)
        before = remembered.texts if remembered is not None else None
        delivered = _settled(before, there.fields) if before else before
        rules = replace(self.rules, together=_blocks(self.rules), types={**TYPES, **self.rules.types})
        clears = bool(empties(self.answers))
        found = field_changes(texts, there.fields, delivered, rules, key=_EMAIL, clears=clears)
        changes, left_over = dict(found.changes), dict(found.left_over)
        if clears and self.rules.write != "replace":
            needed = (*_REQUIRED, *(STREET if texts.keys().isdisjoint(STREET) else ()))
            stay = {tag: old for tag, (old, new) in changes.items() if new is None and tag in needed}
            changes = {tag: pair for tag, pair in changes.items() if tag not in stay}
            left_over |= stay
            found = FieldChanges(changes, found.stays, left_over)
        if changes.keys().isdisjoint(BLOCK):
            return replace(found, changes=changes)
        for line in STREET if texts.keys() & set(STREET) else ():
            if (
                line in left_over
            ):  # a line of the street is not required beside the other: left out, it should go
                changes[line] = (left_over.pop(line), None)
        for flag in FLAGS:
            if flag not in self.rules.types and there.fields.get(flag) is True:
                changes[flag] = (True, False)
        return FieldChanges(changes, found.stays, left_over)

    def empties(self, tag: str) -> bool:
        """Where it is known how; a required field never is."""
        return bool(empties(self.answers)) and tag not in _REQUIRED

    def restoration(self, there: Known, asked: Decision) -> Decision:
        """See connectors.base.Restores. Names stay as they are where it is not shown which a contact has."""
        if there.lists is None:
            asked = replace(asked, tags=(), tags_off=(), lists=(), lists_off=())
        some = asked.changes or asked.tags or asked.tags_off or asked.lists or asked.lists_off
        return replace(
            asked,
            opts_in=False,
            opts_out=False,
            calls=(UPDATE.format(verb=self.inferred.update),) if some else (),
        )

    def _names(self, contact: Contact, there: Known, remembered: Remembered | None) -> Names:
        """Labels and lists; none where the contact does not show which it has, since all are sent again."""
        if there.lists is None:
            return Names()
        memory = remembered or Remembered("")
        return Names(
            name_changes(
                contact.tags, contact.tags_off, there.tags,
                delivered=memory.tags, own=memory.own_tags, write=self.rules.tags,
            ),
            name_changes(
                contact.lists, contact.lists_off, there.lists,
                delivered=memory.lists, own=memory.own_lists, write=self.rules.lists,
            ),
        )  # fmt: skip

    def _problems(self, contact: Contact, there: Known | None, decision: Decision) -> list[Problem]:
        """All that is wrong with the contact as it would be sent, and what may be."""
        whole = self._whole(contact, there, decision)
        found: list[Problem] = []
        for tag in _REQUIRED:
            if is_blank(whole.get(tag)):
                if tag == "state":
                    detail = {"field": _LABELS[tag], "beside": "city", "rule": _STATE_RULE}
                    found.append(("state_blank", tag, "", detail))
                else:
                    found.append(("required_blank", tag, "", {"field": _LABELS[tag]}))
        if all(is_blank(whole.get(line)) for line in STREET):
            found.append(("street_blank", STREET[0], "", {}))
        country, state = str(whole.get("country") or ""), str(whole.get("state") or "")
        if state and not state_known(country, state):
            detail = {
                "country": country,
                "suggestion": suggested(country, state),
                "example": _EXAMPLES[country],
            }
            found.append(("state_unknown", "state", state, detail))
        if state and is_territory(country, state):
            found.append(("state_territory", "state", state, {}))
        return found

    def _whole(self, contact: Contact, there: Known | None, decision: Decision) -> dict[str, Any]:
        """All values of the contact after the change: an update leaves nothing of theirs out, since that may empty it."""
        whole: dict[str, Any] = {}
        if there is not None:
            whole = {tag: value for tag in TYPES if not is_blank(value := there.fields.get(tag))}
        whole |= {tag: new for tag, (_, new) in decision.changes.items()}
        whole[_EMAIL] = whole.get(_EMAIL) if there is not None and _EMAIL in whole else contact.key
        return {tag: value for tag, value in whole.items() if value is not None}

    def _value(self, tag: str, text: str) -> Any:
        return rendered(text, TYPES.get(tag, "text"))


def written(known: Known) -> str:
    """The address of a contact as it is written there."""
    return str(known.fields.get(_EMAIL) or known.key)


def _settled(texts: Mapping[str, str], there: Mapping[str, Any]) -> dict[str, str]:
    """The texts with the code of a state, where its country has codes."""
    if "state" not in texts:
        return dict(texts)
    country = texts.get("country") or str(there.get("country") or "")
    return {**texts, "state": state_code(country, texts["state"])}


def _blocks(rules: Rules) -> tuple[tuple[str, ...], ...]:
    """The mapping's blocks, of which those with a line of the address are one with it."""
    apart = tuple(block for block in rules.together if not set(block) & set(BLOCK))
    joined = dict.fromkeys(tag for block in rules.together if set(block) & set(BLOCK) for tag in block)
    return (*apart, tuple(dict.fromkeys((*BLOCK, *joined))))

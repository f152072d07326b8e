"""The endpoints of Corporate Merch's contacts: create, list and update, the only ones that any page or code shows.

Source: the update page, the page on pagination, and the public code that creates and lists contacts; where all of them
are silent, a switch of connectors.sandbox.corporate_merch decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.corporate_merch_call import INFERRED, Call, Refusal, at, invalid, whole
from connectors.sandbox.corporate_merch_people import People, Person
from connectors.sandbox.corporate_merch_rules import blank, names, problems
from connectors.sandbox.corporate_merch_workspace import MANY

__all__ = ["ContactEndpoints"]

USUAL, MOST, MOST_ALLOWED = 15, 50, 100


class ContactEndpoints(People):
    """What can be done to contacts. Every endpoint raises Refusal."""

    @at("POST /v2/contacts")
    def _create(self, call: Call) -> tuple[int, Any]:
        values, ignored = self._read(call.body, creating=True)
        if self._having(values["email"]) and self._switches["duplicate_email"] == "refuse":
            raise invalid({"email": [INFERRED["taken"]]})
        lists, labels = (_once(values.get(many)) for many in MANY)
        person = self._add(self._after(values, base={}, old={}), lists, labels)
        person.ignored = ignored
        return int(self._switches["create_status"]), {"data": self._shown(person)}

    @at("PUT /v2/contacts/{id}")
    @at("PATCH /v2/contacts/{id}")
    @at("POST /v2/contacts/{id}")
    def _update(self, call: Call) -> tuple[int, Any]:
        person = self.people.get(call.id)
        if person is None:
            raise Refusal(404, INFERRED["missing"].format(id=call.id))  # status and text inferred
        values, ignored = self._read(call.body, creating=False)
        others = [one for one in self._having(values["email"]) if one is not person]
        if others and self._switches["duplicate_email"] == "refuse":
            raise invalid({"email": [INFERRED["taken"]]})
        base = person.data if self._switches["omitted"] == "keep" else {}
        lists, labels = (self._numbers_after(person, many, values) for many in MANY)
        self._change(person, self._after(values, base=base, old=person.data), lists, labels)
        person.ignored = ignored
        return 200, {"data": self._shown(person)}  # status inferred

    @at("GET /v2/contacts", writes=False)
    def _list(self, call: Call) -> tuple[int, Any]:
        page, limit = whole(call.query, "page", 1), whole(call.query, "limit", USUAL)
        if limit > MOST:
            if self._switches["over_limit"] == "refuse":
                raise invalid({"limit": [f"The limit field must not be greater than {MOST}."]})  # inferred
            limit = min(limit, MOST_ALLOWED) if self._switches["over_limit"] == "allow" else MOST
        everybody = list(self.people.values())
        if self._switches["list_order"] == "newest":
            everybody.reverse()
        total = len(everybody)
        last = max(1, -(-total // limit))
        pagination = {
            "path": call.place,
            "total": total,
            "limit": limit,
            "current_page": page,
            "last_page": last,
            "has_more": page < last,
        }
        taken = everybody[(page - 1) * limit : page * limit]
        return 200, {"data": [self._shown(one) for one in taken], "pagination": pagination}

    # ---- what the endpoints share

    def _read(self, body: Mapping[str, Any], *, creating: bool) -> tuple[dict[str, Any], list[str]]:
        """What was sent, by the names of FIELDS, and the names that mean nothing here. Raises Refusal."""
        known = names(self._switches, creating=creating)
        sent_as = {known[name]: name for name in known if name in body}
        values = {field: body[name] for field, name in sent_as.items()}
        ignored = [name for name in body if name not in known]
        wrong = problems(values, sent_as, self.workspace, self._switches, creating=creating)
        if ignored and self._switches["unknown_keys"] == "refuse":
            wrong |= {name: [INFERRED["unknown"].format(name=name.replace("_", " "))] for name in ignored}
        if wrong:
            raise invalid(wrong)
        return values, ignored

    def _after(
        self, values: Mapping[str, Any], *, base: Mapping[str, Any], old: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The values of a contact after `values` were written over `base`."""
        after = dict(base)
        for name, value in values.items():
            if name in MANY:
                continue
            if not blank(value):
                after[name] = value
            elif self._switches["blank_value"] == "clear":
                after.pop(name, None)
            elif name in old:
                after[name] = old[name]
        return after

    def _numbers_after(self, person: Person, many: str, values: Mapping[str, Any]) -> list[int]:
        """The ids of its lists or labels after an update that may speak of them."""
        old, given = person.many(many), values.get(many)
        adds = self._switches["lists"] == "add"
        if many not in values:
            return old if adds or self._switches["omitted"] == "keep" else []
        if blank(given):
            return [] if self._switches["blank_value"] == "clear" else old
        return _once([*(old if adds else []), *(given or [])])


def _once(given: list[int] | None) -> list[int]:
    return list(dict.fromkeys(given or []))

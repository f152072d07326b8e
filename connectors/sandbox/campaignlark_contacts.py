"""The endpoints of single contacts: create, update, upsert, by-email, tags add and remove, and their rules.

Source: the pages that connectors.sandbox.campaignlark names; where they are silent, a switch of it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.campaignlark_call import INFERRED, ApiError, Call, at, check_status, mapping
from connectors.sandbox.campaignlark_people import People, Person
from connectors.sandbox.campaignlark_workspace import EMAIL

__all__ = ["ContactEndpoints"]


class ContactEndpoints(People):
    """What can be done to one contact at a time. Every endpoint raises ApiError."""

    @at("POST /v1/contacts")
    def _create(self, call: Call) -> tuple[int, Any]:
        fields, status = mapping(call.body, "fields"), call.body.get("status")
        if not fields:
            raise ApiError(400, "Please provide at least one field for the contact.")
        if not status:
            raise ApiError(400, "Contact status is required.")
        check_status(status)
        address = fields.get(EMAIL)
        if not isinstance(address, str) or not address.strip():
            raise ApiError(400, "An email address is required.")
        self._check_required(fields)
        self._check_merge_tags(fields)
        tags = self._tags_sent(call.body.get("tags"))
        values = self._values(fields, old={}, base={})
        there = self._find(address)
        if there is not None and self._switches["duplicate_create"] == "refuse":
            raise ApiError(400, INFERRED["taken"])
        if there is not None and self._switches["duplicate_create"] == "update":
            values = self._values(fields, old=there.data, base=there.data)
            self._change(there, status, there.tags if tags is None else tags, values)
            return 201, self._shown(there)
        return 201, self._shown(self._add(status, tags or [], values, fire=True))

    @at("PUT /v1/contacts/{id}")
    def _update(self, call: Call) -> tuple[int, Any]:
        if not call.id:
            raise ApiError(400, "The contact ID you provided is not valid.")
        fields, status = mapping(call.body, "fields"), call.body.get("status")
        if not fields:
            raise ApiError(400, "Please provide at least one field to update.")
        if not status:
            raise ApiError(400, "Please provide a status.")
        check_status(status)
        self._check_merge_tags(fields)
        person = self._by_id(call.id)
        required = fields if self._switches["put_required"] == "sent" else {**person.data, **fields}
        self._check_required(required)
        tags = self._tags_sent(call.body.get("tags"))
        base = person.data if self._switches["put_omitted_fields"] == "keep" else {}
        values = self._values(fields, old=person.data, base=base)
        values[EMAIL] = self._address_after_put(person, values.get(EMAIL))
        self._change(person, status, person.tags if tags is None else tags, values)
        return 200, self._shown(person, opened=True)

    def _address_after_put(self, person: Person, wanted: Any) -> Any:
        """Which address a PUT leaves behind. Raises ApiError when the wanted one is taken."""
        kept = person.data[EMAIL]
        if not isinstance(wanted, str) or self._switches["put_changes_address"] == "no":
            return kept
        other = self._find(wanted)
        if other is None or other is person:
            return wanted
        match self._switches["put_address_taken"]:
            case "refuse":
                raise ApiError(400, INFERRED["taken"])
            case "keep_old":
                return kept
        self._remove(other)
        return wanted

    @at("POST /v1/contacts/upsert")
    def _upsert(self, call: Call) -> tuple[int, Any]:
        address, status = call.body.get(EMAIL), call.body.get("status")
        if not isinstance(address, str) or not address.strip():
            raise ApiError(400, "Email address is required for upsert operation.")
        fields = {**mapping(call.body, "fields"), EMAIL: address}
        self._check_merge_tags(fields)
        if status:
            check_status(status)
        person = self._find(address)
        partial = person is not None and call.body.get("partial_update") is True
        if not partial:
            self._check_required(fields)
        tags = self._tags_sent(call.body.get("tags"))
        if person is None:
            values = self._values(fields, old={}, base={})
            return 200, self._shown(self._add(status or "SUBSCRIBED", tags or [], values, fire=True))
        values = self._values(fields, old=person.data, base=person.data if partial else {})
        if tags is None:
            cleared = not partial and self._switches["full_replace_without_tags"] == "clear"
            tags = [] if cleared else person.tags
        elif partial and self._switches["partial_with_tags"] == "union":
            tags = [*person.tags, *(tag for tag in tags if tag not in person.tags)]
        self._change(person, status or (person.status if partial else "SUBSCRIBED"), tags, values)
        return 200, self._shown(person)

    @at("GET /v1/contacts/by-email", writes=False)
    def _by_email_address(self, call: Call) -> tuple[int, Any]:
        address = call.query.get("email", "")
        if "@" not in address:
            raise ApiError(400, "Email address is required. Please provide a valid email address.")
        person = self._find(address)
        if person is None:
            raise ApiError(404, "We couldn't find a contact with that email address.")
        return 200, self._shown(person, opened=True)

    @at("POST /v1/contacts/{id}/tags/add")
    def _tags_add(self, call: Call) -> tuple[int, Any]:
        person, tags = self._contact_and_tags(call)
        return self._retag(person, [*person.tags, *(tag for tag in tags if tag not in person.tags)])

    @at("POST /v1/contacts/{id}/tags/remove")
    def _tags_remove(self, call: Call) -> tuple[int, Any]:
        person, tags = self._contact_and_tags(call)
        return self._retag(person, [tag for tag in person.tags if tag not in tags])

    def _contact_and_tags(self, call: Call) -> tuple[Person, list[int]]:
        if not call.id:
            raise ApiError(400, "The contact ID you provided is not valid.")
        given = call.body.get("tag_ids")
        if not isinstance(given, list) or not given:
            raise ApiError(400, "Please provide at least one tag ID to add or remove.")
        return self._by_id(call.id), self._known_tags(given, strict=True)

    def _retag(self, person: Person, tags: list[int]) -> tuple[int, Any]:
        if tags != person.tags:
            self._change(person, person.status, tags, person.data)
        return 200, self._shown(person, opened=True)

    # ---- what the endpoints share

    def _by_id(self, contact_id: str) -> Person:
        if contact_id not in self.people:
            raise ApiError(400, "We couldn't find a contact with that ID.")
        return self.people[contact_id]

    def _check_merge_tags(self, fields: Mapping[str, Any]) -> None:
        for name in fields:
            if name not in self.workspace.fields:
                raise ApiError(400, f"We were unable to find a field with the merge_tag {name}")

    def _check_required(self, fields: Mapping[str, Any]) -> None:
        for one in self.workspace.fields.values():
            if one.required and _empty(fields.get(one.merge_tag)):
                raise ApiError(400, f"Field '{one.label}' is required.")

    def _tags_sent(self, given: Any) -> list[int] | None:
        """The tags of a create, update or upsert; None when it does not speak of tags. Raises ApiError."""
        if given is None:
            return None
        if not isinstance(given, list):
            raise ApiError(400, INFERRED["not_object"].format(name="tags"))
        return self._known_tags(given, strict=self._switches["unknown_tag"] == "refuse")

    def _known_tags(self, given: list[Any], *, strict: bool) -> list[int]:
        known: list[int] = []
        for tag in given:
            if type(tag) is int and tag in self.workspace.tags:
                if tag not in known:
                    known.append(tag)
            elif strict:
                raise ApiError(400, f"Tag ID {tag} does not exist in this workspace")
        return known

    def _values(
        self, sent: Mapping[str, Any], *, old: Mapping[str, Any], base: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the fields hold after `sent` was written over `base`. Raises ApiError for a value that is refused."""
        values = dict(base)
        wrong = self._switches["wrong_value"]
        for name, value in sent.items():
            if _empty(value):
                if self._switches["null_value" if value is None else "empty_value"] == "clear":
                    values.pop(name, None)
                elif name in old:
                    values[name] = old[name]
            elif wrong == "keep" or self.workspace.fields[name].fits(value):
                values[name] = value
            elif wrong == "refuse":
                raise ApiError(400, INFERRED["value"].format(label=self.workspace.fields[name].label))
        return values


def _empty(value: Any) -> bool:
    return value is None or value in ("", [])

"""The endpoints of single contacts: create, update, find and delete, and their rules.

Source: the pages that connectors.sandbox.loops names; where they are silent, a switch of it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.loops_call import (
    INFERRED,
    LONGEST,
    NOT_FOUND,
    ApiError,
    Call,
    at,
    email_of,
    one_of,
    user_id_of,
)
from connectors.sandbox.loops_people import People, Person
from connectors.sandbox.loops_workspace import DEFAULTS, RESERVED, Property, label_of, milliseconds

__all__ = ["ContactEndpoints"]

NAMED = ("email", "userId", "subscribed", "mailingLists")
"""The keys of a request that are more than a property's value."""


class ContactEndpoints(People):
    """What can be done to one contact at a time. Every endpoint raises ApiError."""

    @at("POST /api/v1/contacts/create")
    def _create(self, call: Call) -> tuple[int, Any]:
        email, user_id = email_of(call.body), user_id_of(call.body)
        if email is None:
            raise ApiError(400, INFERRED["no_email"])
        changes, lists = self._changes(call.body)
        if self._find(email) or self._find(None, user_id):
            raise ApiError(409, INFERRED["taken"])
        return self._created(email, user_id, changes, lists)

    @at("PUT /api/v1/contacts/update")
    def _update(self, call: Call) -> tuple[int, Any]:
        email, user_id = email_of(call.body), user_id_of(call.body)
        if email is None and user_id is None:
            raise ApiError(400, INFERRED["nobody"])
        changes, lists = self._changes(call.body)
        by_email, by_user = self._find(email), self._find(None, user_id)
        person = by_email or by_user
        if by_email and by_user and by_email is not by_user:
            if self._switches["two_contacts"] == "refuse":
                raise ApiError(400, INFERRED["two_contacts"])
            person = by_email if self._switches["two_contacts"] == "email_wins" else by_user
        if person is None:
            if email is None:
                raise ApiError(400, "userId not found and cannot create a new contact without an email.")
            return self._created(email, user_id, changes, lists)
        self._check_doors(person, changes.get("subscribed", person.subscribed), lists)
        if person is by_email:
            # inferred: a userId that another contact had leaves it, since it is unique
            if by_user is not None and by_user is not person:
                self._change(by_user, {"userId": None}, fire=False)
            if "userId" in call.body:  # a null empties it like any property
                changes["userId"] = user_id
        elif email is not None:
            # inferred: the other contact of the address is swallowed, since addresses are unique
            if by_email is not None:
                self._remove(by_email)
            changes["email"] = self._kept_address(email)
        self._change(person, changes, fire=True)
        self._join_and_leave(person, lists)
        return self._written(person)

    @at("GET /api/v1/contacts/find", writes=False)
    def _find_contact(self, call: Call) -> tuple[int, Any]:
        person = self._find(*one_of(call.query))
        return 200, [] if person is None else [self._shown(person)]

    @at("POST /api/v1/contacts/delete")
    def _delete(self, call: Call) -> tuple[int, Any]:
        self._remove(self._somebody(call.body))
        return 200, {"success": True, "message": "Contact deleted."}

    # ---- what the endpoints share

    def _somebody(self, given: Mapping[str, Any]) -> Person:
        person = self._find(*one_of(given))
        if person is None:
            raise ApiError(404, NOT_FOUND)
        return person

    def _created(
        self, email: str, user_id: str | None, changes: Mapping[str, Any], lists: Mapping[str, bool]
    ) -> tuple[int, Any]:
        self._check_doors(None, changes.get("subscribed", True), lists)
        person = self._add(self._kept_address(email))
        self._change(person, {"source": "API", "userId": user_id, **changes}, fire=False)
        self._fire("Contact added", person, {})
        self._join_and_leave(person, lists)
        return self._written(person)

    def _written(self, person: Person) -> tuple[int, Any]:
        person.updated = int(self._clock())
        person.writes += 1
        return 200, {"success": True, "id": person.id}

    def _kept_address(self, email: str) -> str:
        return email.lower() if self._switches["email_kept"] == "lowercase" else email

    def _changes(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bool]]:
        """The properties that a request sets, None for those it empties, and the lists it speaks of."""
        changes: dict[str, Any] = {}
        if "subscribed" in body:
            if not isinstance(body["subscribed"], bool):  # inferred: null is refused like any other value
                raise ApiError(400, INFERRED["subscribed"])
            changes["subscribed"] = body["subscribed"]
        new: list[Property] = []
        for name, value in body.items():
            if name in NAMED:
                continue
            if isinstance(value, str) and len(value) > LONGEST:
                raise ApiError(400, INFERRED["long"].format(name=name))
            known = self.workspace.writable(name) or self._unknown(name, value, new)
            if known is None:
                continue
            if value is None:
                changes[name] = None
            elif known.fits(value):
                changes[name] = self._kept_date(value) if known.type == "date" else value
            elif self._switches["wrong_value"] == "refuse":
                raise ApiError(400, INFERRED["value"].format(name=name, type=known.type))
            elif self._switches["wrong_value"] == "keep":
                changes[name] = value
        lists = self._lists_sent(body.get("mailingLists"))
        self.workspace.properties |= {one.key: one for one in new}
        return changes, lists

    def _unknown(self, name: str, value: Any, new: list[Property]) -> Property | None:
        """What a key that no property has stands for: by switch a new property, nothing, or an error."""
        if self._switches["unknown_property"] == "refuse":
            raise ApiError(400, INFERRED["unknown"].format(name=name))
        if self._switches["unknown_property"] == "ignore" or name in DEFAULTS or name in RESERVED:
            return None
        if not isinstance(value, str | int | float):  # inferred: nothing can be kept of it
            return None
        kind = "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
        new.append(Property(name, label_of(name), kind))
        return new[-1]

    def _kept_date(self, value: Any) -> Any:
        moment = milliseconds(value)
        if moment is None or self._switches["date_shown"] == "as_sent":
            return value
        if self._switches["date_shown"] == "milliseconds":
            return moment
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).isoformat(
            timespec="milliseconds"
        )
        return text.replace("+00:00", "Z")

    def _lists_sent(self, given: Any) -> dict[str, bool]:
        if given is None:
            return {}
        if not isinstance(given, dict) or not all(isinstance(member, bool) for member in given.values()):
            raise ApiError(400, INFERRED["lists"])
        for name in given:
            if name not in self.workspace.lists and self._switches["unknown_list"] == "refuse":
                raise ApiError(400, INFERRED["list"].format(name=name))
        return {name: member for name, member in given.items() if name in self.workspace.lists}

"""Everybody in a Loops audience: their state, its indexes, and the workflows that a change starts.

The endpoints build on `People`; what the inspection shows and does as if in the app is here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.answering import Answering
from connectors.sandbox.inspection import timestamp
from connectors.sandbox.loops_call import INFERRED, ApiError
from connectors.sandbox.loops_workspace import Workspace, milliseconds

__all__ = ["STATUSES", "People", "Person"]

STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED")
"""How the inspection says `subscribed`: the words are the same for every sandbox."""
QUIET = ("createdAt",)
"""Properties that start no workflow when they change."""


@dataclass(slots=True)
class Person:
    """A contact as the audience keeps it; `values` are its properties that are set, beside the four named ones.

    `lists` are those it is in, `left` those it left by itself in the Preference Center. Times are whole seconds since
    1970. `resubscribed` counts the writes that subscribed somebody who had unsubscribed.
    """

    id: str
    email: str
    user_id: str | None
    subscribed: bool
    created: int
    updated: int
    values: dict[str, Any] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    opt_in: str | None = None
    writes: int = 0
    resubscribed: int = 0


class People(Answering):
    """The contacts by id (`people`, in the order of their creation), by address and by userId."""

    workspace: Workspace
    _serial = 0  # goes on over a reset, so that no id comes twice

    def _nobody(self) -> None:
        """As a new team begins."""
        self.people: dict[str, Person] = {}
        self.suppressed: set[str] = set()
        self.removals: list[float] = []
        """When addresses were taken off the suppression list."""
        self._index()

    def _index(self) -> None:
        """Anew, since addresses or how they are compared may have changed. The first of several is found."""
        self._by_email: dict[str, Person] = {}
        self._by_user: dict[str, Person] = {}
        for person in self.people.values():
            self._note(person)

    def _note(self, person: Person) -> None:
        self._by_email.setdefault(self._key(person.email), person)
        if person.user_id is not None:
            self._by_user.setdefault(person.user_id, person)

    def _key(self, address: str) -> str:
        return address.lower() if self._switches["email_case"] == "insensitive" else address

    def _find(self, email: str | None, user_id: str | None = None) -> Person | None:
        """The contact with this address, or with this userId; ids are compared exactly."""
        if email is not None:
            return self._by_email.get(self._key(email))
        return None if user_id is None else self._by_user.get(user_id)

    def _add(self, email: str) -> Person:
        now = int(self._clock())
        self._serial += 1
        person = Person(f"cl{now:08x}0sandbox{self._serial:07x}", email, None, True, now, now)
        self.people[person.id] = person
        self._note(person)
        return person

    def _remove(self, person: Person) -> None:
        del self.people[person.id]
        self._index()

    def _change(self, person: Person, changes: Mapping[str, Any], *, fire: bool) -> None:
        """Sets properties by their API names; None empties one. Each that differs then starts its workflows."""
        before = self._properties(person)
        for name, value in changes.items():
            match name:
                case "email":
                    person.email = value
                case "userId":
                    person.user_id = value
                case "subscribed":
                    person.resubscribed += bool(fire and value and not person.subscribed)
                    person.subscribed = value
                case _ if value is None:
                    person.values.pop(name, None)
                case _:
                    person.values[name] = value
        if (made := milliseconds(changes.get("createdAt"))) is not None:
            person.created = made // 1000
        after = self._properties(person)
        if (before["email"], before["userId"]) != (after["email"], after["userId"]):
            self._index()
        for name in {**before, **after}:
            old, new = before.get(name), after.get(name)
            if fire and old != new and name not in QUIET and self._watches(name):
                self._fire("Contact updated", person, {"property": name, "old": old, "new": new})

    def _properties(self, person: Person) -> dict[str, Any]:
        return {
            "email": person.email,
            "userId": person.user_id,
            "subscribed": person.subscribed,
            **person.values,
        }

    def _join_and_leave(self, person: Person, wanted: Mapping[str, bool]) -> None:
        """Adds to lists and removes from them; lists that are not mentioned stay. `wanted` was checked."""
        for one, member in wanted.items():
            if not member:
                if one in person.lists:
                    person.lists.remove(one)
            elif one in person.lists:
                if self._switches["list_already_in"] == "fires":
                    self._added_to_list(person, one)
            elif self._door(person, one) == "add":
                person.lists.append(one)
                if one in person.left:
                    person.left.remove(one)
                self._added_to_list(person, one)

    def _check_doors(self, person: Person | None, subscribed: bool, wanted: Mapping[str, bool]) -> None:
        """Raises ApiError where a switch says that a list which cannot be joined is an error."""
        probe = Person("", "", None, subscribed, 0, 0)
        if person is not None:
            probe.lists, probe.left = person.lists, person.left
        for one, member in wanted.items():
            if member and one not in probe.lists and self._door(probe, one) == "refuse":
                raise ApiError(400, INFERRED["list_closed"].format(name=one))  # inferred

    def _door(self, person: Person, one: str) -> str:
        """What becomes of an attempt to add somebody to a list: add, ignore or refuse."""
        if not person.subscribed and self._switches["list_of_unsubscribed"] != "add":
            return self._switches["list_of_unsubscribed"]
        return self._switches["list_left"] if one in person.left else "add"

    def _added_to_list(self, person: Person, one: str) -> None:
        self._fire("Contact added to list", person, {"list_id": one, "list": self.workspace.lists[one].name})

    def _fire(self, name: str, person: Person, detail: Mapping[str, Any]) -> None:
        self.fired.fire(name, person.id, person.email, self._clock(), detail)

    def _shown(self, person: Person) -> dict[str, Any]:
        """The contact as `find` shows it."""
        values = person.values
        custom = {
            name: values.get(name)
            for name in self.workspace.properties
            if name in values or self._switches["unset_property"] == "null"
        }
        return {
            "id": person.id,
            "email": person.email,
            "firstName": values.get("firstName"),
            "lastName": values.get("lastName"),
            "source": values.get("source", ""),
            "subscribed": person.subscribed,
            "userGroup": values.get("userGroup", ""),
            "userId": person.user_id,
            "mailingLists": dict.fromkeys(person.lists, True),
            "optInStatus": person.opt_in,
            **custom,
        }

    # ---- inspection: see Inspected there

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        chosen = list(self.people.values())[-last:]
        if email:
            chosen = [one for one in chosen if self._key(one.email) == self._key(email)]
        return [
            {
                "id": one.id,
                "email_address": one.email,
                "status": STATUSES[not one.subscribed],
                "tags": [self.workspace.lists[number].name for number in one.lists],
                "list_ids": one.lists,
                "left": [self.workspace.lists[number].name for number in one.left],
                "fields": ({} if one.user_id is None else {"userId": one.user_id}) | one.values,
                "suppressed": self._key(one.email) in self.suppressed,
                "opt_in_status": one.opt_in,
                "resubscribed": one.resubscribed,
                "writes": one.writes,
                "created_at": timestamp(one.created),
                "updated_at": timestamp(one.updated),
            }
            for one in chosen
        ]

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Adds contacts; of those that are there, changes what is named (fields are merged). Nothing fires.

        Beside `email_address`, `status`, `tags` (lists by name or id: in exactly these) and `fields` (properties by API
        name, userId among them; null empties): `left` (lists that the person left), `suppressed` and `opt_in_status`.
        """
        ready = [self._seedling(given) for given in contacts]
        for given, changes, lists, left in ready:
            address = given["email_address"]
            person = self._find(address)
            if person is None:
                person = self._add(address)
                person.values["source"] = "Manual"  # inferred
            self._change(person, changes, fire=False)
            if "tags" in given:
                person.lists = lists
            person.left = [one for one in dict.fromkeys([*person.left, *left]) if one not in lists]
            person.lists = [one for one in person.lists if one not in left]
            if "suppressed" in given:
                (self.suppressed.add if given["suppressed"] else self.suppressed.discard)(self._key(address))
            person.opt_in = given.get("opt_in_status", person.opt_in)
        return len(ready)

    def _seedling(
        self, given: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], dict[str, Any], list[str], list[str]]:
        """What a seed says: itself, properties to set, lists to be in and lists that were left. Raises ValueError."""
        known = ("email_address", "status", "tags", "fields", "left", "suppressed", "opt_in_status")
        if unknown := [name for name in given if name not in known]:
            raise ValueError(f"A contact has no {unknown[0]!r}. It has: {', '.join(known)}.")
        address, status, fields = given.get("email_address"), given.get("status"), given.get("fields", {})
        if not isinstance(address, str) or not address:
            raise ValueError("A contact needs an email_address.")
        if status is not None and status not in STATUSES:
            raise ValueError(f"A status is one of {', '.join(STATUSES)}, not {status!r}.")
        if unknown := [name for name in fields if name != "userId" and not self.workspace.writable(name)]:
            raise ValueError(f"There is no field {unknown[0]!r}.")
        changes = dict(fields) | ({} if status is None else {"subscribed": status == STATUSES[0]})
        return given, changes, self._list_ids(given.get("tags", [])), self._list_ids(given.get("left", []))

    def _list_ids(self, names: Iterable[str]) -> list[str]:
        found = []
        for name in names:
            number = self.workspace.list_id(name)
            if number is None:
                known = ", ".join(one.name for one in self.workspace.lists.values())
                raise ValueError(f"There is no tag {name!r}. The mailing lists are: {known}.")
            found.append(number)
        return found

    def delete(self, email: str) -> bool:
        person = self._find(email)
        if person is not None:
            self._remove(person)
        return person is not None

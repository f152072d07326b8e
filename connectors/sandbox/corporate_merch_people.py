"""Everybody in a Corporate Merch account: their state, and what the inspection shows and does as if in the app.

Several contacts may share an address. No automation is known there: nothing ever fires.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from connectors.sandbox.corporate_merch_rules import FIELDS, shown_as
from connectors.sandbox.corporate_merch_workspace import MANY, Workspace

__all__ = ["People", "Person"]

SEEDED = ("email_address", "fields", "lists", "labels", "tags", "another")


@dataclass(slots=True)
class Person:
    """A contact: `data` holds its values by name, `lists` and `labels` their ids. Times are seconds since 1970.

    `ignored`: the names in its last write that the API does not know.
    """

    id: str
    data: dict[str, Any]
    lists: list[int]
    labels: list[int]
    created: int
    updated: int
    writes: int = 1
    ignored: list[str] = field(default_factory=list)

    def many(self, name: str) -> list[int]:
        """Its `lists` or its `labels`."""
        return self.lists if name == "lists" else self.labels


class People:
    """The contacts by id (`people`, in the order of their creation) and by address."""

    workspace: Workspace
    _clock: Callable[[], float]
    _switches: dict[str, str]
    _serial = 7000  # goes on over a reset, so that no id comes twice

    def _nobody(self) -> None:
        """As a new account begins."""
        self.people: dict[str, Person] = {}
        self._by_email: dict[str, list[Person]] = {}

    def _having(self, address: Any) -> list[Person]:
        """Those with this address, the oldest first. That its case does not matter is inferred."""
        return self._by_email.get(str(address or "").casefold(), [])

    def _add(self, data: dict[str, Any], lists: list[int], labels: list[int]) -> Person:
        now = int(self._clock())
        self._serial += 1
        person = Person(str(self._serial), data, lists, labels, now, now)
        self.people[person.id] = person
        self._by_email.setdefault(str(data.get("email", "")).casefold(), []).append(person)
        return person

    def _change(self, person: Person, data: dict[str, Any], lists: list[int], labels: list[int]) -> None:
        if person.data.get("email") != data.get("email"):
            self._forget_address(person)
            self._by_email.setdefault(str(data.get("email", "")).casefold(), []).append(person)
        person.data, person.lists, person.labels = data, lists, labels
        person.updated = int(self._clock())
        person.writes += 1

    def _forget_address(self, person: Person) -> None:
        key = str(person.data.get("email", "")).casefold()
        self._by_email[key].remove(person)
        if not self._by_email[key]:
            del self._by_email[key]

    def _shown(self, person: Person) -> dict[str, Any]:
        """The contact object. Inferred: all but `id` and `created_at`; what has no value is null."""
        shown: dict[str, Any] = {"id": int(person.id) if self._switches["ids"] == "numbers" else person.id}
        for one in FIELDS:
            shown[shown_as(one, self._switches)] = person.data.get(one.name)
        for many in MANY:
            ids, known = person.many(many), self.workspace.names(many)
            match self._switches["lists_shown"]:
                case "ids":
                    shown[many] = ids
                case "objects":
                    shown[many] = [{"id": number, "name": known[number]} for number in ids]
        shown["created_at"] = _timestamp(person.created)
        shown["updated_at"] = _timestamp(person.updated)
        return shown

    # ---- inspection: see Inspected there

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        chosen = self._having(email) if email else list(self.people.values())
        return [
            {
                "id": one.id,
                "email_address": one.data.get("email", ""),
                "status": "",
                "tags": [self.workspace.labels[number] for number in one.labels],
                "lists": [self.workspace.lists[number] for number in one.lists],
                "label_ids": one.labels,
                "list_ids": one.lists,
                "fields": {name: value for name, value in one.data.items() if name != "email"},
                "ignored": one.ignored,
                "writes": one.writes,
                "created_at": _timestamp(one.created),
                "updated_at": _timestamp(one.updated),
            }
            for one in chosen[-last:]
        ]

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Adds contacts `{"email_address", "fields", "lists", "labels"}`; of those that are there, changes what is named.

        Lists and labels are named or numbered (`tags` are labels as well). No rule of the API holds: fields may be
        missing or break its rules, and `"another": true` adds one with an address that is there. Raises ValueError.
        """
        ready = [self._seedable(given) for given in contacts]
        for address, fields, many, another in ready:
            there = [] if another else self._having(address)
            if not there:
                person = self._add(
                    {"email": address, **fields}, many.get("lists", []), many.get("labels", [])
                )
                person.writes = 0
                continue
            person = there[0]
            lists, labels = (many.get(name, person.many(name)) for name in MANY)
            self._change(person, {**person.data, **fields}, lists, labels)
            person.writes -= 1
        return len(ready)

    def _seedable(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, list[int]], bool]:
        address, fields = given.get("email_address"), given.get("fields", {})
        if not isinstance(address, str) or not address:
            raise ValueError("A contact needs an email_address.")
        if unknown := [name for name in given if name not in SEEDED]:
            raise ValueError(f"A contact has no {unknown[0]!r}. It has: {', '.join(SEEDED)}.")
        known = {one.name for one in FIELDS} - {"email"}
        if unknown := [name for name in fields if name not in known]:
            raise ValueError(f"There is no field {unknown[0]!r}.")
        many: dict[str, list[int]] = {}
        for name in ("lists", "labels", "tags"):
            if name in given:
                of = "labels" if name == "tags" else name
                many[of] = [*many.get(of, []), *(self._number(of, one) for one in given[name])]
        return address, dict(fields), many, bool(given.get("another"))

    def _number(self, many: str, given: Any) -> int:
        known = self.workspace.names(many)
        ids = {name: number for number, name in known.items()}
        number = ids.get(given, given) if isinstance(given, str) else given
        if type(number) is not int or number not in known:
            raise ValueError(f"There is no {many[:-1]} {given!r}. There is: {', '.join(ids)}.")
        return number

    def delete(self, email: str) -> bool:
        there = self._having(email)
        if not there:
            return False
        person = there[0]
        self._forget_address(person)
        del self.people[person.id]
        return True


@lru_cache(maxsize=4096)
def _timestamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))  # inferred

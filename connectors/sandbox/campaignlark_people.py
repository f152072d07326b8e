"""Everybody in a CampaignLark workspace: their state, its indexes, and the automations that a change fires.

The endpoints build on `People`; what the inspection shows and does as if in the app is here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.answering import Answering
from connectors.sandbox.campaignlark_workspace import EMAIL, STATUSES, Workspace
from connectors.sandbox.inspection import timestamp

__all__ = ["People", "Person"]


@dataclass(slots=True)
class Person:
    """A contact as the workspace keeps it. Times are whole seconds since 1970; `touched` orders the writes."""

    id: str
    status: str
    tags: list[int]
    data: dict[str, Any]
    created: int
    updated: int
    touched: int
    writes: int = 1


class People(Answering):
    """The contacts by id (`people`, in the order of their creation) and by address, and what fired.

    Two versions tell a search whether what it found still holds: `_writes` counts every change, `_membership` those
    of who is there and with which status. `_twins` says that an address may have several contacts.
    """

    workspace: Workspace
    _serial = 0  # goes on over a reset, so that no id comes twice

    def _nobody(self) -> None:
        """As a new workspace begins."""
        self.people: dict[str, Person] = {}
        self._by_email: dict[str, Person] = {}
        self._twins = False
        self._writes = 0
        self._membership = 0

    def _index(self) -> None:
        """Anew, since how addresses are compared may have changed. The first of several with one address is found."""
        self._by_email = {}
        for person in self.people.values():
            if self._by_email.setdefault(self._key(person.data[EMAIL]), person) is not person:
                self._twins = True

    def _key(self, address: str) -> str:
        return address.lower() if self._switches["email_case"] == "insensitive" else address

    def _find(self, address: str) -> Person | None:
        return self._by_email.get(self._key(address))

    def _add(self, status: str, tags: list[int], data: dict[str, Any], *, fire: bool) -> Person:
        now = int(self._clock())
        self._serial += 1
        self._writes += 1
        self._membership += 1
        person = Person(f"{now:08x}5a2db0c10e{self._serial:06x}", status, tags, data, now, now, self._writes)
        self.people[person.id] = person
        if self._by_email.setdefault(self._key(data[EMAIL]), person) is not person:
            self._twins = True
        if fire and status == "UNCONFIRMED":
            self._fire("CONTACT_SUBSCRIBED_PENDING", person, {})
        return person

    def _change(
        self, person: Person, status: str, tags: list[int], data: dict[str, Any], *, fire: bool = True
    ) -> None:
        old_tags, old = person.tags, person.data
        self._writes += 1
        self._membership += status != person.status
        if old[EMAIL] != data[EMAIL]:
            self._forget_address(person)
            self._by_email.setdefault(self._key(data[EMAIL]), person)
        person.status, person.tags, person.data = status, tags, data
        person.updated, person.touched = int(self._clock()), self._writes
        person.writes += 1
        if not fire:
            return
        for tag in tags:
            if tag not in old_tags:
                self._fire("TAG_ADDED", person, {"tag_id": tag, "tag": self.workspace.tags[tag]["name"]})
        for tag in old_tags:
            if tag not in tags:
                self._fire("TAG_REMOVED", person, {"tag_id": tag, "tag": self.workspace.tags[tag]["name"]})
        if data is not old and data != old:
            for name in {**old, **data}:
                before, after = old.get(name), data.get(name)
                if before != after and self._watches(name):
                    self._fire("FIELD_UPDATED", person, {"merge_tag": name, "old": before, "new": after})

    def _remove(self, person: Person) -> None:
        self._forget_address(person)
        del self.people[person.id]
        self._writes += 1
        self._membership += 1

    def _forget_address(self, person: Person) -> None:
        key = self._key(person.data[EMAIL])
        if self._by_email.get(key) is person:
            del self._by_email[key]
            if self._twins:
                for other in self.people.values():
                    if other is not person and self._key(other.data[EMAIL]) == key:
                        self._by_email.setdefault(key, other)

    def _fire(self, name: str, person: Person, detail: dict[str, Any]) -> None:
        self.fired.fire(name, person.id, person.data[EMAIL], self._clock(), detail)

    def _shown(self, person: Person, *, opened: bool = False) -> dict[str, Any]:
        """The contact object; `opened` adds the two times that answers to create and upsert do not have."""
        tags = self.workspace.tags
        shown: dict[str, Any] = {
            "id": person.id,
            "status": person.status,
            "tags": [{"id": tag, "name": tags[tag]["name"]} for tag in person.tags],
            "data": person.data,
            "statistics": {"total_opens": 0, "total_clicks": 0, "total_bounces": 0, "total_delivered": 0},
        }
        if opened:
            shown["last_opened_at"] = shown["last_clicked_at"] = None
        shown["created_at"] = timestamp(person.created)
        shown["updated_at"] = timestamp(person.updated)
        return shown

    # ---- inspection: see Inspected there

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        chosen = list(self.people.values())[-last:]
        if email:
            chosen = [one for one in chosen if self._key(one.data[EMAIL]) == self._key(email)]
        return [
            {
                "id": one.id,
                "email_address": one.data[EMAIL],
                "status": one.status,
                "tags": [self.workspace.tags[tag]["name"] for tag in one.tags],
                "tag_ids": one.tags,
                "fields": {name: value for name, value in one.data.items() if name != EMAIL},
                "writes": one.writes,
                "created_at": timestamp(one.created),
                "updated_at": timestamp(one.updated),
            }
            for one in chosen
        ]

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Adds contacts; of those that are there, changes what is named (fields are merged). Nothing fires."""
        ids = {tag["name"]: number for number, tag in self.workspace.tags.items()}
        ready = []
        for given in contacts:
            address, status = given.get(EMAIL), given.get("status")
            if not isinstance(address, str) or not address:
                raise ValueError("A contact needs an email_address.")
            if status is not None and status not in STATUSES:
                raise ValueError(f"A status is one of {', '.join(STATUSES)}, not {status!r}.")
            tags = [ids.get(tag, tag) for tag in given.get("tags", [])]
            fields = given.get("fields", {})
            if unknown := [tag for tag in tags if tag not in self.workspace.tags]:
                raise ValueError(f"There is no tag {unknown[0]!r}. Tags are: {', '.join(ids)}.")
            if unknown := [name for name in fields if name not in self.workspace.fields]:
                raise ValueError(f"There is no field {unknown[0]!r}.")
            ready.append((address, status, tags if "tags" in given else None, fields))
        for address, status, chosen, fields in ready:
            person = self._find(address)
            if person is None:
                self._add(
                    status or "SUBSCRIBED", chosen or [], {EMAIL: address, **fields}, fire=False
                ).writes = 0
            else:
                values, kept = {**person.data, **fields}, person.tags if chosen is None else chosen
                self._change(person, status or person.status, kept, values, fire=False)
                person.writes -= 1
        return len(ready)

    def delete(self, email: str) -> bool:
        person = self._find(email)
        if person is not None:
            self._remove(person)
        return person is not None

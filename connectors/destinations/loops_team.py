"""A Loops team: its contact properties and mailing lists, and the contacts that are there. Reads only."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from connectors.answer import Answer, Meaning
from connectors.automations import starts, watched
from connectors.base import Known, Remembered, Rules, Started
from connectors.breaker import Breaker
from connectors.errors import LookUpRefused, Unreachable
from connectors.http import Turns, Wire
from connectors.patience import Patience
from connectors.traffic import Traffic
from mappings.engine.contact import Contact
from mappings.engine.schema import Field, Schema

__all__ = [
    "ADDED", "ADDED_TO_LIST", "CREATE", "DELETE", "EMAIL", "FIND", "SUBSCRIBED", "SUPPRESSION", "UPDATE", "UPDATED", "USER_ID",
    "Team", "id_of", "user_id_of", "written",
]  # fmt: skip

EMAIL, USER_ID, SUBSCRIBED = "email", "userId", "subscribed"
ADDED, UPDATED, ADDED_TO_LIST = "Contact added", "Contact updated", "Contact added to list"
"""The triggers of its workflows."""
FIND = "GET /contacts/find"
SUPPRESSION = "GET /contacts/suppression"
UPDATE = "PUT /contacts/update"
CREATE = "POST /contacts/create"
DELETE = "POST /contacts/delete"
_TYPES = {"number": "number", "boolean": "boolean", "date": "datetime"}
_LONGEST = 500
_NOT_WRITTEN = frozenset({"id", "subscribed", "mailingLists", "optInStatus", "notes", "createdAt"})
"""What a contact there has and no field of a mapping is. `notes` has no name in the API."""
_TAKEN = frozenset(
    {*_NOT_WRITTEN, "listId", "softDeleteAt", "teamId", "updatedAt", "eventName", "eventProperties"}
)
_OTHERWISE = "Call the property otherwise, there and here."
_RESERVED = dict.fromkeys(sorted(_TAKEN), _OTHERWISE) | {
    "subscribed": "Say under consent: whether people want mail; subscribed is sent only to who opts out.",
    "mailingLists": "Name the lists under lists:.",
    "optInStatus": "It is Loops' own answer to a form and cannot be written; leave it out.",
    "createdAt": "Loops says itself when a contact was created; make a date property of another name for yours.",
    "notes": "The API has no name for notes; make a property of another name for yours.",
    "id": "A contact's id is given by Loops; map your own to userId.",
}
_WATCHED = frozenset({SUBSCRIBED})
_REFUSES = frozenset({"tags", "create_tags", "create_lists", "replace", "unconfirmed"})
"""There are no tags; lists are made in the app; nothing replaces a contact; nobody is asked to confirm over the API."""
_STANDARD = (
    Field(EMAIL, "Email", "email", required=True, max_length=_LONGEST),
    Field(USER_ID, "User Id", "text", max_length=_LONGEST),
    Field("firstName", "First Name", "text", max_length=_LONGEST),
    Field("lastName", "Last Name", "text", max_length=_LONGEST),
    Field("source", "Source", "text", max_length=_LONGEST),
    Field("userGroup", "User Group", "text", max_length=_LONGEST),
)


class Team:
    """An account, as far as it can be read."""

    default_base_url = "https://app.loops.so/api/v1"
    per_second = 10.0
    mails_people = True
    deletes = True
    keys: tuple[str, ...] = (EMAIL, USER_ID)
    surveys = False
    tells_changes = False
    finds = True
    find_calls: tuple[str, ...] = (FIND,)
    opt_out_calls: tuple[str, ...] = (FIND, UPDATE)
    create_tag_calls: tuple[str, ...] = ()
    delete_calls: tuple[str, ...] = (FIND, DELETE)
    newcomers_have: tuple[str, ...] = ("source",)
    creation_starts = ADDED
    fresh_seconds = 300.0
    answers: Mapping[str, str] = {}
    """None of them changes what the client does: it relies on nothing that is not documented."""
    field_types: Mapping[str, str] = {
        "text": "string", "email": "string", "phone": "string", "url": "string", "country": "string", "choice": "string",
        "choices": "string", "integer": "number", "number": "number", "money": "number", "boolean": "boolean",
        "date": "date", "datetime": "date",
    }  # fmt: skip

    @staticmethod
    def name_problem(merge_tag: str) -> str:
        """Properties are in camelCase there, and some names are taken."""
        if merge_tag in _TAKEN:
            return "the name is taken by Loops itself"
        if re.fullmatch(r"[a-z][A-Za-z0-9]*", merge_tag):
            return ""
        return "a property's name is in camelCase there, such as favoriteColor"

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        turns: Turns,
        rules: Rules | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.rules = rules or Rules(key=EMAIL)
        self._wire = Wire(base_url, key, turns, patience=patience, window=1.0, health="/api-key")
        self._list_ids: dict[str, str] = {}
        self._list_names: dict[str, str] = {}
        self._dates: frozenset[str] = frozenset()

    @property
    def opt_out_automations(self) -> Started:
        return starts(UPDATED, watched(self.rules, [SUBSCRIBED]))

    @property
    def traffic(self) -> Traffic:
        return self._wire.traffic

    @property
    def breaker(self) -> Breaker:
        return self._wire.breaker

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    # what the account is

    async def read_schema(self) -> Schema:
        """The team's properties by API name; its lists by name, and by id where a mapping says that."""
        listed = await self._listed("/contacts/properties", {"list": "all"})
        standard = {known.name for known in _STANDARD}
        own = [entry for entry in listed if entry["key"] not in standard | _NOT_WRITTEN]
        lists = {str(entry["id"]): str(entry["name"]) for entry in await self._listed("/lists")}
        schema = Schema(
            fields=(*_STANDARD, *(_field(entry) for entry in own)),
            lists={**_by_name(lists), **{number: number for number in lists}},
            live=True,
            refuses=_REFUSES,
            reserved=_RESERVED,
            identities=Team.keys,
            watched=_WATCHED,
        )
        self.use(schema)
        return schema

    async def _listed(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        answer = await self._wire.ask("GET", path, params=params)
        if not answer.done or not isinstance(answer.body, list):
            raise Unreachable(
                f"{self._wire.base_url}{path} gave no list: {answer.detail}",
                "Check LOOPS_BASE_URL; it ends in /v1.",
            )
        return [entry for entry in answer.body if isinstance(entry, dict)]

    def use(self, schema: Schema) -> None:
        """Takes the properties and lists as known. Of lists with the same name all but the first go by their ids."""
        self._list_ids = {name: str(number) for name, number in schema.lists.items()}
        self._list_names = {number: number for number in self._list_ids.values()}
        self._list_names |= {number: name for name, number in self._list_ids.items() if name != number}
        self._dates = frozenset(known.name for known in schema.fields if known.type == "datetime")

    def _named(self, names: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
        """Lists by their names, also those that the mapping names by id; each once."""
        return tuple(dict.fromkeys(self._list_names.get(name, name) for name in names))

    @staticmethod
    def documented_schema() -> Schema:
        """The properties that every team has. Used where nobody can be asked."""
        return Schema(
            fields=_STANDARD,
            live=False,
            refuses=_REFUSES,
            reserved=_RESERVED,
            identities=Team.keys,
            watched=_WATCHED,
        )

    # what is there

    async def count(self) -> tuple[int, int]:
        """Raises Unreachable: no request of this API lists contacts."""
        raise Unreachable("Loops cannot list its contacts.", "They are looked up one by one.")

    async def survey(self) -> AsyncIterator[list[Known]]:
        """Raises Unreachable: no request of this API lists contacts."""
        await self.count()
        yield []

    async def survey_opted_out(self) -> AsyncIterator[list[Known]]:
        """Raises Unreachable, as above: who wants no mail is only found by asking for everybody who is known."""
        await self.count()
        yield []

    async def look_up(
        self, contact: Contact, remembered: Remembered | None, *, always: bool = False
    ) -> tuple[Known | None, Known | None]:
        """The contact under its key; and under its other id, or under the key that the person had before."""
        if not always and not self.asks(contact, remembered):
            return None, None
        known = await self.find(contact.key)
        second = await self.find_other(contact) if self.asks_other(contact, remembered) else None
        if remembered is not None and remembered.key not in ("", contact.key):
            before = await self.find(remembered.key)
            second = second or before
        return known, second

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:
        if not self.asks(contact, remembered):
            return ()
        moved = remembered is not None and remembered.key not in ("", contact.key)
        return (FIND,) * (1 + self.asks_other(contact, remembered) + moved)

    def asks(self, contact: Contact, remembered: Remembered | None) -> bool:
        """Whether this contact can only be sent rightly when it is known how it is there."""
        rules, texts = self.rules, contact.texts
        out = contact.opted_out
        if remembered is not None:
            out = out or remembered.opted_out
            if (remembered.suppressed or remembered.conflict) and not out:
                return False  # it is left alone anyway
            if remembered.texts is not None:
                return True
        needed = out or rules.lookup or rules.write != "merge" or rules.newcomers != "SUBSCRIBED"
        needed = needed or rules.key == USER_ID or bool(id_of(contact, USER_ID))
        needed = needed or bool(contact.lists or contact.lists_off)
        needed = needed or any(write == "if_empty" and tag in texts for tag, write in rules.writes.items())
        needed = needed or any(
            rule == "clear_ours" and tag not in texts for tag, rule in rules.blanks.items()
        )
        return needed or any(not texts.keys().isdisjoint(block) for block in rules.together)

    def asks_other(self, contact: Contact, remembered: Remembered | None) -> bool:
        """Whether the other id is asked for as well: not where both were delivered together before."""
        other = self.other_key
        value = id_of(contact, other)
        if not value:
            return False
        together = (
            remembered is not None
            and remembered.key == contact.key
            and (remembered.texts or {}).get(other) == value
        )
        return not together

    @property
    def other_key(self) -> str:
        return EMAIL if self.rules.key == USER_ID else USER_ID

    async def find(self, key: str) -> Known | None:
        """One contact by the mapping's key; None only where Loops says that there is none."""
        return await self.find_by(USER_ID if self.rules.key == USER_ID else EMAIL, key)

    async def find_other(self, contact: Contact) -> Known | None:
        """The contact that has the other id of this one."""
        return await self.find_by(self.other_key, id_of(contact, self.other_key))

    async def find_by(self, name: str, value: str) -> Known | None:
        """One contact by `email` or `userId`. Raises Unreachable, LookUpRefused."""
        answer = await self._wire.call("GET", "/contacts/find", params={name: value})
        if answer.meaning not in (Meaning.DONE, Meaning.REFUSED):
            raise Unreachable(f"A contact could not be looked up: {answer.detail}", "Start again later.")
        if answer.done and answer.body == []:
            return None
        found = _only(answer)
        if found is not None:
            known = self._known(found, time.time())
            theirs, ours = str(found.get(name) or ""), value
            if theirs == ours or (name == EMAIL and theirs.lower() == ours.lower()):
                return known
            said = "the answer was another contact's"
        else:
            said = "the answer holds no contact" if answer.done else answer.detail
        raise LookUpRefused(
            f"A contact could not be looked up: {said}", "Look for it in the destination's own app."
        )

    async def bounced_or_complained(self, known: Known) -> bool:
        """Whether Loops itself sends no more mail to a contact. Raises Unreachable, LookUpRefused."""
        answer = await self._wire.call("GET", "/contacts/suppression", params={EMAIL: written(known)})
        if answer.meaning not in (Meaning.DONE, Meaning.REFUSED):
            raise Unreachable(f"A contact could not be looked up: {answer.detail}", "Start again later.")
        told = answer.body.get("isSuppressed") if answer.done and isinstance(answer.body, dict) else None
        if not isinstance(told, bool):
            raise LookUpRefused(
                f"Whether a contact is on the suppression list could not be looked up: {answer.detail}",
                "Look for it in the destination's own app.",
            )
        return told

    def _known(self, contact: Mapping[str, Any], seen: float) -> Known:
        subscribed = contact.get("subscribed") is True
        lists = contact.get("mailingLists")
        inside = [number for number, member in lists.items() if member] if isinstance(lists, dict) else []
        key = contact.get(USER_ID) if self.rules.key == USER_ID else str(contact.get(EMAIL) or "").lower()
        return Known(
            contact_id=str(contact["id"]),
            key=str(key or ""),
            status="subscribed" if subscribed else "unsubscribed",
            opted_out=not subscribed,
            fields={
                name: _dated(value) if name in self._dates else value
                for name, value in contact.items()
                if name not in _NOT_WRITTEN
            },
            tags=frozenset(),
            seen=seen,
            lists=frozenset(self._named(inside)),
        )

    # what there is not

    def missing_tags(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002 - there are no tags
        return []

    async def create_tags(self, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, "Loops has no tags")


def written(known: Known) -> str:
    """The address of a contact as it is written there."""
    return str(known.fields.get(EMAIL) or "")


def user_id_of(known: Known) -> str:
    """The userId of a contact that is there; '' where it has none."""
    return str(known.fields.get(USER_ID) or "")


def id_of(contact: Contact, name: str) -> str:
    """What a row has as `email` or `userId`; '' where that is not mapped or blank."""
    return contact.texts.get(name, "")


def _only(answer: Answer) -> dict[str, Any] | None:
    body = answer.body
    if not answer.done or not isinstance(body, list) or len(body) != 1:
        return None
    [found] = body
    return found if isinstance(found, dict) and found.get("id") else None


def _field(entry: Mapping[str, Any]) -> Field:
    name = str(entry["key"])
    type_ = _TYPES.get(str(entry.get("type")), "text")
    return Field(
        name=name,
        label=str(entry.get("label") or name),
        type=type_,
        max_length=_LONGEST if type_ == "text" else None,
        form="rfc3339" if type_ == "datetime" else "",
    )


def _by_name(lists: Mapping[str, str]) -> dict[str, str]:
    """Ids by name; of several lists with the same name, the first one's."""
    found: dict[str, str] = {}
    for number, name in lists.items():
        found.setdefault(name, number)
    return found


def _dated(value: Any) -> Any:
    """A date as ISO 8601, also where it is shown in milliseconds since 1970."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{6,15}", str(value), re.ASCII):
        return value
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=int(value))).isoformat()

"""A Loops team as its owner set it up: contact properties and mailing lists, read from a JSON file; and dates.

Source: the pages that connectors.sandbox.loops names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from mappings.engine.schema import Schema

__all__ = [
    "DEFAULTS", "RESERVED", "TYPES", "WORKSPACE", "MailingList", "Property", "Workspace", "label_of", "milliseconds",
    "workspace_of",
]  # fmt: skip

TYPES = ("string", "number", "boolean", "date")
WORKSPACE = Path(__file__).with_name("loops_workspace.json")
RESERVED = ("id", "listId", "softDeleteAt", "teamId", "updatedAt")
"""Names that no custom property can have."""


@dataclass(slots=True)
class Property:
    """A contact property as `GET /contacts/properties` lists it."""

    key: str
    label: str
    type: str

    def fits(self, value: Any) -> bool:
        """Whether a value has the property's type."""
        match self.type:
            case "number":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "boolean":
                return isinstance(value, bool)
            case "date":
                return milliseconds(value) is not None
            case _:
                return isinstance(value, str)


DEFAULTS = {
    one.key: one
    for one in (
        Property("firstName", "First Name", "string"),
        Property("lastName", "Last Name", "string"),
        Property("email", "Email", "string"),
        Property("notes", "Notes", "string"),  # listed, and yet it has no API name: it cannot be written
        Property("source", "Source", "string"),
        Property("userGroup", "User Group", "string"),
        Property("userId", "User Id", "string"),
        Property("subscribed", "Subscribed", "boolean"),
        Property("createdAt", "Created At", "date"),
    )
}
"""The properties that every team has, in the order of the vendor's page."""


@dataclass(slots=True)
class MailingList:
    """A mailing list as `GET /lists` shows it."""

    id: str
    name: str
    description: str | None = None
    isPublic: bool = False  # noqa: N815 - the API's word


@dataclass(slots=True)
class Workspace:
    """The team's name, its custom properties by key, and its mailing lists by id."""

    team: str
    properties: dict[str, Property]
    lists: dict[str, MailingList]

    @classmethod
    def read(cls, path: Path) -> Workspace:
        """From a JSON file. Raises CannotStart."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            properties = [
                Property(one["key"], one.get("label", label_of(one["key"])), one["type"])
                for one in given["properties"]
            ]
            lists = [MailingList(**one) for one in given.get("lists", [])]
            team = str(given.get("team", "Sandbox"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CannotStart(
                f"The workspace {path} cannot be read: {error!r}.", f"It has the shape of {WORKSPACE}."
            ) from None
        for one in properties:
            if one.type not in TYPES:
                raise CannotStart(
                    f"The workspace {path} has a property of the type {one.type!r}.",
                    f"Types are: {', '.join(TYPES)}.",
                )
            if one.key in DEFAULTS or one.key in RESERVED:
                raise CannotStart(
                    f"The workspace {path} has a custom property {one.key!r}.", "That name is taken by Loops."
                )
        return cls(team, {one.key: one for one in properties}, {one.id: one for one in lists})

    def writable(self, key: str) -> Property | None:
        """The property that this key of a request sets, beside those that identify and subscribe a person."""
        return self.properties.get(key) or (DEFAULTS.get(key) if key in _WRITTEN else None)

    def list_id(self, name_or_id: str) -> str | None:
        """The id of the list with this name or id."""
        if name_or_id in self.lists:
            return name_or_id
        return next((one.id for one in self.lists.values() if one.name == name_or_id), None)


_WRITTEN = ("firstName", "lastName", "source", "userGroup", "createdAt")
_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, in milliseconds since 1970."""


def milliseconds(value: Any) -> int | None:
    """A date as Loops takes it, in milliseconds since 1970; None for anything else.

    That is a Unix timestamp in milliseconds, as a number or a text, or one of the documented formats from
    YYYY-MM-DD to YYYY-MM-DDTHH:MM:SS.sss, with T or a blank, with or without an offset (UTC where there is none).

    >>> milliseconds("1705486871000"), milliseconds("2024-01-17 11:21+01:00"), milliseconds("17/01/2024")
    (1705486871000, 1705486860000, None)
    """
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if _FIRST <= value <= _LAST else None
    if not isinstance(value, str):
        return None
    match = _DATE.fullmatch(value)
    if match is None or (match[4] and not match[3]):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


_CALLED = {"number": "number", "boolean": "boolean", "datetime": "date"}


def workspace_of(schema: Schema) -> dict[str, Any]:
    """The file of a team with an account's properties and lists. A list of which a schema has the id alone is called by it."""
    names = {str(number): name for name, number in reversed(schema.lists.items()) if name != str(number)}
    return {
        "team": "Rehearsal",
        "properties": [
            {"key": known.name, "label": known.label, "type": _CALLED.get(known.type, "string")}
            for known in schema.fields
            if known.name not in DEFAULTS and known.name not in RESERVED
        ],
        "lists": [
            {"id": number, "name": names.get(number, number)}
            for number in dict.fromkeys(map(str, schema.lists.values()))
        ],
    }


def label_of(key: str) -> str:
    """The label that a new property gets.

    >>> label_of("favoriteColor")
    'Favorite Color'
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return words[:1].upper() + words[1:]

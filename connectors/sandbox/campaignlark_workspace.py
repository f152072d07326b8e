"""A CampaignLark workspace as its owner set it up: fields, tags and segments, read from a JSON file.

Source: the pages that connectors.sandbox.campaignlark names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from connectors.base import Known
    from mappings.engine.schema import Schema

__all__ = [
    "EMAIL", "OLD_TYPES", "STATUSES", "TYPES", "WORKSPACE", "Field", "Workspace", "contact_of", "workspace_of",
]  # fmt: skip

STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED")
TYPES = ("TEXT", "NUMBER", "BOOLEAN", "DATE", "DROPDOWN_SINGLE", "DROPDOWN_MULTIPLE", "COUNTRY")
OLD_TYPES = {"BOOLEAN": "BOOL", "DROPDOWN_SINGLE": "MULTI", "DROPDOWN_MULTIPLE": "MULTI", "COUNTRY": "TEXT"}
EMAIL = "email_address"
WORKSPACE = Path(__file__).with_name("campaignlark_workspace.json")


@dataclass(slots=True)
class Field:
    """A field as `GET /fields` lists it."""

    id: int
    label: str
    merge_tag: str
    type: str
    definition: str | None = None
    default_value: Any = None
    order: int = 0
    immutable: bool = False
    required: bool = False

    def shown(self, *, old_types: bool) -> dict[str, Any]:
        kind = OLD_TYPES.get(self.type, self.type) if old_types else self.type
        return {
            "id": self.id,
            "label": self.label,
            "merge_tag": self.merge_tag,
            "type": kind,
            "definition": self.definition,
            "default_value": self.default_value,
            "order": self.order,
            "immutable": self.immutable,
            "required": self.required,
        }

    def fits(self, value: Any) -> bool:
        """Whether a value is what the type's name promises; how it has to be written is not documented."""
        options = [option.strip() for option in (self.definition or "").split(",")]
        match self.type:
            case "NUMBER":
                return not isinstance(value, bool) and bool(re.fullmatch(r"-?\d+(\.\d+)?", str(value)))
            case "BOOLEAN":
                return isinstance(value, bool) or value in ("true", "false")
            case "DATE":
                return isinstance(value, str) and _is_rfc_3339(value)
            case "DROPDOWN_SINGLE":
                return value in options
            case "DROPDOWN_MULTIPLE":
                chosen = value if isinstance(value, list) else str(value).split(",")
                return all(str(option).strip() in options for option in chosen)
            case _:
                return isinstance(value, str)


@dataclass(slots=True)
class Workspace:
    """The fields by merge tag, the tags by id, and the segments, of which only name and tags matter here."""

    fields: dict[str, Field]
    tags: dict[int, dict[str, Any]]
    segments: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Workspace:
        """From a JSON file. Raises CannotStart."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            fields = [
                Field(**({"id": number, "order": number} | one))
                for number, one in enumerate(given["fields"], start=1)
            ]
            tags = [
                {"id": number, "description": ""} | one
                for number, one in enumerate(given.get("tags", []), start=1)
            ]
            workspace = cls(
                {one.merge_tag: one for one in fields},
                {one["id"]: {name: one[name] for name in ("id", "name", "description")} for one in tags},
                given.get("segments", []),
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CannotStart(
                f"The workspace {path} cannot be read: {error!r}.", f"It has the shape of {WORKSPACE}."
            ) from None
        if EMAIL not in workspace.fields:
            raise CannotStart(f"The workspace {path} has no field {EMAIL}.", "Every workspace has one.")
        return workspace


_CALLED = {
    "number": "NUMBER", "boolean": "BOOLEAN", "datetime": "DATE", "choice": "DROPDOWN_SINGLE", "choices": "DROPDOWN_MULTIPLE",
    "country": "COUNTRY",
}  # fmt: skip


def workspace_of(schema: Schema) -> dict[str, Any]:
    """The file of a workspace with an account's fields and tags. Default values and segments, which a schema has not, are none."""
    return {
        "fields": [
            {
                "label": known.label,
                "merge_tag": known.name,
                "type": _CALLED.get(known.type, "TEXT"),
                "definition": ",".join(known.options) or None,
                "immutable": known.immutable,
                "required": known.required,
            }
            for known in schema.fields
        ],
        "tags": [{"id": int(tag_id), "name": name} for name, tag_id in schema.tags.items()],
    }


def contact_of(known: Known, schema: Schema) -> dict[str, Any]:
    """Somebody who is there, as `seed` takes them. A status that there is not counts as opted out."""
    fields = {name: value for name, value in known.fields.items() if schema.field(name) is not None}
    return {
        "email_address": fields.pop(EMAIL, known.key),
        "status": known.status if known.status in STATUSES else "UNSUBSCRIBED",
        "tags": sorted(known.tags & schema.tags.keys()),
        "fields": fields,
    }


def _is_rfc_3339(value: str) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return moment.tzinfo is not None and "T" in value.upper()

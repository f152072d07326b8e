"""The endpoints of a workspace's settings: its fields and its tags.

Source: the pages that connectors.sandbox.campaignlark names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.campaignlark_call import INFERRED, ApiError, Call, at, pages, whole
from connectors.sandbox.campaignlark_people import People
from connectors.sandbox.campaignlark_workspace import OLD_TYPES, TYPES, Field

__all__ = ["SettingsEndpoints"]


class SettingsEndpoints(People):
    """Lists and changes fields and tags. Every endpoint raises ApiError."""

    @at("GET /v1/fields", writes=False)
    def _list_fields(self, _: Call) -> tuple[int, Any]:
        old = self._switches["field_types"] == "old"
        return 200, [one.shown(old_types=old) for one in self.workspace.fields.values()]

    @at("POST /v1/fields")
    def _create_field(self, call: Call) -> tuple[int, Any]:
        fields, body = self.workspace.fields, call.body
        number = max(one.id for one in fields.values()) + 1
        new = Field(number, "", "", "TEXT", order=number)
        merge_tag = body.get("merge_tag")
        if (
            not isinstance(merge_tag, str)
            or not re.fullmatch("[a-z_]{2,16}", merge_tag)
            or merge_tag in fields
        ):
            raise ApiError(400, INFERRED["field"].format(name="merge_tag"))
        if body.get("type") not in TYPES:
            raise ApiError(400, INFERRED["field"].format(name="type"))
        new.merge_tag, new.type = merge_tag, body["type"]
        self._describe(new, {"label": "", "definition": "", **body})
        fields[merge_tag] = new
        return 201, new.shown(old_types=self._switches["field_types"] == "old")

    @at("PATCH /v1/fields/{id}")
    def _change_field(self, call: Call) -> tuple[int, Any]:
        found = next((one for one in self.workspace.fields.values() if str(one.id) == call.id), None)
        if found is None:
            raise ApiError(404, "We were unable to find the field.")
        if found.immutable:
            raise ApiError(400, "This field is immutable and cannot be updated.")
        old = self._switches["field_types"] == "old"
        if "type" in call.body and call.body["type"] not in (found.type, OLD_TYPES.get(found.type)):
            raise ApiError(400, "The type of the field cannot be changed.")
        self._describe(found, call.body)
        return 200, found.shown(old_types=old)

    def _describe(self, one: Field, body: Mapping[str, Any]) -> None:
        """Takes what may be said of a field after it exists; all of it is checked before any of it is taken."""
        taken = {other.label for other in self.workspace.fields.values() if other is not one}
        label = body.get("label", one.label)
        if not isinstance(label, str) or not 1 <= len(label) <= 32 or label in taken:
            raise ApiError(400, INFERRED["field"].format(name="label"))
        definition = body.get("definition", one.definition)
        options = [option.strip() for option in str(definition or "").split(",") if option.strip()]
        if one.type.startswith("DROPDOWN") and (len(options) < 2 or len(set(options)) < len(options)):
            raise ApiError(400, INFERRED["field"].format(name="definition"))
        one.label, one.definition = label, definition or None
        one.default_value = body.get("default_value", one.default_value)
        one.required = bool(body.get("required", one.required))

    @at("GET /v1/tags", writes=False)
    def _list_tags(self, call: Call) -> tuple[int, Any]:
        page, limit = whole(call.query, "page", 1, 1, 10**9), whole(call.query, "limit", 50, 1, 100)
        tags = list(self.workspace.tags.values())
        taken = tags[(page - 1) * limit : page * limit]
        return 200, {"tags": taken, "pagination": pages(page, limit, len(tags), old=False)}

    @at("POST /v1/tags")
    def _create_tag(self, call: Call) -> tuple[int, Any]:
        tags, name, description = (
            self.workspace.tags,
            call.body.get("name"),
            call.body.get("description") or "",
        )
        names = {tag["name"] for tag in tags.values()}
        if not isinstance(name, str) or not 1 <= len(name) <= 64 or name in names:
            raise ApiError(400, INFERRED["tag"].format(name="name"))
        if not isinstance(description, str) or len(description) > 96:
            raise ApiError(400, INFERRED["tag"].format(name="description"))
        number = max(tags, default=0) + 1
        tags[number] = {"id": number, "name": name, "description": description}
        return 201, tags[number]

    @at("DELETE /v1/tags/{id}")
    def _delete_tag(self, call: Call) -> tuple[int, Any]:
        number = int(call.id) if call.id.isdecimal() else 0
        if number not in self.workspace.tags:
            raise ApiError(404, INFERRED["no_tag"])
        using = [one["name"] for one in self.workspace.segments if number in one.get("tags", [])]
        if using:
            where = f"the '{using[0]}' segment" if len(using) == 1 else f"{len(using)} segments"
            raise ApiError(400, f"Cannot delete this tag because it is being used in {where}.")
        del self.workspace.tags[number]
        for person in self.people.values():
            if number in person.tags:
                person.tags.remove(number)
        self._writes += 1
        return 200, "The tag has been deleted successfully."

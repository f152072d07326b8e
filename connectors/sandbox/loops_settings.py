"""The endpoints of a team's settings and of the suppression list: key, properties, mailing lists, suppression.

Source: the pages that connectors.sandbox.loops names.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from connectors.sandbox.loops_call import INFERRED, ApiError, Call, at
from connectors.sandbox.loops_contacts import ContactEndpoints
from connectors.sandbox.loops_workspace import DEFAULTS, RESERVED, TYPES, Property, label_of

__all__ = ["SettingsEndpoints"]

THIRTY_DAYS = 30 * 24 * 3600
QUOTA = 100
"""Removals from the suppression list in 30 days; the number is inferred, the span is documented."""
ALSO_TAKEN = ("mailingLists", "optInStatus", "eventName", "eventProperties")
"""Keys with a meaning of their own in a request or an answer, which no property can have (inferred)."""


class SettingsEndpoints(ContactEndpoints):
    """What is not about one contact's values. Every endpoint raises ApiError."""

    @at("GET /api/v1/api-key", writes=False)
    def _api_key(self, _: Call) -> tuple[int, Any]:
        return 200, {"success": True, "teamName": self.workspace.team}

    @at("GET /api/v1/contacts/properties", writes=False)
    def _list_properties(self, call: Call) -> tuple[int, Any]:
        wanted = call.query.get("list", "all")
        if wanted not in ("all", "custom"):
            raise ApiError(400, INFERRED["list_query"])  # inferred
        standard = DEFAULTS.values() if wanted == "all" else ()
        return 200, [asdict(one) for one in (*standard, *self.workspace.properties.values())]

    @at("POST /api/v1/contacts/properties")
    def _create_property(self, call: Call) -> tuple[int, Any]:
        name, kind = call.body.get("name"), call.body.get("type")
        if not isinstance(name, str) or not re.fullmatch("[a-z][A-Za-z0-9]*", name):
            raise ApiError(400, INFERRED["name"])
        if kind not in TYPES:
            raise ApiError(400, INFERRED["type"])
        if name in RESERVED or name in ALSO_TAKEN:
            raise ApiError(400, INFERRED["reserved"].format(name=name))
        if name in DEFAULTS or name in self.workspace.properties:
            raise ApiError(400, "Property already exists.")
        self.workspace.properties[name] = Property(name, label_of(name), kind)
        return 200, {"success": True}

    @at("GET /api/v1/lists", writes=False)
    def _list_lists(self, _: Call) -> tuple[int, Any]:
        return 200, [asdict(one) for one in self.workspace.lists.values()]

    @at("GET /api/v1/contacts/suppression", writes=False)
    def _suppression(self, call: Call) -> tuple[int, Any]:
        person = self._somebody(call.query)
        return 200, {
            "contact": {"id": person.id, "email": person.email, "userId": person.user_id},
            "isSuppressed": self._key(person.email) in self.suppressed,
            "removalQuota": self._quota(),
        }

    @at("DELETE /api/v1/contacts/suppression")
    def _unsuppress(self, call: Call) -> tuple[int, Any]:
        person = self._somebody(call.query)
        if self._key(person.email) not in self.suppressed:
            raise ApiError(400, INFERRED["not_suppressed"])
        if self._quota()["remaining"] == 0:
            raise ApiError(400, INFERRED["quota"])  # inferred
        self.suppressed.discard(self._key(person.email))
        self.removals.append(self._clock())
        return 200, {
            "success": True,
            "message": "Email removed from suppression list.",
            "removalQuota": self._quota(),
        }

    def _quota(self) -> dict[str, int]:
        used = sum(at > self._clock() - THIRTY_DAYS for at in self.removals)
        return {"limit": QUOTA, "remaining": max(0, QUOTA - used)}

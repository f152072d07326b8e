"""A call to the CampaignLark sandbox: what its endpoint may look at, how the endpoint is found, and how it says no.

Source of the texts: the pages that connectors.sandbox.campaignlark names, except for those in `INFERRED`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.answering import Call, Endpoints, Refused, object_of
from connectors.sandbox.campaignlark_workspace import STATUSES
from connectors.sandbox.faults import JSON_TYPE, Answer

__all__ = [
    "ENDPOINTS", "INFERRED", "ApiError", "Call", "at", "body_of", "check_status", "envelope", "mapping", "pages",
    "whole",
]  # fmt: skip

INFERRED = {
    "taken": "A contact with that email address already exists.",
    "rate": "Too many requests. Please slow down.",
    "not_json": "The request body is not valid JSON.",
    "not_object": "The value of '{name}' is not valid.",
    "value": "The value of the field '{label}' is not valid.",
    "nothing_here": "The requested resource could not be found.",
    "server": "Something went wrong. Please try again.",
    "search": "The search parameter '{name}' is not valid.",
    "field": "The field's {name} is not valid or already in use.",
    "tag": "The tag's {name} is not valid or already in use.",
    "no_tag": "We were unable to find the tag.",
}
"""Texts that no page shows: a client must not rely on them."""


class ApiError(Refused):
    """The API says no: a status, the text of its error envelope, and headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = JSON_TYPE) -> None:
        super().__init__(Answer(status, envelope(message), headers))


ENDPOINTS = Endpoints()
at = ENDPOINTS.at


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request; no bytes are an empty one. Raises ApiError."""
    try:
        return object_of(raw)
    except ValueError:
        raise ApiError(400, INFERRED["not_json"]) from None


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object of this name in a body; empty when it is missing or null. Raises ApiError."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, INFERRED["not_object"].format(name=name))
    return value


def check_status(status: Any) -> None:
    """Raises ApiError for a status that is not one of `STATUSES`."""
    if status not in STATUSES:
        raise ApiError(400, "The status you provided is not valid.")


def whole(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`, also where it is written as text. Raises ApiError."""
    value = given.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise ApiError(400, INFERRED["search"].format(name=name))
    return value


def pages(page: int, limit: int, total: int, *, old: bool) -> dict[str, int]:
    """The pagination object; `old` as the switch search_pagination means it."""
    if old:
        return {"page": page, "limit": limit, "total": total}
    return {"current_page": page, "per_page": limit, "total_pages": -(-total // limit), "total_count": total}


def envelope(message: str) -> bytes:
    """The error envelope, as JSON: `{"error": {"message": text}}`."""
    return json.dumps({"error": {"message": message}}).encode()

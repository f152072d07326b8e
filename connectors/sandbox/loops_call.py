"""A call to the Loops sandbox: how it says no, and whom it is about.

Source of the texts: the pages that connectors.sandbox.loops names, except for those in `INFERRED`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.answering import Call, Endpoints, Refused, object_of
from connectors.sandbox.faults import Answer

__all__ = [
    "ENDPOINTS",
    "INFERRED",
    "LONGEST",
    "NOT_FOUND",
    "NO_KEY",
    "ApiError",
    "Call",
    "at",
    "body_of",
    "email_of",
    "envelope",
    "one_of",
    "user_id_of",
]  # fmt: skip

LONGEST = 500
NOT_FOUND = "Contact not found."
NO_KEY = "Invalid API key"
INFERRED = {
    "taken": "Email or userId is already on list.",
    "no_email": "Email is required.",
    "nobody": "An email or userId is required.",
    "one_of": "Provide either an email or a userId.",
    "user_id": "userId must be a non-empty string.",
    "two_contacts": "Email and userId belong to different contacts.",
    "subscribed": "subscribed must be a boolean.",
    "lists": "mailingLists must be an object of booleans.",
    "list": "Mailing list '{name}' not found.",
    "list_closed": "The contact cannot be added to the mailing list '{name}'.",
    "unknown": "Unknown contact property '{name}'.",
    "value": "The value of '{name}' is not a valid {type}.",
    "long": "The value of '{name}' is longer than 500 characters.",
    "name": "The property name must be in camelCase.",
    "reserved": "The property name '{name}' is reserved.",
    "type": "The property type is not valid.",
    "list_query": "The list parameter must be all or custom.",
    "not_suppressed": "Email is not on the suppression list.",
    "quota": "The suppression removal limit has been reached.",
    "not_json": "Invalid JSON body.",
    "method": "Method not allowed.",
    "nothing_here": "Not found.",
    "server": "Internal server error.",
}
"""Texts that no page shows, some with a status that none shows either: a client must not rely on them."""

ENDPOINTS = Endpoints()
at = ENDPOINTS.at


class ApiError(Refused):
    """The API says no: a status and the text of its error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(Answer(status, envelope(message)))


def envelope(message: str) -> bytes:
    """An error, as JSON: `{"success": false, "message": text}`; 401 says the text a second time, as `error`."""
    body = {"success": False, "message": message}
    return json.dumps(body | ({"error": message} if message == NO_KEY else {})).encode()


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request; no bytes are an empty one. Raises ApiError."""
    try:
        return object_of(raw)
    except ValueError:
        raise ApiError(400, INFERRED["not_json"]) from None  # inferred


def email_of(given: Mapping[str, Any]) -> str | None:
    """The address of a request, None where it is missing or null. Raises ApiError."""
    email = given.get("email")
    if email is None:  # inferred: an address cannot be emptied, so null is no address
        return None
    # inferred: what a valid address is; the text is documented
    if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise ApiError(400, "Invalid email address.")
    _check_length("email", email)
    return email


def user_id_of(given: Mapping[str, Any]) -> str | None:
    """The userId of a request, None where it is missing or null. Raises ApiError: it must be a string."""
    user_id = given.get("userId")
    if user_id is None:
        return None
    if not isinstance(user_id, str) or not user_id:  # inferred: an empty one is refused, too
        raise ApiError(400, INFERRED["user_id"])
    _check_length("userId", user_id)
    return user_id


def one_of(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The address or the userId, whichever is given; neither or both are refused. Raises ApiError."""
    email, user_id = given.get("email"), given.get("userId")
    if (email is None) == (user_id is None):
        raise ApiError(400, INFERRED["one_of"])
    # inferred: whom no address can be is simply not found
    return (None if email is None else str(email)), user_id_of(given)


def _check_length(name: str, text: str) -> None:
    if len(text) > LONGEST:
        raise ApiError(400, INFERRED["long"].format(name=name))

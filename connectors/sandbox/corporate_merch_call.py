"""A call to the Corporate Merch sandbox: what its endpoint may look at, and how the API says no.

No page shows the body of a refusal. What looks like a stock Laravel application is taken for one: every text and every
shape in this file is inferred, and a client must not rely on any of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox import answering
from connectors.sandbox.answering import Endpoints, object_of
from connectors.sandbox.faults import JSON_TYPE, Answer

__all__ = ["ENDPOINTS", "INFERRED", "TEXT_TYPE", "Call", "Refusal", "at", "body_of", "invalid", "whole"]

ENDPOINTS = Endpoints()
at = ENDPOINTS.at

TEXT_TYPE = {"Content-Type": "text/plain; charset=utf-8"}
INFERRED = {
    "door": "Unauthenticated.",
    "missing": "No query results for model [App\\Models\\Contact] {id}",
    "nothing_here": "The route {path} could not be found.",
    "verb": "The {method} method is not supported for route {path}. Supported methods: {allowed}.",
    "rate": "Too Many Attempts.",
    "server": "Server Error",
    "required": "The {name} field is required.",
    "without": "The {name} field is required when {other} is not present.",
    "string": "The {name} field must be a string.",
    "email": "The {name} field must be a valid email address.",
    "chosen": "The selected {name} is invalid.",
    "date": "The {name} field must match the format Y-m-d.",
    "boolean": "The {name} field must be true or false.",
    "array": "The {name} field must be an array.",
    "integer": "The {name} field must be an integer.",
    "taken": "The email has already been taken.",
    "unknown": "The {name} field is prohibited.",
    "address": "The address could not be validated.",
}
"""Texts that no page shows."""


class Refusal(Exception):  # noqa: N818 - it is what the API answers, not what went wrong here
    """The API says no: a status, its words, what is wrong by field, and headers."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors or {}
        self.headers = headers or {}

    def answer(self, shape: str) -> Answer:
        """As the switch `errors` says: laravel, message_only or plain."""
        if shape == "plain":
            lines = [text for texts in self.errors.values() for text in texts] or [self.message]
            return Answer(self.status, "\n".join(lines).encode(), {**TEXT_TYPE, **self.headers})
        body: dict[str, Any] = {"message": self.message}
        if self.errors and shape == "laravel":
            body["errors"] = self.errors
        return Answer(self.status, json.dumps(body).encode(), {**JSON_TYPE, **self.headers})


def invalid(errors: Mapping[str, list[str]]) -> Refusal:
    """422 with all that is wrong: the status is seen in public threads, its body is inferred."""
    texts = [text for several in errors.values() for text in several]
    more = len(texts) - 1
    rest = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return Refusal(422, texts[0] + rest, errors)


@dataclass(slots=True)
class Call(answering.Call):
    """A request that got past the door; `place` is its whole address without the query."""

    method: str
    path: str
    place: str


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request. Inferred: what is none counts as empty, so that its required fields are missing."""
    try:
        return object_of(raw)
    except ValueError:
        return {}


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number from 1 on. Raises Refusal: that a wrong one is 422 is inferred."""
    text = query.get(name, "") or str(default)
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise invalid({name: [INFERRED["integer"].format(name=name)]})
    return int(text)

"""A Loops team on this machine: the documented endpoints, texts and statuses, in memory.

Source: the update page that the project was started from (it wins), then the vendor's documentation and OpenAPI file.
Where both are silent, a switch decides; it is set by flag (`--two-contacts refuse`) or while it runs
(`/_sandbox/switches`). The first position is the default.

    switch                positions                        what is not documented
    two_contacts          email_wins userid_wins refuse    update: email and userId belong to two different contacts
    unknown_property      ignore refuse keep               a key that no property has; keep: creates the property
    wrong_value           refuse keep drop                 a value that is not of the property's type
    unknown_list          refuse ignore                    a mailing list id that is not there
    list_of_unsubscribed  ignore add refuse                adding somebody who unsubscribed to a list (it cannot be done)
    list_left             add ignore refuse                adding somebody again to a list that they left themselves
    list_already_in       quiet fires                      adding somebody to a list that they are in
    email_case            insensitive sensitive            how addresses are compared
    email_kept            as_sent lowercase                how an address is kept
    date_shown            iso as_sent milliseconds         how find shows a date
    unset_property        null absent                      how find shows a custom property that is not set
    rate_body             json empty text                  the body of a 429: {"success":false}, none, or not JSON
    retry_after           none header                      what goes with a 429

Beside them: `keys` (accepted API keys, comma-separated), `rate` (requests per second of the clock, 0: any number, and
then without the two headers), `tracked` (the properties that "Contact updated" watches, comma-separated, *: all) and, at
the start only, `workspace` (a file like loops_workspace.json: properties, lists).
Texts that no page shows are in `loops_call.INFERRED`; a client must not rely on them.

Workflows that a write starts are what the inspection calls automations: "Contact added", "Contact updated" (one for each
property that changed) and "Contact added to list" (again on each time somebody is added again). In its words a
contact's `tags` are the mailing lists it is in, and its `status` is SUBSCRIBED or UNSUBSCRIBED.

Here are the switches and the door; the serving is in answering. The endpoints are in loops_contacts and _settings, what
they share of a call in loops_call, and what they change in loops_people and _workspace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from connectors.sandbox.faults import JSON_TYPE, Answer
from connectors.sandbox.loops_call import ENDPOINTS, INFERRED, NO_KEY, ApiError, body_of, envelope
from connectors.sandbox.loops_people import STATUSES
from connectors.sandbox.loops_settings import SettingsEndpoints
from connectors.sandbox.loops_trial import TRIAL
from connectors.sandbox.loops_workspace import TYPES, WORKSPACE, Workspace, workspace_of

__all__ = ["STATUSES", "SWITCHES", "TRIAL", "TYPES", "WORKSPACE", "LoopsSandbox", "create", "workspace_of"]

SWITCHES: dict[str, tuple[str, ...]] = {
    "two_contacts": ("email_wins", "userid_wins", "refuse"),
    "unknown_property": ("ignore", "refuse", "keep"),
    "wrong_value": ("refuse", "keep", "drop"),
    "unknown_list": ("refuse", "ignore"),
    "list_of_unsubscribed": ("ignore", "add", "refuse"),
    "list_left": ("add", "ignore", "refuse"),
    "list_already_in": ("quiet", "fires"),
    "email_case": ("insensitive", "sensitive"),
    "email_kept": ("as_sent", "lowercase"),
    "date_shown": ("iso", "as_sent", "milliseconds"),
    "unset_property": ("null", "absent"),
    "rate_body": ("json", "empty", "text"),
    "retry_after": ("none", "header"),
}


class LoopsSandbox(SettingsEndpoints):
    """One team: its state, its endpoints, and `application()` to serve both. See `Answering` for its settings."""

    kind = "loops"
    title = "Loops"
    base_path = "/api/v1"
    endpoints = ENDPOINTS
    positions = SWITCHES
    workspace_file = WORKSPACE
    default_rate = 10
    others: ClassVar = {"tracked": "*"}

    def _begin(self) -> None:
        self.workspace = Workspace.read(self._workspace_path)
        self._nobody()

    def _switched(self) -> None:
        self._index()

    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        name = f"{method} {path}"
        return (name if name in ENDPOINTS.handlers else f"{method} (unknown)"), ""

    def _let_in(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or key.strip() not in self._keys:
            raise ApiError(401, NO_KEY)

    def _too_many(self, retry_after: str) -> Answer:
        told = retry_after or ("1" if self._switches["retry_after"] == "header" else "")
        match self._switches["rate_body"]:
            case "empty":
                answer = Answer(429, b"", {})
            case "text":
                answer = Answer(429, b"Too Many Requests", {"Content-Type": "text/plain; charset=utf-8"})
            case _:
                answer = Answer(429, json.dumps({"success": False}).encode(), JSON_TYPE)
        return replace(answer, headers={**answer.headers, "Retry-After": told}) if told else answer

    def _nothing_here(self, path: str) -> ApiError:
        """A wrong verb is 405; its text, and what a path that is not there gets, are inferred."""
        if any(name.partition(" ")[2] == path for name in ENDPOINTS.handlers):
            return ApiError(405, INFERRED["method"])
        return ApiError(404, INFERRED["nothing_here"])

    def _failed(self, status: int) -> Answer:
        return Answer(status, envelope(INFERRED["server"]))

    def _body(self, raw: bytes) -> dict[str, Any]:
        return body_of(raw)

    def _dressed(self, answer: Answer, now: float) -> Answer:
        if not self._rate:
            return answer
        left = 0 if answer.status == 429 else max(0, self._rate - self._window.so_far(now))
        limits = {"x-ratelimit-limit": str(self._rate), "x-ratelimit-remaining": str(left)}
        return replace(answer, headers={**answer.headers, **limits})

    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:  # noqa: ARG002 - no path has one
        try:
            body: Mapping[str, Any] = body_of(raw)
        except ApiError:
            body = {}
        given = body.get("email") or query.get("email")
        if given:
            return str(given)
        person = self._find(None, str(body.get("userId") or query.get("userId")))
        return "" if person is None else person.email


def create(settings: Mapping[str, str]) -> LoopsSandbox:
    """A new team with these switches, `keys`, `rate` and `workspace`. Raises CannotStart."""
    return LoopsSandbox(settings)

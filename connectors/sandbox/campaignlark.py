"""A CampaignLark workspace on this machine: the documented endpoints, texts and statuses, in memory.

Source: the three contact pages that the project was started from (they win), then the vendor's documentation.
Where both are silent, a switch decides; it is set by flag (`--email-case sensitive`) or while it runs
(`/_sandbox/switches`). The first position is the default.

    switch                     positions                      what is not documented
    put_changes_address        yes no                         PUT with another address: changes it, or 200 with the old one
    put_address_taken          refuse merge keep_old          … which somebody has: 400, swallows the other, or 200 with the old
    put_omitted_fields         keep clear                     PUT: fields that are not mentioned
    put_required               sent stored                    PUT: required fields must be sent, or may be there already
    email_case                 insensitive sensitive          how addresses are compared
    duplicate_create           refuse second_contact update   POST /contacts with an address that is there
    full_replace_without_tags  clear keep                     upsert, full replace, no `tags`
    partial_with_tags          replace union                  upsert, partial, with `tags`
    empty_value                clear keep                     "" or [] as a field's value
    null_value                 clear keep                     null as a field's value
    wrong_value                keep refuse drop               a value that does not fit the field's type
    unknown_tag                refuse ignore                  a tag id that is not there, in create, update and upsert
    search_without_filter      everybody nobody               POST /contacts/search with neither fields, tags nor status
    search_pagination          new old                        {current_page, per_page, …} or {page, limit, total}
    status_words               old new                        search says CLEANED or BOUNCED
    contact_shape              data fields                    search answers `data`, or `fields` and `score`, no `statistics`
    field_types                new old                        BOOLEAN, DROPDOWN_… and COUNTRY, or BOOL, MULTI and TEXT
    retry_after                none header                    what goes with a 429
    ip_allowed                 yes no                         (documented) no: 403 for everyone
    busy_refuses_contacts      no yes                         the fault validation_error also on writes of contacts

Beside them: `keys` (accepted API keys, comma-separated), `rate` (requests per second of the clock, 0: any
number) and, at the start only, `workspace` (a file like campaignlark_workspace.json: fields, tags, segments).
Texts that no page shows are in `campaignlark_call.INFERRED`; a client must not rely on them.

Here are the switches and the door; the serving is in answering, as every sandbox's. The endpoints are in
campaignlark_contacts, _search and _settings, what they share of a call in campaignlark_call, and what they change in
campaignlark_people and _workspace.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from aiohttp import web

from connectors.sandbox.answering import Answering
from connectors.sandbox.campaignlark_call import HANDLERS, INFERRED, WRITES, ApiError, Call, body_of, envelope
from connectors.sandbox.campaignlark_contacts import ContactEndpoints
from connectors.sandbox.campaignlark_search import SearchEndpoint
from connectors.sandbox.campaignlark_settings import SettingsEndpoints
from connectors.sandbox.campaignlark_workspace import EMAIL, STATUSES, TYPES, WORKSPACE, Workspace
from connectors.sandbox.faults import JSON_TYPE, Answer

__all__ = ["STATUSES", "SWITCHES", "TYPES", "WORKSPACE", "CampaignLarkSandbox", "create"]

SWITCHES: dict[str, tuple[str, ...]] = {
    "put_changes_address": ("yes", "no"),
    "put_address_taken": ("refuse", "merge", "keep_old"),
    "put_omitted_fields": ("keep", "clear"),
    "put_required": ("sent", "stored"),
    "email_case": ("insensitive", "sensitive"),
    "duplicate_create": ("refuse", "second_contact", "update"),
    "full_replace_without_tags": ("clear", "keep"),
    "partial_with_tags": ("replace", "union"),
    "empty_value": ("clear", "keep"),
    "null_value": ("clear", "keep"),
    "wrong_value": ("keep", "refuse", "drop"),
    "unknown_tag": ("refuse", "ignore"),
    "search_without_filter": ("everybody", "nobody"),
    "search_pagination": ("new", "old"),
    "status_words": ("old", "new"),
    "contact_shape": ("data", "fields"),
    "field_types": ("new", "old"),
    "retry_after": ("none", "header"),
    "ip_allowed": ("yes", "no"),
    "busy_refuses_contacts": ("no", "yes"),
}
BUSY = "Validation error"


class CampaignLarkSandbox(ContactEndpoints, SearchEndpoint, SettingsEndpoints, Answering):
    """One workspace: its state, its endpoints, and `application()` to serve both.

    `settings` are the switches, `keys`, `rate` and `workspace`, as text. `clock` gives seconds since 1970.
    Raises CannotStart for a setting that does not exist or cannot be.
    """

    kind = "campaignlark"
    title = "CampaignLark"
    base_path = "/v1"
    positions = SWITCHES
    others: ClassVar = {"keys": "sandbox-key", "rate": "100"}
    workspace_file = WORKSPACE

    def __init__(
        self, settings: Mapping[str, str] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(settings, clock)

    def _begin(self) -> None:
        self.workspace = Workspace.read(self._workspace_file)
        self._nobody()
        self._found = {}
        self._window = (0, 0)

    def _check_setting(self, name: str, value: str) -> None:
        if name == "rate" and not value.isdecimal():
            raise ValueError(f"rate is a whole number of requests per second, 0 for any, not {value!r}.")

    def _switched(self) -> None:
        self._rate = int(self._switches["rate"])
        self._index()
        self._found.clear()

    # ---- serving: see Answering

    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        return _endpoint(method, path)

    def _writes_something(self, endpoint: str) -> bool:
        return endpoint in WRITES

    def _refusal(self, kind: str, retry_after: str) -> Answer:
        if kind == "429":
            headers = {**JSON_TYPE, "Retry-After": retry_after} if retry_after else JSON_TYPE
            return Answer(429, envelope(INFERRED["rate"]), headers)
        if kind == "validation_error":
            return Answer(400, envelope(BUSY))
        return Answer(int(kind), envelope(INFERRED["server"]))

    def _answer(self, request: web.Request, endpoint: str, contact_id: str, raw: bytes, now: float) -> Answer:
        try:
            self._let_in(request.headers.get("Authorization", ""))
            self._keep_the_rate(now)
            handler = HANDLERS.get(endpoint, _nothing_here)
            status, data = handler(self, Call(contact_id, request.query, body_of(raw)))
        except ApiError as error:
            return error.answer
        return Answer(status, json.dumps({"data": data}).encode())

    def _let_in(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ApiError(401, "Please provide a valid API key in the Authorization header.")
        if key.strip() not in self._keys:
            raise ApiError(401, "The API key you provided is invalid or has been revoked.")
        if self._switches["ip_allowed"] == "no":
            raise ApiError(403, "Your IP address is not authorized to use this API key.")

    def _keep_the_rate(self, now: float) -> None:
        second, count = self._window
        count = count + 1 if second == int(now) else 1
        self._window = (int(now), count)
        if 0 < self._rate < count:
            told = self._switches["retry_after"] == "header"
            raise ApiError(429, INFERRED["rate"], {**JSON_TYPE, "Retry-After": "1"} if told else JSON_TYPE)

    def _may_be_busy(self, endpoint: str, raw: bytes) -> bool:  # noqa: ARG002 - the endpoint says it here
        if "/contacts" in endpoint:
            return endpoint in WRITES and self._switches["busy_refuses_contacts"] == "yes"
        return endpoint in WRITES

    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:
        if contact_id in self.people:
            return str(self.people[contact_id].data[EMAIL])
        try:
            body = body_of(raw)
        except ApiError:
            body = {}
        fields = body.get("fields")
        inner = fields.get(EMAIL) if isinstance(fields, dict) else None
        return str(body.get(EMAIL) or inner or query.get("email") or "")


def create(settings: Mapping[str, str]) -> CampaignLarkSandbox:
    """A new workspace with these switches, `keys`, `rate` and `workspace`. Raises CannotStart."""
    return CampaignLarkSandbox(settings)


WITH_ID = re.compile(r"/v1/(contacts|fields|tags)(?:/([^/]*))?(/tags/(?:add|remove))?")


def _endpoint(method: str, path: str) -> tuple[str, str]:
    """The endpoint's name, as it is counted, and the id in the path; a missing id is an empty one."""
    name = f"{method} {path}"
    if name in HANDLERS:
        return name, ""
    match = WITH_ID.fullmatch(path)
    if match:
        name = f"{method} /v1/{match[1]}/{{id}}{match[3] or ''}"
        if name in HANDLERS:
            return name, match[2] or ""
    return f"{method} (unknown)", ""


def _nothing_here(_: Any, __: Call) -> tuple[int, Any]:
    raise ApiError(404, INFERRED["nothing_here"])

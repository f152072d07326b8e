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
number), `tracked` (the merge tags that FIELD_UPDATED automations watch, comma-separated, *: all) and, at the start
only, `workspace` (a file like campaignlark_workspace.json: fields, tags, segments).
Texts that no page shows are in `campaignlark_call.INFERRED`; a client must not rely on them.

Here are the switches and the door; the serving is in answering. The endpoints are in campaignlark_contacts, _search and _settings,
what they share of a call in campaignlark_call, and what they change in campaignlark_people and _workspace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.sandbox.campaignlark_call import ENDPOINTS, INFERRED, ApiError, body_of, envelope
from connectors.sandbox.campaignlark_contacts import ContactEndpoints
from connectors.sandbox.campaignlark_search import SearchEndpoint
from connectors.sandbox.campaignlark_settings import SettingsEndpoints
from connectors.sandbox.campaignlark_trial import TRIAL
from connectors.sandbox.campaignlark_workspace import (
    EMAIL,
    STATUSES,
    TYPES,
    WORKSPACE,
    Workspace,
    contact_of,
    workspace_of,
)
from connectors.sandbox.faults import JSON_TYPE, Answer

__all__ = [
    "STATUSES", "SWITCHES", "TRIAL", "TYPES", "WORKSPACE", "CampaignLarkSandbox", "contact_of", "create", "workspace_of",
]  # fmt: skip

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


class CampaignLarkSandbox(ContactEndpoints, SearchEndpoint, SettingsEndpoints):
    """One workspace: its state, its endpoints, and `application()` to serve both. See `Answering` for its settings."""

    kind = "campaignlark"
    title = "CampaignLark"
    base_path = "/v1"
    endpoints = ENDPOINTS
    positions = SWITCHES
    workspace_file = WORKSPACE
    default_rate = 100
    others: ClassVar = {"tracked": "*"}

    def _begin(self) -> None:
        self.workspace = Workspace.read(self._workspace_path)
        self._nobody()
        self._found = {}

    def _switched(self) -> None:
        self._index()
        self._found.clear()

    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        return _endpoint(method, path)

    def _let_in(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ApiError(401, "Please provide a valid API key in the Authorization header.")
        if key.strip() not in self._keys:
            raise ApiError(401, "The API key you provided is invalid or has been revoked.")
        if self._switches["ip_allowed"] == "no":
            raise ApiError(403, "Your IP address is not authorized to use this API key.")

    def _too_many(self, retry_after: str) -> Answer:
        told = retry_after or ("1" if self._switches["retry_after"] == "header" else "")
        return Answer(
            429, envelope(INFERRED["rate"]), {**JSON_TYPE, "Retry-After": told} if told else JSON_TYPE
        )

    def _nothing_here(self, path: str) -> ApiError:  # noqa: ARG002 - the same for all
        return ApiError(404, INFERRED["nothing_here"])

    def _failed(self, status: int) -> Answer:
        return Answer(status, envelope(INFERRED["server"]))

    def _busy(self) -> Answer:
        return Answer(400, envelope(BUSY))

    def _body(self, raw: bytes) -> dict[str, Any]:
        return body_of(raw)

    def _envelope(self, shown: Any) -> Any:
        return {"data": shown}

    def _may_be_busy(self, endpoint: str, raw: bytes) -> bool:  # noqa: ARG002 - the endpoint says it here
        if "/contacts" in endpoint:
            return endpoint in ENDPOINTS.writes and self._switches["busy_refuses_contacts"] == "yes"
        return endpoint in ENDPOINTS.writes

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
    if name in ENDPOINTS.handlers:
        return name, ""
    match = WITH_ID.fullmatch(path)
    if match:
        name = f"{method} /v1/{match[1]}/{{id}}{match[3] or ''}"
        if name in ENDPOINTS.handlers:
            return name, match[2] or ""
    return f"{method} (unknown)", ""

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

Here are the switches, the door and the serving. The endpoints are in campaignlark_contacts, _search and _settings,
what they share of a call in campaignlark_call, and what they change in campaignlark_people and _workspace.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.errors import CannotStart
from connectors.sandbox.campaignlark_call import HANDLERS, INFERRED, WRITES, ApiError, Call, body_of, envelope
from connectors.sandbox.campaignlark_contacts import ContactEndpoints
from connectors.sandbox.campaignlark_search import SearchEndpoint
from connectors.sandbox.campaignlark_settings import SettingsEndpoints
from connectors.sandbox.campaignlark_workspace import EMAIL, STATUSES, TYPES, WORKSPACE, Workspace
from connectors.sandbox.faults import JSON_TYPE, Answer, Faults, deliver
from connectors.sandbox.inspection import Traffic, add_inspection

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


class CampaignLarkSandbox(ContactEndpoints, SearchEndpoint, SettingsEndpoints):
    """One workspace: its state, its endpoints, and `application()` to serve both.

    `settings` are the switches, `keys`, `rate` and `workspace`, as text. `clock` gives seconds since 1970.
    Raises CannotStart for a setting that does not exist or cannot be.
    """

    kind = "campaignlark"
    base_path = "/v1"

    def __init__(
        self, settings: Mapping[str, str] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = dict(settings or {})
        self._clock = clock
        self._workspace_file = Path(self._settings.pop("workspace", "") or WORKSPACE)
        self.faults = Faults()
        try:
            self._start()
        except ValueError as error:
            raise CannotStart(str(error)) from None

    def _start(self) -> None:
        self._switches = {name: positions[0] for name, positions in SWITCHES.items()}
        self._switches |= {"keys": "sandbox-key", "rate": "100"}
        self.workspace = Workspace.read(self._workspace_file)
        self.traffic = Traffic()
        self._nobody()
        self._found = {}
        self._window = (0, 0)
        self.switch(self._settings)

    # ---- serving

    def application(self) -> web.Application:
        """The API under `/v1` and the inspection under `/_sandbox`, ready for an `AppRunner`."""
        app = web.Application(client_max_size=1 << 28)
        add_inspection(app, self)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        now = self._clock()
        self.traffic.arrived(now)
        raw = await request.read()
        endpoint, contact_id = _endpoint(request.method, request.path)
        rule = None
        if self.faults.rules:
            rule = self.faults.strike(
                request.method,
                request.path,
                lambda: self._address(contact_id, request.query, raw),
                busy_possible=self._may_be_busy(endpoint),
            )
        if rule is None or rule.applied:
            answer = self._answer(request, endpoint, contact_id, raw, now)
            applied = answer
        else:
            applied = None
            answer = Answer(200, b"")
        if rule is not None:
            self.traffic.faults[rule.kind] += 1
            answer = self._spoiled(rule.kind, rule.retry_after, answer)
        reset = rule is not None and rule.kind.startswith("reset_")
        self.traffic.answered(endpoint, "reset" if reset else str(answer.status))
        if applied is not None and applied.status < 300 and endpoint in WRITES:
            self.traffic.applied[endpoint] += 1
        await self.faults.pause()
        return await deliver(request, answer, rule)

    def _spoiled(self, kind: str, retry_after: str, answer: Answer) -> Answer:
        if kind == "429":
            headers = {**JSON_TYPE, "Retry-After": retry_after} if retry_after else JSON_TYPE
            return Answer(429, envelope(INFERRED["rate"]), headers)
        if kind in ("500", "502", "503"):
            return Answer(int(kind), envelope(INFERRED["server"]))
        if kind == "validation_error":
            return Answer(400, envelope(BUSY))
        if kind.startswith("non_json"):
            return Answer(502 if kind.endswith("502") else 200, b"")
        return answer

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

    def _may_be_busy(self, endpoint: str) -> bool:
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

    # ---- inspection: the rest of Inspected is in People

    def switches(self) -> dict[str, str]:
        return dict(self._switches)

    def switch(self, changes: Mapping[str, str]) -> None:
        for name, value in changes.items():
            if name not in self._switches:
                known = ", ".join(sorted(self._switches))
                raise ValueError(f"CampaignLark's sandbox has no setting {name!r}. It has: {known}.")
            if name in SWITCHES and value not in SWITCHES[name]:
                raise ValueError(f"{name} is one of {', '.join(SWITCHES[name])}, not {value!r}.")
            if name == "rate" and not value.isdecimal():
                raise ValueError(f"rate is a whole number of requests per second, 0 for any, not {value!r}.")
        self._switches |= changes
        self._rate = int(self._switches["rate"])
        self._keys = frozenset(key.strip() for key in self._switches["keys"].split(",") if key.strip())
        self._index()
        self._found.clear()

    def reset(self) -> None:
        self._start()
        self.faults.reset()


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

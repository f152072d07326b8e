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
Texts that no page shows are in `INFERRED`; a client must not rely on them.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.errors import CannotStart
from connectors.sandbox.faults import JSON_TYPE, Answer, Faults, deliver
from connectors.sandbox.inspection import Traffic, add_inspection

__all__ = ["STATUSES", "SWITCHES", "CampaignLarkSandbox", "create"]

STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED")
TYPES = ("TEXT", "NUMBER", "BOOLEAN", "DATE", "DROPDOWN_SINGLE", "DROPDOWN_MULTIPLE", "COUNTRY")
OLD_TYPES = {"BOOLEAN": "BOOL", "DROPDOWN_SINGLE": "MULTI", "DROPDOWN_MULTIPLE": "MULTI", "COUNTRY": "TEXT"}
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
BUSY = "Validation error"
EMAIL = "email_address"
WORKSPACE = Path(__file__).with_name("campaignlark_workspace.json")
CACHED_SEARCHES = 16


class ApiError(Exception):
    """The API says no: a status, the text of its error envelope, and headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = JSON_TYPE) -> None:
        super().__init__(message)
        self.answer = Answer(status, _error(message), headers)


@dataclass(slots=True)
class Person:
    """A contact as the workspace keeps it. Times are whole seconds since 1970; `touched` orders the writes."""

    id: str
    status: str
    tags: list[int]
    data: dict[str, Any]
    created: int
    updated: int
    touched: int
    writes: int = 1


@dataclass(slots=True)
class Call:
    """A request that got past the door: what its handler may look at."""

    id: str
    query: Mapping[str, str]
    body: dict[str, Any]


Handler = Callable[[Any, Call], tuple[int, Any]]
HANDLERS: dict[str, Handler] = {}
WRITES: set[str] = set()


def _at(endpoint: str, *, writes: bool = True) -> Callable[[Handler], Handler]:
    """Marks the method that answers an endpoint, and says whether a 2xx of it has changed something."""

    def mark(handler: Handler) -> Handler:
        HANDLERS[endpoint] = handler
        if writes:
            WRITES.add(endpoint)
        return handler

    return mark


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


class CampaignLarkSandbox:
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
        self._serial = 0
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
        self.people: dict[str, Person] = {}
        self._by_email: dict[str, Person] = {}
        self._twins = False
        self._events: list[dict[str, Any]] = []
        self._fired: Counter[str] = Counter()
        self._writes = 0
        self._membership = 0
        self._found: dict[str, tuple[int, list[Person]]] = {}
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
            return Answer(429, _error(INFERRED["rate"]), headers)
        if kind in ("500", "502", "503"):
            return Answer(int(kind), _error(INFERRED["server"]))
        if kind == "validation_error":
            return Answer(400, _error(BUSY))
        if kind.startswith("non_json"):
            return Answer(502 if kind.endswith("502") else 200, b"")
        return answer

    def _answer(self, request: web.Request, endpoint: str, contact_id: str, raw: bytes, now: float) -> Answer:
        try:
            self._let_in(request.headers.get("Authorization", ""))
            self._keep_the_rate(now)
            handler = HANDLERS.get(endpoint, _nothing_here)
            status, data = handler(self, Call(contact_id, request.query, _body(raw)))
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
            body = _body(raw)
        except ApiError:
            body = {}
        fields = body.get("fields")
        inner = fields.get(EMAIL) if isinstance(fields, dict) else None
        return str(body.get(EMAIL) or inner or query.get("email") or "")

    # ---- contacts

    @_at("POST /v1/contacts")
    def _create(self, call: Call) -> tuple[int, Any]:
        fields, status = _mapping(call.body, "fields"), call.body.get("status")
        if not fields:
            raise ApiError(400, "Please provide at least one field for the contact.")
        if not status:
            raise ApiError(400, "Contact status is required.")
        _check_status(status)
        address = fields.get(EMAIL)
        if not isinstance(address, str) or not address.strip():
            raise ApiError(400, "An email address is required.")
        self._check_required(fields)
        self._check_merge_tags(fields)
        tags = self._tags_sent(call.body.get("tags"))
        values = self._values(fields, old={}, base={})
        there = self._find(address)
        if there is not None and self._switches["duplicate_create"] == "refuse":
            raise ApiError(400, INFERRED["taken"])
        if there is not None and self._switches["duplicate_create"] == "update":
            values = self._values(fields, old=there.data, base=there.data)
            self._change(there, status, there.tags if tags is None else tags, values)
            return 201, self._shown(there)
        return 201, self._shown(self._add(status, tags or [], values, fire=True))

    @_at("PUT /v1/contacts/{id}")
    def _update(self, call: Call) -> tuple[int, Any]:
        if not call.id:
            raise ApiError(400, "The contact ID you provided is not valid.")
        fields, status = _mapping(call.body, "fields"), call.body.get("status")
        if not fields:
            raise ApiError(400, "Please provide at least one field to update.")
        if not status:
            raise ApiError(400, "Please provide a status.")
        _check_status(status)
        self._check_merge_tags(fields)
        person = self._by_id(call.id)
        required = fields if self._switches["put_required"] == "sent" else {**person.data, **fields}
        self._check_required(required)
        tags = self._tags_sent(call.body.get("tags"))
        base = person.data if self._switches["put_omitted_fields"] == "keep" else {}
        values = self._values(fields, old=person.data, base=base)
        values[EMAIL] = self._address_after_put(person, values.get(EMAIL))
        self._change(person, status, person.tags if tags is None else tags, values)
        return 200, self._shown(person, opened=True)

    def _address_after_put(self, person: Person, wanted: Any) -> Any:
        """Which address a PUT leaves behind. Raises ApiError when the wanted one is taken."""
        kept = person.data[EMAIL]
        if not isinstance(wanted, str) or self._switches["put_changes_address"] == "no":
            return kept
        other = self._find(wanted)
        if other is None or other is person:
            return wanted
        match self._switches["put_address_taken"]:
            case "refuse":
                raise ApiError(400, INFERRED["taken"])
            case "keep_old":
                return kept
        self._remove(other)
        return wanted

    @_at("POST /v1/contacts/upsert")
    def _upsert(self, call: Call) -> tuple[int, Any]:
        address, status = call.body.get(EMAIL), call.body.get("status")
        if not isinstance(address, str) or not address.strip():
            raise ApiError(400, "Email address is required for upsert operation.")
        fields = {**_mapping(call.body, "fields"), EMAIL: address}
        self._check_merge_tags(fields)
        if status:
            _check_status(status)
        person = self._find(address)
        partial = person is not None and call.body.get("partial_update") is True
        if not partial:
            self._check_required(fields)
        tags = self._tags_sent(call.body.get("tags"))
        if person is None:
            values = self._values(fields, old={}, base={})
            return 200, self._shown(self._add(status or "SUBSCRIBED", tags or [], values, fire=True))
        values = self._values(fields, old=person.data, base=person.data if partial else {})
        if tags is None:
            cleared = not partial and self._switches["full_replace_without_tags"] == "clear"
            tags = [] if cleared else person.tags
        elif partial and self._switches["partial_with_tags"] == "union":
            tags = [*person.tags, *(tag for tag in tags if tag not in person.tags)]
        self._change(person, status or (person.status if partial else "SUBSCRIBED"), tags, values)
        return 200, self._shown(person)

    @_at("GET /v1/contacts/by-email", writes=False)
    def _by_email_address(self, call: Call) -> tuple[int, Any]:
        address = call.query.get("email", "")
        if "@" not in address:
            raise ApiError(400, "Email address is required. Please provide a valid email address.")
        person = self._find(address)
        if person is None:
            raise ApiError(404, "We couldn't find a contact with that email address.")
        return 200, self._shown(person, opened=True)

    @_at("POST /v1/contacts/{id}/tags/add")
    def _tags_add(self, call: Call) -> tuple[int, Any]:
        person, tags = self._contact_and_tags(call)
        return self._retag(person, [*person.tags, *(tag for tag in tags if tag not in person.tags)])

    @_at("POST /v1/contacts/{id}/tags/remove")
    def _tags_remove(self, call: Call) -> tuple[int, Any]:
        person, tags = self._contact_and_tags(call)
        return self._retag(person, [tag for tag in person.tags if tag not in tags])

    def _contact_and_tags(self, call: Call) -> tuple[Person, list[int]]:
        if not call.id:
            raise ApiError(400, "The contact ID you provided is not valid.")
        given = call.body.get("tag_ids")
        if not isinstance(given, list) or not given:
            raise ApiError(400, "Please provide at least one tag ID to add or remove.")
        return self._by_id(call.id), self._known_tags(given, strict=True)

    def _retag(self, person: Person, tags: list[int]) -> tuple[int, Any]:
        if tags != person.tags:
            self._change(person, person.status, tags, person.data)
        return 200, self._shown(person, opened=True)

    # ---- search

    @_at("POST /v1/contacts/search", writes=False)
    def _search(self, call: Call) -> tuple[int, Any]:
        page, limit = _whole(call.body, "page", 1, 1, 10**9), _whole(call.body, "limit", 50, 10, 250)
        sort_by, order = call.body.get("sort_by", "created_at"), call.body.get("sort_order", "asc")
        if sort_by not in ("created_at", "updated_at"):
            raise ApiError(400, INFERRED["search"].format(name="sort_by"))
        if order not in ("asc", "desc"):
            raise ApiError(400, INFERRED["search"].format(name="sort_order"))
        found = self._matching(call.body, sort_by)
        total, start = len(found), (page - 1) * limit
        if order == "desc":
            taken = found[max(0, total - start - limit) : max(0, total - start)][::-1]
        else:
            taken = found[start : start + limit]
        pagination = _pages(page, limit, total, old=self._switches["search_pagination"] == "old")
        return 200, {"contacts": [self._shown_in_search(one) for one in taken], "pagination": pagination}

    def _matching(self, body: Mapping[str, Any], sort_by: str) -> list[Person]:
        """Everybody the filters leave, in ascending order; kept until a write could change it."""
        status, tags, fields = body.get("status"), body.get("tags") or [], body.get("fields") or []
        if status and status not in (
            *STATUSES,
            *(["BOUNCED"] if self._switches["status_words"] == "new" else []),
        ):
            raise ApiError(400, "The status you provided is not valid.")
        if not isinstance(tags, list) or not isinstance(fields, list):
            raise ApiError(
                400, INFERRED["search"].format(name="fields" if isinstance(tags, list) else "tags")
            )
        if not (status or tags or fields) and self._switches["search_without_filter"] == "nobody":
            return []
        status = "CLEANED" if status == "BOUNCED" else status
        tests = [self._test(one) for one in fields]
        slow = bool(tags or tests or sort_by == "updated_at")
        version = self._writes if slow else self._membership
        key = json.dumps([status, tags, fields, sort_by])
        known = self._found.get(key)
        if known is not None and known[0] == version:
            return known[1]
        found = [
            one
            for one in self._candidates(fields)
            if (not status or one.status == status)
            and all(tag in one.tags for tag in tags)
            and all(test(one.data) for test in tests)
        ]
        if sort_by == "updated_at":
            found.sort(key=lambda one: one.touched)
        while len(self._found) >= CACHED_SEARCHES:
            del self._found[next(iter(self._found))]
        self._found[key] = (version, found)
        return found

    def _candidates(self, fields: list[Any]) -> Iterable[Person]:
        if len(fields) == 1 and not self._twins:
            only = fields[0]
            if only.get("merge_tag") == EMAIL and only.get("operator") == "EQUALS":
                person = self._find(str(only.get("value")))
                return [] if person is None else [person]
        return self.people.values()

    def _test(self, given: Any) -> Callable[[Mapping[str, Any]], bool]:
        given = given if isinstance(given, dict) else {}
        name = str(given.get("merge_tag"))
        if name not in self.workspace.fields:
            raise ApiError(400, f"We were unable to find a field with the merge_tag {name}")
        operate = OPERATORS.get(str(given.get("operator")))
        if operate is None:
            raise ApiError(400, INFERRED["search"].format(name="operator"))
        text = self._key if name == EMAIL else str
        wanted = text(str(given.get("value", "")))
        return lambda data: operate(None if (value := data.get(name)) is None else text(str(value)), wanted)

    def _shown_in_search(self, person: Person) -> dict[str, Any]:
        shown = self._shown(person, opened=True)
        if self._switches["status_words"] == "new" and person.status == "CLEANED":
            shown["status"] = "BOUNCED"
        if self._switches["contact_shape"] == "fields":
            del shown["statistics"]
            shown = {("fields" if name == "data" else name): value for name, value in shown.items()} | {
                "score": 0
            }
        return shown

    # ---- fields and tags

    @_at("GET /v1/fields", writes=False)
    def _list_fields(self, _: Call) -> tuple[int, Any]:
        old = self._switches["field_types"] == "old"
        return 200, [one.shown(old_types=old) for one in self.workspace.fields.values()]

    @_at("POST /v1/fields")
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

    @_at("PATCH /v1/fields/{id}")
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

    @_at("GET /v1/tags", writes=False)
    def _list_tags(self, call: Call) -> tuple[int, Any]:
        page, limit = _whole(call.query, "page", 1, 1, 10**9), _whole(call.query, "limit", 50, 1, 100)
        tags = list(self.workspace.tags.values())
        taken = tags[(page - 1) * limit : page * limit]
        return 200, {"tags": taken, "pagination": _pages(page, limit, len(tags), old=False)}

    @_at("POST /v1/tags")
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

    @_at("DELETE /v1/tags/{id}")
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

    # ---- what the endpoints share

    def _key(self, address: str) -> str:
        return address.lower() if self._switches["email_case"] == "insensitive" else address

    def _find(self, address: str) -> Person | None:
        return self._by_email.get(self._key(address))

    def _by_id(self, contact_id: str) -> Person:
        if contact_id not in self.people:
            raise ApiError(400, "We couldn't find a contact with that ID.")
        return self.people[contact_id]

    def _check_merge_tags(self, fields: Mapping[str, Any]) -> None:
        for name in fields:
            if name not in self.workspace.fields:
                raise ApiError(400, f"We were unable to find a field with the merge_tag {name}")

    def _check_required(self, fields: Mapping[str, Any]) -> None:
        for one in self.workspace.fields.values():
            if one.required and _empty(fields.get(one.merge_tag)):
                raise ApiError(400, f"Field '{one.label}' is required.")

    def _tags_sent(self, given: Any) -> list[int] | None:
        """The tags of a create, update or upsert; None when it does not speak of tags. Raises ApiError."""
        if given is None:
            return None
        if not isinstance(given, list):
            raise ApiError(400, INFERRED["not_object"].format(name="tags"))
        return self._known_tags(given, strict=self._switches["unknown_tag"] == "refuse")

    def _known_tags(self, given: list[Any], *, strict: bool) -> list[int]:
        known: list[int] = []
        for tag in given:
            if type(tag) is int and tag in self.workspace.tags:
                if tag not in known:
                    known.append(tag)
            elif strict:
                raise ApiError(400, f"Tag ID {tag} does not exist in this workspace")
        return known

    def _values(
        self, sent: Mapping[str, Any], *, old: Mapping[str, Any], base: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the fields hold after `sent` was written over `base`. Raises ApiError for a value that is refused."""
        values = dict(base)
        wrong = self._switches["wrong_value"]
        for name, value in sent.items():
            if _empty(value):
                if self._switches["null_value" if value is None else "empty_value"] == "clear":
                    values.pop(name, None)
                elif name in old:
                    values[name] = old[name]
            elif wrong == "keep" or self.workspace.fields[name].fits(value):
                values[name] = value
            elif wrong == "refuse":
                raise ApiError(400, INFERRED["value"].format(label=self.workspace.fields[name].label))
        return values

    def _add(self, status: str, tags: list[int], data: dict[str, Any], *, fire: bool) -> Person:
        now = int(self._clock())
        self._serial += 1
        self._writes += 1
        self._membership += 1
        person = Person(f"{now:08x}5a2db0c10e{self._serial:06x}", status, tags, data, now, now, self._writes)
        self.people[person.id] = person
        if self._by_email.setdefault(self._key(data[EMAIL]), person) is not person:
            self._twins = True
        if fire and status == "UNCONFIRMED":
            self._fire("CONTACT_SUBSCRIBED_PENDING", person, {})
        return person

    def _change(
        self, person: Person, status: str, tags: list[int], data: dict[str, Any], *, fire: bool = True
    ) -> None:
        old_tags, old = person.tags, person.data
        self._writes += 1
        self._membership += status != person.status
        if old[EMAIL] != data[EMAIL]:
            self._forget_address(person)
            self._by_email.setdefault(self._key(data[EMAIL]), person)
        person.status, person.tags, person.data = status, tags, data
        person.updated, person.touched = int(self._clock()), self._writes
        person.writes += 1
        if not fire:
            return
        for tag in tags:
            if tag not in old_tags:
                self._fire("TAG_ADDED", person, {"tag_id": tag, "tag": self.workspace.tags[tag]["name"]})
        for tag in old_tags:
            if tag not in tags:
                self._fire("TAG_REMOVED", person, {"tag_id": tag, "tag": self.workspace.tags[tag]["name"]})
        if data is not old and data != old:
            for name in {**old, **data}:
                before, after = old.get(name), data.get(name)
                if before != after:
                    self._fire("FIELD_UPDATED", person, {"merge_tag": name, "old": before, "new": after})

    def _remove(self, person: Person) -> None:
        self._forget_address(person)
        del self.people[person.id]
        self._writes += 1
        self._membership += 1

    def _forget_address(self, person: Person) -> None:
        key = self._key(person.data[EMAIL])
        if self._by_email.get(key) is person:
            del self._by_email[key]
            if self._twins:
                for other in self.people.values():
                    if other is not person and self._key(other.data[EMAIL]) == key:
                        self._by_email.setdefault(key, other)

    def _fire(self, name: str, person: Person, detail: dict[str, Any]) -> None:
        self._fired[name] += 1
        self._events.append(
            {
                "name": name,
                "contact_id": person.id,
                "email_address": person.data[EMAIL],
                "at": _timestamp(int(self._clock())),
                "detail": detail,
            }
        )

    def _shown(self, person: Person, *, opened: bool = False) -> dict[str, Any]:
        """The contact object; `opened` adds the two times that answers to create and upsert do not have."""
        tags = self.workspace.tags
        shown: dict[str, Any] = {
            "id": person.id,
            "status": person.status,
            "tags": [{"id": tag, "name": tags[tag]["name"]} for tag in person.tags],
            "data": person.data,
            "statistics": {"total_opens": 0, "total_clicks": 0, "total_bounces": 0, "total_delivered": 0},
        }
        if opened:
            shown["last_opened_at"] = shown["last_clicked_at"] = None
        shown["created_at"] = _timestamp(person.created)
        shown["updated_at"] = _timestamp(person.updated)
        return shown

    # ---- inspection: see Inspected there

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        chosen = list(self.people.values())[-last:]
        if email:
            chosen = [one for one in chosen if self._key(one.data[EMAIL]) == self._key(email)]
        return [
            {
                "id": one.id,
                "email_address": one.data[EMAIL],
                "status": one.status,
                "tags": [self.workspace.tags[tag]["name"] for tag in one.tags],
                "tag_ids": one.tags,
                "fields": {name: value for name, value in one.data.items() if name != EMAIL},
                "writes": one.writes,
                "created_at": _timestamp(one.created),
                "updated_at": _timestamp(one.updated),
            }
            for one in chosen
        ]

    def automations(self, *, last: int = 0) -> list[dict[str, Any]]:
        return self._events[-last:]

    def automation_counts(self) -> Mapping[str, int]:
        return dict(sorted(self._fired.items()))

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Adds contacts; of those that are there, changes what is named (fields are merged). Nothing fires."""
        ids = {tag["name"]: number for number, tag in self.workspace.tags.items()}
        ready = []
        for given in contacts:
            address, status = given.get(EMAIL), given.get("status")
            if not isinstance(address, str) or not address:
                raise ValueError("A contact needs an email_address.")
            if status is not None and status not in STATUSES:
                raise ValueError(f"A status is one of {', '.join(STATUSES)}, not {status!r}.")
            tags = [ids.get(tag, tag) for tag in given.get("tags", [])]
            fields = given.get("fields", {})
            if unknown := [tag for tag in tags if tag not in self.workspace.tags]:
                raise ValueError(f"There is no tag {unknown[0]!r}. Tags are: {', '.join(ids)}.")
            if unknown := [name for name in fields if name not in self.workspace.fields]:
                raise ValueError(f"There is no field {unknown[0]!r}.")
            ready.append((address, status, tags if "tags" in given else None, fields))
        for address, status, chosen, fields in ready:
            person = self._find(address)
            if person is None:
                self._add(
                    status or "SUBSCRIBED", chosen or [], {EMAIL: address, **fields}, fire=False
                ).writes = 0
            else:
                values, kept = {**person.data, **fields}, person.tags if chosen is None else chosen
                self._change(person, status or person.status, kept, values, fire=False)
                person.writes -= 1
        return len(ready)

    def delete(self, email: str) -> bool:
        person = self._find(email)
        if person is not None:
            self._remove(person)
        return person is not None

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
        self._by_email = {}
        for person in self.people.values():
            if self._by_email.setdefault(self._key(person.data[EMAIL]), person) is not person:
                self._twins = True
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


OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "EQUALS": lambda value, wanted: value == wanted,
    "NOT_EQUALS": lambda value, wanted: value != wanted,
    "CONTAINS": lambda value, wanted: value is not None and wanted in value,
    "NOT_CONTAINS": lambda value, wanted: value is None or wanted not in value,
    "EXISTS": lambda value, _: value is not None,
    "GREATER_THAN": lambda value, wanted: value is not None and _ordered(value) > _ordered(wanted),
    "LESS_THAN": lambda value, wanted: value is not None and _ordered(value) < _ordered(wanted),
}


def _ordered(value: str) -> tuple[int, float, str]:
    """Numbers by size and before texts, so that any two values have an order."""
    try:
        return (0, float(value), "")
    except ValueError:
        return (1, 0.0, value)


def _body(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, INFERRED["not_json"]) from None
    if not isinstance(body, dict):
        raise ApiError(400, INFERRED["not_json"])
    return body


def _mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, INFERRED["not_object"].format(name=name))
    return value


def _check_status(status: Any) -> None:
    if status not in STATUSES:
        raise ApiError(400, "The status you provided is not valid.")


def _whole(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name, default)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise ApiError(400, INFERRED["search"].format(name=name))
    return value


def _pages(page: int, limit: int, total: int, *, old: bool) -> dict[str, int]:
    if old:
        return {"page": page, "limit": limit, "total": total}
    return {"current_page": page, "per_page": limit, "total_pages": -(-total // limit), "total_count": total}


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


def _empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _is_rfc_3339(value: str) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return moment.tzinfo is not None and "T" in value.upper()


@lru_cache(maxsize=4096)
def _timestamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

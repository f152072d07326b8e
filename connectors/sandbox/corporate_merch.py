"""A Corporate Merch account on this machine: creating, listing and updating contacts, in memory.

Source: the update page that the project was started from (it wins), the vendor's pages on rate limits and pagination,
and public code that calls the API. They leave much open: what a switch decides is not documented. It is set by flag
(`--update patch`) or while it runs (`/_sandbox/switches`). The first position is the default: where nothing speaks for
either, the one under which a client's mistake is seen.

    switch           positions                   what is not documented
    update           put patch post              the verb of an update; 405 with the others
    create_status    201 200                     what a create that worked answers
    errors           laravel plain message_only  a refusal: {message, errors}, its words as text, or {message} alone
    throttled        laravel empty page          the body of a 429: {message}, none, or an HTML page
    wait_headers     all throttled               X-RateLimit-Reset and Retry-After: always (documented), or on a 429 only
    counting         window sliding              a minute begins with the first request, or any minute counts
    omitted          clear keep                  update: what is not sent, lists and labels too
    blank_value      clear keep refuse           null or "" for a field that is not required
    lists            replace add                 update: lists and labels that are sent
    lists_shown      ids objects absent          how an answer shows both
    duplicate_email  allow refuse                an address that another contact has: two have it, or 422
    create_takes     all listed                  create: every field, or its page's (no lists, labels, classification, …)
    create_address   either street               create: address or second line, or always address
    second_line      both unit address2          create: the name of the second line; update says address2
    guessed_names    table any other             names of employment status, client since, classification, forced
    unknown_keys     ignore refuse               names that the API does not have; the inspection shows them as `ignored`
    us_territories   refuse accept               PR, GU, …, AA, AE, AP as states of the US
    list_order       newest oldest               the order of the list
    over_limit       cap refuse allow            a page of more than 50: 50 of them, 422, or as many, up to 100
    ids              numbers texts               how an answer writes a contact's id

`omitted: clear` and `lists: replace` come first because they show the mistake: who sends a part of a contact, or no
union of its lists, loses the rest here. Under `keep` and `add` nobody would see it.

Each of the four guessed names can be set by itself as well (`--classification contact_classification`).
Beside them: `keys` (accepted tokens, comma-separated), `rate` (requests per window and token, 0: any number), `window`
(its seconds, 60) and, at the start only, `workspace` (a file like corporate_merch_workspace.json: lists and labels).
The fault validation_error is the 422 of an address that does not validate: on creates and updates that do not say
`address_forced`. Every text of a refusal is inferred: see corporate_merch_call.

Here are the switches and the door; the serving is in answering, as every sandbox's. The endpoints are in
corporate_merch_contacts, the rules in _rules and _places, the rate in _rate, and the state in _people and _workspace.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from connectors.sandbox.answering import Answering
from connectors.sandbox.corporate_merch_call import (
    ENDPOINTS,
    INFERRED,
    TEXT_TYPE,
    Call,
    Refusal,
    body_of,
    invalid,
)
from connectors.sandbox.corporate_merch_contacts import ContactEndpoints
from connectors.sandbox.corporate_merch_rate import Allowance, Turn
from connectors.sandbox.corporate_merch_rules import GUESSED
from connectors.sandbox.corporate_merch_trial import TRIAL
from connectors.sandbox.corporate_merch_workspace import WORKSPACE, Workspace, contact_of, workspace_of
from connectors.sandbox.faults import JSON_TYPE, PAGE, Answer

__all__ = ["SWITCHES", "TRIAL", "WORKSPACE", "CorporateMerchSandbox", "contact_of", "create", "workspace_of"]

SWITCHES: dict[str, tuple[str, ...]] = {
    "update": ("put", "patch", "post"),
    "create_status": ("201", "200"),
    "errors": ("laravel", "plain", "message_only"),
    "throttled": ("laravel", "empty", "page"),
    "wait_headers": ("all", "throttled"),
    "counting": ("window", "sliding"),
    "omitted": ("clear", "keep"),
    "blank_value": ("clear", "keep", "refuse"),
    "lists": ("replace", "add"),
    "lists_shown": ("ids", "objects", "absent"),
    "duplicate_email": ("allow", "refuse"),
    "create_takes": ("all", "listed"),
    "create_address": ("either", "street"),
    "second_line": ("both", "unit", "address2"),
    "guessed_names": ("table", "any", "other"),
    "unknown_keys": ("ignore", "refuse"),
    "us_territories": ("refuse", "accept"),
    "list_order": ("newest", "oldest"),
    "over_limit": ("cap", "refuse", "allow"),
    "ids": ("numbers", "texts"),
}
ALL, ONE = "/v2/contacts", "/v2/contacts/{id}"
HTML_TYPE = {"Content-Type": "text/html; charset=utf-8"}


class CorporateMerchSandbox(ContactEndpoints, Answering):
    """One account: its state, its endpoints, and `application()` to serve both.

    `settings` are the switches, `keys`, `rate`, `window` and `workspace`, as text. `clock` gives seconds since 1970.
    Raises CannotStart for a setting that does not exist or cannot be.
    """

    kind = "corporate_merch"
    title = "Corporate Merch"
    base_path = "/v2"
    endpoints = ENDPOINTS
    positions = SWITCHES
    workspace_file = WORKSPACE
    default_rate = 40
    window_seconds = 60
    others: ClassVar = {"window": "60", **dict.fromkeys(GUESSED, "")}

    def _begin(self) -> None:
        self.workspace = Workspace.read(self._workspace_path)
        self._nobody()
        self._allowance = Allowance(0, 0, sliding=False)

    def _check_setting(self, name: str, value: str) -> None:
        if name == "window" and (not re.fullmatch(r"\d+(\.\d+)?", value) or not float(value)):
            raise ValueError(f"window is a number of seconds, more than 0, not {value!r}.")
        if name in GUESSED and not re.fullmatch("([a-z][a-z0-9_]*)?", value):
            raise ValueError(f"{name} is a name such as {name}, not {value!r}.")

    def _switched(self) -> None:
        self._allowance.limit = int(self._switches["rate"])
        self._allowance.seconds = float(self._switches["window"])
        self._allowance.sliding = self._switches["counting"] == "sliding"

    # ---- serving: see Answering

    def _answer(self, request: web.Request, endpoint: str, contact_id: str, raw: bytes, now: float) -> Answer:
        turn = self._allowance.look("", now)
        try:
            authorization = request.headers.get("Authorization", "")
            self._let_in(authorization)
            turn = self._allowance.take(_token(authorization), now)
            if not turn.allowed:
                return self._throttled(turn.headers(waiting=True))
            place = str(request.url.with_query(None))
            call = Call(contact_id, request.query, self._body(raw), request.method, request.path, place)
            status, shown = self._handled(endpoint, call)
        except Refusal as refusal:
            return self._with_headers(refusal.answer(self._switches["errors"]), turn)
        return self._with_headers(Answer(status, json.dumps(shown).encode()), turn)

    def _let_in(self, authorization: str) -> None:
        if _token(authorization) not in self._keys:
            raise Refusal(401, INFERRED["door"])  # text inferred

    def _handled(self, endpoint: str, call: Call) -> tuple[int, Any]:
        verb = self._switches["update"].upper()
        handler = ENDPOINTS.handlers.get(endpoint)
        if handler is not None and (not endpoint.endswith(ONE) or call.method == verb):
            return handler(self, call)
        path = call.path.lstrip("/")
        if endpoint.endswith(ONE) or call.path == ALL:  # status and text inferred
            allowed = verb if endpoint.endswith(ONE) else "GET, POST"
            said = INFERRED["verb"].format(method=call.method, path=path, allowed=allowed)
            raise Refusal(405, said, headers={"Allow": allowed})
        raise self._nothing_here(path)

    def _nothing_here(self, path: str) -> Refusal:
        return Refusal(404, INFERRED["nothing_here"].format(path=path))  # text inferred

    def _body(self, raw: bytes) -> dict[str, Any]:
        return body_of(raw)

    def _with_headers(self, answer: Answer, turn: Turn) -> Answer:
        waiting = self._switches["wait_headers"] == "all"
        return Answer(answer.status, answer.body, {**answer.headers, **turn.headers(waiting=waiting)})

    def _throttled(self, headers: Mapping[str, str]) -> Answer:
        """The body is inferred, whichever it is."""
        match self._switches["throttled"]:
            case "empty":
                return Answer(429, b"", {**TEXT_TYPE, **headers})
            case "page":
                return Answer(429, PAGE, {**HTML_TYPE, **headers})
        return Answer(429, json.dumps({"message": INFERRED["rate"]}).encode(), {**JSON_TYPE, **headers})

    def _too_many(self, retry_after: str) -> Answer:
        told = {
            "X-RateLimit-Limit": str(self._allowance.limit or self.default_rate),
            "X-RateLimit-Remaining": "0",
        }
        if retry_after:
            told["Retry-After"] = retry_after
        if retry_after.isdecimal():
            told["X-RateLimit-Reset"] = str(math.ceil(self._clock()) + int(retry_after))
        return self._throttled(told)

    def _failed(self, status: int) -> Answer:
        return Refusal(status, INFERRED["server"]).answer(self._switches["errors"])

    def _busy(self) -> Answer:
        return invalid({"address": [INFERRED["address"]]}).answer(self._switches["errors"])

    def _may_be_busy(self, endpoint: str, raw: bytes) -> bool:
        return endpoint in ENDPOINTS.writes and body_of(raw).get("address_forced") is not True

    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        name = f"{method} {path}"
        if path == ALL and name in ENDPOINTS.handlers:
            return name, ""
        match = re.fullmatch(f"{ALL}/([^/]+)", path)
        return (f"{method} {ONE}", match[1]) if match else (f"{method} (unknown)", "")

    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:  # noqa: ARG002 - no query names one
        if contact_id in self.people:
            return str(self.people[contact_id].data.get("email", ""))
        return str(body_of(raw).get("email") or "")


def _token(authorization: str) -> str:
    """The bearer token of a header; "" for none, which is never a key."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def create(settings: Mapping[str, str]) -> CorporateMerchSandbox:
    """A new account with these switches, `keys`, `rate`, `window` and `workspace`. Raises CannotStart."""
    return CorporateMerchSandbox(settings)

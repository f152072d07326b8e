"""A CampaignLark sandbox that writes down what it is asked, and what a client needs to talk to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.base import Decision, Delivered, Known, Remembered, Rules
from connectors.destinations.campaignlark import Connector
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.sandbox import campaignlark
from connectors.sandbox.campaignlark import CampaignLarkSandbox
from connectors.sandbox.serving import Running, in_thread
from mappings.engine.contact import Contact

ANN = "ann@example.com"
BEA = "bea@example.com"
PATIENCE = Patience(attempts=3, seconds=5.0, first=0.01, most=0.02)
TYPES = {
    "score": "number",
    "is_customer": "boolean",
    "joined_at": "datetime",
    "birthday": "datetime",
    "interests": "choices",
    "plan": "choice",
    "country": "country",
}
UPSERT, CREATE, FIND = "POST /contacts/upsert", "POST /contacts", "GET /contacts/by-email"
PUT, TAGS_ADD, SEARCH = "PUT /contacts/{id}", "POST /contacts/{id}/tags/add", "POST /contacts/search"
TAGS_REMOVE, TAG_CREATE, TAG_LIST = "POST /contacts/{id}/tags/remove", "POST /tags", "GET /tags"


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as it arrived: `name` is the endpoint, `body` the JSON, `email` the one that was looked up."""

    name: str
    body: Any
    email: str = ""


class Recording(CampaignLarkSandbox):
    """The sandbox, with a list of the requests and a way to act between two of them, as another user would."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.log: list[Request] = []
        self.acts: list[tuple[str, str, Callable[[], object]]] = []
        self.spoil: Callable[[str, Any], Any] | None = None
        """Rewrites answers: (endpoint, body) → a body, or a status and a body."""
        super().__init__({"rate": "0", **(settings or {})})

    def application(self) -> web.Application:
        app = super().application()
        app.middlewares.append(self._note)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not request.path.startswith("/v1"):
            answer: web.StreamResponse = await handler(request)
            return answer
        raw = await request.read()
        name, _ = campaignlark._endpoint(request.method, request.path)
        name = name.replace("/v1", "")
        self.log.append(Request(name, json.loads(raw) if raw else None, request.query.get("email", "")))
        self._act(name, "before")
        answer = await handler(request)
        self._act(name, "after")
        if self.spoil is not None and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            spoiled = self.spoil(name, json.loads(answer.body))
            status, body = spoiled if isinstance(spoiled, tuple) else (answer.status, spoiled)
            return web.json_response(body, status=status)
        return answer

    def _act(self, name: str, when: str) -> None:
        for act in [act for act in self.acts if act[:2] == (name, when)][:1]:
            self.acts.remove(act)
            act[2]()

    def then(self, name: str, act: Callable[[], object], *, when: str = "after") -> None:
        """Does something once, right before or after the next request of this endpoint is answered."""
        self.acts.append((name, when, act))

    def set_status(self, address: str, status: str) -> None:
        """Any text, also one that no page lists."""
        person = self._find(address)
        assert person is not None
        self._membership += 1
        person.status = status


class Lark:
    """A sandbox and connectors to it."""

    def __init__(self, sandbox: Recording, running: Running) -> None:
        self.sandbox = sandbox
        self.running = running
        self.url = running.url
        self.answers: Mapping[str, str] = {}

    @property
    def log(self) -> list[Request]:
        return self.sandbox.log

    def calls(self) -> list[str]:
        return [request.name for request in self.log]

    def sent(self, name: str) -> list[Any]:
        """The bodies of one endpoint's requests."""
        return [request.body for request in self.log if request.name == name]

    def writes(self) -> list[Request]:
        return [request for request in self.log if request.name not in (FIND, SEARCH) and request.body]

    def seed(
        self, address: str = ANN, status: str = "SUBSCRIBED", tags: tuple[str, ...] = (), **fields: Any
    ) -> None:
        fields = fields or {"first_name": "Ann", "last_name": "Lee"}
        self.sandbox.seed(
            [{"email_address": address, "status": status, "tags": list(tags), "fields": fields}]
        )

    def one(self, address: str = ANN) -> dict[str, Any]:
        """The only contact of an address; fails when there are none or several, however the address is written."""
        [found] = [c for c in self.sandbox.contacts() if c["email_address"].lower() == address.lower()]
        return found

    def status(self, address: str = ANN) -> str:
        return str(self.one(address)["status"])

    def nobody(self, address: str = ANN) -> bool:
        return not [c for c in self.sandbox.contacts() if c["email_address"].lower() == address.lower()]

    @contextlib.asynccontextmanager
    async def connector(
        self,
        *,
        patience: Patience = PATIENCE,
        key: str = "sandbox-key",
        pace: Pace | None = None,
        **rules: Any,
    ) -> AsyncIterator[Connector]:
        chosen = Rules(**{"types": TYPES, **rules})
        made = Connector(
            base_url=self.url, key=key, turns=pace or Pace(5000), rules=chosen, patience=patience
        )
        async with made as connector:
            yield connector

    async def deliver(
        self,
        asked: Contact,
        remembered: Remembered | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
        forget: bool = False,
        **more: Any,
    ) -> tuple[Decision, Delivered]:
        """Looks up, decides and delivers, as a run does; the log holds only what the delivery asked.

        `meanwhile` happens between the look-up and the delivery. `forget`: the look-up found nobody.
        """
        async with self.connector(**more) as connector:
            await connector.read_schema()
            known, now = await looked_up(connector, asked, remembered)
            if forget:
                known = now = None
            decision = connector.decide(asked, known, remembered, now)
            self.log.clear()
            if meanwhile is not None:
                meanwhile()
            return decision, await connector.deliver(asked, known, remembered, now)


async def looked_up(
    connector: Connector, asked: Contact, remembered: Remembered | None
) -> tuple[Known | None, Known | None]:
    moved = remembered is not None and remembered.key not in ("", asked.key)
    known = await connector.find(asked.key)
    return known, await connector.find(remembered.key) if moved and remembered else None


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Lark]:
    sandbox = Recording(settings)
    with in_thread(sandbox) as running:
        yield Lark(sandbox, running)


def contact(key: str = ANN, tags: tuple[str, ...] = (), *, off: tuple[str, ...] = (), opted_out: bool = False, **texts: str) -> Contact:  # fmt: skip
    """What a row asks for: a first and a last name where nothing is said."""
    texts = {"email_address": key, **(texts or {"first_name": "Ann", "last_name": "Lee"})}
    return Contact(
        row=1,
        line=2,
        key=key,
        person="p1",
        texts=texts,
        tags=tags,
        tags_off=off,
        opted_out=opted_out,
    )


def delivered(key: str = ANN, tags: tuple[str, ...] = (), contact_id: str = "", *, own: tuple[str, ...] = (), opted_out: bool = False, **texts: str) -> Remembered:  # fmt: skip
    """What the ledger remembers of an earlier delivery."""
    texts = {"email_address": key, **(texts or {"first_name": "Ann", "last_name": "Lee"})}
    return Remembered(key, contact_id, texts, frozenset(tags), own_tags=frozenset(own), opted_out=opted_out)


def requiring(folder: Path, *merge_tags: str) -> str:
    """A workspace file in which these fields are required too."""
    workspace = json.loads(campaignlark.WORKSPACE.read_text(encoding="utf-8"))
    for field in workspace["fields"]:
        field["required"] = field.get("required", False) or field["merge_tag"] in merge_tags
    path = folder / "workspace.json"
    path.write_text(json.dumps(workspace), encoding="utf-8")
    return str(path)

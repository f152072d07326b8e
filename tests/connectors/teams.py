"""A Loops sandbox that writes down what it is asked, and what a client needs to talk to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from connectors.base import Decision, Delivered, Remembered, Rules
from connectors.destinations.loops import Connector
from connectors.destinations.loops_team import CREATE, FIND, UPDATE
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.sandbox.loops import LoopsSandbox
from connectors.sandbox.serving import Running, in_thread
from mappings.engine.contact import Contact

ANN, BEA, CLEO = "ann@example.com", "bea@example.com", "cleo@example.com"
NEWS = "cm0sandbox00newsletter00a"
PATIENCE = Patience(attempts=3, seconds=5.0, first=0.01, most=0.02)
TYPES = {"email": "email", "score": "number", "isCustomer": "boolean", "joinedAt": "datetime", "birthday": "datetime"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as it arrived: `name` is the endpoint, `body` the JSON, `query` what was looked up."""

    name: str
    body: Any
    query: Mapping[str, str]


class Recording(LoopsSandbox):
    """The sandbox, with a list of the requests and a way to act between two of them, as another user would."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.log: list[Request] = []
        self.acts: list[tuple[str, str, int, Callable[[], object]]] = []
        self.came = 0
        self.spoil: Callable[[str, Any], Any] | None = None
        """Rewrites answers: (endpoint, body) → a body."""
        super().__init__({"rate": "0", **(settings or {})})

    def application(self) -> web.Application:
        app = super().application()
        app.middlewares.append(self._write_down)
        return app

    @web.middleware
    async def _write_down(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not request.path.startswith("/api/v1"):
            answer: web.StreamResponse = await handler(request)
            return answer
        raw = await request.read()
        name = f"{request.method} {request.path.removeprefix('/api/v1')}"
        self.log.append(Request(name, json.loads(raw) if raw else None, dict(request.query)))
        self.came += 1
        number = self.came
        self._act(name, "before", number)
        answer = await handler(request)
        self._act(name, "after", number)
        if self.spoil is not None and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            return web.json_response(self.spoil(name, json.loads(answer.body)), status=answer.status)
        return answer

    def _act(self, name: str, when: str, number: int) -> None:
        for act in [act for act in self.acts if act[:2] == (name, when) and act[2] < number][:1]:
            self.acts.remove(act)
            act[3]()

    def then(self, name: str, act: Callable[[], object], *, when: str = "after") -> None:
        """Does something once, right before or after the next request of this endpoint is answered: none that came before."""
        self.acts.append((name, when, self.came, act))


class Team:
    """A sandbox and connectors to it."""

    def __init__(self, sandbox: Recording, running: Running) -> None:
        self.sandbox = sandbox
        self.running = running
        self.url = running.url

    @property
    def log(self) -> list[Request]:
        return self.sandbox.log

    def calls(self) -> list[str]:
        return [request.name for request in self.log]

    def sent(self) -> list[Any]:
        """The bodies of the writes."""
        return [request.body for request in self.log if request.name in (UPDATE, CREATE)]

    def asked(self) -> list[Mapping[str, str]]:
        """Whom the look-ups were for."""
        return [request.query for request in self.log if request.name == FIND]

    def seed(
        self, address: str = ANN, *, out: bool = False, lists: tuple[str, ...] = (), **fields: Any
    ) -> None:
        status = "UNSUBSCRIBED" if out else "SUBSCRIBED"
        self.sandbox.seed(
            [{"email_address": address, "status": status, "tags": list(lists), "fields": fields}]
        )

    def one(self, address: str = ANN) -> dict[str, Any]:
        """The only contact of an address."""
        [found] = [c for c in self.sandbox.contacts() if c["email_address"].lower() == address.lower()]
        return found

    def nobody(self, address: str = ANN) -> bool:
        return not [c for c in self.sandbox.contacts() if c["email_address"].lower() == address.lower()]

    def fired(self) -> dict[str, int]:
        return dict(self.sandbox.automation_counts())

    @contextlib.asynccontextmanager
    async def connector(
        self, *, patience: Patience = PATIENCE, pace: Pace | None = None, key: str = "sandbox-key", by: str = "email",
        **rules: Any,
    ) -> AsyncIterator[Connector]:  # fmt: skip
        chosen = Rules(**{"types": TYPES, "key": by, **rules})
        made = Connector(
            base_url=self.url, key=key, turns=pace or Pace(5000), rules=chosen, patience=patience
        )
        async with made as connector:
            await connector.read_schema()
            self.log.clear()
            yield connector

    async def deliver(
        self,
        asked: Contact,
        remembered: Remembered | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
        **more: Any,
    ) -> tuple[Decision, Delivered]:
        """Looks up, decides and delivers, as a run does; the look-ups are those that were announced."""
        async with self.connector(**more) as connector:
            announced = connector.look_up_calls(asked, remembered)
            known, now = await connector.look_up(asked, remembered)
            assert tuple(self.calls()) == announced
            decision = connector.decide(asked, known, remembered, now)
            if meanwhile is not None:
                meanwhile()
            return decision, await connector.deliver(asked, known, remembered, now)


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Team]:
    sandbox = Recording(settings)
    with in_thread(sandbox) as running:
        yield Team(sandbox, running)


def contact(key: str = ANN, *, by: str = "email", lists: tuple[str, ...] = (), off: tuple[str, ...] = (), opted_out: bool = False, **texts: str) -> Contact:  # fmt: skip
    """What a row asks for: a first name where nothing is said."""
    texts = {by: key, **(texts or {"firstName": "Ann"})}
    return Contact(
        row=1, line=2, key=key, person="p1", texts=texts, lists=lists, lists_off=off, opted_out=opted_out
    )


def delivered(key: str = ANN, contact_id: str = "", *, by: str = "email", lists: tuple[str, ...] = (), own: tuple[str, ...] = (), opted_out: bool = False, **texts: str) -> Remembered:  # fmt: skip
    """What the ledger remembers of an earlier delivery."""
    texts = {by: key, **(texts or {"firstName": "Ann"})}
    return Remembered(
        key, contact_id, texts, lists=frozenset(lists), own_lists=frozenset(own), opted_out=opted_out
    )

"""A Corporate Merch sandbox that writes down what it is asked, and what a client needs to talk to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from connectors.base import Decision, Delivered, Known, Remembered, Rules
from connectors.destinations.corporate_merch import Connector
from connectors.destinations.corporate_merch_inferred import Inferred
from connectors.errors import Unreachable
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.sandbox.corporate_merch import CorporateMerchSandbox
from connectors.sandbox.serving import Running, in_thread
from mappings.engine.contact import Contact

ANN, BEA = "ann@example.com", "bea@example.com"
PATIENCE = Patience(attempts=3, seconds=5.0, first=0.01, most=0.02)
LEE = {
    "first_name": "Ann", "last_name": "Lee", "country": "US", "address": "1 Rock Road", "city": "Lannisport",
    "state": "CA", "zip_code": "90001", "type": "client",
}  # fmt: skip
MORE = {
    "phone_number": "+1 555 0100", "gender": "female", "shirt_size": "XL", "birthday": "1990-01-15",
    "address2": "Tower 2", "company_name": "Casterly", "department": "Gold", "position": "Lady",
    "employment_status": "active", "employment_type": "Full-Time", "start_date": "2024-01-15",
    "wedding_anniversary": "2018-06-20", "client_since": "2020-03-01", "classification": "VIP",
    "address_validated": True, "address_forced": False, "address_verified": True,
}  # fmt: skip
LIST, CREATE, PUT = "GET /contacts", "POST /contacts", "PUT /contacts/{id}"


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as it arrived: `name` is the endpoint, `page` the one that was asked for."""

    name: str
    body: Any
    page: str = ""


class Recording(CorporateMerchSandbox):
    """The sandbox, with a list of the requests and a way to act between two of them, as another user would."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.log: list[Request] = []
        self.acts: list[tuple[str, Callable[[], object]]] = []
        super().__init__({"rate": "0", **(settings or {})})

    def application(self) -> web.Application:
        app = super().application()
        app.middlewares.append(self._note)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith("/v2"):
            raw = await request.read()
            name = self._endpoint(request.method, request.path)[0].replace("/v2", "")
            self.log.append(Request(name, json.loads(raw) if raw else None, request.query.get("page", "")))
            for act in [act for act in self.acts if act[0] == name][:1]:
                self.acts.remove(act)
                act[1]()
        answer: web.StreamResponse = await handler(request)
        return answer


class Merch:
    """A sandbox and connectors to it."""

    def __init__(self, sandbox: Recording, running: Running) -> None:
        self.sandbox = sandbox
        self.running = running

    @property
    def log(self) -> list[Request]:
        return self.sandbox.log

    def calls(self) -> list[str]:
        return [request.name for request in self.log]

    def writes(self) -> list[Any]:
        """The bodies of the requests that write."""
        return [request.body for request in self.log if not request.name.startswith("GET")]

    def seed(self, address: str = ANN, lists: tuple[int, ...] = (), labels: tuple[int, ...] = (), *, another: bool = False, **fields: Any) -> None:  # fmt: skip
        one = {
            "email_address": address,
            "fields": {**LEE, **fields},
            "lists": list(lists),
            "labels": list(labels),
        }
        self.sandbox.seed([one | ({"another": True} if another else {})])

    def one(self, address: str = ANN) -> dict[str, Any]:
        """The only contact of an address; fails when there are none or several."""
        [found] = [c for c in self.sandbox.contacts() if c["email_address"].lower() == address.lower()]
        return found

    def fields(self, address: str = ANN) -> dict[str, Any]:
        found: dict[str, Any] = self.one(address)["fields"]
        return found

    def ids(self) -> list[str]:
        return [one["id"] for one in self.sandbox.contacts()]

    @contextlib.asynccontextmanager
    async def connector(
        self,
        *,
        patience: Patience = PATIENCE,
        key: str = "sandbox-key",
        pace: Pace | None = None,
        inferred: Inferred | None = None,
        **rules: Any,
    ) -> AsyncIterator[Connector]:
        made = Connector(
            base_url=self.running.url, key=key, turns=pace or Pace(5000), rules=Rules(**{"key": "email", **rules}),
            patience=patience, inferred=inferred, window=float(self.sandbox.switches()["window"]),
        )  # fmt: skip
        async with made as connector:
            yield connector

    async def deliver(
        self,
        asked: Contact,
        remembered: Remembered | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
        fault: str = "",
        **more: Any,
    ) -> tuple[Decision, Delivered]:
        """Surveys, decides and delivers, as a run does; the log holds only what the delivery asked.

        `meanwhile` happens between the survey and the delivery, and from then on there is the `fault`.
        """
        async with self.connector(**more) as connector:
            there = await surveyed(connector)
            known = there.get(asked.key)
            moved = remembered is not None and remembered.key not in ("", asked.key)
            now = there.get(remembered.key) if moved and remembered else None
            decision = connector.decide(asked, known, remembered, now)
            self.log.clear()
            if meanwhile is not None:
                meanwhile()
            if fault:
                self.running.faults(fault)
            result = await connector.deliver(asked, known, remembered, now)
            if result.settled_later:  # as a run does when all else is done
                with contextlib.suppress(Unreachable):
                    [result] = await connector.settle_later([(asked, result)])
            return decision, result


async def surveyed(connector: Connector) -> dict[str, Known]:
    """Everybody by address, as a run keeps them: what was read last counts."""
    return {one.key: one async for page in connector.survey() for one in page}


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Merch]:
    sandbox = Recording(settings)
    with in_thread(sandbox) as running:
        yield Merch(sandbox, running)


def contact(key: str = ANN, *, tags: tuple[str, ...] = (), lists: tuple[str, ...] = (), tags_off: tuple[str, ...] = (), lists_off: tuple[str, ...] = (), only: bool = False, **texts: str) -> Contact:  # fmt: skip
    """What a row asks for: a whole contact with what is given besides; with `only`, nothing besides."""
    texts = {"email": key, **({} if only else LEE), **texts}
    return Contact(
        row=1, line=2, key=key, person="p1", texts={tag: text for tag, text in texts.items() if text},
        tags=tags, tags_off=tags_off, lists=lists, lists_off=lists_off,
    )  # fmt: skip


def delivered(key: str = ANN, contact_id: str = "", *, tags: tuple[str, ...] = (), lists: tuple[str, ...] = (), own_lists: tuple[str, ...] = (), **texts: str) -> Remembered:  # fmt: skip
    """What the ledger remembers of an earlier delivery."""
    return Remembered(
        key, contact_id, {"email": key, **LEE, **texts}, frozenset(tags), frozenset(lists), own_lists=frozenset(own_lists)
    )  # fmt: skip

"""What a sandbox shows of itself under `/_sandbox`, and how its test changes it while it runs.

    GET    /_sandbox               a page for people: contacts, automations, requests, faults, switches
    GET    /_sandbox/contacts      [{"id", "email_address", "status", "tags", "fields", "writes", …}]; ?email= for one
    POST   /_sandbox/contacts      [{"email_address", "status", "tags", "fields", …}]: put there as if in the app
    DELETE /_sandbox/contacts      ?email=: removed as if in the app; {"deleted": true or false}
    GET    /_sandbox/automations   {"counts": {name: n}, "list": [{"name", "email_address", "at", …}]}
    GET    /_sandbox/requests      see `Traffic.shown`; ?within= seconds
    GET    /_sandbox/faults        see `Faults.shown`; POST adds (`Faults.change`), DELETE clears
    GET    /_sandbox/switches      {name: value}; POST {name: value} sets some
    POST   /_sandbox/reset         as it was when it started

These words are the same for every sandbox; some show and take more of a contact, which their `seed` says.
Requests to these paths are counted nowhere and limited by nothing. A wrong one is 400 `{"error": text}`.
"""

from __future__ import annotations

import json
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Protocol

from aiohttp import web

from connectors.sandbox.faults import Faults

__all__ = ["PATH", "Automations", "Inspected", "Traffic", "add_inspection", "timestamp"]

PATH = "/_sandbox"
SHOWN_ON_PAGE = 100


class Traffic:
    """Requests received and writes applied, by endpoint ("PUT /v1/contacts/{id}") and by second."""

    def __init__(self) -> None:
        self.arrivals = array("d")
        self._first = self._most = 0  # of the second before the last arrival; so far, in any second
        self.seconds: Counter[int] = Counter()
        self.answers: dict[str, Counter[str]] = defaultdict(Counter)
        self.applied: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def arrived(self, at: float) -> None:
        """A request came in at this time (seconds since 1970)."""
        self.arrivals.append(at)
        while at - self.arrivals[self._first] >= 1 and self._first < len(self.arrivals) - 1:
            self._first += 1
        self._most = max(self._most, len(self.arrivals) - self._first)
        self.seconds[int(at)] += 1

    def answered(self, endpoint: str, status: str) -> None:
        """It got this status; a connection that was reset has the status "reset"."""
        self.answers[endpoint][status] += 1

    def shown(self, within: float = 60) -> dict[str, Any]:
        """Everything as JSON.

        `received`, `applied` (writes that took effect, answered or not), `by_endpoint` {endpoint: {status: n}},
        `applied_by_endpoint`, `by_status`, `faults` {kind: n}, `seconds` {second since 1970: n},
        `busiest_second` (aligned to the clock), `busiest_sliding_second` (the most in any one second) and
        `busiest_within` (the most in any `within` seconds: a minute, where nothing else is asked; 0 is not looked for, which a
        sandbox that is asked often has to be).
        """
        by_status: Counter[str] = Counter()
        for statuses in self.answers.values():
            by_status.update(statuses)
        return {
            "received": len(self.arrivals),
            "applied": self.applied.total(),
            "by_endpoint": {endpoint: dict(statuses) for endpoint, statuses in sorted(self.answers.items())},
            "applied_by_endpoint": dict(sorted(self.applied.items())),
            "by_status": dict(sorted(by_status.items())),
            "faults": dict(sorted(self.faults.items())),
            "seconds": {str(second): count for second, count in sorted(self.seconds.items())},
            "busiest_second": max(self.seconds.values(), default=0),
            "busiest_sliding_second": self._most,
            "busiest_within": _most_within(within, self.arrivals) if within > 0 else 0,
        }


class Automations:
    """What fired: `events` in order, and `counts` by name."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()

    def fire(self, name: str, contact_id: str, address: str, at: float, detail: Mapping[str, Any]) -> None:
        """One more, for this person at this time (seconds since 1970)."""
        self.counts[name] += 1
        self.events.append(
            {
                "name": name,
                "contact_id": contact_id,
                "email_address": address,
                "at": timestamp(int(at)),
                "detail": dict(detail),
            }
        )


@lru_cache(maxsize=4096)
def timestamp(seconds: int) -> str:
    """Seconds since 1970 as "2024-02-15T10:30:00Z"."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Inspected(Protocol):
    """What the inspection needs of a sandbox."""

    kind: str
    traffic: Traffic
    faults: Faults

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        """All contacts in the order of their creation; those of one address; or only the `last` ones."""
        ...

    def automations(self, *, last: int = 0) -> list[dict[str, Any]]:
        """What fired, in order; each has at least `name`, `email_address` and `at`."""
        ...

    def automation_counts(self) -> Mapping[str, int]:
        """How often each automation fired."""
        ...

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Puts contacts there as if in the app; how many. Raises ValueError."""
        ...

    def delete(self, email: str) -> bool:
        """Removes a contact as if in the app; whether there was one."""
        ...

    def switches(self) -> dict[str, str]:
        """Each switch and its position."""
        ...

    def switch(self, changes: Mapping[str, str]) -> None:
        """Sets some switches. Raises ValueError, and changes none then."""
        ...

    def reset(self) -> None:
        """As it was when it started."""
        ...


def add_inspection(app: web.Application, sandbox: Inspected) -> None:
    """Adds the paths of this module to a sandbox's application. Call it before its catch-all route is added."""
    inspection = _Inspection(sandbox)
    for method, path, answer in (
        ("GET", "/contacts", inspection.contacts),
        ("POST", "/contacts", inspection.seed),
        ("DELETE", "/contacts", inspection.delete),
        ("GET", "/automations", inspection.automations),
        ("GET", "/requests", inspection.requests),
        ("GET", "/faults", inspection.faults),
        ("POST", "/faults", inspection.add_faults),
        ("DELETE", "/faults", inspection.clear_faults),
        ("GET", "/switches", inspection.switches),
        ("POST", "/switches", inspection.switch),
        ("POST", "/reset", inspection.reset),
    ):
        app.router.add_route(method, PATH + path, _json(answer))
    app.router.add_route("GET", PATH, inspection.page)
    app.router.add_route("*", PATH + "/{rest:.*}", inspection.nothing)


class _Inspection:
    def __init__(self, sandbox: Inspected) -> None:
        self.sandbox = sandbox

    async def page(self, _: web.Request) -> web.Response:
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return web.Response(
            text=_page(self.sandbox), content_type="text/html", headers={"Content-Security-Policy": policy}
        )

    async def nothing(self, request: web.Request) -> web.Response:
        return web.json_response({"error": f"There is no {request.method} {request.path}."}, status=404)

    async def contacts(self, request: web.Request) -> Any:
        return self.sandbox.contacts(email=request.query.get("email", ""))

    async def seed(self, request: web.Request) -> Any:
        given = await request.json()
        return {"seeded": self.sandbox.seed([given] if isinstance(given, dict) else given)}

    async def delete(self, request: web.Request) -> Any:
        return {"deleted": self.sandbox.delete(request.query.get("email", ""))}

    async def automations(self, _: web.Request) -> Any:
        return {"counts": dict(self.sandbox.automation_counts()), "list": self.sandbox.automations()}

    async def requests(self, request: web.Request) -> Any:
        return self.sandbox.traffic.shown(float(request.query.get("within", 60)))

    async def faults(self, _: web.Request) -> Any:
        return self.sandbox.faults.shown()

    async def add_faults(self, request: web.Request) -> Any:
        self.sandbox.faults.change(await request.json())
        return self.sandbox.faults.shown()

    async def clear_faults(self, _: web.Request) -> Any:
        self.sandbox.faults.clear()
        return self.sandbox.faults.shown()

    async def switches(self, _: web.Request) -> Any:
        return self.sandbox.switches()

    async def switch(self, request: web.Request) -> Any:
        self.sandbox.switch({name: str(value) for name, value in (await request.json()).items()})
        return self.sandbox.switches()

    async def reset(self, _: web.Request) -> Any:
        self.sandbox.reset()
        return {}


def _json(
    answer: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answer(request))
        except (ValueError, TypeError, AttributeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return respond


def _most_within(seconds: float, arrivals: Sequence[float]) -> int:
    most = first = 0
    times = sorted(arrivals)
    for last, at in enumerate(times):
        while at - times[first] >= seconds and first < last:
            first += 1
        most = max(most, last - first + 1)
    return most


def _page(sandbox: Inspected) -> str:
    traffic = sandbox.traffic.shown()
    contacts = sandbox.contacts(last=SHOWN_ON_PAGE)
    automations = sandbox.automations(last=SHOWN_ON_PAGE)
    endpoints = [
        (endpoint, ", ".join(f"{status} x {count:,}" for status, count in statuses.items()))
        for endpoint, statuses in traffic["by_endpoint"].items()
    ]
    people = [
        (
            contact["email_address"],
            contact["status"],
            ", ".join(contact["tags"]),
            json.dumps(contact["fields"], ensure_ascii=False),
            contact["writes"],
        )
        for contact in reversed(contacts)
    ]
    fired = [
        (
            event["at"],
            event["name"],
            event["email_address"],
            json.dumps(event.get("detail", {}), ensure_ascii=False),
        )
        for event in reversed(automations)
    ]
    summary = [
        ("requests received", f"{traffic['received']:,}"),
        ("writes applied", f"{traffic['applied']:,}"),
        ("most requests in one second of the clock", traffic["busiest_second"]),
        ("most requests in any one second", traffic["busiest_sliding_second"]),
        ("most requests in any one minute", traffic["busiest_within"]),
    ]
    parts = [
        f"<h1>Sandbox: {escape(sandbox.kind)}</h1>",
        _table("Requests", ("what", "how many"), summary),
        _table("By endpoint", ("endpoint", "answers"), endpoints),
        _table("Automations", ("name", "fired"), list(sandbox.automation_counts().items())),
        _table(
            f"Contacts (the last {SHOWN_ON_PAGE})", ("address", "status", "tags", "fields", "writes"), people
        ),
        _table(f"Automations fired (the last {SHOWN_ON_PAGE})", ("at", "name", "address", "detail"), fired),
        _table(
            "Faults", ("kind", "rule"), [(rule["kind"], rule) for rule in sandbox.faults.shown()["rules"]]
        ),
        _table("Switches", ("switch", "position"), list(sandbox.switches().items())),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">'
        f"<title>Sandbox: {escape(sandbox.kind)}</title><style>"
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%;margin-bottom:2rem}"
        "td,th{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;overflow-wrap:anywhere}"
        "</style></head><body>" + "".join(parts) + "</body></html>"
    )


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return f"<h2>{escape(title)}</h2><p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"

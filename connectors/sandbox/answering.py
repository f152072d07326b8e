"""What every sandbox does with a request: counts it, spoils it where a fault says so, lets it in, answers it.

A sandbox is an `Answering` with endpoints, marked by `Endpoints.at`, and a few words of its own: how it says no,
where the endpoint of a path is, whose address a request names. Its settings are switches with positions, and
`keys`, `rate` and `workspace`.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from connectors.errors import CannotStart
from connectors.sandbox.faults import Answer, Faults, deliver
from connectors.sandbox.inspection import Automations, Inspected, Traffic, add_inspection

__all__ = ["Answering", "Call", "Endpoints", "Handler", "Refused", "Window", "object_of"]


@dataclass(slots=True)
class Call:
    """A request that got past the door: what its handler may look at. `id` is the one in the path, if any."""

    id: str
    query: Mapping[str, str]
    body: dict[str, Any]


Handler = Callable[[Any, Any], tuple[int, Any]]
"""Takes the sandbox and a Call of its API, gives the status and what is answered."""


class Refused(Exception):  # noqa: N818 - what happened, not an error of the sandbox
    """The API says no, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Endpoints:
    """The endpoints of an API by name ("PUT /v1/contacts/{id}"), and which of them change something."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.writes: set[str] = set()

    def at(self, endpoint: str, *, writes: bool = True) -> Callable[[Handler], Handler]:
        """Marks the method that answers an endpoint, and says whether a 2xx of it has changed something."""

        def mark(handler: Handler) -> Handler:
            self.handlers[endpoint] = handler
            if writes:
                self.writes.add(endpoint)
            return handler

        return mark


class Window:
    """Counts requests in windows of `seconds` that are aligned to the clock."""

    def __init__(self, seconds: int = 1) -> None:
        self._seconds = seconds
        self._number, self._count = 0, 0

    def count(self, now: float) -> int:
        """One more; how many there are with it in the window of `now`."""
        self._count = self.so_far(now) + 1
        return self._count

    def so_far(self, now: float) -> int:
        """How many there are in the window of `now`."""
        number = int(now // self._seconds)
        if number != self._number:
            self._number, self._count = number, 0
        return self._count


class Answering(Inspected, ABC):
    """The serving half of a sandbox. `settings` are the switches, `keys`, `rate` and `workspace`, as text; `clock`
    gives seconds since 1970. Raises CannotStart for a setting that does not exist or cannot be.
    """

    kind: str
    title: ClassVar[str]
    """The name people know it by, such as "CampaignLark"."""
    base_path: str
    """Where the API lives, such as "/v1"."""
    endpoints: ClassVar[Endpoints]
    positions: ClassVar[Mapping[str, tuple[str, ...]]]
    """Each switch and its positions; the first is the default."""
    workspace_file: ClassVar[Path]
    default_rate: ClassVar[int]
    """Requests in one window of `window_seconds`."""
    window_seconds: ClassVar[int] = 1
    others: ClassVar[Mapping[str, str]] = {}
    """What else can be set while it runs, and its defaults; `_check_setting` looks at the values."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = dict(settings or {})
        self._clock = clock
        self._workspace_path = Path(self._settings.pop("workspace", "") or self.workspace_file)
        self.faults = Faults()
        try:
            self._start()
        except ValueError as error:
            raise CannotStart(str(error)) from None

    def _start(self) -> None:
        self._switches = {name: positions[0] for name, positions in self.positions.items()}
        self._switches |= {"keys": "sandbox-key", "rate": str(self.default_rate), **self.others}
        self.traffic = Traffic()
        self.fired = Automations()
        self._acts: list[tuple[str, Callable[[], object]]] = []
        self._window = Window(self.window_seconds)
        self._begin()
        self.switch(self._settings)

    # ---- what a sandbox says itself

    @abstractmethod
    def _begin(self) -> None:
        """Reads the workspace, which nobody is in yet. Raises CannotStart."""

    @abstractmethod
    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        """The endpoint's name, as it is counted, and the id in the path; "METHOD (unknown)" for none."""

    @abstractmethod
    def _let_in(self, authorization: str) -> None:
        """Looks at the key. Raises Refused."""

    @abstractmethod
    def _too_many(self, retry_after: str) -> Answer:
        """The refusal of a request over the rate; `retry_after` is the header's text where a fault names one."""

    @abstractmethod
    def _nothing_here(self, path: str) -> Exception:
        """The refusal of a path and method that no endpoint has."""

    @abstractmethod
    def _failed(self, status: int) -> Answer:
        """The error of a server in trouble, as the API words it."""

    @abstractmethod
    def _body(self, raw: bytes) -> dict[str, Any]:
        """The JSON object of a request. Raises Refused."""

    @abstractmethod
    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:
        """The address of the person whom a request is about, "" for nobody: for the faults of one address."""

    def _switched(self) -> None:
        """The switches are in other positions now."""

    def _check_setting(self, name: str, value: str) -> None:
        """Raises ValueError for a value that one of `others` cannot have."""

    def _watches(self, name: str) -> bool:
        """Whether automations there watch a field: all, where the setting `tracked` says *."""
        tracked = self._switches["tracked"]
        return tracked == "*" or name in tracked.split(",")

    def _may_be_busy(self, endpoint: str, raw: bytes) -> bool:  # noqa: ARG002 - few APIs say that they are busy
        """Whether the fault validation_error can strike here; `_busy` is what it says then."""
        return False

    def _busy(self) -> Answer:
        return self._failed(400)

    def _envelope(self, shown: Any) -> Any:
        """What goes around the answer of a handler."""
        return shown

    def _dressed(self, answer: Answer, now: float) -> Answer:  # noqa: ARG002 - few have headers of their own
        """The answer with the headers that every answer has."""
        return answer

    def then(self, pattern: str, act: Callable[[], object]) -> None:
        """Does something once, as another user of the account would: right after the next request was answered whose
        "METHOD path?query" holds the pattern, a regular expression.
        """
        self._acts.append((pattern, act))

    # ---- serving

    def application(self) -> web.Application:
        """The API under `base_path` and the inspection under `/_sandbox`, ready for an `AppRunner`."""
        app = web.Application(client_max_size=1 << 28)
        add_inspection(app, self)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        now = self._clock()
        self.traffic.arrived(now)
        raw = await request.read()
        endpoint, contact_id = self._endpoint(request.method, request.path)
        rule = None
        if self.faults.rules:
            rule = self.faults.strike(
                request.method,
                request.path,
                lambda: self._address(contact_id, request.query, raw),
                busy_possible=self._may_be_busy(endpoint, raw),
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
        if applied is not None and applied.status < 300 and endpoint in self.endpoints.writes:
            self.traffic.applied[endpoint] += 1
        for acting in [one for one in self._acts if re.search(one[0], f"{request.method} {request.path_qs}")]:
            self._acts.remove(acting)
            acting[1]()
        await self.faults.pause()
        return await deliver(request, self._dressed(answer, now), rule)

    def _spoiled(self, kind: str, retry_after: str, answer: Answer) -> Answer:
        if kind == "429":
            return self._too_many(retry_after)
        if kind in ("500", "502", "503"):
            return self._failed(int(kind))
        if kind == "validation_error":
            return self._busy()
        if kind.startswith("non_json"):
            return Answer(502 if kind.endswith("502") else 200, b"")
        return answer

    def _answer(self, request: web.Request, endpoint: str, contact_id: str, raw: bytes, now: float) -> Answer:
        try:
            self._let_in(request.headers.get("Authorization", ""))
            if 0 < self._rate < self._window.count(now):
                return self._too_many("")
            handler = self.endpoints.handlers.get(endpoint)
            if handler is None:
                raise self._nothing_here(request.path)
            status, shown = handler(self, Call(contact_id, request.query, self._body(raw)))
        except Refused as error:
            return error.answer
        return Answer(status, json.dumps(self._envelope(shown)).encode())

    # ---- inspection: see Inspected there

    def automations(self, *, last: int = 0) -> list[dict[str, Any]]:
        return self.fired.events[-last:]

    def automation_counts(self) -> Mapping[str, int]:
        return dict(sorted(self.fired.counts.items()))

    def switches(self) -> dict[str, str]:
        return dict(self._switches)

    def switch(self, changes: Mapping[str, str]) -> None:
        for name, value in changes.items():
            if name not in self._switches:
                known = ", ".join(sorted(self._switches))
                raise ValueError(f"{self.title}'s sandbox has no setting {name!r}. It has: {known}.")
            if name in self.positions and value not in self.positions[name]:
                raise ValueError(f"{name} is one of {', '.join(self.positions[name])}, not {value!r}.")
            if name == "rate" and not value.isdecimal():
                raise ValueError(
                    f"rate is a whole number of requests per {_span(self.window_seconds)}, 0 for any, not {value!r}."
                )
            self._check_setting(name, value)
        self._switches |= changes
        self._rate = int(self._switches["rate"])
        self._keys = frozenset(key.strip() for key in self._switches["keys"].split(",") if key.strip())
        self._switched()

    def reset(self) -> None:
        self._start()
        self.faults.reset()


def object_of(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request; no bytes are an empty one. Raises ValueError."""
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what json.loads raises as well
    return body


def _span(seconds: int) -> str:
    return {1: "second", 60: "minute"}.get(seconds, f"{seconds} seconds")

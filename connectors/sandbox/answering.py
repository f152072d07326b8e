"""What every sandbox does with a request: note it, let a fault strike, answer, spoil the answer, count what was applied.

A sandbox derives from `Answering` and says what it is, what can be set, and how its API answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from connectors.errors import CannotStart
from connectors.sandbox.faults import Answer, Faults, deliver
from connectors.sandbox.inspection import Inspected, Traffic, add_inspection

__all__ = ["Answering"]


class Answering(Inspected, ABC):
    """A sandbox: its settings, its faults, and the way from a request to an answer.

    `settings` are switches and other settings, as text; `clock` gives seconds since 1970.
    Raises CannotStart for a setting that does not exist or cannot be.
    """

    title: ClassVar[str]
    """The vendor, as people write it."""
    base_path: str
    positions: ClassVar[Mapping[str, tuple[str, ...]]]
    """The switches and their positions; the first is the default."""
    others: ClassVar[Mapping[str, str]]
    """What else can be set while it runs, with its defaults: at least `keys` and `rate`."""
    workspace_file: ClassVar[Path]
    """What is there at the start, when the setting `workspace` names no other file."""

    def __init__(self, settings: Mapping[str, str] | None, clock: Callable[[], float]) -> None:
        self._settings = dict(settings or {})
        self._clock = clock
        self._workspace_file = Path(self._settings.pop("workspace", "") or self.workspace_file)
        self.faults = Faults()
        try:
            self._start()
        except ValueError as error:
            raise CannotStart(str(error)) from None

    def _start(self) -> None:
        self._switches = {name: positions[0] for name, positions in self.positions.items()}
        self._switches |= self.others
        self.traffic = Traffic()
        self._begin()
        self.switch(self._settings)

    # ---- what a sandbox says of itself

    @abstractmethod
    def _begin(self) -> None:
        """Nobody is there, nothing has happened. Raises CannotStart for a workspace that cannot be read."""

    @abstractmethod
    def _check_setting(self, name: str, value: str) -> None:
        """Raises ValueError for a value that one of `others` cannot have."""

    @abstractmethod
    def _switched(self) -> None:
        """Takes over what was set."""

    @abstractmethod
    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        """The endpoint's name, as it is counted ("PUT /v1/contacts/{id}"), and the id in the path or ""."""

    @abstractmethod
    def _writes_something(self, endpoint: str) -> bool:
        """Whether a 2xx of this endpoint has changed something."""

    @abstractmethod
    def _answer(self, request: web.Request, endpoint: str, contact_id: str, raw: bytes, now: float) -> Answer:
        """What the API says, after it has done what it was asked."""

    @abstractmethod
    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:
        """The address of the contact that a request is about, or ""."""

    @abstractmethod
    def _may_be_busy(self, endpoint: str, raw: bytes) -> bool:
        """Whether the fault validation_error can strike this request."""

    @abstractmethod
    def _refusal(self, kind: str, retry_after: str) -> Answer:
        """What the API itself says to a request that gets the fault 429, 500, 502, 503 or validation_error."""

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
        if applied is not None and applied.status < 300 and self._writes_something(endpoint):
            self.traffic.applied[endpoint] += 1
        await self.faults.pause()
        return await deliver(request, answer, rule)

    def _spoiled(self, kind: str, retry_after: str, answer: Answer) -> Answer:
        if kind in ("429", "500", "502", "503", "validation_error"):
            return self._refusal(kind, retry_after)
        if kind.startswith("non_json"):
            return Answer(502 if kind.endswith("502") else 200, b"")
        return answer

    # ---- inspection: contacts, automations, seed and delete are the sandbox's own

    def switches(self) -> dict[str, str]:
        return dict(self._switches)

    def switch(self, changes: Mapping[str, str]) -> None:
        for name, value in changes.items():
            if name not in self._switches:
                known = ", ".join(sorted(self._switches))
                raise ValueError(f"{self.title}'s sandbox has no setting {name!r}. It has: {known}.")
            if name in self.positions and value not in self.positions[name]:
                raise ValueError(f"{name} is one of {', '.join(self.positions[name])}, not {value!r}.")
            self._check_setting(name, value)
        self._switches |= changes
        self._keys = frozenset(key.strip() for key in self._switches["keys"].split(",") if key.strip())
        self._switched()

    def reset(self) -> None:
        self._start()
        self.faults.reset()

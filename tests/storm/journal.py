"""The journal of an attempt: what went over the wire and what was kept, written down outside of muster before and after it happens.

A line each, straight into the file, so that it survives the process that is killed:

    ["sent", n, "PUT /v1/contacts/{id}", who]   a write is about to leave; who is an address or an id
    ["heard", n, "clear" | "busy" | "unclear"]  its whole answer was read: yes or no for good, not now, or nothing usable
    ["kept", row, outcome]                      muster was told that the answer of a row is durable
    ["stage", name, seconds]                    since the attempt began
    ["said", text]
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ["Journal", "Read", "Sent"]

_CONTACT = re.compile(r"/contacts/(?!create|update|upsert|find|search|by-email|suppression)([^/]+)")
_READS = ("/search", "/find")


class Journal:
    """Writes one. `install` makes aiohttp and the keeping of answers tell it what they do."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._began = time.monotonic()
        self._sent = 0

    def write(self, *line: Any) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def stage(self, name: str) -> None:
        self.write("stage", name, round(time.monotonic() - self._began, 4))

    def install(self) -> None:
        self._watch_the_wire()
        self._watch_the_keeping()

    def _watch_the_wire(self) -> None:
        import aiohttp

        request, read = aiohttp.ClientSession._request, aiohttp.ClientResponse.read
        waiting: dict[int, int] = {}

        async def requested(session: aiohttp.ClientSession, method: str, url: Any, **given: Any) -> Any:
            path = urlsplit(str(url)).path
            if method == "GET" or path.endswith(_READS):
                return await request(session, method, url, **given)
            self._sent += 1
            number = self._sent
            self.write(
                "sent",
                number,
                f"{method} {_CONTACT.sub('/contacts/{id}', path)}",
                _who(path, given.get("data")),
            )
            try:
                response = await request(session, method, url, **given)
            except Exception:
                self.write("heard", number, "unclear")
                raise
            waiting[id(response)] = number
            return response

        async def answered(response: aiohttp.ClientResponse) -> bytes:
            number = waiting.pop(id(response), None)
            try:
                body = await read(response)
            except Exception:
                if number is not None:
                    self.write("heard", number, "unclear")
                raise
            if number is not None:
                self.write("heard", number, _verdict(response.status, body))
            return body

        aiohttp.ClientSession._request = requested  # type: ignore[method-assign, assignment]
        aiohttp.ClientResponse.read = answered  # type: ignore[method-assign]

    def _watch_the_keeping(self) -> None:
        from flows.keeping import Keeping

        keep = Keeping.keep

        async def kept(keeping: Keeping, outcome: Any) -> None:
            await keep(keeping, outcome)
            self.write("kept", outcome.row, outcome.outcome)

        Keeping.keep = kept  # type: ignore[method-assign]


def _who(path: str, data: bytes | None) -> str:
    if found := _CONTACT.search(path):
        return found[1]
    body = json.loads(data or b"{}")
    fields = body.get("fields")
    inner = fields.get("email_address") if isinstance(fields, dict) else None
    return str(body.get("email_address") or body.get("email") or inner or body.get("userId") or "").lower()


def _verdict(status: int, body: bytes) -> str:
    """What an answer says, by the rules of HTTP alone."""
    try:
        whole = json.loads(body) if body else None
    except ValueError:
        whole = None
    if status == 429 or (status == 400 and b"Validation error" in body):
        return "busy"
    return "unclear" if status >= 500 or whole is None else "clear"


@dataclass(slots=True)
class Sent:
    """A write that left, or was about to. `heard` is '' where nobody was left to hear its answer."""

    endpoint: str
    who: str
    heard: str = ""


@dataclass(slots=True)
class Read:
    """A journal that was read."""

    sent: list[Sent] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> Self:
        read, by_number = cls(), dict[int, Sent]()
        for kind, *rest in _lines(path):
            match kind:
                case "sent":
                    by_number[rest[0]] = Sent(rest[1], rest[2])
                case "heard":
                    by_number[rest[0]].heard = rest[1]
                case "kept":
                    read.kept[rest[0]] = rest[1]
                case "stage":
                    read.stages.setdefault(rest[0], rest[1])
                case "said":
                    read.said.append(rest[0])
        read.sent = list(by_number.values())
        return read


def _lines(path: Path) -> Iterator[list[Any]]:
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)

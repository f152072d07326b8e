"""Faults on demand, for every sandbox: what can go wrong between a client and an API, one rule per fault.

    kind              what the client sees                                      the write is applied
    429               the API's own refusal; `retry_after` adds the header      no
    500 502 503       the API's error envelope with that status                 no, unless `applied`
    reset_before      the connection is reset after the request was read        no
    reset_after       the connection is reset after the write                   yes
    non_json          200 with an HTML page as the body                         yes
    non_json_502      502 with an HTML page, as a proxy writes it               no, unless `applied`
    truncated         half of the body, under a Content-Length of the whole     yes
    slow_body         the body in ten pieces over `seconds`                     yes
    late              the whole answer, `seconds` after the write               yes
    validation_error  the refusal that some APIs give while they are busy;      no
                      only where the sandbox says that it can occur

A rule strikes a `share` of the requests (0 to 1), or the `next` N of them, or, with neither, all of them;
`paths` (a regular expression, searched in the path and in "METHOD path") and `email` (one exact address,
whatever its case) narrow it. The first rule that strikes wins. Latency is apart from the rules: it delays every
answer, after the write was applied.

On the command line: `--fault 500:0.05`, `--fault 429:next=3,retry_after=1`, `--fault reset_after:email=a@b.example`.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["JSON_TYPE", "KINDS", "Answer", "Faults", "Rule", "deliver"]

KINDS = {
    "429": False,
    "500": False,
    "502": False,
    "503": False,
    "reset_before": False,
    "reset_after": True,
    "non_json": True,
    "non_json_502": False,
    "truncated": True,
    "slow_body": True,
    "late": True,
    "validation_error": False,
}
"""Each kind, and whether the write is applied when nothing else is said."""

MAY_BE_APPLIED = ("500", "502", "503", "non_json_502")
JSON_TYPE = {"Content-Type": "application/json; charset=utf-8"}
PAGE = b"<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"
PIECES = 10


@dataclass(slots=True)
class Answer:
    """An answer before anything happens to it: `body` is what goes over the wire, JSON or empty."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_TYPE)


@dataclass(slots=True)
class Rule:
    """One fault. `left` counts down from `next`; `hits` is how often it struck; `seconds` is for slow ones."""

    kind: str
    share: float | None = None
    next: int | None = None
    paths: str = ""
    email: str = ""
    retry_after: str = ""
    seconds: float = 2.0
    applied: bool | None = None
    left: int | None = None
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}. Faults are: {', '.join(KINDS)}.")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(f"A share lies between 0 and 1; {self.share} does not.")
        if self.share is not None and self.next is not None:
            raise ValueError("A fault has a share or a number of next requests, not both.")
        if self.next is not None and self.next < 0:
            raise ValueError(f"The number of next requests is 0 or more, not {self.next}.")
        if self.applied is not None and self.kind not in MAY_BE_APPLIED:
            raise ValueError(f"`applied` goes with {', '.join(MAY_BE_APPLIED)}; {self.kind} has its own.")
        if self.applied is None:
            self.applied = KINDS[self.kind]
        if self.left is None:
            self.left = self.next
        try:
            re.compile(self.paths)
        except re.error as error:
            raise ValueError(f"{self.paths!r} is not a regular expression: {error}.") from None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Rule:
        """A rule from JSON or from the command line. Raises ValueError, naming what is wrong."""
        known = {"kind", "share", "next", "paths", "email", "retry_after", "seconds", "applied"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"A fault has no {unknown[0]!r}. It has: {', '.join(sorted(known))}.")
        if "kind" not in given:
            raise ValueError(f"A fault needs a kind: {', '.join(KINDS)}.")
        kinds: dict[str, Callable[[Any], Any]] = {
            "share": float,
            "next": int,
            "seconds": float,
            "applied": lambda value: value in (True, "yes", "true", "1"),
        }
        try:
            values = {name: kinds.get(name, str)(value) for name, value in given.items() if value is not None}
        except (TypeError, ValueError) as error:
            raise ValueError(f"A fault's value cannot be read: {error}.") from None
        return cls(**values)

    @classmethod
    def parse(cls, text: str) -> Rule:
        """A rule as typed: `KIND`, `KIND:SHARE` or `KIND:name=value,name=value`. Raises ValueError."""
        kind, _, rest = text.partition(":")
        if not rest:
            return cls.of({"kind": kind})
        if "=" not in rest:
            return cls.of({"kind": kind, "share": rest})
        given: dict[str, Any] = {"kind": kind}
        for part in re.split(r",(?=[a-z_]+=)", rest):  # a comma inside a regular expression stays
            name, _, value = part.partition("=")
            given[name] = value
        return cls.of(given)

    def written(self) -> dict[str, Any]:
        """The rule as it was given, without its counters: what `of` takes."""
        given = asdict(self)
        del given["left"], given["hits"]
        if self.kind not in MAY_BE_APPLIED:
            del given["applied"]
        return {name: value for name, value in given.items() if value is not None}

    def strikes(self, method: str, path: str, address: Callable[[], str], chance: random.Random) -> bool:
        """Whether this request gets the fault; counts it down if so."""
        if self.left == 0:
            return False
        if self.paths and not (re.search(self.paths, path) or re.search(self.paths, f"{method} {path}")):
            return False
        if self.email and self.email.casefold() != address().casefold():
            return False
        if self.share is not None and chance.random() >= self.share:
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True


class Faults:
    """The rules of one sandbox, its latency, and the seed that makes a share come out the same each time."""

    def __init__(
        self, rules: Iterable[Rule] = (), *, latency_ms: float = 0, jitter_ms: float = 0, seed: int = 0
    ) -> None:
        self._started_with = {
            "rules": [rule.written() for rule in rules],
            "latency_ms": latency_ms,
            "jitter_ms": jitter_ms,
            "seed": seed,
        }
        self.reset()

    def reset(self) -> None:
        """Back to the rules it was started with."""
        self.clear()
        self.change(self._started_with)

    def clear(self) -> None:
        """No rules, no latency; the seed starts again from 0."""
        self.rules: list[Rule] = []
        self.latency_ms = 0.0
        self.jitter_ms = 0.0
        self._sow(0)

    def change(self, given: Mapping[str, Any]) -> None:
        """Adds one rule (`{"kind": …}`) or several (`{"rules": […]}`), sets latency, jitter (ms) and seed.

        Raises ValueError, and changes nothing then.
        """
        settings = {name: given[name] for name in ("latency_ms", "jitter_ms", "seed") if name in given}
        if "rules" in given:
            if unknown := sorted(set(given) - {"rules", *settings}):
                raise ValueError(
                    f"Beside `rules` there is latency_ms, jitter_ms and seed, not {unknown[0]!r}."
                )
            rules = [Rule.of(rule) for rule in given["rules"]]
        else:
            rest = {name: value for name, value in given.items() if name not in settings}
            rules = [Rule.of(rest)] if rest else []
        try:
            numbers = {name: float(value) for name, value in settings.items()}
        except (TypeError, ValueError):
            raise ValueError("latency_ms, jitter_ms and seed are numbers.") from None
        if any(value < 0 for value in numbers.values()):
            raise ValueError("latency_ms, jitter_ms and seed are 0 or more.")
        self.latency_ms = numbers.get("latency_ms", self.latency_ms)
        self.jitter_ms = numbers.get("jitter_ms", self.jitter_ms)
        if "seed" in numbers:
            self._sow(int(numbers["seed"]))
        self.rules += rules

    def shown(self) -> dict[str, Any]:
        """`{"latency_ms", "jitter_ms", "seed", "rules": [{"kind", …, "left", "hits"}]}`."""
        return {
            "latency_ms": self.latency_ms,
            "jitter_ms": self.jitter_ms,
            "seed": self.seed,
            "rules": [asdict(rule) for rule in self.rules],
        }

    def strike(
        self, method: str, path: str, address: Callable[[], str], *, busy_possible: bool
    ) -> Rule | None:
        """The rule that this request falls under, if any. `busy_possible`: a validation_error can occur here."""
        for rule in self.rules:
            if rule.kind == "validation_error" and not busy_possible:
                continue
            if rule.strikes(method, path, address, self._chance):
                return rule
        return None

    async def pause(self) -> None:
        """Waits as long as the latency says."""
        if self.latency_ms or self.jitter_ms:
            await asyncio.sleep((self.latency_ms + self.jitter_ms * self._chance.random()) / 1000)

    def _sow(self, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)  # noqa: S311 - repeatable faults, not cryptography


async def deliver(request: web.Request, answer: Answer, rule: Rule | None) -> web.StreamResponse:
    """Sends an answer the way the rule spoils it; `answer` is what the API would have said."""
    match rule.kind if rule else "":
        case "reset_before" | "reset_after":
            return _reset(request)
        case "non_json":
            return web.Response(body=PAGE, status=200, content_type="text/html")
        case "non_json_502":
            return web.Response(body=PAGE, status=502, content_type="text/html")
        case "truncated":
            return await _in_pieces(request, answer, seconds=0, whole=False)
        case "slow_body" if rule:
            return await _in_pieces(request, answer, seconds=rule.seconds, whole=True)
        case "late" if rule:
            await asyncio.sleep(rule.seconds)
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


def _reset(request: web.Request) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        # Without lingering, closing sends RST and not a polite FIN.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    return web.Response()  # goes nowhere


async def _in_pieces(
    request: web.Request, answer: Answer, *, seconds: float, whole: bool
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    body = answer.body if whole else answer.body[: len(answer.body) // 2]
    size = max(1, -(-len(body) // PIECES))
    for start in range(0, len(body), size):
        if request.transport is None or request.transport.is_closing():
            return response
        await response.write(body[start : start + size])
        if seconds:
            await asyncio.sleep(seconds / PIECES)
    if not whole and request.transport is not None:
        request.transport.close()
    return response

"""One HTTP client: authorisation, pace, retries in one layer, what a status means as a table, secrets filtered.

Requests go through aiohttp (httpx's pool slows down with concurrency). What surely never left
this machine and what is unclear is told apart here, because everything else depends on it: only a connection
(or a proxy's tunnel) that could not be made means "never sent"; a time-out, a reset or a cut body after that is
unclear, and the caller settles it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import json
import os
import re
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
import httpx
from yarl import URL

from connectors.answer import MEANINGS, Answer, Meaning, message, parsed
from connectors.breaker import Breaker, Place
from connectors.departing import Departing, departure
from connectors.errors import CredentialsError, MusterError, Unreachable
from connectors.pace import Turn
from connectors.patience import Patience
from connectors.retry_after import asked_to_wait
from connectors.traffic import Traffic

__all__ = ["Turns", "Wire"]

_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
_LONGEST = 500
_IDLE_SECONDS = 4.0  # most servers close what was idle for five
_KEPT = re.compile(r"timeout=(\d{1,6})")
_PROBE_SECONDS = 10.0
_LEFT_OUT = "not sent any more, since the destination gives no usable answer"
_TOO_LATE = "its turn came too late"


class Turns(Protocol):
    """The account's pace: whoever calls waits for a turn first."""

    async def turn(self, *, soon: bool = False) -> Turn: ...
    def left(self, turn: Turn) -> None: ...
    def slow_down(self, seconds: float | None) -> None: ...
    def told(self, per_second: float, left: int, window: float = 1.0) -> None: ...
    def went_well(self) -> None: ...


class Wire:
    """Calls to one base URL with one key, at the account's pace."""

    def __init__(
        self,
        base_url: str,
        key: str,
        turns: Turns,
        *,
        meanings: Mapping[int, Meaning] = MEANINGS,
        again: Mapping[tuple[int, str], Meaning] | None = None,
        timeout: float = 30.0,
        connections: int = 300,
        patience: Patience | None = None,
        window: float | None = None,
        health: str = "",
    ) -> None:
        """`window`: so many seconds do the headers x-ratelimit-limit and -remaining speak of; None: they are not looked at.

        `health` is the path of a cheap GET by which a destination that seems to be down is asked whether it is back.
        """
        if not (key.isascii() and key.isprintable()):
            raise CredentialsError(
                "The key holds a character that no key has.", "Copy it again, without quotes or line breaks."
            )
        self.base_url = base_url.rstrip("/")
        self._key = key
        self._turns = turns
        self._meanings = meanings
        self._texts = again or {}
        self._timeout = timeout
        self._connections = connections
        self._window = window
        self.patience = patience or Patience()
        self.traffic = Traffic()
        self._health = health
        self.breaker = Breaker(self.traffic.stopping, self._well if health else None)
        self._session: aiohttp.ClientSession | None = None
        self._headers = {
            "authorization": f"Bearer {key}",
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "muster",
        }

    async def __aenter__(self) -> Self:
        if self.base_url.startswith("https:"):
            context = httpx.create_ssl_context()  # honours SSL_CERT_FILE and SSL_CERT_DIR; takes a moment
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        connector = aiohttp.TCPConnector(
            limit=self._connections, keepalive_timeout=_IDLE_SECONDS, ssl=context
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=_proxied(self.base_url),
            request_class=Departing,
        )
        # aiohttp repeats a PUT by itself when a kept connection was closed; whether to repeat is decided here.
        session._retry_connection = False  # noqa: SLF001 - there is no public switch
        self._session = session
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.breaker.close()
        if self._session is not None:
            await self._session.close()

    def clock(self) -> float:
        """Seconds that count against somebody's patience: it stands still while the destination is waited for."""
        return time.monotonic() - self.breaker.shut_seconds

    async def pause(self, seconds: float) -> None:
        """Waits before the next attempt; not at all once the run stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.traffic.stopping.wait()

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._key, "[key]") if self._key else text

    async def call(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """One call, tried with patience. What is unclear is tried again only where that is harmless (`repeatable`).

        Raises CredentialsError when the key is not accepted.
        """
        attempt, began, answer, unclear = 0, self.clock(), Answer(Meaning.NOT_SENT), False
        while True:
            attempt += 1
            last = answer
            try:
                answer = await self._once(method, path, json_body, params)
            except CredentialsError as error:
                error.unclear = unclear
                raise
            unclear = unclear or answer.meaning is Meaning.UNCLEAR
            while answer.meaning is Meaning.SLOW_DOWN:
                self.traffic.throttled += 1
                self._turns.slow_down(answer.retry_after)
                if self.clock() - began > self.patience.seconds * 10:
                    break
                answer = await self._once(method, path, json_body, params)
            if answer.left_out:
                attempt -= 1
                answer = replace(answer, attempts=0, detail=last.detail or answer.detail)
                break
            if answer.meaning in (Meaning.DONE, Meaning.REFUSED):
                break
            over = attempt >= self.patience.attempts or self.clock() - began > self.patience.seconds
            over = over or self.traffic.last_orders
            if over or (answer.meaning is Meaning.UNCLEAR and not repeatable):
                break
            self.traffic.retried += 1
            await self.pause(self.patience.wait(attempt))
        if attempt == 1 and not answer.left_out:
            return answer
        # What the last attempt surely did not do, an earlier one may have done.
        sure = answer.meaning in (Meaning.DONE, Meaning.REFUSED) or not unclear
        meaning = answer.meaning if sure else Meaning.UNCLEAR
        return replace(answer, attempts=attempt, unclear=unclear, meaning=meaning)

    async def once(self, method: str, path: str, *, json_body: Any, within: float) -> Answer:
        """One request and no second one, before all that wait for a turn; not sent at all after `within` seconds.

        For what is decided anew before it is tried again. Raises CredentialsError.
        """
        answer = await self._once(method, path, json_body, None, latest=time.monotonic() + within)
        if answer.meaning is Meaning.SLOW_DOWN:
            self.traffic.throttled += 1
            self._turns.slow_down(answer.retry_after)
        return answer

    async def ask(
        self, method: str, path: str, *, json_body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        """A read before anything is sent. Raises Unreachable when there is no usable answer."""
        answer = await self.call(method, path, json_body=json_body, params=params)
        if answer.meaning in (Meaning.DONE, Meaning.REFUSED):
            return answer
        raise Unreachable(
            f"No usable answer from {self.base_url}{path}: {answer.detail}",
            "Check the address and the network, then start again; nothing was sent.",
        )

    async def _once(
        self,
        method: str,
        path: str,
        json_body: Any,
        params: Mapping[str, str] | None,
        latest: float | None = None,
    ) -> Answer:
        """One request, when the breaker lets it through and its turn has come."""
        reads = method == "GET"
        while True:
            place = await self.breaker.gate(reads=reads, latest=latest)
            if place is Place.OUT:
                why = "breaker" if self.breaker.given_up else "interrupted"
                return Answer(Meaning.NOT_SENT, detail=_LEFT_OUT, attempts=0, left_out=why)
            if place is Place.LATE:
                return Answer(Meaning.TOO_LATE, detail=_TOO_LATE)
            try:
                turn = await self._turns.turn(soon=latest is not None)
                if place is Place.IN and not self.breaker.lets(reads=reads):
                    continue
                if latest is not None and time.monotonic() > latest:
                    return Answer(Meaning.TOO_LATE, detail=_TOO_LATE)
                if not self.traffic.may_send():
                    return Answer(Meaning.NOT_SENT, detail=_LEFT_OUT, attempts=0, left_out="interrupted")
                departure.set(functools.partial(self._turns.left, turn))
                return await self._judged(reads, self._sent(method, path, json_body, params, self._timeout))
            finally:
                if place is Place.TRIAL:
                    self.breaker.tried()

    async def _judged(self, reads: bool, sent: Awaitable[Answer]) -> Answer:
        """The answer, of which the breaker hears."""
        try:
            answer = await sent
        except CredentialsError:
            self.breaker.heard(True, reads=reads)
            raise
        self.breaker.heard(answer.usable, reads=reads, why=answer.in_short)
        if answer.usable and answer.meaning is not Meaning.SLOW_DOWN:  # a refusal, too, was let in
            self._turns.went_well()
        return answer

    async def _well(self) -> bool:
        """Whether the destination answers a harmless question."""
        try:
            turn = await self._turns.turn(soon=True)
            departure.set(functools.partial(self._turns.left, turn))
            answer = await self._sent("GET", self._health, None, None, min(_PROBE_SECONDS, self._timeout))
        except CredentialsError:
            return True
        except MusterError:  # the pace cannot be booked: whoever goes on is told so
            return True
        if answer.meaning is Meaning.SLOW_DOWN:
            self.traffic.throttled += 1
            self._turns.slow_down(answer.retry_after)
        return answer.usable

    async def _sent(
        self, method: str, path: str, json_body: Any, params: Mapping[str, str] | None, within: float
    ) -> Answer:
        """The request itself. Raises CredentialsError."""
        if self._session is None:
            raise RuntimeError("the wire is used inside `async with`")
        content = None if json_body is None else _AS_JSON(json_body).encode()
        url = URL(self.base_url + path, encoded=True)
        started = time.monotonic()
        self.traffic.sent += 1
        self.traffic.first_sent = self.traffic.first_sent or started
        self.traffic.last_sent = started
        status, raw = 0, b""
        headers: Mapping[str, str] = {}
        try:
            async with (
                asyncio.timeout(within),
                self._session.request(
                    method, url, params=params, data=content, allow_redirects=False
                ) as response,
            ):
                status, headers = response.status, response.headers
                raw = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return self._broken(error, status, within)
        except Exception as error:  # noqa: BLE001 - whatever else is let through is unclear, never lost
            return self._broken(error, status, within)
        self.traffic.answered(started, time.monotonic())
        self._mind_the_idle(headers)
        if self._window is not None and status != 429:
            self._told(headers, self._window)
        return self._understood(status, raw, headers)

    def _mind_the_idle(self, headers: Mapping[str, str]) -> None:
        """Where the server says how long it keeps an idle connection, ours is not used again after half of that."""
        found = _KEPT.search(headers.get("keep-alive", ""))
        if found is not None and self._session is not None and self._session.connector is not None:
            kept = self._session.connector
            kept._keepalive_timeout = min(_IDLE_SECONDS, int(found[1]) / 2)  # noqa: SLF001 - there is no public way

    def _told(self, headers: Mapping[str, str], window: float) -> None:
        """Passes on what the destination says of its limit, where it says it in numbers."""
        try:
            limit, left = (int(headers.get(f"x-ratelimit-{name}", "")) for name in ("limit", "remaining"))
        except ValueError:
            return
        self._turns.told(limit / window, left, window)

    def _broken(self, error: BaseException, status: int, within: float) -> Answer:
        """A call without a whole answer. Only a connection that could not be made surely sent nothing."""
        self.traffic.broken_in_a_row += 1
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
                what = f"no connection to {self.base_url}: {self._said(cause)}"
                return Answer(Meaning.NOT_SENT, 0, None, what)
            cause = cause.__cause__
        if isinstance(error, TimeoutError):
            what = f"no answer within {within:g} s"
        else:
            what = f"the connection broke: {self._said(error)}"
        return Answer(Meaning.UNCLEAR, status, None, what)

    def _said(self, error: BaseException) -> str:
        """What the library says, in a line. Where the system refused a connection, its own words: the address stands beside them."""
        if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
            there = error.os_error
            if there.strerror and (there.errno in errno.errorcode or isinstance(there, socket.gaierror)):
                number = there.errno or 0
                return (os.strerror(number) if number in errno.errorcode else there.strerror).lower()
        text = self.redacted(str(error)).strip() or type(error).__name__
        return text.splitlines()[0][:200]

    def _understood(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Answer:
        request_id = headers.get("x-request-id", "")
        try:
            body = parsed(raw) if raw else None
        except (ValueError, RecursionError):
            body = None
        readable = body is not None
        if readable and 200 <= status < 300:
            self.traffic.broken_in_a_row = 0
            return Answer(Meaning.DONE, status, body, f"{status}", request_id)
        if readable:
            text = self.redacted(message(body))
        else:  # redacted before it is cut, or half a key would stay
            text = f"an answer that is not JSON ({self.redacted(raw.decode('utf-8', 'replace'))[:60]!r})"
        detail = f"{status}: {text[:_LONGEST]}"
        if request_id:
            detail += f" (request {self.redacted(request_id)[:80]})"
        if 200 <= status < 300 or status >= 500:
            meaning = Meaning.UNCLEAR
        else:
            meaning = self._meanings.get(status, Meaning.REFUSED)
        for (known_status, fragment), known_meaning in self._texts.items():
            if status == known_status and readable and text.strip() == fragment:
                meaning = known_meaning
        if meaning is Meaning.STOP:
            raise CredentialsError(
                f"{self.base_url} did not accept the key ({detail})",
                "Check the key, and whether it may be used from this address.",
            )
        self.traffic.broken_in_a_row = self.traffic.broken_in_a_row + 1 if meaning is Meaning.UNCLEAR else 0
        return Answer(meaning, status, body, detail, request_id, 1, asked_to_wait(headers))


def _proxied(base_url: str) -> bool:
    """Whether the environment names a proxy for this address.

    Only then aiohttp may look at the environment: it does so for every call, in a thread, and for a netrc too,
    whose entry breaks every call, because a key is already there.
    """
    address = urllib.parse.urlsplit(base_url)
    named = urllib.request.getproxies().get(address.scheme)
    return bool(named) and not urllib.request.proxy_bypass(address.hostname or "")

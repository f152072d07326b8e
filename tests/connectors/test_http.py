"""The wire over real sockets: what surely never left and what is unclear, retries, secrets, proxies, certificates."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from connectors.answer import MEANINGS, Meaning
from connectors.errors import CredentialsError, MusterError, Unreachable
from connectors.http import Wire
from connectors.pace import Pace, Turn
from connectors.patience import Patience
from connectors.sandbox.campaignlark import CampaignLarkSandbox
from tests.connectors.larks import ANN, PATIENCE, PUT, Lark, started

KEY = "sandbox-key"
NEVER = Patience(attempts=1, seconds=5.0, first=0.01, most=0.01)
UPSERT = "/contacts/upsert"
BODY = {"email_address": ANN, "fields": {"first_name": "Ann"}, "partial_update": True}
EMPTY = b'{"data": {}}'


@pytest.fixture
def lark() -> Iterator[Lark]:
    with started() as found:
        yield found


@contextlib.asynccontextmanager
async def wire(url: str, *, patience: Patience = NEVER, key: str = KEY, timeout: float = 5.0, pace: Pace | None = None, **more: Any) -> AsyncIterator[Wire]:  # fmt: skip  # noqa: ASYNC109
    async with Wire(url, key, pace or Pace(5000), patience=patience, timeout=timeout, **more) as opened:
        yield opened


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(answering: Answering, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A bare server on a free port: `answering` gets each connection."""
    held: set[asyncio.StreamWriter] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answering(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.close()
        await asyncio.sleep(0.01)


async def request_of(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """First line, headers and body of one request. Raises IncompleteReadError at the end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def reply(body: bytes = EMPTY, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(data: bytes) -> Answering:
    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_of(reader)
            writer.write(data)

    return answering


# ---- what surely never left, and what is unclear


async def test_where_nothing_listens_nothing_was_sent() -> None:
    async with wire(f"http://127.0.0.1:{free_port()}/v1") as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.NOT_SENT
    assert answer.detail.startswith("no connection to http://127.0.0.1")


async def test_where_the_name_is_unknown_nothing_was_sent() -> None:
    async with wire("http://nobody.invalid/v1") as opened:
        assert (await opened.call("POST", UPSERT, json_body=BODY)).meaning is Meaning.NOT_SENT


async def test_a_server_that_speaks_no_tls_was_sent_nothing() -> None:
    async with (
        listening(always(reply())) as port,
        wire(f"https://127.0.0.1:{port}/v1", timeout=0.3) as opened,
    ):
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning in (Meaning.NOT_SENT, Meaning.UNCLEAR)


AMBIGUOUS = [
    ("reset_before", 0), ("reset_after", 1), ("500", 0), ("502", 0), ("503", 0), ("non_json", 1), ("non_json_502", 0),
    ("truncated", 1), ("late", 1), ("slow_body", 1),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "applied"), AMBIGUOUS)
async def test_what_broke_after_it_was_sent_is_unclear_whether_or_not_it_was_applied(
    lark: Lark, kind: str, applied: int
) -> None:
    lark.running.faults({"kind": kind, "seconds": 0.6})
    async with wire(lark.url, timeout=0.25) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.UNCLEAR, answer
    assert answer.detail
    seen = lark.running.requests()
    assert (seen["received"], seen["applied"]) == (1, applied)


@pytest.mark.parametrize("kind", ["500", "502", "503", "non_json_502"])
async def test_a_server_error_after_the_write_is_unclear(lark: Lark, kind: str) -> None:
    lark.running.faults({"kind": kind, "applied": True})
    async with wire(lark.url) as opened:
        assert (await opened.call("POST", UPSERT, json_body=BODY)).meaning is Meaning.UNCLEAR
    assert lark.running.requests()["applied"] == 1


@pytest.mark.parametrize("kind", [kind for kind, _ in AMBIGUOUS])
async def test_a_write_that_is_not_repeatable_leaves_once_whatever_happens_to_it(
    lark: Lark, kind: str
) -> None:
    lark.seed()
    lark.running.faults({"kind": kind, "seconds": 0.6})
    body = {"fields": {"email_address": ANN, "first_name": "New"}, "status": "SUBSCRIBED"}
    async with wire(lark.url, timeout=0.25, patience=PATIENCE) as opened:
        await opened.call("PUT", f"/contacts/{lark.one()['id']}", json_body=body, repeatable=False)
        assert opened.traffic.sent == 1
        await opened.once("PUT", f"/contacts/{lark.one()['id']}", json_body=body, within=5)
        assert opened.traffic.sent == 2
    assert lark.calls() == [PUT, PUT]


@pytest.mark.parametrize("raw", [b"", b"null", b"<html>", b"{", b"\xff\xfe", b"{}x"])
async def test_a_2xx_without_json_is_unclear(raw: bytes) -> None:
    async with listening(always(reply(raw))) as port, wire(f"http://127.0.0.1:{port}") as opened:
        assert (await opened.call("GET", "/fields")).meaning is Meaning.UNCLEAR


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\nnot gzip!"])  # fmt: skip
async def test_an_answer_that_is_no_http_is_unclear_and_no_error_of_the_library_leaks(raw: bytes) -> None:
    async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}", timeout=1) as opened:
        assert (await opened.call("GET", "/fields")).meaning is Meaning.UNCLEAR


async def test_an_answer_that_says_nothing_in_time_is_unclear() -> None:
    async with listening(always(b"")) as port, wire(f"http://127.0.0.1:{port}", timeout=0.1) as opened:
        answer = await opened.call("GET", "/fields")
    assert (answer.meaning, answer.detail) == (Meaning.UNCLEAR, "no answer within 0.1 s")


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 432), 451, *range(500, 512), 599])
async def test_what_a_status_means_is_the_table(status: int) -> None:
    expected = Meaning.UNCLEAR if status >= 500 else MEANINGS.get(status, Meaning.REFUSED)
    if expected in (Meaning.STOP, Meaning.SLOW_DOWN) or status == 304:
        return
    raw = reply(b'{"error": {"message": "No."}}', f"{status} x", Location="http://127.0.0.1:9/elsewhere")
    async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}") as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
        assert (answer.meaning, answer.status, answer.detail) == (expected, status, f"{status}: No.")
        assert opened.traffic.sent == 1


async def test_the_request_id_is_in_the_text() -> None:
    raw = reply(b'{"message": "No."}', "400 Bad Request", X_Request_Id="r-17")
    async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}") as opened:
        assert (await opened.call("GET", "/x")).detail == "400: No. (request r-17)"


# ---- how often it is tried


@pytest.mark.parametrize("kind", ["503", "reset_before", "non_json_502", "truncated"])
async def test_a_repeatable_call_is_tried_as_often_as_patience_allows_and_in_one_layer(
    lark: Lark, kind: str
) -> None:
    lark.running.faults(kind)
    async with wire(lark.url, patience=PATIENCE) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
        assert (answer.attempts, opened.traffic.sent, opened.traffic.retried) == (3, 3, 2)
    assert lark.running.requests()["received"] == 3


async def test_nothing_leaves_when_somebody_else_may_be_sending_by_the_time_its_turn_comes(
    lark: Lark,
) -> None:
    async with wire(lark.url, patience=PATIENCE) as opened:
        opened.traffic.may_send = lambda: False
        answer = await opened.call("POST", UPSERT, json_body=BODY)
        assert (answer.meaning, answer.left_out) == (Meaning.NOT_SENT, "interrupted")
    assert lark.running.requests()["received"] == 0


async def test_where_nothing_listens_it_is_tried_as_often_too() -> None:
    async with wire(f"http://127.0.0.1:{free_port()}", patience=PATIENCE) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY, repeatable=False)
    assert (answer.meaning, answer.attempts) == (Meaning.NOT_SENT, 3)


async def test_it_gets_through_as_soon_as_the_trouble_ends(lark: Lark) -> None:
    lark.running.faults("503:next=2")
    async with wire(lark.url, patience=PATIENCE) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert (answer.done, answer.attempts) == (True, 3)


async def test_a_refusal_is_not_tried_again(lark: Lark) -> None:
    async with wire(lark.url, patience=PATIENCE) as opened:
        answer = await opened.call("POST", UPSERT, json_body={})
    assert (answer.meaning, answer.attempts) == (Meaning.REFUSED, 1)
    assert answer.detail == "400: Email address is required for upsert operation."


async def test_time_bounds_the_tries_too(lark: Lark) -> None:
    lark.running.faults("503")
    patience = Patience(attempts=1000, seconds=0.2, first=0.05, most=0.05)
    async with wire(lark.url, patience=patience) as opened:
        answer = await opened.call("GET", "/fields")
    assert answer.attempts < 50


def test_waits_double_up_to_the_most_and_vary() -> None:
    patience = Patience(first=1.0, most=4.0)
    waits = [[patience.wait(attempt) for _ in range(50)] for attempt in (1, 2, 3, 9)]
    assert all(
        most / 2 <= wait <= most for most, some in zip((1, 2, 4, 4), waits, strict=True) for wait in some
    )
    assert len({round(wait, 6) for wait in waits[0]}) > 10


async def test_a_question_without_an_answer_before_anything_was_sent_is_unreachable(lark: Lark) -> None:
    lark.running.faults("non_json_502")
    async with wire(lark.url) as opened:
        with pytest.raises(Unreachable, match="No usable answer from"):
            await opened.ask("GET", "/fields")


async def test_requests_without_a_usable_answer_are_counted_until_one_says_anything(lark: Lark) -> None:
    async with wire(lark.url, patience=PATIENCE) as opened:
        lark.running.faults("reset_before:next=2", "non_json_502:next=1")
        await opened.call("GET", "/fields")
        assert opened.traffic.broken_in_a_row == 3
        await opened.call("POST", UPSERT, json_body={})
        assert opened.traffic.broken_in_a_row == 0


# ---- 429 is pacing


@pytest.mark.parametrize("told", ["", "0.1"])
async def test_a_429_is_pacing_and_no_attempt(lark: Lark, told: str) -> None:
    lark.running.faults({"kind": "429", "next": 4, "retry_after": told})
    async with wire(lark.url, patience=NEVER, pace=Pace(5000, patient=0.05)) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
        assert (answer.done, answer.attempts, opened.traffic.throttled, opened.traffic.retried) == (
            True,
            1,
            4,
            0,
        )
    assert lark.running.requests()["applied"] == 1


async def test_retry_after_is_waited_for(lark: Lark) -> None:
    lark.running.faults("429:next=1,retry_after=1")
    began = time.monotonic()
    async with wire(lark.url) as opened:
        assert (await opened.call("GET", "/fields")).done
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("7", 7, 7), ("0", 0, 0), ("-5", 0, 0), ("1e9", 300, 300), ("inf", 300, 300), ("nan", None, None), ("soon", None, None), ("", None, None),
     ("in 5 seconds", None, None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0), ("date", 55, 61)],
)  # fmt: skip
async def test_retry_after_may_be_seconds_a_date_or_nonsense_and_never_hangs_us(
    text: str, least: float | None, most: float | None
) -> None:
    if text == "date":
        text = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60), usegmt=True)
    raw = reply(b'{"message": "Slow"}', "429 Too Many Requests", Retry_After=text)
    heard: list[float | None] = []

    class Noting(Pace):
        def slow_down(self, seconds: float | None) -> None:
            heard.append(seconds)

    async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}", pace=Noting(5000)) as opened:
        answer = await opened.once("POST", UPSERT, json_body=BODY, within=5)
    assert answer.meaning is Meaning.SLOW_DOWN
    [seconds] = heard
    assert (
        (seconds is None)
        if least is None or most is None
        else (seconds is not None and least <= seconds <= most)
    )


async def test_a_429_without_end_ends_by_time(lark: Lark) -> None:
    lark.running.faults("429")
    patience = Patience(attempts=3, seconds=0.03, first=0.01, most=0.01)
    async with wire(lark.url, patience=patience, pace=Pace(5000, patient=0.02)) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.SLOW_DOWN
    assert lark.running.requests()["applied"] == 0


async def test_a_call_whose_turn_comes_too_late_never_leaves(lark: Lark) -> None:
    async with wire(lark.url) as opened:
        answer = await opened.once("POST", UPSERT, json_body=BODY, within=-0.01)
        assert (answer.meaning, opened.traffic.sent) == (Meaning.TOO_LATE, 0)
    assert lark.running.requests()["received"] == 0


# ---- the key


@pytest.mark.parametrize("settings", [{"keys": "another"}, {"ip_allowed": "no"}])
async def test_a_key_that_is_not_accepted_stops_at_once(settings: dict[str, str]) -> None:
    with started(**settings) as lark:
        async with wire(lark.url, patience=PATIENCE) as opened:
            for call in (opened.call, opened.ask):
                with pytest.raises(CredentialsError, match=r"did not accept the key \(40[13]: "):
                    await call("GET", "/fields")
            with pytest.raises(CredentialsError):
                await opened.once("PUT", "/contacts/1", json_body={}, within=5)
        assert lark.running.requests()["received"] == 3


SECRET = "sk-live-0123456789-" + "abcdefghij" * 6


@pytest.mark.parametrize("key", ["schlüssel", "a\nb", "a\rb", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_said_without_repeating_it(key: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        Wire("http://127.0.0.1:9", key, Pace(10))
    assert key not in str(raised.value)
    assert key not in repr(raised.value)


def echoes(status: str) -> list[bytes]:
    """Answers that repeat the key wherever an answer can."""
    text = f"Bad: Bearer {SECRET}"
    bodies = [json.dumps({"error": {"message": text}}), json.dumps({"message": text}), json.dumps({"error": text}), json.dumps({"x": text}), "<html>" + "x" * 30 + SECRET, "x" * 190 + SECRET, json.dumps([["y" * 185, SECRET]])]  # fmt: skip
    return [reply(body.encode(), status, X_Request_Id=SECRET, X_Other=SECRET) for body in bodies]


def parts(secret: str) -> list[str]:
    """Pieces of the key that would already be too much."""
    return [secret[start : start + 12] for start in range(0, len(secret) - 12, 3)]


@pytest.mark.parametrize("status", ["200 OK", "400 Bad", "401 No", "403 No", "404 No", "500 Oh", "302 There"])
async def test_the_key_is_in_no_text_exception_log_or_repr(
    status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    said: list[str] = []
    for raw in echoes(status):
        async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}", key=SECRET) as opened:
            try:
                answer = await opened.call("GET", "/contacts/by-email", params={"email": ANN})
                said += [answer.detail, opened.redacted(f"{answer.request_id}")]
                await opened.ask("GET", "/fields")
            except MusterError as error:
                said += [str(error), repr(error), repr(error.__cause__), repr(error.__context__), error.fix]
            said += [repr(opened), str(opened), repr(opened.traffic), repr(opened._session)]
    asyncio.get_running_loop().set_debug(False)
    said += [record.getMessage() for record in caplog.records] + [caplog.text]
    for part in parts(SECRET):
        assert not [text for text in said if part in text]


async def test_the_key_is_in_no_text_when_the_connection_breaks(
    lark: Lark, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lark.sandbox.switch({"keys": SECRET})
    said: list[str] = []
    for fault in ("reset_before", "reset_after", "truncated", "non_json", "late"):
        lark.running.clear_faults()
        lark.running.faults({"kind": fault, "seconds": 0.5})
        async with wire(lark.url, key=SECRET, timeout=0.2) as opened:
            said.append((await opened.call("POST", UPSERT, json_body=BODY)).detail)
    async with wire(f"http://127.0.0.1:{free_port()}", key=SECRET) as opened:
        said.append((await opened.call("GET", "/fields")).detail)
    assert all(said)
    said += [record.getMessage() for record in caplog.records]
    for part in parts(SECRET):
        assert not [text for text in said if part in text]


async def test_no_log_holds_an_address_of_a_person(lark: Lark, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "aiohttp", "aiohttp.client", "asyncio", ""):
        logging.getLogger(name).setLevel(logging.DEBUG)
    lark.seed()
    asyncio.get_running_loop().set_debug(True)
    async with lark.connector() as connector:
        await connector.find(ANN)
        lark.running.faults("503")
        with pytest.raises(Unreachable) as raised:
            await connector.find(ANN)
    asyncio.get_running_loop().set_debug(False)
    ours = [record.getMessage() for record in caplog.records if "aiohttp.server" not in record.name]
    assert not [
        text for text in [*ours, str(raised.value)] if "ann@" in text.lower() or "ann%40" in text.lower()
    ]


# ---- connections


@contextlib.asynccontextmanager
async def impatient(sandbox: CampaignLarkSandbox, seconds: float) -> AsyncIterator[str]:
    """The sandbox behind a server that closes idle connections after some seconds."""
    runner = web.AppRunner(
        sandbox.application(), access_log=None, keepalive_timeout=seconds, shutdown_timeout=1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def test_a_kept_connection_that_the_server_closed_loses_and_doubles_no_put() -> None:
    sandbox = CampaignLarkSandbox({"rate": "0"})
    sandbox.seed([{"email_address": ANN, "fields": {"first_name": "Ann"}}])
    [one] = sandbox.contacts()
    async with impatient(sandbox, 0.15) as url, wire(url) as opened:
        for number in range(6):
            body = {"fields": {"email_address": ANN, "first_name": str(number)}, "status": "SUBSCRIBED"}
            answer = await opened.call("PUT", f"/contacts/{one['id']}", json_body=body, repeatable=False)
            assert answer.done or answer.meaning is Meaning.UNCLEAR, answer
            if answer.done:
                assert sandbox.contacts()[0]["fields"]["first_name"] == str(number)
            await asyncio.sleep(0.15)
        assert opened.traffic.sent == 6
    assert sandbox.traffic.applied["PUT /v1/contacts/{id}"] <= 6


async def test_what_may_be_repeated_gets_through_where_the_server_closes_idle_connections() -> None:
    sandbox = CampaignLarkSandbox({"rate": "0"})
    async with impatient(sandbox, 0.1) as url, wire(url, patience=PATIENCE) as opened:
        for number in range(8):
            body = {"email_address": ANN, "fields": {"first_name": str(number)}, "partial_update": True}
            assert (await opened.call("POST", UPSERT, json_body=body)).done
            await asyncio.sleep(0.1)
    assert sandbox.contacts()[0]["fields"]["first_name"] == "7"


async def test_a_connection_is_not_used_again_when_the_server_has_likely_closed_it() -> None:
    connections: list[int] = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        while True:
            await request_of(reader)
            connections[-1] += 1
            writer.write(reply(Keep_Alive="timeout=1"))

    async with listening(answering) as port, wire(f"http://127.0.0.1:{port}") as opened:
        for pause in (0.0, 0.0, 0.6):
            assert (await opened.call("GET", "/fields")).done
            await asyncio.sleep(pause)
        assert (await opened.call("GET", "/fields")).done
    assert connections == [3, 1]


async def test_a_connection_that_closes_just_when_a_put_is_sent_is_unclear_and_not_repeated_by_the_library() -> (
    None
):
    received: list[str] = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, _, _ = await request_of(reader)
        received.append(first)
        writer.write(reply())
        await reader.readexactly(1)  # the second request has begun to arrive: gone
        received.append("cut")

    async with listening(answering) as port, wire(f"http://127.0.0.1:{port}") as opened:
        assert (await opened.call("GET", "/fields")).done
        answer = await opened.call("PUT", "/contacts/1", json_body=BODY, repeatable=False)
    assert answer.meaning is Meaning.UNCLEAR
    assert received == ["GET /fields HTTP/1.1", "cut"]


async def test_a_connector_settles_a_put_on_a_closed_connection_and_sends_it_once_more(lark: Lark) -> None:
    lark.seed(first_name="Old")
    cut: list[str] = []
    target = lark.url.removeprefix("http://").removesuffix("/v1").split(":")

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(target[0], int(target[1]))
        try:
            while True:
                first, headers, body = await request_of(reader)
                if first.startswith("PUT") and not cut:
                    cut.append(first)
                    return
                lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
                up_writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                status, answered, content = await request_of(up_reader)
                writer.write(
                    "\r\n".join([status, *(f"{n}: {v}" for n, v in answered.items())]).encode()
                    + b"\r\n\r\n"
                    + content
                )
        finally:
            up_writer.close()

    async with listening(answering) as port:
        lark.url = f"http://127.0.0.1:{port}/v1"
        from tests.connectors.larks import contact

        _, result = await lark.deliver(contact(), write="update_only")
    assert (result.outcome, len(cut), lark.one()["fields"]["first_name"]) == ("updated", 1, "Ann")
    assert lark.sandbox.traffic.applied == {"PUT /v1/contacts/{id}": 1}


async def test_many_calls_at_once_each_get_their_own_answer(lark: Lark) -> None:
    lark.sandbox.seed([{"email_address": f"{n}@example.com"} for n in range(200)])
    lark.sandbox.faults.change({"latency_ms": 20, "jitter_ms": 20})
    async with lark.connector() as connector:
        found = await asyncio.gather(*(connector.find(f"{n}@example.com") for n in range(200)))
    assert [known.key for known in found if known] == [f"{n}@example.com" for n in range(200)]


async def test_a_cancelled_call_leaves_no_answer_to_the_next_one(lark: Lark) -> None:
    lark.seed()
    async with lark.connector() as connector:
        await connector.find(ANN)
        lark.sandbox.faults.change({"latency_ms": 100})
        cancelled = asyncio.create_task(connector.find("other@example.com"))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        known = await connector.find(ANN)
    assert known is not None
    assert known.key == ANN


async def test_cookies_are_neither_kept_nor_sent() -> None:
    sent: list[dict[str, str]] = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, headers, _ = await request_of(reader)
            sent.append(headers)
            writer.write(reply(Set_Cookie="session=1; Path=/"))

    async with listening(answering) as port, wire(f"http://localhost:{port}") as opened:
        await opened.call("GET", "/a")
        await opened.call("GET", "/b")
    assert not [headers for headers in sent if "cookie" in headers]
    assert sent[0]["authorization"] == f"Bearer {KEY}"
    assert sent[0]["user-agent"] == "muster"


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    stolen: list[str] = []

    async def thief(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        stolen.append((await request_of(reader))[0])

    async with listening(thief) as elsewhere:
        raw = reply(b"{}", "307 Temporary Redirect", Location=f"http://127.0.0.1:{elsewhere}/v1")
        async with listening(always(raw)) as port, wire(f"http://127.0.0.1:{port}") as opened:
            assert (await opened.call("POST", UPSERT, json_body=BODY)).meaning is Meaning.REFUSED
    assert stolen == []


def test_a_wire_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(Wire("http://127.0.0.1:9", KEY, Pace(10)).call("GET", "/fields"))


# ---- proxies


@contextlib.asynccontextmanager
async def proxying(asked: list[str], *, refuses: str = "") -> AsyncIterator[str]:
    """A small proxy: absolute addresses for http, CONNECT for https; `asked` are the first lines it got."""

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, headers, body = await request_of(reader)
        asked.append(first)
        if refuses:
            writer.write(reply(b"", refuses))
            return
        method, url, version = first.split()
        place = httpx.URL(url if "://" in url else f"https://{url}")
        up_reader, up_writer = await asyncio.open_connection(place.host, place.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            lines = [f"{method} {place.raw_path.decode()} {version}", *(f"{n}: {v}" for n, v in headers.items() if n != "proxy-connection")]  # fmt: skip
            up_writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    async with listening(answering) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_the_proxy_that_the_environment_names_is_used(
    lark: Lark, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    async with proxying(asked) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
        async with wire(lark.url) as opened:
            assert (await opened.call("POST", UPSERT, json_body=BODY)).done
    assert asked == [f"POST {lark.url}{UPSERT} HTTP/1.1"]
    assert lark.running.requests()["applied"] == 1


async def test_no_proxy_goes_past_the_proxy(lark: Lark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    async with wire(lark.url) as opened:
        assert (await opened.call("POST", UPSERT, json_body=BODY)).done


async def test_a_proxy_that_is_not_there_was_sent_nothing_and_its_password_is_not_told(
    lark: Lark, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hushhush@127.0.0.1:{free_port()}")
    async with wire(lark.url) as opened:
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.NOT_SENT
    assert "hushhush" not in answer.detail + caplog.text
    assert lark.running.requests()["received"] == 0


@pytest.mark.parametrize("refuses", ["407 Proxy Authentication Required", "502 Bad Gateway", "403 Forbidden"])
async def test_a_tunnel_that_the_proxy_refuses_means_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    asked: list[str] = []
    async with proxying(asked, refuses=refuses) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hushhush@{proxy}")
        async with wire("https://api.campaignlark.com/v1") as opened:
            answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.NOT_SENT, answer
    assert "hushhush" not in answer.detail
    assert asked == ["CONNECT api.campaignlark.com:443 HTTP/1.1"]


# ---- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate authority of our own, and a server's certificate with its key, signed by it."""
    folder = tmp_path_factory.mktemp("ca")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    try:
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=muster test CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")  # fmt: skip
        (folder / "names").write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\n"
        )
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names")  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl here to make a certificate with")
    both = folder / "both.pem"
    both.write_text((folder / "server.pem").read_text() + (folder / "server.key").read_text())
    return folder / "ca.pem", both


def serving_tls(both: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


async def test_an_authority_named_in_ssl_cert_file_is_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, both = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with (
        listening(always(reply()), serving_tls(both)) as port,
        wire(f"https://127.0.0.1:{port}") as opened,
    ):
        answer = await opened.call("GET", "/fields")
    assert answer.done, answer


async def test_it_is_trusted_through_a_proxys_tunnel_too(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, both = certificate
    asked: list[str] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with listening(always(reply()), serving_tls(both)) as port, proxying(asked) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        async with wire(f"https://127.0.0.1:{port}/v1") as opened:
            answer = await opened.call("GET", "/fields")
    assert answer.done, answer
    assert asked == [f"CONNECT 127.0.0.1:{port} HTTP/1.1"]


async def test_a_call_leaves_when_its_connection_is_made_and_not_with_its_turn(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, both = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    late: list[float] = []

    class Watched(Pace):
        def left(self, turn: Turn) -> None:
            late.append(time.monotonic() - turn.at)
            super().left(turn)

    async def hesitating(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carried(reader, inner), _carried(inner_reader, writer))

    async with (
        listening(always(reply()), serving_tls(both)) as port,
        listening(hesitating) as before_it,
        wire(f"https://127.0.0.1:{before_it}", pace=Watched(5000)) as opened,
    ):
        answers = [await opened.call("GET", "/fields") for _ in range(2)]
    assert [answer.done for answer in answers] == [True, True]
    first, second = late
    assert first >= 0.3
    assert second < 0.15


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while some := await reader.read(65536):
        writer.write(some)
        await writer.drain()
    writer.close()


async def test_a_certificate_nobody_vouches_for_is_not_trusted_and_nothing_was_sent(
    certificate: tuple[Path, Path],
) -> None:
    _, both = certificate
    async with (
        listening(always(reply()), serving_tls(both)) as port,
        wire(f"https://127.0.0.1:{port}") as opened,
    ):
        answer = await opened.call("POST", UPSERT, json_body=BODY)
    assert answer.meaning is Meaning.NOT_SENT
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail.upper().replace(" ", "_")

"""A server that answers at once, for both sides of Work B. Not the sandbox: it keeps nothing and refuses nothing.

`instant_server.py` takes a free port on 127.0.0.1, says it in a line, and ends when its standard input closes.
An upsert is answered as CampaignLark does: the address and the fields that came in, an id, a status. Lists are
empty. `GET /-/counts` tells what came in since `POST /-/reset`, with the first and last moment on the monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

FIELDS = [
    {
        "merge_tag": "email_address",
        "label": "Email Address",
        "type": "TEXT",
        "required": True,
        "immutable": True,
    },
    {"merge_tag": "first_name", "label": "First name", "type": "TEXT"},
    {"merge_tag": "last_name", "label": "Last name", "type": "TEXT"},
]
MOMENT = "2026-01-15T10:30:00Z"


class Counts:
    """What came in since the last reset."""

    def __init__(self) -> None:
        self.requests = self.upserts = 0
        self.addresses: set[str] = set()
        self.first = self.last = 0.0


class Instant(asyncio.Protocol):
    """One connection: requests with a Content-Length, one after the other."""

    counts = Counts()

    def __init__(self) -> None:
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            lower = head.lower()
            at = lower.find(b"\r\ncontent-length:")
            if b"\r\ntransfer-encoding:" in lower:
                self._transport.close()
                return
            length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._waiting) < end + 4 + length:
                return
            body, self._waiting = self._waiting[end + 4 : end + 4 + length], self._waiting[end + 4 + length :]
            method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            self._transport.write(
                _response(answer(self.counts, f"{method} {target.partition('?')[0]}", body))
            )


def answer(counts: Counts, call: str, body: bytes) -> Any:
    """What is answered to a call; None for one that does not exist."""
    if call == "POST /v1/contacts/upsert":
        moment = time.monotonic()
        counts.first = counts.first or moment
        counts.last = moment
        counts.requests += 1
        counts.upserts += 1
        asked = json.loads(body)
        counts.addresses.add(asked["email_address"])
        data = {"email_address": asked["email_address"], **asked.get("fields", {})}
        contact = {"id": f"{counts.upserts:024x}", "status": "SUBSCRIBED", "tags": [], "data": data}
        return {"data": {**contact, "created_at": MOMENT, "updated_at": MOMENT}}
    if call == "GET /-/counts":
        return {
            "requests": counts.requests,
            "upserts": counts.upserts,
            "contacts": len(counts.addresses),
            "first": counts.first,
            "last": counts.last,
        }
    if call == "POST /-/reset":
        Instant.counts = Counts()
        return {}
    counts.requests += 1
    if call == "GET /v1/fields":
        return {"data": FIELDS}
    if call == "GET /v1/tags":
        return {"data": {"tags": [], "pagination": {"page": 1, "total_pages": 1}}}
    if call == "POST /v1/contacts/search":
        return {"data": {"contacts": [], "pagination": {"page": 1, "total_count": 0, "total_pages": 0}}}
    return None


def _response(found: Any) -> bytes:
    status = b"200 OK" if found is not None else b"404 Not Found"
    body = json.dumps(found if found is not None else {"error": {"message": "no such call"}}).encode()
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())

"""A review of a run at a desk, served in a thread, for the tests of its requests and of its page."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.options import Options
from flows.reporting import Ending
from flows.retry import Retry, open_retry
from flows.review.check import Check
from flows.review.rows import Rows
from flows.review.sending import Sending
from flows.review.server import Review
from flows.sync_run import SyncRun
from tests.flows.conftest import Desk

__all__ = ["Visit", "reviewing"]


async def _carry(retry: Retry, sending: Sending) -> tuple[Ending, Path]:
    """As muster review sends, without Prefect, which only watches."""
    async with SyncRun(str(retry.mapping), None, Options(), sending, retry=retry) as run:
        await run.open()
        run.register()
        await run.prepare()
        await sending.ask(run)
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        await run.finish()
        assert run.ending is not None
        return run.ending, run.opened.folder


class Visit:
    """Requests to the page as a browser makes them, each header as it is said."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.host = address.split("/")[2]
        self.cookie = ""

    def ask(
        self, method: str, path: str, body: object = None, **headers: str | None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers in lower case, text. A header that is given as None is left out."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        sent: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie or None}
        if method == "POST":
            sent |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            text = json.dumps(body).encode() if body is not None else b""
            for name, value in {**sent, "Content-Length": str(len(text))}.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(text)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read().decode()
        finally:
            connection.close()

    def enter(self) -> None:
        """With the token, as the address is opened."""
        status, headers, _ = self.ask("GET", "/" + self.address.split("/", 3)[3])
        assert status == 303
        self.cookie = headers["set-cookie"].split(";")[0]

    def get(self, path: str) -> Any:
        status, _, text = self.ask("GET", path)
        assert status == 200, text
        return json.loads(text)

    def post(self, path: str, body: object) -> Any:
        status, _, text = self.ask("POST", path, body)
        assert status == 200, text
        return json.loads(text)


@contextlib.contextmanager
def reviewing(desk: Desk, run_id: str) -> Iterator[Visit]:
    """The page of a run's rows, until the block ends."""
    ready = threading.Event()
    made: dict[str, Any] = {}

    async def serve() -> None:
        retry = open_retry(desk.home / "runs" / run_id)
        rows = Rows(Path(retry.follows.folder), retry.follows.id, ())
        made["review"] = Review(retry, rows, await Check.opened(retry), Options(), _carry)
        made["loop"] = asyncio.get_running_loop()

        def listening(address: str) -> None:
            made["address"] = address
            ready.set()

        await made["review"].serve(0, listening)

    def through() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=through)
    thread.start()
    ready.wait(60)
    try:
        yield Visit(made["address"])
    finally:
        with contextlib.suppress(RuntimeError, KeyError):  # it may have ended by itself
            made["loop"].call_soon_threadsafe(made["review"].stop.set)
        thread.join(60)
        assert not thread.is_alive()

"""Writes `vN.sql`, a ledger as this version of muster leaves it: `python tests/flows/ledgers/freeze.py`, from the root.

Done once for each version, with the code that wrote it, before the next step is added to flows/ledger/migrations.py; the
files are never changed afterwards. They hold one complete run, and one that was killed:

    p1  delivered; its new city was delivered by the killed run, which has the answer
    p2  delivered; unsubscribed at the destination before
    p3  delivered; opted out by the source
    p4  delivered
    p6  new, created by the killed run, which has the answer
    p7  new, created by the killed run, which has no answer of it
    p8  new, not created: the killed run had it in its hands
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from connectors.sandbox.serving import Running, running
from flows.ledger.migrations import STEPS
from flows.sync_run import SyncRun
from flows.watching import Silent

HERE = Path(__file__).parent
FIRST = """Id,Email,First,City,Score,Tags,Out
1,p1@example.com,Name 1,Bonn,1,vip,
2,p2@example.com,Name 2,Köln,,vip,
3,p3@example.com,Name 3,Köln,3,vip,yes
4,p4@example.com,Name 4,Köln,,,
5,nobody,Name 5,Köln,,,
"""
KILLED = """Id,Email,First,City,Score,Tags,Out
1,p1@example.com,Name 1,Köln,1,vip,
2,p2@example.com,Name 2,Köln,,vip,
3,p3@example.com,Name 3,Köln,3,vip,yes
4,p4@example.com,Name 4,Köln,,,
6,p6@example.com,Name 6,Köln,,vip,
7,p7@example.com,Name 7,Köln,,vip,
8,p8@example.com,Name 8,Köln,,vip,
"""


class Waiting(Silent):
    """Lets the script go on when so many outcomes are durable."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done = asyncio.Event()

    def outcome(self, name: str) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


async def leave(folder: Path, server: Running) -> None:
    file = folder / "people.csv"
    file.write_text(FIRST, "utf-8")
    async with SyncRun(str(HERE / "people.yml"), str(file)) as run:
        await run.open()
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        assert await run.finish() == 1
    file.write_text(KILLED, "utf-8")
    server.faults(
        {"kind": "late", "email": "p7@example.com", "paths": "^POST", "seconds": 60},
        {"kind": "429", "email": "p8@example.com", "paths": "^POST", "retry_after": "60"},
    )
    waiting = Waiting(2)
    run = SyncRun(str(HERE / "people.yml"), str(file), watcher=waiting)
    await run.open()
    await run.prepare()
    kept = [asyncio.create_task(run.delivery.deliver(batch)) for batch in run.to_deliver()]
    await waiting.done.wait()
    await asyncio.sleep(1)
    assert not kept[0].done()
    assert {one["email_address"][:2] for one in server.contacts()} == {"p1", "p2", "p3", "p4", "p6", "p7"}


def written(home: Path) -> str:
    with contextlib.closing(sqlite3.connect(home / "ledger.sqlite")) as database:
        return f"pragma user_version = {len(STEPS)};\n" + "\n".join(database.iterdump()) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running("campaignlark", rate=0) as server:
        server.seed([{"email_address": "p2@example.com", "status": "UNSUBSCRIBED"}])
        home = Path(folder) / "home"
        os.environ |= {
            "MUSTER_HOME": str(home),
            "CAMPAIGNLARK_BASE_URL": server.url,
            "CAMPAIGNLARK_API_KEY": "sandbox-key",
        }

        async def killed() -> None:
            await leave(Path(folder), server)
            text = written(home).replace(server.url, "http://127.0.0.1:0/v1")
            text = text.replace(str(HERE), "/home/ann").replace(folder, "/home/ann")
            (HERE / f"v{len(STEPS)}.sql").write_text(text, "utf-8")
            server.kill()
            shutil.rmtree(folder)
            os._exit(0)  # as a process that is killed: nothing is filed, nothing is closed

        asyncio.run(killed())


if __name__ == "__main__":
    main()

"""One sync of Work B's contacts, through Prefect's flow or past it: `muster_prefect.py FILE HOME BASE_URL`, which says a line of JSON.

Everything from the first batch to the report, at a rate that does not slow it down. `--plain` calls the same steps without Prefect.
`--batch` is how many contacts a batch has, `--seconds` how long a task takes batches. Two hundred times a second it is looked which code runs: the part of it that is
Prefect's, with all that Prefect calls, is its share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Self

from measuring import HERE, ROOT

import flows.pipeline
import flows.sync_run
from connectors.destinations.campaignlark import Connector
from flows.pipeline import deliver_all
from flows.prefect_server import PrefectServer
from flows.sync_run import SyncRun
from flows.watching import Counting
from flows.work import ended, hand_over

_EVERY = 0.005
_WAITING = {"selectors.py", "threading.py", "queue.py"}
_OURS = tuple(str(ROOT / room) + os.sep for room in ("flows", "connectors", "mappings"))
_PREFECT = f"{os.sep}prefect{os.sep}"


class Looking:
    """Whose code the main thread runs, looked at every 5 ms and counted as `prefect`, `muster`, `neither`, `waits`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, _: int, frame: FrameType | None) -> None:
        self.seen[_whose(frame)] += 1


def beside() -> dict[str, float]:
    """The processor seconds of all threads but the main one, by name."""
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    return {
        one.name: time.clock_gettime(time.pthread_getcpuclockid(one.ident)) for one in others if one.ident
    }


def _whose(frame: FrameType | None) -> str:
    if frame is None or Path(frame.f_code.co_filename).name in _WAITING:
        return "waits"
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_OURS):
            return "muster"
        if _PREFECT in name and "site-packages" in name:
            return "prefect"
        frame = frame.f_back
    return "neither"


async def whole_run(file: Path, home: Path, *, plain: bool) -> dict[str, Any]:
    looking = Looking()
    async with SyncRun(str(HERE / "work_b.yml"), str(file), watcher=Counting()) as run:
        await run.open()
        with PrefectServer(home) as server:
            if not plain:
                await server.begin()
            await run.prepare()
            if not plain:
                from flows.sync_contacts import sync_contacts  # noqa: PLC0415 - Prefect reads its settings when it is imported

                await server.ready()
            began, used = time.monotonic(), time.process_time()
            with looking:
                if plain:
                    await deliver_all(run, run.delivery.deliver)
                    await run.finish()
                else:
                    run_id = hand_over(run)
                    await sync_contacts(str(HERE / "work_b.yml"), str(file), run_id=run_id, return_state=True)
                    ended(run_id)
            seconds, processor = time.monotonic() - began, time.process_time() - used
            aside, tasks = beside(), 0 if plain else _tasks()
        assert run.ending is not None
        return {
            "seconds": seconds, "processor": processor, "seen": looking.seen, "beside": aside, "stopped": run.delivery.stopped,
            "tasks": tasks, "outcomes": run.ending.summary.outcomes.model_dump(),
        }  # fmt: skip


def _tasks() -> int:
    """How many task runs Prefect's server has."""
    words = {"content-type": "application/json"}
    asked = urllib.request.Request(f"{os.environ['PREFECT_API_URL']}/task_runs/count", b"{}", words)  # noqa: S310 - our own server
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as answer:
        return int(json.load(answer))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--batch", type=int, default=flows.sync_run.BATCH)
    parser.add_argument("--seconds", type=float, default=flows.pipeline.PORTION_SECONDS)
    given = parser.parse_args()
    os.environ |= {
        "MUSTER_HOME": str(given.home), "CAMPAIGNLARK_BASE_URL": given.base_url, "CAMPAIGNLARK_API_KEY": "benchmark",
    }  # fmt: skip
    Connector.per_second = 100_000.0
    flows.sync_run.BATCH, flows.pipeline.PORTION_SECONDS = given.batch, given.seconds
    print(json.dumps(asyncio.run(whole_run(given.file, given.home, plain=given.plain))))


if __name__ == "__main__":
    main()

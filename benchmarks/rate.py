"""The rate table: how much of the allowed rate a run uses, as the destination counts it.

    python benchmarks/rate.py [--seconds 20] [--only WORD] [--ledger postgresql]

Each line is a whole run against CampaignLark's sandbox, a process of its own, which refuses with 429 what is over the
limit in a second of the clock. "share" is answers / (limit x time from the first to the last send).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import contacts
from measuring import HERE, ROOT, data_folder, machine, table
from postgres import postgres

from connectors.http import Wire
from connectors.pace import Pace
from connectors.sandbox.serving import Running, running

_SCHEMAS = itertools.count(1)
_SENDERS = {2: "two", 4: "four"}
_ALONE, _SHARED = "{kind: campaignlark}", "{kind: campaignlark, senders: shared}"
HEAD = ("what", "allowed", "latency", "share", "busiest window", "busiest sliding", "429s")


@dataclass
class Started:
    """A run that waits for its sign."""

    process: subprocess.Popen[str]

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def said(self) -> dict[str, Any]:
        out, err = self.process.communicate()
        if self.process.returncode:
            sys.exit(f"muster ended with {self.process.returncode}:\n{err[-3000:]}")
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        if found["exit"] > 1:  # some of the addresses are broken
            sys.exit(f"not everybody landed: {found}")
        return found


@contextlib.contextmanager
def runs(
    server: Running, rate: float, sizes: list[int], folder: Path, ledger: str
) -> Iterator[list[Started]]:
    """Runs of so many contacts each, on one account and one ledger, ready to send; `ledger` is '' for a file, else a database's address."""
    started = []
    url = f"{ledger}?schema=rate_{next(_SCHEMAS)}" if ledger else ""
    for number, size in enumerate(sizes):
        mapping = folder / f"work_{number}.yml"
        text = (HERE / "work_b.yml").read_text("utf-8")
        if len(sizes) > 1:
            text = text.replace(_ALONE, _SHARED)
        mapping.write_text(text.replace("name: ", f"name: n{number}-", 1), "utf-8")
        file = contacts.write(folder / f"{number}-{size}.csv", usable=size)
        command = [
            sys.executable,
            HERE / "muster_rate.py",
            mapping,
            file,
            folder / "home",
            server.url,
            str(rate),
        ]
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MUSTER_LEDGER_URL": url},
        )  # fmt: skip
        assert process.stdout is not None
        while (line := process.stdout.readline()) and line.strip() != "ready":
            pass
        started.append(Started(process))
    yield started


def row(what: str, allowed: str, latency: float, limit: float, said: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:  # fmt: skip
    answers = sum(one["sent"] - one["throttled"] for one in said)
    share = answers / (limit * max(one["seconds"] for one in said))
    refused = after["by_status"].get("429", 0) - before["by_status"].get("429", 0)
    return (
        what, allowed, f"{latency:g} ms", f"{share:.1%}", str(after["busiest_second"]), str(after["busiest_sliding_second"]), str(refused),
    )  # fmt: skip


def alone(limit: int, latency: float, seconds: float, ledger: str) -> tuple[str, ...]:
    with (
        tempfile.TemporaryDirectory(dir=data_folder()) as folder,
        running("campaignlark", rate=limit, latency_ms=latency) as server,
        runs(server, limit, [int(limit * seconds)], Path(folder), ledger) as [one],
    ):
        before = server.requests()
        one.go()
        said = one.said()
        return row("one run", f"{limit}/s", latency, limit, [said], before, server.requests())


def together(senders: int, limit: int, latency: float, seconds: float, ledger: str) -> tuple[str, ...]:
    part = int(limit * seconds / senders)
    with (
        tempfile.TemporaryDirectory(dir=data_folder()) as folder,
        running("campaignlark", rate=limit, latency_ms=latency) as server,
        runs(server, limit, [part] * senders, Path(folder), ledger) as all_of_them,
    ):
        before = server.requests()
        for one in all_of_them:
            one.go()
        said = [one.said() for one in all_of_them]
        parts = ", ".join(f"{one['sent'] / one['seconds']:.1f}" for one in said)
        what = f"{_SENDERS[senders]} processes ({parts} a second)"
        return row(what, f"{limit}/s", latency, limit, said, before, server.requests())


@dataclass
class Noting:
    """A pace whose answers are noted: when, and whether it was a 429."""

    pace: Pace
    answered: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)


async def beside_another(server: Running, theirs: float, phases: tuple[float, float, float], noting: Noting) -> None:  # fmt: skip
    """We call throughout; another client takes `theirs` a second in the second of three phases, whatever it is answered."""
    end, began = time.monotonic() + sum(phases), time.monotonic()

    async def ours(wire: Wire) -> None:
        while time.monotonic() < end:
            answer = await wire.once(
                "GET", "/contacts/by-email?email=a@example.com", json_body=None, within=60
            )
            counter = noting.refused if answer.status == 429 else noting.answered
            counter[int(time.monotonic() - began)] += 1

    other = threading.Thread(target=_other, args=(server.url, theirs, began + phases[0], phases[1]))
    other.start()
    async with Wire(server.url, "sandbox-key", noting.pace) as wire:
        await asyncio.gather(*(ours(wire) for _ in range(16)))
    other.join()


def _other(url: str, per_second: float, begins: float, seconds: float) -> None:
    """The other client: a steady rate, that of no one else."""

    class Steady:
        def __init__(self) -> None:
            self._next = time.monotonic()

        async def turn(self, *, soon: bool = False) -> None:  # noqa: ARG002
            self._next = max(self._next + 1 / per_second, time.monotonic() - 0.05)
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))

        def left(self, turn: None) -> None: ...
        def slow_down(self, seconds: float | None) -> None: ...
        def told(self, per_second: float, left: int, window: float = 1.0) -> None: ...
        def went_well(self) -> None: ...

    async def calling() -> None:
        async with Wire(url, "sandbox-key", Steady()) as wire:

            async def one() -> None:
                while time.monotonic() < begins + seconds:
                    await wire.once(
                        "GET", "/contacts/by-email?email=b@example.com", json_body=None, within=60
                    )

            await asyncio.gather(*(one() for _ in range(8)))

    time.sleep(max(0.0, begins - time.monotonic()))
    asyncio.run(calling())


def shared(kind: str, limit: int, settle: int, seconds: int) -> list[tuple[str, ...]]:
    """Another client takes half: after some seconds to settle, while it goes on, and once it has ended."""
    with running(kind, rate=limit, latency_ms=20) as server:
        noting = Noting(Pace(limit))
        phases = (5.0, float(settle + seconds), 70.0)
        asyncio.run(beside_another(server, limit / 2, phases, noting))
    found = []
    spans = (
        ("settling beside another that takes half", 5, 5 + settle),
        ("beside another that takes half", 5 + settle, 5 + settle + seconds),
        ("half a minute to a minute after it ended", 35 + settle + seconds, 65 + settle + seconds),
    )
    for what, begin, end in spans:
        ours = sum(noting.answered[at] for at in range(begin, end))
        refused = sum(noting.refused[at] for at in range(begin, end))
        left = limit / 2 if "beside" in what else limit
        share = ours / (left * (end - begin))
        percent = refused / max(1, ours + refused)
        found.append(
            (what, f"{left:g}/s of {limit}", "20 ms", f"{share:.1%}", "-", "-", f"{refused} ({percent:.1%})")
        )
    return found


async def _paced(url: str, pace: Pace, seconds: float, window: float) -> tuple[int, float]:
    end = time.monotonic() + seconds
    async with Wire(url, "sandbox-key", pace, window=window) as wire:

        async def one() -> None:
            while time.monotonic() < end:
                await wire.call("GET", "/contacts?page=1&limit=1")

        await asyncio.gather(*(one() for _ in range(8)))
    traffic = wire.traffic
    return traffic.sent - traffic.throttled, traffic.last_sent - traffic.first_sent


def by_the_minute(calls: int, window: int, seconds: float) -> tuple[str, ...]:
    """Corporate Merch's 40 a minute, on a window of fewer seconds; the sandbox's window begins with a client's first request."""
    with running("corporate_merch", rate=calls, window=window, latency_ms=20) as server:
        answers, took = asyncio.run(_paced(server.url, Pace(calls / window), seconds, window))
        seen = server.requests(within=window)
    share = answers / (calls / window * took)
    return (
        "Corporate Merch", f"{calls} in {window} s", "20 ms", f"{share:.1%}", "-", str(seen["busiest_within"]),
        str(seen["by_status"].get("429", 0)),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", default="", help="lines whose name holds this word")
    parser.add_argument("--ledger", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(postgres("muster"))[0] if given.ledger == "postgresql" else ""
        measured(given.seconds, given.only, ledger)


def measured(seconds: float, only: str, ledger: str) -> None:
    kept = "a file" if not ledger else "PostgreSQL"
    lines = {
        "100/s 20 ms": functools.partial(alone, 100, 20, seconds, ledger),
        "100/s 200 ms": functools.partial(alone, 100, 200, seconds, ledger),
        "100/s 2000 ms": functools.partial(alone, 100, 2000, seconds * 2, ledger),
        "10/s": functools.partial(alone, 10, 20, seconds, ledger),
        "minute": functools.partial(by_the_minute, 40, 6, max(30.0, seconds)),
        "2 processes": functools.partial(together, 2, 100, 20, seconds, ledger),
        "4 processes": functools.partial(together, 4, 100, 20, seconds, ledger),
        "another 100": functools.partial(shared, "campaignlark", 100, 10, 60),
    }
    rows: list[tuple[str, ...]] = []
    for name, measure in lines.items():
        if only in name:
            print(name, file=sys.stderr)
            found = measure()
            rows += found if isinstance(found, list) else [found]
    print(f"\nThe rate, the ledger in {kept}; {machine()}\n")
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()

"""A run from its beginning to its end, as the flow leads it, and what has to hold of every run, however it ends."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.report.details import Comparison, ListingFacts
from flows.report.summary import Summary
from flows.sync_run import SyncRun

__all__ = ["Ended", "Listening", "balances", "finish"]

_AT_ONCE = 3
"""So many batches are delivered at once, as the flow does."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended: its exit code, its summary, its folder, and every row as `rows.parquet` has it."""

    id: str
    exit_code: int
    summary: Summary
    folder: Path
    rows: list[dict[str, Any]]
    said: list[str]
    comparison: Comparison | None = None
    listing: ListingFacts | None = None

    @property
    def outcomes(self) -> dict[str, int]:
        return {name: count for name, count in self.summary.outcomes.model_dump().items() if count}

    @property
    def per_row(self) -> list[str]:
        return [row["outcome"] for row in self.rows]

    def row(self, number: int) -> dict[str, Any]:
        return self.rows[number - 1]


class Listening:
    """Notes what a run says; `on_outcome` is called after each outcome."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.on_outcome: Callable[[int], None] = lambda _: None

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...

    def outcome(self, name: str) -> None:
        self.outcomes[name] += 1
        self.on_outcome(self.outcomes.total())

    def say(self, line: str) -> None:
        self.said.append(line)

    def held(self, waits: bool) -> None: ...


async def finish(
    run: SyncRun,
    meanwhile: Callable[[SyncRun, int], None] | None = None,
    prepared: Callable[[], object] | None = None,
) -> Ended:
    """The whole run, also one that is open already, which has to balance. `prepared` is called before the first contact is sent, `meanwhile` after each outcome."""
    watcher: Any = run.watcher
    if meanwhile is not None:
        watcher.on_outcome = lambda number: meanwhile(run, number)
    if not run.is_open:
        await run.open()
    await run.prepare()
    if prepared is not None:
        prepared()
    waiting: set[asyncio.Task[None]] = set()
    for batch in run.to_deliver():
        waiting.add(asyncio.create_task(run.delivery.deliver(batch)))
        if len(waiting) == _AT_ONCE:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if run.delivery.stopped:
            break
    await asyncio.gather(*waiting)
    code = await run.finish()
    assert run.ending is not None
    folder = run.opened.folder
    rows = pq.read_table(folder / "rows.parquet").to_pylist()
    details = run.ending.details
    ended = Ended(
        run.id, code, run.ending.summary, folder, rows, watcher.said, details.comparison, details.listing
    )
    balances(ended)
    return ended


def balances(ended: Ended) -> None:
    """What holds of every run, however it ends: each row has one outcome, and all files of the run say the same."""
    assert ended.summary.balanced
    assert ended.summary.outcomes.of() == ended.summary.source.rows_read == len(ended.rows)
    assert Counter(ended.per_row) == Counter(ended.outcomes)
    numbers = [row["row"] for row in ended.rows]
    assert numbers == (
        list(range(1, len(numbers) + 1))
        if ended.summary.follows is None and ended.summary.undoes is None
        else sorted(set(numbers))
    )
    with (ended.folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        shown = list(csv.DictReader(file))
    assert [row["outcome"] for row in shown] == ended.per_row
    assert json.loads((ended.folder / "summary.json").read_text("utf-8")) == ended.summary.model_dump(
        mode="json"
    )
    needs_person = ended.summary.outcomes.of("invalid", "refused", "failed", "unknown")
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == needs_person

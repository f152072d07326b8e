"""Sending what was reviewed: the rows as a `Repair`, a plan of it, and the retry with its questions and its progress.

It is a retry like that of an edited file: the same rows, edits, guards, questions and corrections.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import CannotStart, MusterError
from flows.asking import number_typed
from flows.depot import folder_of
from flows.options import Options
from flows.plan_reporting import summed_up
from flows.preview import preview
from flows.repair import Repair
from flows.report.failures import OWN_COLUMNS, TEXT, csv_header, csv_lines
from flows.report.outcomes import NEED_A_PERSON
from flows.report.plan_summary import PlanSummary
from flows.report.returned import read_returned
from flows.report.verdict import verdict
from flows.report.wording import what_opens
from flows.reporting import Ending
from flows.retry import Retry
from flows.review.rows import ReviewRow
from flows.sync_run import SyncRun
from mappings.engine.complaints import visible

__all__ = ["Ask", "Carry", "Sending", "planned", "reviewed"]

Ask = Callable[[SyncRun], Awaitable[None]]
Carry = Callable[[Retry, "Sending"], Awaitable[tuple[Ending, Path]]]
"""Carries out a retry that a `Sending` watches, and asks by its `ask`; how it ended and its folder."""
_SAID = 200


def reviewed(retry: Retry, rows: list[ReviewRow]) -> Retry:
    """The retry of these rows as they are now. Raises SourceError where there are none.

    They pass through a file of the form of failures.csv, in the home folder and gone at once, so that what is sent is what an
    edited file would have sent.
    """
    header, run = retry.repair.header, retry.follows
    columns = [pa.array([one.cells[at] for one in rows], TEXT) for at in range(len(header))]
    blank = [""] * len(rows)
    own = {
        "_run": [run.id] * len(rows),
        "_row": [str(one.row) for one in rows],
        "_line": [str(one.line) for one in rows],
    }
    columns += [pa.array(own.get(name, blank), TEXT) for name in OWN_COLUMNS]
    folder = folder_of(run)
    with tempfile.TemporaryDirectory(prefix="review-", dir=retry.home) as scratch:
        path = Path(scratch) / "failures.csv"
        with path.open("wb") as file:
            file.write(csv_header([*header, *OWN_COLUMNS]))
            file.write(csv_lines(columns))
        repair = Repair.of_file(read_returned(path), run.id, folder, as_typed=True)
    repair.path, repair.origin = folder, "page"
    repair.reading = {"retry of": run.id}
    return dataclasses.replace(retry, repair=repair)


async def planned(retry: Retry, options: Options) -> PlanSummary:
    """What would become of the rows; nothing is written there. Raises CannotStart."""
    asked = dataclasses.replace(options, verb="plan")
    async with SyncRun(str(retry.mapping), None, asked, retry=retry) as run:
        await run.open()
        await run.prepare()
        found = await preview(run, everybody=False)
        return summed_up(run, found, exit_code=found.exit_code)


class Sending:
    """A retry while it runs, for a page that looks now and then (`shown`), and that answers its questions (`answer`).

    It is the run's watcher. `exit_code` is None until it has ended.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.folder: Path | None = None
        self._stage, self._done = "beginning", 0
        self._total: int | None = None
        self._waits = False
        self._outcomes: Counter[str] = Counter()
        self._said: list[str] = []
        self._question: dict[str, Any] | None = None
        self._asked = 0
        self._answer: asyncio.Future[str] | None = None
        self._end: dict[str, Any] | None = None
        self._wrong: dict[str, str] | None = None
        self._task: asyncio.Task[None] | None = None

    # a watcher

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage, self._total, self._done = name, total, 0

    def advance(self, count: int) -> None:
        self._done += count

    def outcome(self, name: str) -> None:
        self._outcomes[name] += 1

    def held(self, waits: bool) -> None:
        """Whether everything waits for the destination."""
        self._waits = waits

    def say(self, line: str) -> None:
        self._said = [*self._said[-_SAID:], visible(line)]

    # what the page sees of it

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def ended(self) -> bool:
        """Whether it came to its report; where it could not start, the rows are still to be sent."""
        return self._end is not None

    def shown(self) -> dict[str, Any]:
        """How far it is: `{running, stage, done, total, waits, outcomes, said, question, ended, error}`."""
        return {
            "running": self.running,
            "stage": self._stage,
            "done": self._done,
            "total": self._total,
            "waits": self._waits,
            "outcomes": dict(self._outcomes),
            "said": self._said,
            "question": self._question,
            "ended": self._end,
            "error": self._wrong,
        }

    def start(self, retry: Retry, carry: Carry) -> None:
        """Begins it in the running loop."""
        self._task = asyncio.create_task(self._through(retry, carry))

    async def stop(self) -> None:
        """Ends it where it runs; what landed is kept, and `muster resume` goes on from there."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _through(self, retry: Retry, carry: Carry) -> None:
        try:
            ending, folder = await carry(retry, self)
        except MusterError as error:
            self._wrong = {"error": visible(error.what), "fix": visible(error.fix)}
            return
        except Exception as error:  # noqa: BLE001 - its words may be a person's; the page is not to wait for ever
            what = f"The run broke off: {type(error).__name__}."
            self._wrong = {"error": what, "fix": "muster runs shows how it stands."}
            return
        summary = ending.summary
        self.exit_code, self.folder = summary.exit_code, folder
        tripped = [one for one in summary.guards if one.tripped and not one.allowed]
        self._end = {
            "run": summary.run_id,
            "verdict": verdict(summary).replace("`", ""),
            "exit_code": summary.exit_code,
            "outcomes": {name: count for name, count in summary.outcomes.model_dump().items() if count},
            "rows_read": summary.source.rows_read,
            "need": summary.outcomes.of(*NEED_A_PERSON),
            "folder": str(folder),
            "opens": [what_opens(one) for one in tripped],
        }

    # questions

    async def ask(self, run: SyncRun) -> None:
        """What a terminal would ask: numbers and names to be typed, then a yes. Raises CannotStart where that is missing."""
        for guard in run.to_type:
            says = f"{guard.count:,} {guard.says}."
            typed = await self._put("number", says, f"Type their number to go on ({guard.name})")
            run.allow(f"{guard.name}={number_typed(typed)}")
        for one in run.not_allowed:
            typed = await self._put("name", one.says, f"Type {one.name} to allow it")
            if typed.strip() != one.name:
                raise CannotStart("Stopped by you; nothing was sent.", "")
            run.allow(one.name)
        if question := run.question():
            typed = await self._put("yes", question, "Type yes to go on")
            if typed.strip().casefold() != "yes":
                raise CannotStart("Stopped by you; nothing was sent.", "")

    def answer(self, number: int, text: str) -> bool:
        """Whether it was the question that waits."""
        if self._answer is None or self._answer.done() or number != self._asked:
            return False
        self._answer.set_result(text)
        return True

    async def _put(self, kind: str, says: str, label: str) -> str:
        self._asked += 1
        self._question = {"number": self._asked, "kind": kind, "says": visible(says), "label": label}
        self._answer = asyncio.get_running_loop().create_future()
        try:
            return await self._answer
        finally:
            self._question = None

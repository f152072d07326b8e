"""The runner: a process that is warm (see tests.warm) and forks for each attempt at a run, so that an attempt costs no imports.

It reads an `Order` per line, as JSON, and answers it with a line `{"killed", "exit"}` when the attempt has ended or was
killed, until its input ends. With `--flow` the attempts go through the Prefect flow, as the command does it, else through the plain function under it.

What makes an attempt quick is set here and nowhere in muster: short waits between tries, a short time-out, a fast pace, small batches.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flows.watching import Silent
from tests.storm.journal import Journal

__all__ = ["TIMEOUT_SECONDS", "Order", "main"]

TIMEOUT_SECONDS = 0.3
CRASHED = 99
"""The exit code of an attempt that ended by an exception which muster does not know."""
ALLOWED = ("changes", "opt_outs", "invalid", "shrunk", "contact_added", "resubscribes")
_LOOK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt at a run. `resume` is the id of the run to go on with, '' for a sync of `file`.

    It is killed `after` seconds from the beginning of `stage` ('' is that of the attempt), not at all where `after` is None;
    or it kills itself at a `point` (see crash_points), when that is reached for the `nth` time.
    """

    mapping: str
    file: str
    journal: str
    environment: dict[str, str]
    resume: str = ""
    stage: str = ""
    after: float | None = None
    point: str = ""
    nth: int = 1
    batch: int = 20
    seed: int = 0
    per_second: float = field(default=5000.0)

    def written(self) -> str:
        return json.dumps(asdict(self))


class _Watching(Silent):
    """Tells the journal and the one who kills how far the run is."""

    def __init__(self, journal: Journal, pipe: int) -> None:
        self._journal, self._pipe = journal, pipe

    def stage(self, name: str, total: int | None = None) -> None:
        self._journal.stage(name)
        os.write(self._pipe, name.encode() + b"\n")

    def say(self, line: str) -> None:
        self._journal.write("said", line)

    def close(self) -> None: ...


Leading = Callable[[Order, Any], Awaitable[int]]


async def plainly(order: Order, watching: Any) -> int:
    """A sync or a resume, as the flow leads it, without Prefect. Its exit code."""
    from flows.beginning import begun
    from flows.options import Options
    from flows.pipeline import deliver_all
    from flows.sync_run import SyncRun

    if order.resume:
        resume = _resume(order)
        opening: Any = SyncRun(str(resume.mapping_path), None, resume.options(), watching, resume=resume)
    else:
        opening = begun(order.mapping, order.file, Options(allow=frozenset(ALLOWED)), watching)
    async with opening as run:
        if not run.is_open:
            await run.open()
            run.register()
        await run.prepare()
        await deliver_all(run, run.delivery.deliver)
        return int(await run.finish())


async def through_prefect(order: Order, watching: Any) -> int:
    """The same through the Prefect flow, as `muster sync` and `muster resume` do it."""
    from flows.cli.sync import run_sync
    from flows.options import Options

    if order.resume:
        resume = _resume(order)
        ending, _ = await run_sync(
            str(resume.mapping_path), None, resume.options(), watching, resume=resume, ask=_nothing
        )
    else:
        options = Options(allow=frozenset(ALLOWED))
        ending, _ = await run_sync(order.mapping, order.file, options, watching, ask=_nothing)
    return int(ending.summary.exit_code)


async def _nothing(run: Any) -> None:
    """Everything that is asked before a run was allowed by name."""
    if run.not_allowed or run.to_type:
        raise RuntimeError("the storm is asked something")


def _resume(order: Order) -> Any:
    from flows.ledger.opening import open_ledger
    from flows.resume import Resume

    home = Path(os.environ["MUSTER_HOME"])
    ledger = open_ledger(home)
    found = ledger.runs.get(order.resume)
    assert found is not None, order.resume
    resume = Resume.of(found, home, ledger.runs.mapping_text(found.mapping_sha256))
    ledger.close()
    return resume


def _attempt(order: Order, lead: Leading, pipe: int) -> int:
    """In the child: one attempt, whose exit code is the process's."""
    os.environ.update(order.environment)
    random.seed(order.seed)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    journal = Journal(Path(order.journal))
    _quick(order)
    journal.install()
    if order.point:
        from tests.storm.crash_points import install

        install(order.point, order.nth)
    from connectors.errors import MusterError

    try:
        return asyncio.run(lead(order, _Watching(journal, pipe)))  # type: ignore[arg-type]
    except MusterError as error:
        journal.write("said", f"{type(error).__name__}: {error}")
        return 2
    except BaseException:  # noqa: BLE001 - told, and the test fails
        journal.write("said", traceback.format_exc())
        return CRASHED


def _quick(order: Order) -> None:
    from connectors import http
    from connectors.kinds import destination_module
    from flows import sync_run

    kind = next(name.removesuffix("_BASE_URL") for name in order.environment if name.endswith("_BASE_URL"))
    connector: Any = destination_module(kind.lower()).Connector
    connector.per_second = order.per_second
    sync_run.BATCH = order.batch
    os.fsync = lambda _: (
        None
    )  # what a process has written outlives it without; only the ledger's commits are waited for
    http.Patience = functools.partial(http.Patience, first=0.005, most=0.02)  # type: ignore[misc, assignment]
    http.Wire.__init__.__kwdefaults__["timeout"] = TIMEOUT_SECONDS


def _led(order: Order, lead: Leading) -> dict[str, Any]:
    """Forks for an attempt, and kills it when its moment has come."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = CRASHED
        try:
            code = _attempt(order, lead, writing)
        finally:
            os._exit(code)
    os.close(writing)
    os.set_blocking(reading, False)
    try:
        return _watched(child, order, reading)
    finally:
        os.close(reading)


def _watched(child: int, order: Order, reading: int) -> dict[str, Any]:
    due = time.monotonic() + order.after if order.after is not None and not order.stage else None
    told, killed, over = b"", False, False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return {"killed": code == -signal.SIGKILL, "exit": code}
        if not over and select.select([reading], [], [], _LOOK_SECONDS)[0]:
            more = os.read(reading, 65536)
            over, told = not more, told + more
            if (
                order.stage
                and order.after is not None
                and due is None
                and order.stage.encode() in told.split(b"\n")
            ):
                due = time.monotonic() + order.after
        elif over:
            time.sleep(_LOOK_SECONDS)
        if due is not None and not killed and time.monotonic() >= due:
            os.kill(child, signal.SIGKILL)  # not reaped yet: the number is still its own
            killed = True


def main() -> None:
    lead: Leading = plainly
    flow = ["flows.cli.sync", "flows.sync_contacts"] if "--flow" in sys.argv[1:] else []
    types = [f"mappings.engine.transforms.{name}" for name in ("email", "integer", "text")]
    for name in ("pyarrow.dataset", "flows.report.text", "tests.storm.crash_points", *types, *flow):
        importlib.import_module(name)
    sys.modules["flows.report.text"].drawn_by("page.html.j2")  # compiled once
    if flow:
        lead = through_prefect
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_led(Order(**json.loads(line)), lead)) + "\n")
        sys.stdout.flush()

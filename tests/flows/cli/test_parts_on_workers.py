"""A sync whose file is read and mapped in parts by workers of a real Prefect pool, one of which is killed at it: it ends as if one had read all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.sandbox.serving import Running
from tests import warm
from tests.flows.cli.conftest import Shell
from tests.flows.cli.test_scheduled import Prefect

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
PARTS = 3
POOL = "parts-test"
SYNC = """
import asyncio, functools, sys
from flows import map_shard, sync_contacts
from connectors.sources import csv_file
made = csv_file.CsvSource.__init__
def in_small_blocks(self, path, dialect, block=0):
    made(self, path, dialect, block or 1 << 14)
csv_file.CsvSource.__init__ = in_small_blocks
map_shard.Workers = functools.partial(map_shard.Workers, begins=float(sys.argv[2]))
state = asyncio.run(sync_contacts.sync_contacts(
    mapping="signups.yml", source="people.csv", shards=int(sys.argv[1]), shards_on="parts" if sys.argv[1] != "1" else None,
    yes=True, new_ledger=True, return_state=True))
print(state.name, state.message)
"""
"""The flow, with a file of kilobytes read in several blocks."""
DEPLOY = "import asyncio, sys; from flows import map_shard; print(asyncio.run(map_shard.deploy(sys.argv[1])))"


@contextlib.contextmanager
def worker(shell: Shell, name: str) -> Iterator[subprocess.Popen[bytes]]:
    words = ["worker", "start", "--pool", POOL, "--name", name, "--limit", "1"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with (shell.folder / f"{name}.log").open("wb") as log:
        started = subprocess.Popen(
            [Path(sys.executable).parent / "prefect", *words], env={**shell.environment, "PYTHONPATH": paths}, cwd=shell.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield started
    finally:
        for pid in [*at_parts(started.pid), started.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        started.wait()


def at_parts(*workers: int) -> list[int]:
    """The processes in which workers carry out flow runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text("utf-8").rpartition(")")[2].split()[1])
            if parent in workers and b"PREFECT__FLOW_RUN_ID=" in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def until(true: Callable[[], Any], said: Callable[[], str]) -> None:
    ends = time.monotonic() + 120
    while not true():
        assert time.monotonic() < ends, said()
        time.sleep(0.1)


def folder_of(home: Path) -> Path:
    [folder] = (home / "runs").iterdir()
    return folder


def told(folder: Path) -> dict[str, Any]:
    """What a run came to, without what no two runs have in common."""
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    for name in ("run_id", "started_at", "finished_at", "requests", "pace"):
        summary.pop(name)
    return dict(summary)


def parts(folder: Path) -> dict[str, Any]:
    """All that stands in a run's parts, but for the ids that the destination has drawn."""
    found = {
        f"{kind}/{path.name}": pq.read_table(path)
        for kind in ("spool", "outcomes", "problems")
        for path in sorted((folder / kind).iterdir())
    }
    return {
        name: (
            table.drop_columns(["contact_id"]) if "contact_id" in table.column_names else table
        ).to_pydict()
        for name, table in found.items()
    }


def test_parts_that_are_mapped_by_workers_come_to_the_run_of_a_single_reader_though_one_is_killed(
    shell: Shell, sandbox: Running, prefect_url: str
) -> None:
    prefect = Prefect(prefect_url)
    shell.environment |= {
        "PREFECT_WORKER_QUERY_SECONDS": "0.5", "MUSTER_SHARED": str(shell.folder / "shared"), "PREFECT_HOME": str(shell.folder / "client"),
        "DO_NOT_TRACK": "1",
    }  # fmt: skip
    rows = (f"{'nobody' if n % 50 == 3 else f'p{n - n % 7 // 6}@example.com'},{'Person ' * 8}{n},Germany\n" for n in range(1000))  # fmt: skip
    shell.write("people.csv", "Email,First name,Country\n" + "".join(rows))
    shell.environment["MUSTER_HOME"] = str(shell.folder / "alone")
    done = shell.call(SYNC, "1", "0")
    assert "NeedsReview" in done.stdout, done.stdout + done.stderr
    sandbox.reset()
    prefect.ask("work_pools/", {"name": POOL, "type": "process"})
    assert shell.call(DEPLOY, POOL).stdout == "map-shard/parts\n"
    found = prefect.ask("deployments/name/map-shard/parts")["id"]

    def of_parts() -> dict[str, dict[str, Any]]:
        asked = {"deployments": {"id": {"any_": [found]}}}
        return {one["id"]: one for one in prefect.ask("flow_runs/filter", asked)}

    shell.environment["MUSTER_HOME"] = str(shell.folder / "shared-out")
    with worker(shell, "one") as one, worker(shell, "two") as two:
        until(
            lambda: len(prefect.ask(f"work_pools/{POOL}/workers/filter", {})) == 2,
            lambda: (shell.folder / "one.log").read_text("utf-8"),
        )
        child = warm.start(
            (str(PARTS), "300"), cwd=shell.folder, env=shell.environment, code=SYNC, start_new_session=True
        )
        shell.children.append(child)
        until(lambda: at_parts(one.pid, two.pid), lambda: str(of_parts()))
        os.kill(at_parts(one.pid, two.pid)[0], signal.SIGKILL)  # as a machine does whose memory is full
        out, err = child.communicate(300)
    assert "NeedsReview" in out, out + err
    states = sorted(run["state_type"] for run in of_parts().values())
    assert states == ["COMPLETED"] * (PARTS - 1) + ["CRASHED"], "what was lost is mapped by the sync itself"
    alone, shared = folder_of(shell.folder / "alone"), folder_of(shell.folder / "shared-out")
    assert told(shared) == told(alone)
    assert parts(shared) == parts(alone)
    assert not [path for path in (shell.folder / "shared").rglob("*") if path.is_file()]

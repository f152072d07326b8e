"""A machine is gone in the middle of a sync; another one, with a home of its own, finishes it and has the whole report."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests.flows.cli.conftest import MAPPING, Shell
from tests.postgresql import Server


@pytest.mark.slow
def test_a_run_whose_machine_is_gone_is_finished_from_another_ones_home(
    shell: Shell, sandbox: Running, postgresql: Server, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shell.write("signups.yml", MAPPING.replace("campaignlark}", "campaignlark, rate: 20}"))
    with (shell.folder / "people.csv").open("a") as file:
        file.write("nobody,Nobody,Germany\n")
    shell.environment |= {
        "MUSTER_LEDGER_URL": postgresql.new(),
        "MUSTER_RUNS": str(shared),
        "MUSTER_HOME": str(tmp_path / "a"),
    }
    sync = shell.start("sync", "signups.yml", "people.csv")
    ends = time.monotonic() + 60
    while len(sandbox.contacts()) < 5 and sync.poll() is None and time.monotonic() < ends:
        time.sleep(0.05)
    sync.send_signal(signal.SIGKILL)
    sync.wait(20)
    assert 5 <= len(sandbox.contacts()) < 40
    [manifest] = shared.rglob("manifest.json")
    shutil.rmtree(tmp_path / "a")
    (shell.folder / "people.csv").unlink()
    shell.environment["MUSTER_HOME"] = str(tmp_path / "b")
    done = shell.run("resume", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary["run_id"] == manifest.parent.name
    assert {name: count for name, count in summary["outcomes"].items() if count} == {
        "created": 40,
        "invalid": 1,
    }
    assert summary["balanced"]
    people = [one["email_address"] for one in sandbox.contacts()]
    assert len(people) == len(set(people)) == 40
    shell.environment["MUSTER_HOME"] = str(tmp_path / "c")
    told = shell.run("report")
    folder = tmp_path / "c" / "runs" / summary["run_id"]
    assert f"in {folder}" in told.stdout, told.stdout + told.stderr
    assert json.loads((folder / "summary.json").read_text("utf-8")) == summary
    assert "nobody" in (folder / "failures.csv").read_text("utf-8")

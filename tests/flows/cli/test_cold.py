"""The installed command as it is: each verb once without the helper that the other tests start it with (tests/warm.py)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests.flows.cli.conftest import MUSTER, Shell


@pytest.mark.slow
def test_every_verb_works_one_after_the_other(shell: Shell, sandbox: Running) -> None:
    def ended(*words: str) -> str:
        done = shell.cold(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    assert "\n  sync " in ended("--help")
    assert "_MUSTER_COMPLETE" in ended("completion", "bash")
    assert "First name" in ended("peek", "people.csv")
    ended("init", "people.csv", "--to", "campaignlark", "-o", "first.yml")
    ended("check", "signups.yml", "people.csv")
    assert json.loads(ended("plan", "signups.yml", "people.csv", "--json"))["outcomes"]["created"] == 40
    people = (shell.folder / "people.csv").read_text("utf-8")
    shell.write("broken.csv", people.replace("p3@example.com", "p3 at example.com"))
    assert shell.cold("sync", "signups.yml", "broken.csv", "--report-dir", "out").returncode == 1
    assert len(sandbox.contacts()) == 39
    failures = (shell.folder / "out" / "failures.csv").read_text("utf-8-sig")
    shell.write("fixed.csv", failures.replace("p3 at example.com", "p3@example.com"))
    run_id = json.loads(ended("runs", "--json"))[0]["run_id"]
    assert "1 × email_syntax in Email" in ended("accept", run_id)
    ended("retry", "fixed.csv")
    assert len(sandbox.contacts()) == 40
    assert "p3 at example.com" in ended("corrections")
    assert [run["verb"] for run in json.loads(ended("runs", "--json"))] == ["retry", "sync"]
    assert json.loads(ended("report", "--json"))["outcomes"]["created"] == 1
    assert "campaignlark" in ended("doctor")
    ended("optouts")


@pytest.mark.slow
def test_a_sandbox_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    with subprocess.Popen(
        [MUSTER, "sandbox", "loops", "--port", "0", "--json"], text=True, stdout=subprocess.PIPE, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["kind"] == "loops"
        child.terminate()
        assert child.wait(20) == 0


@pytest.mark.slow
def test_without_a_configured_server_a_run_starts_its_own_and_leaves_nothing_behind(
    shell: Shell, begun_before: Callable[[Path], None]
) -> None:
    begun_before(shell.home)
    done = shell.cold(
        "sync", "signups.yml", "people.csv", env={"PREFECT_API_URL": "", "HOME": str(shell.folder)}
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(shell.folder) not in listed
    assert b"signups people.csv" in b"".join(
        path.read_bytes() for path in (shell.home / "prefect").glob("prefect.db*")
    )
    log = (
        (shell.home / "prefect" / "prefect.log").read_text()
        if (shell.home / "prefect" / "prefect.log").exists()
        else ""
    )
    assert "example.com" not in log
    for path in (shell.home / "prefect").rglob("*"):
        if path.is_file():
            assert b"@example.com" not in path.read_bytes(), path

"""muster sync --rehearse as a person runs it, for every destination: a process, and another one that plays the account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running, running
from tests.flows.cli.conftest import MAPPING, Shell

KEY = "key-of-the-real-account"
MAPPINGS = {
    "campaignlark": ("signups_to_campaignlark", "newsletter_signups.csv"),
    "loops": ("signups_to_loops", ""),
    "corporate_merch": ("employees_to_corporate_merch", "employees.csv"),
}
DATA = Path(__file__).resolve().parents[3] / "sample_data"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text("utf-8"))


@dataclass
class Rehearsed:
    """What was rehearsed, what it printed, and what the account had received when it was over."""

    kind: str
    shell: Shell
    live: Running
    done: subprocess.CompletedProcess[str]
    asked: dict[str, dict[str, int]]

    @property
    def folder(self) -> Path:
        [folder] = (self.shell.home / "rehearsals").iterdir()
        return folder


def shell_at(folder: Path, live: Running) -> Shell:
    clean = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("MUSTER_", "PREFECT_", "CAMPAIGNLARK_", "LOOPS_", "CORPORATE_"))
    }
    prefix = live.kind.upper()
    environment = {
        **clean,
        f"{prefix}_BASE_URL": live.url,
        f"{prefix}_API_KEY": KEY,
        "MUSTER_HOME": str(folder / ".muster"),
    }
    return Shell(folder, environment)


@pytest.fixture(scope="module", params=list(MAPPINGS))
def rehearsed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsed]:
    kind = request.param
    with running(kind, keys=KEY, rate=0) as live:
        shell = shell_at(tmp_path_factory.mktemp(kind), live)
        done = shell.run("sync", MAPPINGS[kind][0], "--rehearse")
        yield Rehearsed(kind, shell, live, done, live.requests()["by_endpoint"])


def test_the_account_receives_nothing_but_gets(rehearsed: Rehearsed) -> None:
    assert rehearsed.done.returncode == 1, rehearsed.done.stderr
    assert rehearsed.asked
    assert {name.split()[0] for name in rehearsed.asked} == {"GET"}
    assert sum(sum(answers.values()) for answers in rehearsed.asked.values()) <= 2
    assert rehearsed.live.contacts() == []


def test_every_row_is_accounted_for_as_the_sample_says(rehearsed: Rehearsed) -> None:
    summary = json.loads((rehearsed.folder / "summary.json").read_text("utf-8"))
    assert summary["balanced"]
    assert summary["rehearsal"]["base_url"] == rehearsed.live.url
    file = MAPPINGS[rehearsed.kind][1]
    if file:
        assert summary["outcomes"] == EXPECTED[file]["outcomes"]
    else:
        assert summary["outcomes"]["created"] == 330


def test_it_is_said_before_and_after_that_nothing_is_changed_there(rehearsed: Rehearsed) -> None:
    first = rehearsed.done.stderr.splitlines()[0]
    assert f"at {rehearsed.live.url}: it is only read, and nothing is changed there" in first
    assert "A rehearsal, nothing was changed in the account." in rehearsed.done.stdout
    assert "At the account's own pace of" in rehearsed.done.stdout
    assert str(rehearsed.folder / "report.html") in rehearsed.done.stdout


def test_no_ledger_is_made_and_no_run_is_listed(rehearsed: Rehearsed) -> None:
    assert sorted(path.name for path in rehearsed.shell.home.iterdir()) == [".gitignore", "rehearsals"]
    assert rehearsed.shell.run("runs").returncode == 2, "there is no ledger yet"


def test_the_key_is_in_no_output_and_no_file_and_the_folder_is_its_owners(rehearsed: Rehearsed) -> None:
    assert KEY not in rehearsed.done.stdout + rehearsed.done.stderr
    held = [path for path in rehearsed.shell.folder.rglob("*") if path.is_file()]
    assert held
    assert not [path for path in held if KEY.encode() in path.read_bytes()]
    assert rehearsed.folder.stat().st_mode & 0o77 == 0


def test_ctrl_c_in_the_middle_leaves_a_report_and_no_process(tmp_path: Path) -> None:
    rows = "".join(f"p{n}@example.com,Person {n},Germany\n" for n in range(6000))
    with running("campaignlark", keys=KEY, rate=0) as live:
        shell = shell_at(tmp_path, live)
        shell.write("signups.yml", MAPPING)
        shell.write("people.csv", "Email,First name,Country\n" + rows)
        child = shell.start("sync", "signups.yml", "people.csv", "--rehearse")
        try:
            assert child.stderr is not None
            while "delivering" not in (line := child.stderr.readline()):
                assert line, "it ended before it delivered"
            found = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(child.pid)], capture_output=True, check=True, text=True
            )
            [sandbox] = map(int, found.stdout.split())
            environment = Path(f"/proc/{sandbox}/environ").read_text()
            assert "PATH=" in environment
            assert KEY not in environment
            time.sleep(0.5)
            os.killpg(child.pid, signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            if child.poll() is None:
                child.kill()
                child.communicate()
        assert child.returncode == 130, err
        assert "A rehearsal begins anew each time." in out
        assert not Path(f"/proc/{sandbox}").exists()
        [folder] = (shell.home / "rehearsals").iterdir()
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        assert summary["balanced"]
        assert summary["outcomes"]["unsent"] > 0
        assert live.contacts() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rehearse", "--plan", "plan.json"), "--plan means nothing"),
        (("--rehearse", "--resend"), "--resend means nothing"),
        (("--with-contacts",), "Add --rehearse."),
    ],
)
def test_what_a_rehearsal_cannot_be_joined_with_is_refused(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = Shell(tmp_path, dict(os.environ)).run("sync", "signups.yml", "people.csv", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_without_a_key_it_says_where_to_practise(tmp_path: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("CAMPAIGNLARK_")}
    shell = Shell(tmp_path, environment)
    shell.write("signups.yml", MAPPING)
    shell.write("people.csv", "Email,First name,Country\n")
    done = shell.run("sync", "signups.yml", "people.csv", "--rehearse")
    assert done.returncode == 2
    assert "CAMPAIGNLARK_API_KEY" in done.stderr
    assert "muster sandbox" in done.stderr
    assert "muster demo --to campaignlark" in done.stderr
    assert not shell.home.exists()

"""What a dead worker was at is finished by another one: the example of benchmarks/, smaller, and what the command says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.abandoned import MOST_TIMES, abandoned
from flows.ledger import Ledger, open_database
from tests.flows.cli.conftest import Shell

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_a_worker_is_killed_and_another_finishes_its_run_with_nobody_lost_and_nobody_twice() -> None:
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))
    }
    paths = os.pathsep.join(filter(None, [str(ROOT), clean.get("PYTHONPATH")]))
    words = (
        "--ledger", "sqlite", "--contacts", "1000", "--rate", "100", "--workers", "2", "--mappings", "1",
        "--pool", "takeover-test", "--share", "0", "--patience", "200",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "four_workers.py", *words], env={**clean, "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode in (0, 1), said  # whether the rate was kept is for test_pace.py, in a quiet moment
    assert "contacts there" in said, said
    lines = {cells[0]: cells[1:] for line in said.splitlines() if len(cells := [c.strip() for c in line.strip("|").split("|")]) > 1}  # fmt: skip
    assert lines["contacts there"] == ["990 of 990"]
    assert lines["lost"] == lines["duplicates, or written twice"] == ["0"]
    assert lines["list-1"][1] == "2", "two stretches"
    assert lines["list-1"][5] == "right"


def test_a_takeover_without_a_prefect_server_says_what_to_set(shell: Shell) -> None:
    done = shell.run("takeover", env={"PREFECT_API_URL": "", "PREFECT_HOME": str(shell.folder)})
    assert done.returncode == 2
    assert "No Prefect server is configured" in done.stderr
    assert "PREFECT_API_URL" in done.stderr


def test_a_pool_that_is_not_there_is_said_with_how_to_make_one(shell: Shell) -> None:
    done = shell.run("takeover", "--pool", "nowhere")
    assert done.returncode == 2, done.stderr
    assert "has no work pool nowhere" in done.stderr
    assert "prefect work-pool create nowhere --type process" in done.stderr


@pytest.mark.parametrize(
    ("span", "wrong"),
    [
        ("2s", "2s is too short; 5s is the least with --pool."),
        ("soon", "soon is no span. Such as 30s, 15m, 6h or 1d; a number alone is seconds."),
        ("5 minutes", "No Prefect server is configured"),
        ("20", "No Prefect server is configured"),
    ],
)
def test_how_often_is_a_span_as_it_is_for_a_schedule(shell: Shell, span: str, wrong: str) -> None:
    nowhere = {"PREFECT_API_URL": "", "PREFECT_HOME": str(shell.folder)}
    done = shell.run("takeover", "--pool", "crm", "--every", span, env=nowhere)
    assert done.returncode == 2
    assert wrong in done.stderr


def test_where_somebody_is_at_work_at_every_run_nothing_is_taken_over(shell: Shell) -> None:
    assert shell.run("sync", "signups.yml", "people.csv").returncode == 0
    done = shell.run("takeover")
    assert done.returncode == 0
    assert done.stdout == "Somebody is at work at every run that was begun.\n"


def test_a_run_that_was_cut_off_and_is_of_no_deployment_is_left_to_muster_resume(shell: Shell) -> None:
    assert shell.run("sync", "signups.yml", "people.csv").returncode == 0
    ledger = Ledger(open_database(shell.home))
    run = ledger.runs.last(1)[0]
    ledger.runs.resumed(run.id)  # as a killed one leaves it
    ledger.close()
    done = shell.run("takeover")
    assert done.returncode == 0
    assert done.stdout == f"{run.id}  signups  cut off, not of a deployment: muster resume finishes it\n"


def test_somebody_who_stays_says_once_what_was_cut_off_and_ends_when_told(shell: Shell) -> None:
    assert shell.run("sync", "signups.yml", "people.csv").returncode == 0
    ledger = Ledger(open_database(shell.home))
    run = ledger.runs.last(1)[0]
    watching = shell.start("takeover", "--every", "1")
    lines = iter(watching.stdout.readline, "")
    assert next(lines).startswith("Looks every 1 seconds, until Ctrl-C. Ledger: ")
    ledger.runs.resumed(run.id)  # as a killed one leaves it
    ledger.close()
    cut_off = f"{run.id}  signups  cut off, not of a deployment: muster resume finishes it\n"
    assert cut_off in lines  # a server on a busy machine may not answer the first time, which is said, too
    time.sleep(1.2)  # it looks again meanwhile
    os.kill(watching.pid, signal.SIGTERM)
    assert watching.wait(30) == 0
    assert cut_off not in lines


def test_a_run_that_takes_its_worker_with_it_again_and_again_is_left_for_a_person(tmp_path: Path) -> None:
    ledger = Ledger(open_database(tmp_path))
    account = ledger.accounts.seen("campaignlark", "main", "http://127.0.0.1:1/v1", "key")
    ledger.runs.began(
        "20260101-000000-aaaa", account.id, "people", "0" * 64, "", "sync", "a.csv", str(tmp_path)
    )
    for number in range(MOST_TIMES):
        ledger.stretches.began("20260101-000000-aaaa", answers=7)
        [found] = abandoned(ledger)
        assert (found.times, found.too_often) == (number + 1, number + 1 >= MOST_TIMES)
    with ledger.database.transaction() as database:
        database.execute("update stretch set answers = 9 where number = 5")
    [found] = abandoned(ledger)
    assert found.times == 1, "a stretch that got further begins anew"
    ledger.close()

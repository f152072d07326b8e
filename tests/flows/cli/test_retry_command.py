"""muster retry, as a person runs it: failures.csv is opened, corrected, saved, and sent again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running
from tests.flows.cli.conftest import SIGNUPS, Shell

CALL = """
import asyncio, sys
from flows.retry_failures import retry_failures
state = asyncio.run(retry_failures(sys.argv[1], return_state=True))
print(state.type.value, state.name, state.message, sep="|")
"""
BROKEN = SIGNUPS.replace("p3@example.com", "p3 at example.com").replace("p7@example.com", "p7@")


def corrected(shell: Shell, run: dict[str, Any], name: str, corrections: dict[str, str]) -> Path:
    """As a spreadsheet program in Germany saves it."""
    text = (shell.home / "runs" / run["run_id"] / "failures.csv").read_text("utf-8-sig")
    for wrong, right in corrections.items():
        assert wrong in text
        text = text.replace(wrong, right, 1)
    lines = list(csv.reader(text.splitlines()))
    path = shell.folder / name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(lines)
    return path


def test_a_corrected_file_is_retried_and_the_runs_say_so(shell: Shell, sandbox: Running) -> None:
    shell.write("broken.csv", BROKEN)
    first = shell.summary("signups.yml", "broken.csv")
    assert (first["outcomes"]["invalid"], first["follows"]) == (2, None)
    corrected(shell, first, "fixed.csv", {"p3 at example.com": "p3@example.com"})

    plan = json.loads(shell.run("retry", "fixed.csv", "--plan", "--json").stdout)
    assert (plan["outcomes"]["created"], plan["outcomes"]["invalid"]) == (1, 1)
    assert len(sandbox.contacts()) == 38

    done = shell.run("retry", "fixed.csv", "--report-dir", "out")
    assert done.returncode == 1, done.stderr
    assert f"2 rows of the run {first['run_id']}, attempt 2" in done.stderr
    assert "Email 1" in done.stderr
    assert "p3@example.com" not in done.stderr
    assert "1 of 2 rows is where it should be; 1 needs a person." in done.stdout
    assert len(sandbox.contacts()) == 39
    assert "muster retry out/failures.csv" in done.stdout
    second = json.loads((shell.folder / "out" / "summary.json").read_text("utf-8"))
    assert second["follows"] == first["run_id"]
    assert second["problems"][0]["rows"] == [7]

    corrected(shell, second, "again.csv", {"p7@": "p7@example.com"})
    third = json.loads(shell.run("retry", "again.csv", "--json").stdout)
    assert (third["outcomes"]["created"], third["exit_code"]) == (1, 0)

    listed = json.loads(shell.run("runs", "--json").stdout)
    assert [(run["verb"], run["follows"]) for run in listed] == [
        ("retry", second["run_id"]), ("retry", first["run_id"]), ("sync", None),
    ]  # fmt: skip
    assert "retry of" in shell.run("runs").stdout
    shown = shell.run("report", first["run_id"]).stdout
    assert f"retried   2 rows in the run {second['run_id']} (needs_review)" in shown
    assert f"retried   1 row in the run {third['run_id']} (completed, a retry of {second['run_id']})" in shown
    assert "settled   2 of the 2 rows that need a person here" in shown
    assert f"retry of  {second['run_id']}" in shell.run("report").stdout
    assert json.loads(shell.run("report", first["run_id"], "--json").stdout) == first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SIGNUPS, "is no failures.csv of muster"),
        ("Email,_run,_row,_line,_key,_outcome,_code,_column,_problem,_fix\nx,20010101-000000-0000,1,2,,,,,,\n", "line 2: the run 20010101-000000-0000 is not known"),
    ],
)  # fmt: skip
def test_what_is_no_failures_file_of_ours_is_refused(shell: Shell, text: str, said: str) -> None:
    shell.write("some.csv", text)
    done = shell.run("retry", "some.csv", "--json")
    assert done.returncode == 2
    assert said in done.stderr
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_the_flow_runs_by_itself_as_a_deployment_would(shell: Shell, sandbox: Running) -> None:
    shell.write("broken.csv", BROKEN)
    first = shell.summary("signups.yml", "broken.csv")
    fixed = corrected(
        shell, first, "fixed.csv", {"p3 at example.com": "p3@example.com", "p7@": "p7@example.com"}
    )
    for file, state in (
        (fixed, "COMPLETED|Completed|All 2 rows are where they should be."),
        (shell.folder / "broken.csv", "FAILED|CouldNotStart|"),
    ):
        done = shell.call(CALL, str(file))
        assert state in done.stdout, done.stderr
        assert "p3 at" not in done.stdout
    assert len(sandbox.contacts()) == 40

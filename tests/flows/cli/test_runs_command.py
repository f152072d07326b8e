"""muster runs and muster report, as a person and a script see them."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

from flows.ledger import RunLock
from flows.ledger.opening import open_ledger
from tests.flows.cli.conftest import SIGNUPS, Shell


def test_runs_show_how_each_mapping_stands_and_what_was_cut_off(shell: Shell) -> None:
    shell.write("people.csv", SIGNUPS + "nobody,Nobody,Germany\n")
    first = shell.summary("signups.yml", "people.csv")
    shell.write("people.csv", SIGNUPS + "nobody,Nobody,Germany\nnobody else,Else,Germany\n")
    second = shell.summary("signups.yml", "people.csv")
    assert (first["previous"], second["previous"]["run_id"]) == (None, first["run_id"])
    assert (second["previous"]["new"], second["previous"]["known"]) == (1, 1)
    assert [(group["state"], group["new"], group["count"]) for group in second["problems"]] == [("new", 1, 2)]
    ledger = open_ledger(shell.home)
    gone = ledger.runs.new_id()
    account = ledger.runs.last(1)[0].account
    ledger.runs.began(
        gone, account, "signups", "sha", "text", "sync", "people.csv", str(shell.home / "runs" / gone)
    )
    ledger.runs.begin(gone, {"options": {}})

    listed = json.loads(shell.run("runs", "--json").stdout)
    assert [(run["run_id"], run["state"]) for run in listed] == [
        (gone, "cut off"), (second["run_id"], "needs_review"), (first["run_id"], "needs_review"),
    ]  # fmt: skip
    assert [run["trend"] for run in listed] == [[1, 2, None], None, None]
    assert [run["need_a_person"] for run in listed] == [0, 2, 1]
    assert [run["resume"] for run in listed] == [f"muster resume {gone}", None, None]

    said = shell.run("runs").stdout
    assert re.search(rf"^signups +{gone} +cut off +0 +0 +▅█· \+1", said, re.MULTILINE), said
    assert f"The run {gone} was cut off. muster resume {gone} finishes it." in said
    assert said.index("muster resume") < said.index(first["run_id"])
    assert f"muster resume {gone} finishes it" in shell.run("report", gone).stderr
    with RunLock(shell.home, "signups", "campaignlark-main"):
        assert "cut off" not in shell.run("runs").stdout
        assert "is still at work" in shell.run("report", gone).stderr
    ledger.close()


def test_a_report_is_listed_masked_and_said_in_markdown(shell: Shell) -> None:
    shell.write("people.csv", SIGNUPS + "nobody at all,Nobody,Atlantis\n")
    run = shell.summary("signups.yml", "people.csv")["run_id"]
    folder = shell.home / "runs" / run
    shown = shell.run("report").stdout
    assert "failures.csv  the same, to correct and send again" in shown
    assert str(folder) in shown

    done = shell.run("report", "--masked", "-o", "ticket")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (shell.folder / "ticket").iterdir()} == {"report.html", "summary.json"}
    for path in (shell.folder / "ticket").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for theirs in ("nobody at all", "Atlantis", "p1@example.com", "people.csv"):
            assert theirs not in path.read_text("utf-8")
    assert shell.run("report", run[:15], "--masked").returncode == 0
    again = (shell.folder / f"report-{run}-masked" / "report.html").read_bytes()
    assert again == (shell.folder / "ticket" / "report.html").read_bytes()

    said = shell.run("report", "--format", "md").stdout
    assert said.startswith("**40 of 41 rows are where they should be; 1 needs a person.**")
    assert "| `email_syntax` | Email | 1 | Correct the address in Email. |" in said
    assert "Atlantis" not in said


def test_what_cannot_be_is_said_and_what_to_do_instead(shell: Shell) -> None:
    run = shell.summary("signups.yml", "people.csv")["run_id"]
    folder = shell.home / "runs" / run
    for words, said in (
        (("--masked", "--json"), "name one of them"),
        (("-o", "ticket"), "-o says where the copy of --masked goes"),
        (("--masked", "-o", str(folder)), "is the folder of the run itself"),
        (("--format", "pdf"), "'pdf' is not 'md'"),
    ):
        done = shell.run("report", *words)
        assert done.returncode == 2
        assert said in done.stderr, done.stderr
    shutil.rmtree(folder)
    done = shell.run("report", "--masked")
    assert done.returncode == 2
    assert "is gone" in done.stderr
    assert not Path(shell.folder / f"report-{run}-masked").exists()
    assert "**All 40 rows" in shell.run("report", "--format", "md").stdout
    assert "The folder of this run is gone" in shell.run("report").stdout

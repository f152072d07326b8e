"""muster verify and muster undo, as a person runs them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import CannotStart
from connectors.sandbox.serving import Running
from flows.cli.verify import ask_about
from flows.cli.watchers import Lines
from flows.verification import Cost
from tests.flows.cli.conftest import Shell

CALL = """
import asyncio, sys
from flows.undo_run import undo_run
state = asyncio.run(undo_run(sys.argv[1], yes="yes" in sys.argv, return_state=True))
print(state.type.value, state.name, state.message, sep="|")
"""


def old_people(sandbox: Running) -> dict[str, Any]:
    sandbox.seed(
        [
            {"email_address": f"p{n}@example.com", "fields": {"first_name": "Old", "country": "FR"}}
            for n in range(1, 41)
        ]
    )
    return state(sandbox)


def state(sandbox: Running) -> dict[str, Any]:
    return {one["email_address"]: (one["status"], one["tags"], one["fields"]) for one in sandbox.contacts()}


def test_a_run_is_verified_and_taken_back(shell: Shell, sandbox: Running) -> None:
    before = old_people(sandbox)
    run = shell.summary("signups.yml", "people.csv")
    assert run["undoable"] == {"updated": 40, "created": 0, "deletes": False, "not_known": 0, "opted_out": 0}
    proof = shell.run("verify", "signups.yml")
    assert proof.returncode == 0, proof.stderr
    assert "cost      40 contacts to read back, page by page: 1 request at most" in proof.stderr
    assert "40 contacts are there as they were delivered last." in proof.stdout

    sandbox.seed([{"email_address": "p1@example.com", "fields": {"first_name": "Theirs\x1b[31m"}}])
    found = json.loads(shell.run("verify", run["run_id"], "--json", "--report-dir", "out").stdout)
    assert (found["run_id"], found["contacts"], found["counts"]["different"], found["exit_code"]) == (
        run["run_id"],
        40,
        1,
        1,
    )
    assert found["findings"][0]["is_there"] == "Theirs\x1b[31m"
    assert "Theirs" in (shell.folder / "out" / "verify.csv").read_text("utf-8-sig")
    shown = shell.run("verify", "signups.yml").stdout
    assert "1 of 40 contacts differs from what was delivered last." in shown
    assert "first_name: should be Person 1, is Theirs" in shown
    assert "\x1b" not in shown

    plan = shell.run("undo", run["run_id"], "--plan")
    assert plan.returncode == 2, "it would have to be asked"
    assert "This puts 40 contacts back as they were before the run" in plan.stdout
    asked = shell.run("undo", run["run_id"])
    assert (asked.returncode, state(sandbox) == before) == (2, False)
    assert "add --yes" in asked.stderr

    undone = shell.run("undo", run["run_id"], "--yes")
    assert undone.returncode == 0, undone.stderr
    assert f"40 of 40 rows of the run {run['run_id']} are put back." in undone.stdout
    assert "1 × changed_since" in undone.stdout
    assert "the next sync delivers it again" in undone.stdout
    assert {key: one for key, one in state(sandbox).items() if key != "p1@example.com"} == {
        key: one for key, one in before.items() if key != "p1@example.com"
    }
    listed = json.loads(shell.run("runs", "--json").stdout)
    first, *_, last = [(one["verb"], one["state"], one["undoes"]) for one in listed]
    assert (first, last) == (("undo", "completed", run["run_id"]), ("sync", "completed", None))
    assert "undo of" in shell.run("runs").stdout
    assert f"undone    by the run {listed[0]['run_id']} (" in shell.run("report", run["run_id"]).stdout


def test_what_cannot_be_verified_or_undone_is_said_with_what_to_do(shell: Shell) -> None:
    for words, said in (
        (("verify", "signups.yml"), "There is no ledger in"),
        (("verify", "20010101-000000-0000"), "is no mapping's file"),
        (("undo", "20010101-000000-0000"), "There is no ledger in"),
    ):
        done = shell.run(*words, "--json")
        assert done.returncode == 2, words
        assert said in done.stderr
        assert json.loads(done.stdout)["error"]["exit_code"] == 2
    shell.write("none.csv", "Email,First name,Country\n")
    shell.run("sync", "signups.yml", "none.csv", "--allow", "empty_source")
    for name, said in (("20010101", "There is no run 20010101"), ("2", "changed nothing there")):
        assert said in shell.run("undo", name).stderr


def test_the_flow_takes_a_run_back_by_itself_as_a_deployment_would(shell: Shell, sandbox: Running) -> None:
    before = old_people(sandbox)
    run = shell.summary("signups.yml", "people.csv")
    for words, said in (
        (("nothing",), "FAILED|CouldNotStart|There is no run nothing"),
        ((run["run_id"],), "FAILED|NeedsAYes|This puts 40 contacts back"),
        (
            (run["run_id"], "yes"),
            f"COMPLETED|Completed|40 of 40 rows of the run {run['run_id']} are put back.",
        ),
    ):
        done = shell.call(CALL, *words)
        assert said in done.stdout, done.stderr
    assert state(sandbox) == before


def test_many_requests_are_asked_about_before_they_are_made() -> None:
    few, many = Cost(300, 300, 0.5, paged=False), Cost(5000, 5000, 8.3, paged=False)
    ask_about(few, Lines(), yes=False)
    ask_about(many, Lines(), yes=True)
    with pytest.raises(
        CannotStart, match=r"5,000 contacts to read back, one by one: 5,000 requests at most"
    ) as refused:
        ask_about(many, Lines(), yes=False)
    assert "--yes" in refused.value.fix
    assert "--sample" in refused.value.fix

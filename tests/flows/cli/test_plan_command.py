"""muster plan: its outputs, its page, and the sync that carries it out."""

from __future__ import annotations

import json
import os
import signal
import stat
from typing import Any

import pytest

from connectors.sandbox.serving import Running
from flows.report.plan_summary import PlanSummary
from tests.flows.cli.conftest import MAPPING, SIGNUPS, Shell
from tests.flows.cli.test_commands import wait_for, writes

KEYS = {
    "schema_version", "made_at", "title", "mapping", "source", "destination", "account_id", "ledger", "ledger_new",
    "ledger_state", "options", "estimated", "sampled", "lookup_all", "outcomes", "about", "reasons", "changes", "examples",
    "stays", "stays_examples", "emptied", "tags", "lists", "consent", "automations", "automation_reasons", "permissions",
    "mapping_edited", "requests", "minutes", "listing", "twice", "guards",
    "not_undoable", "problems", "unseen", "warnings", "oddities", "unmapped", "question", "exit_code", "accepted", "corrected", "vanished",
}  # fmt: skip


def plan(shell: Shell, *words: str) -> dict[str, Any]:
    done = shell.run("plan", *words, "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_keys_of_the_json_are_a_contract(shell: Shell, sandbox: Running) -> None:
    sandbox.seed([{"email_address": "p1@example.com", "fields": {"first_name": "By hand"}}])
    found = plan(shell, "signups.yml", "people.csv")
    assert set(found) == KEYS == set(PlanSummary.model_fields)
    assert found["schema_version"] == "1"
    assert (found["outcomes"]["created"], found["outcomes"]["updated"]) == (39, 1)
    assert found["changes"] == {"first_name": 1, "country": 1}
    assert found["examples"]["first_name"] == [{"old": "By hand", "new": "Person 1"}]
    assert found["consent"]["new_contacts"] == {"SUBSCRIBED": 39}
    assert found["not_undoable"] == {
        "contacts_created": 39, "opt_outs": 0, "automations": 2, "values_set": 1, "not_looked_up": 0,
    }  # fmt: skip
    assert set(found["requests"]) == {"planned", "reading", "by_call", "per_second", "share_of_day"}
    assert [guard["name"] for guard in found["guards"]] == [
        "empty_source",
        "shrunk",
        "invalid",
        "changes",
        "opt_outs",
        "resubscribes",
    ]
    assert (found["estimated"], found["sampled"], found["lookup_all"]) == (False, None, None)
    assert writes(sandbox) == 0


def test_a_plan_for_people_shows_consent_guards_and_what_cannot_be_undone(
    shell: Shell, sandbox: Running
) -> None:
    sandbox.seed([{"email_address": "p1@example.com", "fields": {"first_name": "[red]By\x1b[31m hand"}}])
    done = shell.run("plan", "signups.yml", "people.csv")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "39 created", "1 updated", "[red]By\\x1b[31m hand → Person 1", "39 new as SUBSCRIBED", "of what a day allows",
        "39 created (the API deletes none)", "invalid 0 (0%) above 20%, from 50 on", "not on a first run", "--limit 10",
    ):  # fmt: skip
        assert part in said, part


def test_the_page_and_the_written_plan_are_for_their_owner_alone(shell: Shell) -> None:
    done = shell.run("plan", "signups.yml", "people.csv", "-o", "plan.json", "--page", "plan.html")
    assert done.returncode == 0, done.stderr
    for name in ("plan.json", "plan.html"):
        assert stat.S_IMODE((shell.folder / name).stat().st_mode) == 0o600
        assert name in done.stdout
    page = (shell.folder / "plan.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "A sync would create 40 of 40 rows." in page
    gone = shell.run("plan", "signups.yml", "people.csv", "-o", "nowhere/plan.json")
    assert gone.returncode == 2
    assert "cannot be written" in gone.stderr


def test_a_sync_carries_out_the_plan_and_says_that_it_went_as_planned(shell: Shell) -> None:
    shell.run("plan", "signups.yml", "people.csv", "-o", "plan.json")
    done = shell.run("sync", "signups.yml", "people.csv", "--plan", "plan.json", "--report-dir", "out")
    assert done.returncode == 0, done.stderr
    assert "As planned: the outcomes are those of the plan of " in done.stdout
    assert "As planned" in (shell.folder / "out" / "report.html").read_text("utf-8")


def test_a_sync_refuses_a_plan_when_what_it_was_about_has_moved_and_says_which(
    shell: Shell, sandbox: Running
) -> None:
    def refused(*words: str, env: dict[str, str] | None = None) -> str:
        done = shell.run("sync", "signups.yml", "people.csv", "--plan", "plan.json", *words, env=env)
        assert done.returncode == 2, done.stdout
        assert writes(sandbox) == before
        return done.stderr

    before = 0
    shell.run("plan", "signups.yml", "people.csv", "-o", "plan.json")
    shell.write("people.csv", SIGNUPS + "new@example.com,New,DE\n")
    assert "the file: " in refused()
    shell.write("people.csv", SIGNUPS)
    shell.write("signups.yml", MAPPING + "duplicates: first\n")
    assert "the mapping: " in refused()
    shell.write("signups.yml", MAPPING)
    assert "--limit differs" in refused("--limit", "3")
    other = {"MUSTER_HOME": str(shell.folder / "elsewhere")}
    assert "the ledger: it was " in refused(env=other)
    address = {"CAMPAIGNLARK_BASE_URL": sandbox.url.replace("127.0.0.1", "localhost")}
    assert "the account: it was campaignlark, main at " in refused(env=address)
    assert shell.run("sync", "signups.yml", "people.csv", "--only", "p1@example.com").returncode == 0
    before = writes(sandbox)
    assert "came after the plan" in refused()
    shell.write("plan.json", "{}")
    assert "is no plan" in refused()


def test_what_came_otherwise_than_planned_is_told_by_outcome(shell: Shell, sandbox: Running) -> None:
    shell.run("plan", "signups.yml", "people.csv", "-o", "plan.json")
    sandbox.seed([{"email_address": "p1@example.com"}])
    done = shell.run("sync", "signups.yml", "people.csv", "--plan", "plan.json")
    assert "planned / done: created 40 / 39, updated 0 / 1 (the plan of " in done.stdout
    again = shell.run("sync", "signups.yml", "people.csv")
    assert "As planned: the outcomes are those that were decided before anything was sent." in again.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_plan_exits_130_and_leaves_nothing_of_the_file_behind(
    shell: Shell, sandbox: Running, number: signal.Signals
) -> None:
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 1"))
    sandbox.seed([{"email_address": f"q{n}@example.com"} for n in range(600)])
    child = shell.start("plan", str(slow), "people.csv", "--json")
    wait_for(lambda: "POST /v1/contacts/search" in sandbox.requests()["by_endpoint"])
    os.kill(child.pid, number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == json.loads(out)["error"]["exit_code"] == 130, err
    assert list((shell.home / "plans").iterdir()) == []


def test_a_plan_of_another_day_is_refused_where_the_mapping_counts_days(shell: Shell) -> None:
    mapping = shell.write("recent.yml", MAPPING + "where: {Seen: {within: 90 days}}\n")
    shell.write("people.csv", "Email,First name,Country,Seen\na@example.com,A,DE,\n")
    for name, says in ((str(mapping), "the day: "), ("signups.yml", "")):
        assert shell.run("plan", name, "people.csv", "-o", "plan.json").returncode == 0
        planned = json.loads((shell.folder / "plan.json").read_text("utf-8"))
        planned["made_at"] = "2020-01-01T12:00:00Z"
        shell.write("plan.json", json.dumps(planned))
        done = shell.run("sync", name, "people.csv", "--plan", "plan.json")
        assert (done.returncode, "the day: " in done.stderr) == ((2, True) if says else (0, False)), (
            done.stderr
        )


def test_why_people_are_left_alone_is_said_by_the_plan_the_sync_and_the_report(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING + "person: Id\nignore: rest\n")
    shell.write("people.csv", "Id,Email,First name,Country\n1,a@example.com,A,DE\n2,A@example.com,B,DE\n")
    why = "another row has the same address and another person id"
    planned = " ".join(shell.run("plan", "signups.yml", "people.csv").stdout.split())
    assert f"2 left alone for the person's sake: 2 {why}" in planned
    assert f"2 protected: {why}" in " ".join(shell.run("sync", "signups.yml", "people.csv").stdout.split())
    assert f"2 protected: {why}" in " ".join(shell.run("report").stdout.split())

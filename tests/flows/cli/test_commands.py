from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running, running
from tests.flows.cli.conftest import IMPATIENT, MAPPING, SIGNUPS, Shell

WRITES = (
    "POST /v1/contacts",
    "POST /v1/contacts/upsert",
    "PUT /v1/contacts/{id}",
    "POST /v1/contacts/{id}/tags/add",
    "POST /v1/contacts/{id}/tags/remove",
    "POST /v1/tags",
)
FEW_KNOCKS = """
from prefect.events.clients import PrefectEventsClient
PrefectEventsClient._reconnection_attempts = property(lambda _: 1, lambda *_: None)
"""
"""Prefect knocks eleven times, 2 seconds each, before it gives its last events up: when the run is over."""


def writes(sandbox: Running) -> int:
    by_endpoint = sandbox.requests()["by_endpoint"]
    return sum(sum(by_endpoint.get(endpoint, {}).values()) for endpoint in WRITES)


def test_a_sync_creates_every_contact_and_says_so(shell: Shell, sandbox: Running) -> None:
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 0, done.stderr
    assert "All 40 rows are where they should be." in done.stdout
    assert len(sandbox.contacts()) == 40
    report = Path(re.search(r"report\s+(\S+)", done.stdout)[1])  # type: ignore[index]
    assert report.is_file()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(shell.home.stat().st_mode) == 0o700


def test_account_address_and_ledger_are_said_before_anything_else(shell: Shell, sandbox: Running) -> None:
    done = shell.run("plan", "signups.yml", "people.csv")
    said = [line.split(" ", 1)[1] for line in done.stderr.splitlines()]
    assert said[0] == "account   campaignlark, main"
    assert said[1] == f"address   {sandbox.url}"
    assert said[2].startswith(f"ledger    {shell.home}")
    assert "NEW" in said[2]


def test_a_second_sync_of_the_same_file_sends_no_write(shell: Shell, sandbox: Running) -> None:
    assert shell.run("sync", "signups.yml", "people.csv").returncode == 0
    before = writes(sandbox)
    summary = shell.summary("signups.yml", "people.csv")
    assert summary["outcomes"]["unchanged"] == 40
    assert writes(sandbox) == before


def test_a_plan_writes_nothing_there_and_counts_what_the_sync_then_does(
    shell: Shell, sandbox: Running
) -> None:
    planned = json.loads(shell.run("plan", "signups.yml", "people.csv", "--json").stdout)
    assert writes(sandbox) == 0
    done = shell.summary("signups.yml", "people.csv")
    assert planned["outcomes"] == done["outcomes"]
    assert planned["exit_code"] == done["exit_code"] == 0
    assert not list((shell.home / "plans").iterdir())


def test_limit_sends_a_few_and_the_next_sync_the_rest(shell: Shell, sandbox: Running) -> None:
    first = shell.summary("signups.yml", "people.csv", "--limit", "7")
    assert (first["outcomes"]["created"], first["outcomes"]["unsent"]) == (7, 33)
    assert len(sandbox.contacts()) == 7
    second = shell.summary("signups.yml", "people.csv")
    assert (second["outcomes"]["unchanged"], second["outcomes"]["created"]) == (7, 33)


def test_only_sends_one_and_resend_sends_it_again(shell: Shell, sandbox: Running) -> None:
    first = shell.summary("signups.yml", "people.csv", "--only", "P3@example.com")
    assert first["outcomes"]["created"] == 1
    [contact] = sandbox.contacts()
    assert contact["email_address"] == "p3@example.com"
    sandbox.seed([{"email_address": "p3@example.com", "fields": {"first_name": "Changed by hand"}}])
    again = shell.summary("signups.yml", "people.csv", "--only", "p3@example.com", "--resend")
    assert again["outcomes"]["updated"] == 1
    [contact] = sandbox.contacts()
    assert contact["fields"]["first_name"] == "Person 3"


def test_rows_that_need_a_person_exit_with_1_and_are_in_the_failure_files(shell: Shell) -> None:
    shell.write("people.csv", SIGNUPS + "nobody,Nobody,Atlantis\n")
    done = shell.run("sync", "signups.yml", "people.csv", "--report-dir", "out")
    assert done.returncode == 1
    assert "1 × email_syntax in Email (row 41)" in done.stdout
    failures = (shell.folder / "out" / "failures.csv").read_text("utf-8-sig")
    assert "nobody,Nobody,Atlantis" in failures
    assert "email_syntax | country_unknown" in failures
    assert {path.name for path in (shell.folder / "out").iterdir()} == {
        "report.html", "summary.json", "failures.csv", "failures.xlsx", "results.csv", "rows.parquet",
    }  # fmt: skip


def test_a_header_without_rows_trips_a_guard(shell: Shell, sandbox: Running) -> None:
    shell.write("people.csv", "Email,First name,Country\n")
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 3
    assert "--allow empty_source" in done.stdout
    assert writes(sandbox) == 0


def test_a_guard_yields_only_to_its_name_and_yes_does_not_open_it(shell: Shell) -> None:
    shell.write("people.csv", "Email,First name,Country\n" + "".join(f"broken{n},A,DE\n" for n in range(60)))
    assert shell.run("sync", "signups.yml", "people.csv", "--yes").returncode == 3
    done = shell.run("sync", "signups.yml", "people.csv", "--allow", "invalid", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["overrides"] == ["invalid"]


def test_warnings_change_the_exit_code_only_when_asked(shell: Shell) -> None:
    shell.write("people.csv", "Email,First name,Country\nann@gmial.com,Ann,DE\n")
    assert shell.run("plan", "signups.yml", "people.csv").returncode == 0
    assert shell.run("plan", "signups.yml", "people.csv", "--fail-on-warning").returncode == 1
    assert shell.run("sync", "signups.yml", "people.csv", "--fail-on-warning").returncode == 1


def test_a_new_column_is_said_by_plan_and_sync_and_exits_1_when_asked(shell: Shell) -> None:
    shell.write("people.csv", "Email,First name,Country\nann@example.com,Ann,DE\n")
    assert shell.run("sync", "signups.yml", "people.csv", "--fail-on-warning").returncode == 0
    shell.write("people.csv", "Email,First name,Country,Fax\nann@example.com,Ann,DE,1\n")
    planned = shell.run("plan", "signups.yml", "people.csv", "--fail-on-warning")
    assert planned.returncode == 1
    done = shell.run("sync", "signups.yml", "people.csv", "--fail-on-warning")
    assert done.returncode == 1
    assert "1 × column_new" in done.stdout
    for said in (planned, done):
        assert "new in this file, and not used: Fax" in said.stderr
    assert shell.run("sync", "signups.yml", "people.csv", "--fail-on-warning").returncode == 0


def test_confirmation_mails_are_asked_about_before_anything_is_sent(shell: Shell, sandbox: Running) -> None:
    shell.write("signups.yml", MAPPING.replace("consent: {", "consent: {newcomers: UNCONFIRMED, "))
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 2
    assert "confirmation mail" in done.stderr
    assert "--allow confirmation_mails" in done.stderr
    assert "automations: {allow: [confirmation_mails]}" in done.stderr
    assert shell.run("sync", "signups.yml", "people.csv", "--yes").returncode == 2
    assert writes(sandbox) == 0
    assert shell.run("sync", "signups.yml", "people.csv", "--allow", "confirmation_mails").returncode == 0
    assert {contact["status"] for contact in sandbox.contacts()} == {"UNCONFIRMED"}


def test_runs_and_report_show_what_happened(shell: Shell) -> None:
    first = shell.summary("signups.yml", "people.csv")
    listed = json.loads(shell.run("runs", "--json").stdout)
    assert [run["run_id"] for run in listed] == [first["run_id"]]
    shown = shell.run("report", first["run_id"][:17])
    assert "All 40 rows" in shown.stdout
    assert json.loads(shell.run("report", "--json").stdout) == first
    missing = shell.run("report", "nothing")
    assert missing.returncode == 2
    assert "muster runs" in missing.stderr


def test_the_key_is_in_no_output_and_no_file(shell: Shell, sandbox: Running) -> None:
    shell.environment["CAMPAIGNLARK_API_KEY"] = "sandbox-key"
    shell.write("people.csv", SIGNUPS + "nobody,Nobody,Atlantis\n")
    done = shell.run("sync", "signups.yml", "people.csv", "--json")
    shell.environment["CAMPAIGNLARK_API_KEY"] = "wrong-secret-key"
    refused = shell.run("sync", "signups.yml", "people.csv")
    assert refused.returncode == 2
    assert "key" in refused.stderr
    for text in (done.stdout, done.stderr, refused.stdout, refused.stderr):
        assert "sandbox-key" not in text
        assert "wrong-secret-key" not in text
    for path in shell.home.rglob("*"):
        if path.is_file():
            assert b"sandbox-key" not in path.read_bytes(), path
            assert b"wrong-secret-key" not in path.read_bytes(), path


def test_peek_shows_how_a_file_is_read_and_writes_it_clean(shell: Shell) -> None:
    shell.write("odd.csv", "Title of the report\n\nName;Stadt\nM\xfcller;K\xf6ln\n".encode("cp1252"))
    done = shell.run("peek", "odd.csv", "--to-csv", "clean.csv")
    assert done.returncode == 0, done.stderr
    assert (shell.folder / "clean.csv").read_text("utf-8").splitlines() == ["Name,Stadt", "Müller,Köln"]
    facts = json.loads(shell.run("peek", "odd.csv", "--json").stdout)
    assert facts["rows"] == 1
    assert [column["name"] for column in facts["columns"]] == ["Name", "Stadt"]


def test_peek_writes_what_has_no_header_or_nothing_at_all_as_it_is(shell: Shell) -> None:
    shell.write("bare.csv", b"ann@x.de;Ann\nbob@x.de;Bob\n")
    shell.write("empty.csv", b"")
    done = [shell.run("peek", name, "--to-csv", f"clean-{name}") for name in ("bare.csv", "empty.csv")]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert (shell.folder / "clean-bare.csv").read_text("utf-8").splitlines() == [
        "ann@x.de,Ann",
        "bob@x.de,Bob",
    ]
    assert (shell.folder / "clean-empty.csv").read_bytes() == b""
    assert "holds no bytes" in done[1].stderr
    shell.write("signups.yml", MAPPING)
    refused = shell.run("check", "signups.yml", "bare.csv", "--offline")
    assert refused.returncode == 2
    assert "header_line: 0" in refused.stderr


def test_check_names_file_line_and_key_and_the_nearest_word(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING.replace("first_name: First name", "first_nam: First nme"))
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 2
    assert (
        "signups.yml:7: fields.first_nam: the destination has no merge tag 'first_nam'. Did you mean first_name?"
        in done.stderr
    )
    assert "Did you mean 'First name'?" in done.stderr
    good = shell.write("good.yml", MAPPING)
    assert shell.run("check", str(good), "people.csv").returncode == 0
    assert shell.run("check", str(good), "--offline", env={"CAMPAIGNLARK_API_KEY": ""}).returncode == 0


def test_a_shipped_mapping_is_found_by_its_name(shell: Shell) -> None:
    done = shell.run("check", "hubspot_to_campaignlark")
    assert done.returncode == 0, done.stderr
    assert "examples pass" in done.stdout


def test_doctor_says_what_is_missing(shell: Shell) -> None:
    assert shell.run("doctor").returncode == 0
    (shell.folder / "a-file").touch()
    places = {
        "MUSTER_RUNS": str(shell.folder / "runs"),
        "MUSTER_SHARED": str(shell.folder / "a-file" / "parts"),
        "CAMPAIGNLARK_API_KEY": "nonsense",
    }
    wrong = shell.run("doctor", "campaignlark", env=places)
    assert "ok   MUSTER_RUNS, for the folders of the runs, can be written" in wrong.stdout
    assert "NOT  The shared place (MUSTER_SHARED) cannot be used" in wrong.stdout
    assert wrong.returncode == 2
    assert "did not accept the key" in wrong.stdout


@pytest.mark.parametrize(
    "verb",
    [
        "demo",
        "peek",
        "init",
        "check",
        "plan",
        "sync",
        "retry",
        "runs",
        "report",
        "sandbox",
        "doctor",
        "completion",
    ],
)
def test_every_verb_explains_itself(shell: Shell, verb: str) -> None:
    done = shell.run(verb, "--help")
    assert done.returncode == 0
    assert "Usage: muster " + verb in done.stdout


def test_a_slip_in_a_verb_gets_the_nearest_one(shell: Shell) -> None:
    done = shell.run("snyc")
    assert done.returncode == 2
    assert "Did you mean sync?" in done.stderr


def test_completion_is_printed_for_each_shell(shell: Shell) -> None:
    for name in ("bash", "zsh", "fish"):
        assert "_MUSTER_COMPLETE" in shell.run("completion", name).stdout


BAD: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "no such file": ({}, ["signups.yml", "nothing.csv"], "There is no file"),
    "a folder": ({"mkdir": "folder"}, ["signups.yml", "folder"], "is a folder"),
    "an empty file": ({"people.csv": b""}, ["signups.yml", "people.csv"], "empty"),
    "a binary file": ({"people.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20}, ["signups.yml", "people.csv"], "PNG"),
    "a mapping of ours with an ending": ({}, ["hubspot_to_loops.yml", "people.csv"], "Did you mean hubspot_to_loops?"),
    "no such mapping": ({}, ["nothing.yml", "people.csv"], "There is no mapping nothing.yml"),
    "a YAML error": ({"signups.yml": MAPPING + "  tags: [a\n"}, ["signups.yml", "people.csv"], "signups.yml:"),
    "an unknown key": ({"signups.yml": MAPPING + "wher: {Country: DE}\n"}, ["signups.yml", "people.csv"], "Did you mean where?"),
    "a column that is not there": (
        {"people.csv": "Email,First nam,Country\na@example.com,A,DE\n"}, ["signups.yml", "people.csv"], "Did you mean 'First nam'?",
    ),
    "an unknown merge tag": (
        {"signups.yml": MAPPING.replace("country: Country", "contry: Country")}, ["signups.yml", "people.csv"], "Did you mean country?",
    ),
    "no consent": ({"signups.yml": MAPPING.replace("consent:", "description: x\n#")}, ["signups.yml", "people.csv"], "consent"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_gets_a_clear_error_exit_2_and_nothing_is_sent(
    shell: Shell, sandbox: Running, name: str
) -> None:
    files, words, expected = BAD[name]
    for file, content in files.items():
        if file == "mkdir":
            (shell.folder / content).mkdir()
        else:
            shell.write(file, content)
    for verb in ("sync", "plan"):
        done = shell.run(verb, *words)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr) < 2000
    assert writes(sandbox) == 0


def test_a_missing_a_wrong_key_and_no_server_exit_with_2(shell: Shell) -> None:
    shell.before = IMPATIENT
    for environment, expected in (
        ({"CAMPAIGNLARK_API_KEY": ""}, "CAMPAIGNLARK_API_KEY"),
        ({"CAMPAIGNLARK_API_KEY": "wrong"}, "did not accept the key"),
        ({"CAMPAIGNLARK_BASE_URL": "http://127.0.0.1:9/v1"}, "Check the address and the network"),
        ({"CAMPAIGNLARK_BASE_URL": "nonsense"}, "no web address"),
    ):
        done = shell.run("plan", "signups.yml", "people.csv", env=environment)
        assert done.returncode == 2, done.stderr
        assert expected in done.stderr


def test_keys_may_come_from_a_file_or_a_dotenv(shell: Shell) -> None:
    shell.write("key.txt", "sandbox-key\n")
    by_file = {"CAMPAIGNLARK_API_KEY": "", "CAMPAIGNLARK_API_KEY_FILE": str(shell.folder / "key.txt")}
    assert shell.run("plan", "signups.yml", "people.csv", env=by_file).returncode == 0
    shell.write(".env", "CAMPAIGNLARK_API_KEY=sandbox-key\n")
    assert shell.run("plan", "signups.yml", "people.csv", env={"CAMPAIGNLARK_API_KEY": ""}).returncode == 0


def test_a_damaged_ledger_is_kept_aside_and_a_newer_one_left_as_it_is(shell: Shell) -> None:
    shell.home.mkdir()
    ledger = shell.home / "ledger.sqlite"
    ledger.write_bytes(b"this is no ledger" * 100)
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 2
    [aside] = shell.home.glob("ledger.sqlite.damaged-*")
    assert f"It is kept as {aside}." in done.stderr
    assert aside.read_bytes() == b"this is no ledger" * 100
    assert not ledger.exists()
    done = shell.run("runs")
    assert done.returncode == 2
    assert f"A damaged one is kept as {aside}." in done.stderr
    aside.unlink()
    import sqlite3

    with sqlite3.connect(ledger) as database:
        database.execute("pragma user_version = 99")
    database.close()
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 2
    assert "newer" in done.stderr


def test_two_runs_of_one_mapping_at_the_same_time_are_told_so(shell: Shell, sandbox: Running) -> None:
    sandbox.faults(latency_ms=300)
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 10"))
    first = shell.start("sync", str(slow), "people.csv")
    wait_for(lambda: writes(sandbox) > 0)
    second = shell.run("sync", str(slow), "people.csv")
    assert second.returncode == 2
    assert "Another run of signups is at work" in second.stderr
    _, err = first.communicate(timeout=120)
    assert first.returncode == 0, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_finishes_what_is_in_flight_exits_130_and_the_next_goes_on(
    shell: Shell, sandbox: Running, number: signal.Signals
) -> None:
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 10"))
    first = shell.start("sync", str(slow), "people.csv", "--json")
    wait_for(lambda: writes(sandbox) > 5)
    os.kill(first.pid, number)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    outcomes = json.loads(out)["outcomes"]
    assert sum(outcomes.values()) == 40
    assert outcomes["created"] == len(sandbox.contacts()) == writes(sandbox)
    assert outcomes["unsent"] == 40 - outcomes["created"] > 0
    second = shell.summary("signups.yml", "people.csv")
    assert (second["outcomes"]["unchanged"], second["outcomes"]["created"]) == (
        outcomes["created"],
        outcomes["unsent"],
    )


def test_a_killed_run_never_blocks_the_next_which_finishes_the_work(shell: Shell, sandbox: Running) -> None:
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 10"))
    first = shell.start("sync", str(slow), "people.csv")
    wait_for(lambda: writes(sandbox) > 5)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    done = shell.run("sync", "signups.yml", "people.csv", "--json")
    assert "was cut off" in done.stderr
    outcomes = json.loads(done.stdout)["outcomes"]
    assert sum(outcomes.values()) == 40
    assert outcomes["unchanged"] + outcomes["created"] == 40
    assert outcomes["unchanged"] > 0
    assert sorted(contact["email_address"] for contact in sandbox.contacts()) == sorted(
        f"p{n}@example.com" for n in range(1, 41)
    )


@pytest.mark.slow
def test_a_sandbox_killed_in_mid_run_leaves_outcomes_that_add_up_and_the_next_run_finishes(
    shell: Shell, prefect_url: str
) -> None:
    shell.write("people.csv", SIGNUPS + "".join(f"q{n}@example.com,Q {n},France\n" for n in range(160)))
    slow = shell.write(
        "slow.yml",
        MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 100, patience: 2 seconds"),
    )
    with running("campaignlark", rate=0) as server:
        shell.environment["CAMPAIGNLARK_BASE_URL"] = server.url
        shell.before = IMPATIENT
        first = shell.start("sync", str(slow), "people.csv", "--json")
        wait_for(lambda: writes(server) > 20)
        server.kill()
        out, err = first.communicate(timeout=100)
    assert first.returncode == 3, err
    summary = json.loads(out)
    assert summary["status"] == "stopped"
    assert summary["balanced"]
    assert sum(summary["outcomes"].values()) == 200
    assert summary["outcomes"]["created"] >= 20
    assert summary["outcomes"]["unsent"] > 0
    port = server.url.split(":")[2].split("/")[0]
    with running("campaignlark", rate=0, port=port) as revived:
        second = shell.summary("signups.yml", "people.csv")
        assert second["outcomes"]["unchanged"] == summary["outcomes"]["created"]
        assert (
            second["outcomes"]["created"] == 200 - summary["outcomes"]["created"] == len(revived.contacts())
        )


@pytest.mark.parametrize("module", ["flows.cli", "flows.prefect_server"])
def test_help_and_prefects_server_import_nothing_heavy_of_ours(module: str) -> None:
    script = f"import sys; import {module}; print([m for m in ('pandas','pyarrow','prefect','numpy','rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def wait_for(what: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_an_address_with_a_password_is_refused_and_not_repeated(shell: Shell) -> None:
    done = shell.run(
        "plan", "signups.yml", "people.csv", env={"CAMPAIGNLARK_BASE_URL": "http://u:geheim@127.0.0.1:9/v1"}
    )
    assert done.returncode == 2
    assert "geheim" not in done.stderr + done.stdout
    assert not (shell.home / "ledger.sqlite").exists()


def test_nothing_in_a_mapping_or_a_name_speaks_to_the_terminal(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING.replace("First name", '"Vor\\e]0;pwn\\aname"'))
    done = shell.run("check", "signups.yml", "people.csv")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


def test_a_plan_says_what_is_wrong_and_asks_what_the_sync_would_ask(shell: Shell) -> None:
    shell.write("people.csv", "Email,First name,Country\nann@example.com,Ann,Atlantis\n")
    assert (
        "'Atlantis' is not a country's name or code" in shell.run("plan", "signups.yml", "people.csv").stdout
    )
    shell.write("people.csv", SIGNUPS)
    shell.write("signups.yml", MAPPING.replace("consent: {", "consent: {newcomers: UNCONFIRMED, "))
    asked = shell.run("plan", "signups.yml", "people.csv")
    assert asked.returncode == 2
    assert "confirmation mail" in asked.stdout
    assert shell.run("plan", "signups.yml", "people.csv", "--yes").returncode == 2
    assert shell.run("plan", "signups.yml", "people.csv", "--allow", "confirmation_mails=40").returncode == 0


def test_only_for_a_key_that_no_row_has_is_said(shell: Shell) -> None:
    done = shell.run("sync", "signups.yml", "people.csv", "--only", "nobody@example.com")
    assert done.returncode == 2
    assert "No row has the key nobody@example.com" in done.stderr


def test_a_plan_waits_for_nobody_and_writes_no_ledger_of_a_running_sync(
    shell: Shell, sandbox: Running
) -> None:
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 12"))
    first = shell.start("sync", str(slow), "people.csv")
    wait_for(lambda: writes(sandbox) > 3)
    assert shell.run("plan", str(slow), "people.csv").returncode == 0
    _, err = first.communicate(timeout=120)
    assert first.returncode == 0, err


@pytest.mark.slow
def test_when_prefects_server_goes_away_the_run_goes_on_without_it(
    shell: Shell, sandbox: Running, begun_before: Callable[[Path], None]
) -> None:
    begun_before(shell.home)
    slow = shell.write("slow.yml", MAPPING.replace("kind: campaignlark", "kind: campaignlark, rate: 20"))
    shell.environment |= {"PREFECT_API_URL": "", "HOME": str(shell.folder)}
    shell.before = FEW_KNOCKS
    first = shell.start("sync", str(slow), "people.csv", "--json")
    wait_for(lambda: writes(sandbox) > 3)
    children = subprocess.run(
        ["ps", "--ppid", str(first.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    [server] = [
        int(line.split()[0]) for line in children.stdout.splitlines() if "flows.prefect_server" in line
    ]
    os.kill(server, signal.SIGKILL)
    out, err = first.communicate(timeout=200)
    assert first.returncode == 0, err
    assert json.loads(out)["outcomes"]["created"] == 40 == len(sandbox.contacts())


def test_an_interruption_while_a_file_is_read_says_that_nothing_was_sent(
    shell: Shell, sandbox: Running
) -> None:
    rows = "".join(f"p{n}@example.com,Person {n},Germany\n" for n in range(1_500_000))
    shell.write("people.csv", "Email,First name,Country\n" + rows)
    first = shell.start("sync", "signups.yml", "people.csv")
    assert first.stderr is not None
    while "reading and mapping" not in first.stderr.readline():
        pass
    time.sleep(0.3)
    os.kill(first.pid, signal.SIGTERM)
    _, err = first.communicate(timeout=20)
    assert first.returncode == 130, err
    assert "Nothing was sent." in err
    assert writes(sandbox) == 0


@pytest.mark.slow
def test_a_demo_that_was_interrupted_says_so_and_blames_nobody(shell: Shell, sandbox: Running) -> None:
    first = shell.start("demo")
    assert first.stderr is not None
    while "delivering" not in first.stderr.readline():
        pass
    time.sleep(1)
    os.kill(first.pid, signal.SIGTERM)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    assert "Interrupted:" in out
    assert "the demo was not run to its end" in out
    assert "Please report it" not in out


def test_peek_tells_which_export_a_file_looks_like(shell: Shell) -> None:
    samples = Path(__file__).parents[3] / "sample_data"
    ended = shell.run("peek", str(samples / "hubspot_contacts.csv"))
    assert (
        "It looks like a hubspot_export: Record ID, Email, Unsubscribed from all email are columns of HubSpot's export."
        in ended.stdout
    )
    assert "In the mapping: source: {kind: hubspot_export}" in ended.stdout
    told = json.loads(shell.run("peek", str(samples / "newsletter_signups.csv"), "--json").stdout)
    assert told["looks_like"] == "csv_file"


@pytest.mark.parametrize("kind", ["mailchimp_export", "salesforce_weekly_export"])
def test_peek_takes_an_archive_for_the_export_that_it_is(shell: Shell, kind: str) -> None:
    archive = str(Path(__file__).parents[3] / "sample_data" / "exports" / f"{kind}.zip")
    told = json.loads(shell.run("peek", archive, "--json").stdout)
    assert (told["looks_like"], told["rows"]) == (kind, 30)
    assert told["why"].startswith("it holds ")
    several = json.loads(shell.run("peek", archive, "--json", "--member", "*.csv").stdout)
    assert "_status" not in {
        column["name"] for column in several["columns"]
    }  # as somebody says, and no export then


def test_a_name_that_begins_with_a_tilde_and_is_nobodys_home_is_a_name(shell: Shell) -> None:
    ended = shell.run("peek", "~nobody.csv")
    assert ended.returncode == 2
    assert "~nobody.csv" in ended.stderr


def test_a_settings_file_that_is_no_text_is_said_and_exits_with_2(shell: Shell) -> None:
    (shell.folder / ".env").write_bytes(b"\xff\xfeC\x00A\x00")
    done = shell.run("runs")
    assert done.returncode == 2
    assert "Save it as UTF-8 text" in done.stderr
    assert "Traceback" not in done.stderr

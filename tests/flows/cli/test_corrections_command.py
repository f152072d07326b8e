"""muster corrections, as a person runs it after a retry: seen, exported, revoked."""

from __future__ import annotations

import csv
import json

from connectors.sandbox.serving import Running
from tests.flows.cli.conftest import SIGNUPS, Shell
from tests.flows.cli.test_retry_command import BROKEN, corrected


def test_what_a_retry_corrected_is_seen_exported_and_revoked(shell: Shell, sandbox: Running) -> None:
    shell.write("broken.csv", BROKEN)
    first = shell.summary("signups.yml", "broken.csv")
    corrected(shell, first, "fixed.csv", {"p3 at example.com": "p3@example.com", "p7@": "p7@example.com"})
    done = shell.run("retry", "fixed.csv")
    assert done.returncode == 0, done.stderr
    assert "2 corrected cells are kept" in done.stderr

    done = shell.run("sync", "signups.yml", "broken.csv")
    assert done.returncode == 0, done.stderr
    assert "corrected 2 cells kept from retries: Email 2" in done.stderr
    assert "2 cells of 2 rows corrected as retries have corrected them before: Email 2." in done.stdout
    assert "muster corrections lists them" in done.stdout

    listed = shell.run("corrections", "--export", "patch.csv", "--json")
    assert {one["state"] for one in json.loads(listed.stdout)["corrections"]} == {"applied"}
    with (shell.folder / "patch.csv").open(encoding="utf-8-sig", newline="") as file:
        patch = list(csv.DictReader(file))
    assert [(row["person"], row["column"], row["original"], row["corrected"]) for row in patch] == [
        ("p3 at example.com", "Email", "p3 at example.com", "p3@example.com"),
        ("p7@", "Email", "p7@", "p7@example.com"),
    ]

    assert shell.run("corrections", "--revoke", "nobody").returncode == 2
    assert shell.run("corrections", "--revoke-all").returncode == 2, "it asks, and nobody answers"
    assert "1 correction revoked" in shell.run("corrections", "--revoke", "p7@").stdout
    assert "revoked" in shell.run("corrections", "signups").stdout
    plan = json.loads(shell.run("plan", "signups.yml", "broken.csv", "--json").stdout)
    assert (plan["outcomes"]["invalid"], plan["corrected"]["cells"]) == (1, 1)
    plan = json.loads(shell.run("plan", "signups.yml", "broken.csv", "--json", "--no-corrections").stdout)
    assert (plan["outcomes"]["invalid"], plan["corrected"]["cells"]) == (2, 0)
    assert len(sandbox.contacts()) == len(SIGNUPS.splitlines()) - 1


def test_a_run_is_retried_by_its_name_and_its_problems_are_accepted(shell: Shell, sandbox: Running) -> None:
    shell.write("broken.csv", BROKEN)
    first = shell.summary("signups.yml", "broken.csv")
    done = shell.run("retry", first["run_id"], "--plan")
    assert done.returncode == 1, done.stderr
    assert f"2 rows of the run {first['run_id']}, attempt 2" in done.stderr
    done = shell.run("accept", first["run_id"], "--why", "known")
    assert "Accepted of 2 rows: 2 × email_syntax in Email." in done.stdout
    done = shell.run("sync", "signups.yml", "broken.csv")
    assert done.returncode == 0, done.stderr
    assert "2 with accepted problems were left as they are" in done.stdout
    assert "2 rows have problems that were accepted." in done.stdout
    assert shell.run("plan", "signups.yml", "broken.csv").returncode == 0
    assert "known" in shell.run("accept", "--list").stdout
    assert shell.run("accept", "--revoke").returncode == 2, "it asks, and nobody answers"
    assert "Taken back: 2 × email_syntax in Email." in shell.run("accept", "--revoke", "--yes").stdout
    assert shell.run("sync", "signups.yml", "broken.csv").returncode == 1
    assert len(sandbox.contacts()) == 38

"""What somebody without a shell drops, as the verb, the flow and a schedule see to it."""

from __future__ import annotations

import json

from connectors.sandbox.serving import Running
from tests.flows.cli.conftest import MAPPING, SIGNUPS, Shell
from tests.flows.cli.test_prefect import asked, flow_run_of

FLOW = """
import asyncio
from flows.watch_fixes import watch_fixes
state = asyncio.run(watch_fixes("signups.yml", return_state=True))
print(state.type.value, state.name, state.message, sep="|")
"""
SHARED = "reports: {to: shared, link: 'https://files.acme.example/m'}\nfixes: {at: fixes, settled: 0 s}\n"


def begun(shell: Shell) -> str:
    """A folder of reports, one of fixes, and a run of which two rows need a person; its failures.csv."""
    shell.write("signups.yml", MAPPING + SHARED)
    shell.write("people.csv", SIGNUPS.replace("p3@", "p3 at ").replace("p4@", "p4 at "))
    for name in ("shared", "fixes"):
        (shell.folder / name).mkdir(mode=0o755)
    done = shell.run("sync", "signups.yml", "people.csv")
    assert done.returncode == 1
    [run] = (shell.folder / "shared" / "signups").iterdir()
    assert f"shared    https://files.acme.example/m/signups/{run.name}/report.html" in done.stdout
    return (run / "failures.csv").read_text("utf-8-sig")


def test_the_verb_answers_what_was_dropped_and_says_how_it_went(shell: Shell, sandbox: Running) -> None:
    failures = begun(shell)
    first, second, third = failures.splitlines(keepends=True)
    shell.write("fixes/mine.csv", first + second.replace("p3 at ", "p3@"))
    done = shell.run("fixes", "signups.yml")
    assert done.returncode == 0, done.stderr
    assert "answered  mine.csv: The one row is where it should be." in done.stdout
    assert len(sandbox.contacts()) == 39
    shell.write("fixes/other.csv", first + third)
    shell.write("fixes/letter.docx", "Dear muster")
    done = shell.run("fixes", "signups.yml", "--json")
    assert done.returncode == 1
    found = {one["name"]: one for one in json.loads(done.stdout)["fixes"]}
    assert {name: (one["state"], one["exit_code"]) for name, one in found.items()} == {
        "other.csv": ("answered", 1),
        "letter.docx": ("refused", 1),
    }
    assert shell.run("fixes", "signups.yml").stdout == "Nothing new in fixes; nothing was sent.\n"
    doctor = shell.run("doctor")
    assert "signups: reports: shared can be written" in doctor.stdout
    assert "signups: fixes: fixes can be written" in doctor.stdout
    (shell.folder / "fixes").rename(shell.folder / "elsewhere")
    assert "There is no folder" in shell.run("doctor").stdout
    assert shell.run("fixes", "signups.yml").returncode == 2


def test_the_flow_does_the_same_in_states_that_tell_the_truth_and_can_be_scheduled(
    shell: Shell, sandbox: Running, prefect_url: str
) -> None:
    failures = begun(shell)
    artifacts = asked(
        prefect_url,
        "artifacts",
        {"flow_runs": {"id": {"any_": [flow_run_of(prefect_url, "signups people.csv")["id"]]}}},
    )
    assert "https://files.acme.example/m/signups/" in json.dumps(artifacts)
    assert shell.call(FLOW).stdout.strip() == "COMPLETED|NothingNew|Nothing was dropped; nothing was sent."
    shell.write("fixes/mine.csv", failures.replace("p3 at ", "p3@").replace("p4 at ", "p4@"))
    assert shell.call(FLOW).stdout.strip() == "COMPLETED|Completed|1 answered."
    assert len(sandbox.contacts()) == 40
    shell.write("fixes/letter from ann@example.com.docx", "Dear muster")
    assert shell.call(FLOW).stdout.strip() == "COMPLETED|NeedsReview|1 refused."
    made = shell.run("schedule", "signups.yml", "--fixes", "--every", "5 minutes", "--json")
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert (found["name"], found["schedule"]) == ("signups-fixes", "5m")
    assert "flows.watch_fixes.watch_fixes" in found["prefect_yaml"]
    assert "signups-fixes" in [
        one["name"] for one in json.loads(shell.run("schedule", "--list", "--json").stdout)
    ]
    assert shell.run("schedule", "--remove", "signups-fixes").returncode == 0

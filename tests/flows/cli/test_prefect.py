"""What Prefect sees of a run: names, counts and states; never a person's data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import CannotStart
from connectors.sandbox.serving import Running
from flows.schedule import Schedule
from flows.viewer.deployments import Wanted, deploy
from tests.flows.alerts.post import receiving
from tests.flows.cli.conftest import IMPATIENT, MAPPING, SIGNUPS, Shell

CALL = """
import asyncio, sys
from flows.sync_contacts import sync_contacts
state = asyncio.run(sync_contacts(sys.argv[1], sys.argv[2], new_ledger="old" not in sys.argv, return_state=True))
print(state.type.value, state.name, state.message, sep="|")
"""


def asked(url: str, what: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/{what}/filter", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def flow_run_of(url: str, name: str) -> dict[str, Any]:
    found = asked(
        url, "flow_runs", {"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_DESC", "limit": 1}
    )
    assert found, name
    first: dict[str, Any] = found[0]
    return first


def test_a_run_is_a_flow_run_with_stages_and_batches_as_tasks_and_artifacts(
    shell: Shell, prefect_url: str
) -> None:
    file = f"{shell.folder.name}.csv"
    shell.write(file, SIGNUPS + "nobody,Nobody,Atlantis\n")
    assert shell.run("sync", "signups.yml", file).returncode == 1
    run = flow_run_of(prefect_url, f"signups {file}")
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "NeedsReview")
    assert run["state"]["message"] == "40 of 41 rows are where they should be; 1 needs a person."
    tasks = asked(prefect_url, "task_runs", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert sorted(task["name"] for task in tasks) == ["portion 1", "read, map and check", "write the report"]
    artifacts = asked(prefect_url, "artifacts", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert sorted(artifact["key"] for artifact in artifacts) == [
        "signups-balance",
        "signups-problems",
        "signups-report",
    ]
    everything = json.dumps([run, tasks, artifacts])
    assert "report.html" in everything
    assert "@example.com" not in everything
    assert "nobody" not in everything
    assert "sandbox-key" not in everything


def test_the_flow_runs_by_itself_as_a_deployment_would_call_it(shell: Shell, sandbox: Running) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALL, "signups.yml", "people.csv"], cwd=shell.folder, env=shell.environment,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "COMPLETED|Completed|All 40 rows are where they should be."
    assert len(sandbox.contacts()) == 40


def test_a_flow_that_cannot_start_says_why_without_a_persons_data(shell: Shell, sandbox: Running) -> None:
    done = shell.call(CALL, "signups.yml", "nothing.csv")
    assert done.stdout.startswith("FAILED|CouldNotStart|There is no file")
    assert not sandbox.contacts()


def test_a_worker_does_not_begin_a_new_ledger_unasked(shell: Shell, sandbox: Running) -> None:
    done = shell.call(CALL, "signups.yml", "people.csv", "old")
    assert done.stdout.startswith("FAILED|CouldNotStart|There is no ledger in")
    assert not shell.home.exists()
    assert not sandbox.contacts()


def test_a_parameter_that_looks_like_a_key_is_refused_and_not_said(shell: Shell, sandbox: Running) -> None:
    done = shell.call(CALL, "signups.yml", "sftp://crm:hunter2@files.example.com/people.csv")
    assert done.stdout.startswith("FAILED|CouldNotStart|The parameter source looks like a key")
    assert "hunter2" not in done.stdout
    assert not sandbox.contacts()


def test_the_committed_prefect_yaml_fits_the_flow() -> None:
    import importlib

    import yaml

    (one,) = yaml.safe_load((Path(__file__).parents[3] / "prefect.yaml").read_text("utf-8"))["deployments"]
    module, _, name = one["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert set(one["parameters"]) <= set(flow.parameters.properties)
    assert flow.validate_parameters(one["parameters"])["on_guard"] == "ask"


def test_a_guarded_flow_is_failed_and_named_so(shell: Shell, sandbox: Running) -> None:
    shell.write("people.csv", "Email,First name,Country\n")
    done = shell.call(CALL, "signups.yml", "people.csv")
    assert done.stdout.startswith("FAILED|Guarded|Stopped by the guard `empty_source`")
    assert not sandbox.contacts()


def test_a_prefect_server_that_does_not_answer_is_said_before_anything_is_sent(
    shell: Shell, sandbox: Running
) -> None:
    shell.before = IMPATIENT
    done = shell.run("sync", "signups.yml", "people.csv", env={"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    assert done.returncode == 2
    assert "Prefect's server at http://127.0.0.1:9/api does not answer" in done.stderr
    assert not sandbox.contacts()


ARRIVED = """
import asyncio, sys
from flows.sync_contacts import sync_contacts
state = asyncio.run(sync_contacts("signups.yml", new_ledger=True, return_state=True))
print(state.type.value, state.name, state.message, sep="|")
"""


def test_a_flow_syncs_what_came_into_an_inbox_once(shell: Shell, sandbox: Running) -> None:
    inbox = "source: {kind: csv_file, inbox: in/*.csv, settled: 0 s, done: move}"
    shell.write("signups.yml", MAPPING.replace("source: {kind: csv_file}", inbox))
    (shell.folder / "in").mkdir()
    shell.write("in/monday.csv", SIGNUPS)
    assert shell.call(ARRIVED).stdout.strip() == "COMPLETED|Completed|All 40 rows are where they should be."
    assert len(sandbox.contacts()) == 40
    assert shell.call(ARRIVED).stdout.strip() == "COMPLETED|NothingNew|Nothing new came; nothing was sent."
    shell.write("in/tuesday.csv", SIGNUPS + "nobody,Nobody,Germany\n")
    assert shell.call(ARRIVED).stdout.startswith("COMPLETED|NeedsReview|40 of 41 rows")
    assert not list((shell.folder / "in").glob("*.csv"))


def test_a_question_for_the_files_of_an_inbox_is_refused_before_anything_is_sent(
    shell: Shell, sandbox: Running
) -> None:
    inbox = "source: {kind: csv_file, inbox: in/*.csv}"
    shell.write("signups.yml", MAPPING.replace("source: {kind: csv_file}", inbox))
    done = shell.call(ARRIVED.replace("new_ledger=True", 'new_ledger=True, on_guard="ask"'))
    assert done.stdout.startswith(
        "FAILED|CouldNotStart|on_guard: ask is not there for a mapping with an inbox"
    )
    assert not sandbox.contacts()


def test_an_inbox_into_which_no_file_came_is_told_once(shell: Shell) -> None:
    inbox = "source: {kind: csv_file, inbox: in/*.csv, settled: 0 s, every: 1 minute}"
    shell.write("signups.yml", MAPPING.replace("source: {kind: csv_file}", inbox) + "notify: ops\n")
    (shell.folder / "in").mkdir()
    old = shell.write("in/monday.csv", SIGNUPS)
    os.utime(old, (1_700_000_000, 1_700_000_000))
    with receiving() as web:
        shell.environment["MUSTER_NOTIFY_OPS"] = f"{web.url}/told"
        planned, synced = shell.run("plan", "signups.yml"), shell.run("sync", "signups.yml")
        assert (planned.returncode, synced.returncode) == (0, 0)
        for said in (planned.stderr, synced.stderr):
            assert "source    in/monday.csv\n" in said, "the fetched copy is nobody's matter"
        [run] = json.loads(shell.run("runs", "--json").stdout)
        assert run["source"] == "monday.csv"
        summary = json.loads(Path(run["report"]).with_name("summary.json").read_text("utf-8"))
        assert summary["source"]["path"] == "in/monday.csv"
        assert not web.got
        for _ in range(2):
            done = shell.run("sync", "signups.yml")
            assert done.returncode == 1
            assert "No file came: one is expected every" in done.stderr
        assert [one["state"] for one in web.at("/told")] == ["no_file"]


@pytest.mark.parametrize("wrong", ["inbox", "mapping"])
def test_a_sync_that_could_not_begin_is_told_once_from_the_shell_and_from_prefect(
    shell: Shell, wrong: str
) -> None:
    inbox = "source: {kind: csv_file, inbox: in/*.csv, settled: 0 s}"
    text = MAPPING.replace("source: {kind: csv_file}", inbox) + "notify: ops\n"
    shell.write("signups.yml", text)
    (shell.folder / "in").mkdir()
    shell.write("in/monday.csv", SIGNUPS)
    with receiving() as web:
        shell.environment["MUSTER_NOTIFY_OPS"] = f"{web.url}/told"
        assert shell.run("sync", "signups.yml").returncode == 0
        assert not web.got
        if wrong == "inbox":
            (shell.folder / "in").rename(shell.folder / "out")
        else:
            shell.write("signups.yml", text + "fields: [\n")
        assert shell.run("sync", "signups.yml").returncode == 2
        assert shell.call(ARRIVED).stdout.startswith("FAILED|CouldNotStart")
        [told] = web.at("/told")
        assert told["state"] == "failed"
        assert told["cause"] == ["source" if wrong == "inbox" else "mapping"]
        assert "monday" not in json.dumps(told)


def test_what_could_not_begin_in_prefect_is_told(shell: Shell) -> None:
    shell.write("signups.yml", MAPPING + "notify: ops\nfields: [\n")
    with receiving() as web:
        shell.environment |= {"MUSTER_NOTIFY_OPS": f"{web.url}/told", "MUSTER_NOTIFY": "ops"}
        assert shell.call(ARRIVED).stdout.startswith("FAILED|CouldNotStart")
        assert [(one["state"], one["cause"]) for one in web.at("/told")] == [("failed", ["mapping"])]


async def test_a_name_that_prefect_does_not_take_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="may not have / &"):
        await deploy(Wanted("news/a&b", "", {"mapping": "m.yml"}, Schedule(every=60), tmp_path))

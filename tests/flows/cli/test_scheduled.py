"""A sync at home in Prefect: a real server, `muster serve` as its worker, runs that are scheduled, cancelled, killed, retried and approved."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running, running
from tests.flows.cli.conftest import MAPPING, Shell

pytestmark = pytest.mark.slow
_PATIENCE = 60.0


class Prefect:
    """The API as the UI uses it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/{path}", data, {"content-type": "application/json"})  # noqa: S310 - loopback
        for last in (False, False, False, False, True):
            try:
                with self._opener.open(request, timeout=20) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or last:  # SQLite was busy; its clients ask again
                    raise
            time.sleep(0.5)
        raise AssertionError("unreachable")

    def start(self, deployment: str, **parameters: Any) -> str:
        """A run by hand, as from the UI's form; its id."""
        found = self.ask(f"deployments/name/sync-contacts/{deployment}")
        made = self.ask(
            f"deployments/{found['id']}/create_flow_run",
            {"parameters": parameters, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def retry(self, flow_run: str) -> None:
        """The UI's button."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        self.ask(f"flow_runs/{flow_run}/set_state", {"state": state, "force": True})

    def cancel(self, flow_run: str) -> None:
        self.ask(f"flow_runs/{flow_run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})

    def state(self, flow_run: str) -> tuple[str, str, str]:
        """Type, name and message."""
        state = self.ask(f"flow_runs/{flow_run}")["state"]
        return state["type"], state["name"], state["message"] or ""

    def ended(self, flow_run: str) -> tuple[str, str, str]:
        done = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED"}
        until(lambda: self.state(flow_run)[0] in done, lambda: f"{flow_run}: {self.state(flow_run)}")
        return self.state(flow_run)

    def artifacts(self, flow_run: str) -> dict[str, dict[str, Any]]:
        found = self.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return {one["key"]: one for one in found}

    def events(self, mapping: str) -> list[dict[str, Any]]:
        wanted = {"filter": {"resource": {"id": [f"muster.mapping.{mapping}"]}}, "limit": 50}
        found: list[dict[str, Any]] = self.ask("events/filter", wanted)["events"]
        return found


def until(true: Callable[[], Any], said: Callable[[], str]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < ends, said()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def crm() -> Iterator[Running]:
    with running("campaignlark", rate=0) as server:
        yield server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, crm: Running, prefect_url: str) -> Iterator[Shell]:
    """A folder whose scheduled syncs are run by muster serve."""
    folder = tmp_path_factory.mktemp("served")
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))
    }
    environment = clean | {
        "CAMPAIGNLARK_BASE_URL": crm.url, "CAMPAIGNLARK_API_KEY": "sandbox-key", "PREFECT_API_URL": prefect_url,
        "PREFECT_WORKER_QUERY_SECONDS": "0.5", "PREFECT_WORKER_PREFETCH_SECONDS": "2",
    }  # fmt: skip
    made = Shell(folder, environment)
    serving = made.start("serve", ".")
    yield made
    serving.send_signal(signal.SIGINT)
    out, err = serving.communicate(30)
    assert serving.returncode == 0, out + err
    assert "Ended." in err


@pytest.fixture
def prefect(prefect_url: str) -> Prefect:
    return Prefect(prefect_url)


def mapped(shell: Shell, name: str, rows: int, rate: int = 100) -> None:
    """A mapping and a file of its own, with people of its own."""
    text = MAPPING.replace("name: signups", f"name: {name}").replace(
        "csv_file}", f"csv_file, path: {name}.csv}}"
    )
    shell.write(f"{name}.yml", text.replace("campaignlark}", f"campaignlark, rate: {rate}}}"))
    shell.write(
        f"{name}.csv",
        "Email,First name,Country\n"
        + "".join(f"{name}{n}@example.com,Person {n},Germany\n" for n in range(rows)),
    )


def created(crm: Running, name: str) -> int:
    return sum(str(one["email_address"]).startswith(name) for one in crm.contacts())


def test_a_schedule_fires_and_the_run_is_seen_in_counts_alone(
    served: Shell, crm: Running, prefect: Prefect
) -> None:
    mapped(served, "nightly", 40)
    with (served.folder / "nightly.csv").open("a") as file:
        file.write("nobody,Nobody,Atlantis\n")
    done = served.run("schedule", "nightly.yml", "--every", "15s", "--new-ledger")
    assert done.returncode == 0, done.stderr
    assert "Scheduled: nightly, every 15s." in done.stdout
    until(lambda: created(crm, "nightly") == 40, lambda: str(crm.contacts()))

    def last() -> Any:
        (one,) = json.loads(served.run("schedule", "--list", "--json").stdout)
        return one

    until(lambda: last()["last_state"] == "NeedsReview", lambda: str(last()))
    assert last()["last_message"] == "40 of 41 rows are where they should be; 1 needs a person."
    assert served.run("schedule", "--pause", "nightly").stdout == "Paused: nightly.\n"
    assert (last()["paused"], last()["next_run"]) == (True, None)

    run = prefect.ask(
        "flow_runs/filter",
        {
            "flow_runs": {
                "state": {"name": {"any_": ["NeedsReview"]}},
                "name": {"any_": ["nightly nightly.csv"]},
            }
        },
    )[-1]
    artifacts = prefect.artifacts(run["id"])
    assert set(artifacts) == {"nightly-balance", "nightly-problems", "nightly-report", "nightly-progress"}
    assert "report.html" in artifacts["nightly-report"]["data"]
    assert artifacts["nightly-progress"]["data"] == 100.0
    until(lambda: prefect.events("nightly"), lambda: "no events")
    event = prefect.events("nightly")[-1]
    assert event["event"] == "muster.run.needs-review"
    assert event["payload"]["outcomes"]["created"] == 40
    assert f"prefect.flow-run.{run['id']}" in {one["prefect.resource.id"] for one in event["related"]}
    everything = json.dumps([run, artifacts, event, prefect.ask("logs/filter", {})])
    for private in ("@example.com", "nobody", "Atlantis", "sandbox-key"):
        assert private not in everything

    mapped(served, "nightly", 40)
    assert prefect.ended(prefect.start("nightly"))[:2] == ("COMPLETED", "Completed")
    until(
        lambda: prefect.events("nightly")[0]["event"] == "muster.run.recovered",
        lambda: str(prefect.events("nightly")),
    )
    assert served.run("schedule", "--remove", "nightly").returncode == 0


def test_killed_cancelled_and_retried_a_run_goes_on_and_nobody_is_sent_twice(
    served: Shell, crm: Running, prefect: Prefect
) -> None:
    mapped(served, "long", 600, rate=40)
    made = served.run(
        "schedule", "long.yml", "--cron", "0 6 1 1 *", "--timezone", "Europe/Berlin", "--new-ledger"
    )
    assert "0 6 1 1 * Europe/Berlin" in made.stdout, made.stderr
    assert (
        served.run(
            "schedule", "long.yml", "--name", "impatient", "--every", "30d", "--overlap", "skip"
        ).returncode
        == 0
    )
    first = prefect.start("long")
    until(lambda: created(crm, "long") > 20, lambda: str(prefect.state(first)))
    lock = served.home / "locks" / "long--campaignlark-main.lock"
    pid = int(lock.read_text().split()[1])
    os.kill(pid, signal.SIGSTOP)  # it stays at work, however long the other one takes to begin
    skipped = prefect.start("impatient")
    assert prefect.ended(skipped)[:2] == ("COMPLETED", "Skipped")
    assert "Another run of long is at work" in prefect.state(skipped)[2]

    os.kill(pid, signal.SIGKILL)
    assert prefect.ended(first)[0] == "CRASHED"
    landed = created(crm, "long")
    assert landed < 600

    prefect.retry(first)
    until(lambda: created(crm, "long") > landed + 20, lambda: str(prefect.state(first)))
    prefect.cancel(first)
    ended = prefect.ended(first)
    assert ended[0] == "CANCELLED", ended
    assert created(crm, "long") < 600
    assert "Interrupted" in ended[2]
    until(lambda: not lock.read_text(), lambda: "it is still at work")

    def done() -> bool:
        if (
            prefect.state(first)[0] == "CANCELLED"
        ):  # by the worker, once more, when the flow's own end is past
            prefect.retry(first)
        return prefect.state(first)[0] == "COMPLETED"

    until(done, lambda: str(prefect.state(first)))
    assert created(crm, "long") == 600
    (run,) = json.loads(served.run("runs", "long", "--json").stdout)
    assert (
        run["state"],
        run["outcomes"]["created"] + run["outcomes"]["unchanged"] + run["outcomes"]["updated"],
    ) == ("completed", 600)


def test_a_run_that_a_guard_stopped_waits_for_a_person_and_keeps_who_and_why(
    served: Shell, crm: Running, prefect: Prefect
) -> None:
    mapped(served, "asked", 0)
    assert (
        served.run("schedule", "asked.yml", "--every", "30d", "--on-guard", "ask", "--new-ledger").returncode
        == 0
    )
    waiting = prefect.start("asked")
    assert prefect.ended(waiting)[:2] == ("PAUSED", "Suspended")
    answer = {"name": "Ann", "reason": "the event had no guests", "allow": True}
    assert prefect.ask(f"flow_runs/{waiting}/resume", {"run_input": answer})["status"] == "ACCEPT"
    until(lambda: prefect.state(waiting)[0] in ("COMPLETED", "FAILED"), lambda: str(prefect.state(waiting)))
    assert prefect.state(waiting)[:2] == ("COMPLETED", "Completed")
    newest = json.loads(served.run("runs", "asked", "--json").stdout)[0]
    summary = json.loads((Path(newest["report"]).parent / "summary.json").read_text())
    assert summary["override_details"] == [
        {
            "name": "empty_source",
            "what": "guard",
            "count": 1,
            "by": "person",
            "who": "Ann",
            "why": "the event had no guests",
        }
    ]

    again = prefect.start("asked")
    assert prefect.ended(again)[1] == "Suspended"
    prefect.ask(f"flow_runs/{again}/resume", {"run_input": {**answer, "allow": False}})
    until(lambda: prefect.state(again)[0] == "FAILED", lambda: str(prefect.state(again)))
    assert prefect.state(again)[1:] == (
        "NotAllowed",
        "A person did not let it pass; nothing was sent. Start it anew, or with allow, when the file is right.",
    )

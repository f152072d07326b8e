"""A sync at home in Prefect: a real server, `muster serve` as its worker, runs that are scheduled, cancelled, killed, retried and approved."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.serving import Running, running
from tests.flows.alerts.post import Receiving, receiving
from tests.flows.cli.conftest import MAPPING, Shell

pytestmark = pytest.mark.slow
_PATIENCE = 60.0
WORKER_S_WORD = "Flow run was cancelled successfully."


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

    def log(self, flow_run: str) -> list[str]:
        """The lines on the page of a flow run, the oldest first."""
        wanted = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
        return [one["message"] for one in self.ask("logs/filter", wanted)]

    def artifacts(self, flow_run: str) -> dict[str, dict[str, Any]]:
        found = self.ask("artifacts/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
        return {one["key"]: one for one in found}

    def answer(self, flow_run: str, **answer: Any) -> str:
        """The form that a suspended run shows, sent as soon as it is there; what becomes of it."""
        form = self.ask(f"flow_runs/{flow_run}")["state"]["state_details"]["run_input_keyset"]["schema"]
        wanted = {"prefix": form, "limit": 1, "exclude_keys": []}
        until(lambda: self.ask(f"flow_runs/{flow_run}/input/filter", wanted), lambda: "no form")
        return str(self.ask(f"flow_runs/{flow_run}/resume", {"run_input": answer})["status"])

    def let_expire(self, flow_run: str) -> None:
        """The hours that a person may take are over."""
        state = self.ask(f"flow_runs/{flow_run}")["state"]
        details = {**state["state_details"], "pause_timeout": "2026-01-01T00:00:00Z"}
        late = {"type": state["type"], "name": state["name"], "state_details": details}
        self.ask(f"flow_runs/{flow_run}/set_state", {"state": late, "force": True})

    def keep_secret(self, name: str, value: str) -> None:
        """A Secret block, as the UI makes it."""
        kind = self.ask("block_types/slug/secret")["id"]
        [schema, *_] = self.ask(
            "block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}}
        )
        block = {
            "name": name,
            "data": {"value": value},
            "block_type_id": kind,
            "block_schema_id": schema["id"],
        }
        self.ask("block_documents/", block)

    def events(self, mapping: str) -> list[dict[str, Any]]:
        wanted = {"filter": {"resource": {"id": [f"muster.mapping.{mapping}"]}}, "limit": 50}
        found: list[dict[str, Any]] = self.ask("events/filter", wanted)["events"]
        return found


def until(true: Callable[[], Any], said: Callable[[], str]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < ends, said()
        time.sleep(0.2)


def until_or_so(true: Callable[[], Any], seconds: float) -> None:
    """As `until`, but so long at most: what may not come at all."""
    ends = time.monotonic() + seconds
    while not true() and time.monotonic() < ends:
        time.sleep(0.2)


@pytest.fixture(scope="module")
def crm() -> Iterator[Running]:
    with running("campaignlark", rate=0) as server:
        yield server


@pytest.fixture(scope="module")
def ops() -> Iterator[Receiving]:
    with receiving() as box:
        yield box


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, crm: Running, ops: Receiving, prefect_url: str
) -> Iterator[Shell]:
    """A folder whose scheduled syncs are run by muster serve. Nobody has set the key of the account emea."""
    folder = tmp_path_factory.mktemp("served")
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("MUSTER_", "CAMPAIGNLARK_", "PREFECT_"))
    }
    environment = clean | {
        "CAMPAIGNLARK_BASE_URL": crm.url, "CAMPAIGNLARK_API_KEY": "sandbox-key", "PREFECT_API_URL": prefect_url,
        "CAMPAIGNLARK_EMEA_BASE_URL": crm.url, "MUSTER_NOTIFY_OPS": f"{ops.url}/ops",
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


def mapped(
    shell: Shell,
    name: str,
    rows: int,
    rate: int = 100,
    source: str = "",
    account: str = "main",
    more: str = "",
) -> None:
    """A mapping and a file of its own, with people of its own."""
    text = MAPPING.replace("name: signups", f"name: {name}").replace(
        "csv_file}", f"csv_file, {source or f'path: {name}.csv'}}}"
    )
    to = f"campaignlark, account: {account}, rate: {rate}}}"
    shell.write(f"{name}.yml", text.replace("campaignlark}", to) + more)
    shell.write(f"{name}.csv", people(name, range(rows)))


def people(name: str, numbers: Iterable[int], country: str = "Germany") -> str:
    return "Email,First name,Country\n" + "".join(
        f"{name}{n}@example.com,Person {n},{country}\n" for n in numbers
    )


def created(crm: Running, name: str) -> int:
    return sum(str(one["email_address"]).startswith(name) for one in crm.contacts())


def test_a_schedule_fires_with_a_key_of_a_block_and_the_run_is_seen_in_counts_alone(
    served: Shell, crm: Running, prefect: Prefect, ops: Receiving
) -> None:
    prefect.keep_secret("campaignlark-emea-api-key", "sandbox-key")
    emea: dict[str, str] = {"account": "emea", "more": "notify: ops\n"}
    mapped(served, "nightly", 40, **emea)
    with (served.folder / "nightly.csv").open("a") as file:
        file.write("nobody,Nobody,Atlantis\n")
    done = served.run("schedule", "nightly.yml", "--every", "15s", "--new-ledger")
    assert done.returncode == 0, done.stderr
    assert "Scheduled: nightly, every 15s." in done.stdout
    until(lambda: created(crm, "nightly") == 40, lambda: str(crm.contacts()))

    def last() -> Any:
        listed = json.loads(served.run("schedule", "--list", "--json").stdout)
        [one] = [one for one in listed if one["name"] == "nightly"]  # whose server it is may have others
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
    [told] = ops.at("/ops")
    assert (told["mapping"], told["state"], told["need_a_person"]) == ("nightly", "needs_review", 1)
    until(
        lambda: any("1 needs a person." in line for line in prefect.log(run["id"])),
        lambda: str(prefect.log(run["id"])),
    )
    everything = json.dumps([run, artifacts, event, prefect.ask("logs/filter", {}), ops.got])
    for private in ("@example.com", "nobody", "Atlantis", "sandbox-key"):
        assert private not in everything

    mapped(served, "nightly", 40, **emea)
    assert prefect.ended(prefect.start("nightly"))[:2] == ("COMPLETED", "Completed")
    until(
        lambda: prefect.events("nightly")[0]["event"] == "muster.run.recovered",
        lambda: str(prefect.events("nightly")),
    )
    assert [one["state"] for one in ops.at("/ops")] == ["needs_review", "recovered"]
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
    assert served.run("schedule", "long.yml", "--name", "patient", "--every", "30d").returncode == 0
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
    # the worker calls it cancelled once more, also of a retry that has begun meanwhile: unless it found the process gone
    until_or_so(lambda: prefect.state(first)[2] == WORKER_S_WORD, 40)

    def at_work() -> bool:
        if (
            prefect.state(first)[0] == "CANCELLED"
        ):  # by the worker, once more, when the flow's own end is past
            prefect.retry(first)
        return bool(lock.read_text())

    until(at_work, lambda: str(prefect.state(first)))
    pid = int(lock.read_text().split()[1])
    os.kill(pid, signal.SIGSTOP)
    patient = prefect.start("patient")
    waits = "long--waits-*.lock"
    until(
        lambda: any(one.read_text() for one in lock.parent.glob(waits)), lambda: str(prefect.state(patient))
    )
    os.kill(pid, signal.SIGCONT)
    assert prefect.ended(first)[0] == "COMPLETED"
    assert created(crm, "long") == 600
    assert prefect.ended(patient)[0] == "COMPLETED"
    assert prefect.state(patient)[2] == "All 600 rows are where they should be."
    assert created(crm, "long") == 600
    (after, run) = json.loads(served.run("runs", "long", "--json").stdout)
    assert after["outcomes"]["unchanged"] == 600
    assert after["started_at"] >= run["finished_at"], "it had its turn when the other one was over"
    assert (
        run["state"],
        run["outcomes"]["created"] + run["outcomes"]["unchanged"] + run["outcomes"]["updated"],
    ) == ("completed", 600)


def test_a_run_that_a_guard_stopped_asks_until_a_person_lets_it_pass_and_keeps_who_and_why(
    served: Shell, prefect: Prefect
) -> None:
    mapped(served, "asked", 0)
    assert (
        served.run("schedule", "asked.yml", "--every", "30d", "--on-guard", "ask", "--new-ledger").returncode
        == 0
    )
    run = prefect.start("asked")

    def left() -> tuple[str, str, str]:
        until(lambda: prefect.state(run)[0] in ("COMPLETED", "FAILED"), lambda: str(prefect.state(run)))
        return prefect.state(run)

    assert prefect.ended(run)[:2] == ("PAUSED", "Suspended")
    assert prefect.answer(run, name="Ann", reason="who emptied it?", allow=False) == "ACCEPT"
    assert left()[1:] == (
        "NotAllowed",
        "A person did not let it pass; nothing was sent. Start it anew, or with allow, when the file is right.",
    )

    prefect.retry(run)  # no is no for once: whoever retries it is asked again
    until(lambda: prefect.state(run)[0] == "PAUSED", lambda: str(prefect.state(run)))
    prefect.let_expire(run)
    assert left() == ("FAILED", "Failed", "The flow was paused and never resumed.")
    [stopped] = json.loads(served.run("runs", "asked", "--json").stdout)
    assert stopped["state"] == "guarded"

    prefect.retry(run)
    until(lambda: prefect.state(run)[0] == "PAUSED", lambda: str(prefect.state(run)))
    assert prefect.answer(run, name="Ann", reason="the event had no guests", allow=True) == "ACCEPT"
    assert left()[:2] == ("COMPLETED", "Completed")
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


def test_a_killed_run_over_deltas_is_gone_on_with_and_each_file_moved_when_it_is_synced(
    served: Shell, crm: Running, prefect: Prefect
) -> None:
    inbox = served.folder / "in"
    inbox.mkdir()
    source = "inbox: 'in/*.csv', files: deltas, settled: 0 s, done: move"
    mapped(served, "deltas", 0, rate=60, source=source)
    for hour, (name, text) in enumerate(
        {
            "monday.csv": people("deltas", range(200)),
            "tuesday.csv": people("deltas", range(195, 205), "France"),
        }.items()
    ):
        (inbox / name).write_text(text)
        os.utime(inbox / name, (1_790_000_000 + 3600 * hour,) * 2)
    assert served.run("schedule", "deltas.yml", "--every", "30d", "--new-ledger").returncode == 0
    run = prefect.start("deltas")
    until(lambda: created(crm, "deltas") > 20, lambda: str(prefect.state(run)))
    lock = served.home / "locks" / "deltas--campaignlark-main.lock"
    os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
    assert prefect.ended(run)[0] == "CRASHED"
    assert created(crm, "deltas") < 200
    assert sorted(path.name for path in inbox.iterdir()) == ["monday.csv", "tuesday.csv"], "nothing is done"

    prefect.retry(run)
    until(lambda: prefect.state(run)[0] in ("COMPLETED", "FAILED"), lambda: str(prefect.state(run)))
    assert prefect.state(run)[:2] == ("COMPLETED", "Completed")
    tuesday, monday = json.loads(served.run("runs", "deltas", "--json").stdout)
    assert [(one["source"], one["rows_read"], one["state"]) for one in (monday, tuesday)] == [
        ("monday.csv", 200, "completed"), ("tuesday.csv", 10, "completed"),
    ]  # fmt: skip
    resumed = json.loads((Path(monday["report"]).parent / "summary.json").read_text())
    assert [one["how"] for one in resumed["interruptions"]] == ["cut off"]
    assert sorted(str(path.relative_to(inbox)) for path in inbox.rglob("*.csv")) == [
        f"done/monday--{monday['run_id']}.csv", f"done/tuesday--{tuesday['run_id']}.csv",
    ]  # fmt: skip
    there = [one for one in crm.contacts() if str(one["email_address"]).startswith("deltas")]
    france = [one for one in there if one["fields"]["country"] == "FR"]
    assert (len(there), len(france)) == (205, 10), "the later one has the last word"

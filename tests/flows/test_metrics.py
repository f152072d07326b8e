"""What Prometheus is told of each mapping, after each run and by the command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from flows.cli.doctor import command as doctor
from flows.cli.metrics import command as metrics
from flows.cli.runs import command as runs
from tests.flows.alerts.post import receiving
from tests.flows.conftest import Desk


@pytest.mark.usefixtures("ledger_place")
async def test_a_run_writes_metrics_which_the_command_prints_and_is_listed_with_what_was_told(
    desk: Desk, person: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.folder / "muster.prom"
    monkeypatch.setenv("MUSTER_METRICS", str(path))
    desk.mapping(notify="ops")
    with receiving() as box:
        monkeypatch.setenv("MUSTER_NOTIFY_OPS", f"{box.url}/ops")
        monkeypatch.setenv("MUSTER_NOTIFY_BOSS", f"{box.url}/500")
        ended = await desk.sync(desk.file([person(1), person(2, Email="nobody")]))
    written = path.read_text("utf-8")
    labels = 'account="main",destination="campaignlark",mapping="people"'
    for line in (f'muster_rows{{{labels},outcome="created"}} 1.0', f"muster_run_exit_code{{{labels}}} 1.0", f"muster_needs_person{{{labels}}} 1.0"):  # fmt: skip
        assert re.search(f"^{re.escape(line)}$", written, re.MULTILINE), written
    assert path.stat().st_mode & 0o777 == 0o644
    assert CliRunner().invoke(metrics, standalone_mode=False).stdout == written
    [run] = json.loads(CliRunner().invoke(runs, ["--json"], standalone_mode=False).stdout)
    assert (run["run_id"], run["told"]["ops"]["state"]) == (ended.id, "needs_review")
    assert run["destination"] == {"kind": "campaignlark", "account": "main"}
    assert run["last_success"] == run["finished_at"]


def test_doctor_tries_every_receiver_and_says_what_came_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No receiver is set" in CliRunner().invoke(doctor, ["--notify"], standalone_mode=False).stdout
    with receiving() as box:
        monkeypatch.setenv("MUSTER_NOTIFY_OPS", f"{box.url}/ops")
        monkeypatch.setenv("MUSTER_NOTIFY_BOSS", f"{box.url}/500")
        tried = CliRunner().invoke(doctor, ["--notify"], standalone_mode=False)
        assert tried.stdout == "  NOT  boss: it answered 500.\n  ok   ops\n"
        assert tried.return_value == 2
        assert CliRunner().invoke(doctor, ["--notify", "ops"], standalone_mode=False).return_value == 0
        assert [body["state"] for body in box.at("/ops")] == ["test", "test"]

"""Delivery in bad weather: faults, outages, interrupts and kills. Whatever happens, every row is accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from connectors.destinations.campaignlark import Connector
from connectors.errors import MusterError
from connectors.sandbox.serving import Running, running
from flows.ledger.opening import open_ledger
from flows.sync_run import SyncRun
from tests import warm

if TYPE_CHECKING:
    from conftest import Desk, Ended

    Person = Callable[..., dict[str, str]]

RETRIED = {"created", "updated", "unchanged", "failed", "unknown"}


def crowd(person: Person, count: int, **cells: str) -> list[dict[str, str]]:
    return [person(n, City="Köln", Tags="vip", **cells) for n in range(1, count + 1)]


def true_of(ended: Ended, desk: Desk, rows: list[dict[str, str]]) -> None:
    """Everybody who is said to have landed is there, once, with what the file says."""
    there = desk.contacts()
    for row, cells in zip(ended.rows, rows, strict=True):
        if row["outcome"] in ("created", "updated", "unchanged"):
            one = there[cells["Email"]]
            assert one["fields"] == {"first_name": cells["First"], "city": cells["City"]}
            assert one["tags"] == ["vip"]
            assert not row["contact_id"] or row["contact_id"] == one["id"]


def all_there(desk: Desk, rows: list[dict[str, str]]) -> None:
    """The destination holds exactly the file's people, nobody twice."""
    there = desk.contacts()
    assert set(there) == {cells["Email"] for cells in rows}
    for cells in rows:
        assert there[cells["Email"]]["fields"] == {"first_name": cells["First"], "city": cells["City"]}
        assert there[cells["Email"]]["tags"] == ["vip"]


# ---- faults

THIRD = ["429:share=0.05,retry_after=0", "500:0.05", "502:share=0.04,applied=yes", "reset_before:0.05", "reset_after:0.05",
         "non_json:0.03", "non_json_502:0.03", "truncated:0.04", "validation_error:0.05"]  # fmt: skip


@pytest.mark.parametrize(("seed", "write"), [(1, "merge"), (2, "merge"), (3, "create_only"), (4, "replace")])
async def test_a_third_of_all_requests_failing_leaves_every_row_accounted_for_and_nobody_twice(
    desk: Desk, person: Person, seed: int, write: str
) -> None:
    desk.server.switch(duplicate_create="second_contact", busy_refuses_contacts="yes")
    desk.mapping(write=write)
    rows = crowd(person, 200)
    file = desk.file(rows)
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        desk.server.faults(*[{"kind": rule.partition(":")[0], **_given(rule)} for rule in THIRD], seed=seed)
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        desk.server.clear_faults()
        await run.finish()
        assert run.ending is not None
        summary, folder = run.ending.summary, run.opened.folder
    struck = sum(desk.server.requests()["faults"].values())
    assert struck > desk.server.requests()["received"] / 5
    assert summary.balanced
    assert summary.outcomes.of(*RETRIED) == 200
    assert summary.outcomes.of("failed", "unknown") <= 4, "six attempts are rarely all in vain"
    there = desk.contacts()  # asserts that nobody is there twice
    for row in pq.read_table(folder / "rows.parquet").to_pylist():
        if row["outcome"] in ("created", "updated", "unchanged"):
            one = there[row["key"]]
            assert (one["fields"]["city"], one["tags"]) == ("Köln", ["vip"])
        elif row["outcome"] == "failed":
            assert row["key"] not in there, "failed means known not to have been applied"
    again = await desk.sync(file)
    if write == "create_only":
        assert again.summary.outcomes.of("created", "unchanged", "filtered") == 200
    else:
        assert again.exit_code == 0
    all_there(desk, rows)


def _given(rule: str) -> dict[str, Any]:
    from connectors.sandbox.faults import Rule

    return {name: value for name, value in Rule.parse(rule).written().items() if name != "kind"}


async def test_updates_in_bad_weather_end_as_the_file_says(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n, City="Bonn") for n in range(1, 151)]))
    rows = crowd(person, 150)
    file = desk.file(rows)
    async with desk.run(file, allow=["changes"]) as run:
        await run.open()
        await run.prepare()
        desk.server.faults(*[{"kind": rule.partition(":")[0], **_given(rule)} for rule in THIRD], seed=9)
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        desk.server.clear_faults()
        await run.finish()
        assert run.ending is not None
        summary = run.ending.summary
    assert summary.balanced
    assert summary.outcomes.of("updated", "failed", "unknown") == 150
    assert summary.outcomes.updated >= 146
    assert (await desk.sync(file)).exit_code == 0
    all_there(desk, rows)


async def test_being_told_to_slow_down_is_no_failure(desk: Desk, person: Person) -> None:
    rows = crowd(person, 40)
    desk.server.faults({"kind": "429", "next": 3, "retry_after": "1", "paths": "upsert"})
    began = time.monotonic()
    ended = await desk.sync(desk.file(rows))
    assert ended.outcomes == {"created": 40}
    assert 1 <= ended.summary.requests.throttled <= 3
    assert ended.summary.requests.retried == 0
    assert time.monotonic() - began > 1
    all_there(desk, rows)


async def test_a_contact_that_always_gives_an_error_does_not_hold_up_the_others(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 60)
    desk.server.faults(
        {"kind": "500", "email": "p1@example.com"},
        {"kind": "503", "email": "p2@example.com", "paths": "upsert"},
    )
    began = time.monotonic()
    ended = await desk.sync(desk.file(rows))
    assert time.monotonic() - began < 10
    assert ended.exit_code == 1
    assert ended.outcomes == {"created": 58, "failed": 1, "unknown": 1}
    assert ended.row(1)["outcome"] == "unknown", "neither sent nor looked up"
    assert ended.row(2)["outcome"] == "failed", "a look-up shows that it is not there"
    true_of(ended, desk, rows)


async def test_an_answer_that_was_lost_after_the_write_is_found_by_a_look_up(
    desk: Desk, person: Person
) -> None:
    desk.mapping(write="create_only")
    desk.server.faults({"kind": "reset_after", "paths": "POST /v1/contacts$"})
    rows = crowd(person, 15)
    ended = await desk.sync(desk.file(rows))
    assert ended.outcomes == {"created": 15}
    assert {row["code"] for row in ended.rows} == {"looked_up"}
    assert desk.writes() == {"POST /v1/contacts": 15}
    true_of(ended, desk, rows)


# ---- stopping


async def test_a_key_that_is_revoked_in_mid_run_stops_it_and_the_next_run_finishes(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 600)
    file = desk.file(rows)
    desk.server.faults(latency_ms=15)

    def revoke(_: SyncRun, landed: int) -> None:
        if landed == 100:
            desk.server.switch(keys="another")

    ended = await desk.sync(file, meanwhile=revoke)
    assert (ended.exit_code, ended.summary.status) == (3, "stopped")
    assert set(ended.outcomes) == {"created", "unsent"}
    assert ended.outcomes["created"] >= 100
    assert {row["code"] for row in ended.rows if row["outcome"] == "unsent"} == {"credentials"}
    assert len(desk.contacts()) == ended.outcomes["created"]
    desk.server.switch(keys="sandbox-key")
    second = await desk.sync(file)
    assert (second.id, second.outcomes) == (ended.id, {"created": 600})
    all_there(desk, rows)


async def test_an_interrupt_finishes_what_is_in_flight_and_the_next_run_finishes_the_rest(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 600)
    file = desk.file(rows)
    desk.server.faults(latency_ms=10)
    ended = await desk.sync(file, meanwhile=lambda run, landed: run.interrupt() if landed == 50 else None)
    assert (ended.exit_code, ended.summary.status) == (130, "interrupted")
    assert set(ended.outcomes) == {"created", "unsent"}
    assert {row["code"] for row in ended.rows if row["outcome"] == "unsent"} == {"interrupted"}
    assert len(desk.contacts()) == ended.outcomes["created"] < 600
    second = await desk.sync(file)
    assert (second.id, second.outcomes) == (ended.id, {"created": 600})
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize("revived", ["as it was", "empty"])
async def test_a_destination_that_dies_in_mid_run_stops_it_and_once_it_is_back_the_next_run_finishes(
    desk: Desk, person: Person, revived: str
) -> None:
    rows = crowd(person, 700)
    file, port = desk.file(rows), free_port()
    there: list[dict[str, Any]] = []

    def kill(server: Running) -> Callable[[SyncRun, int], None]:
        def at(_: SyncRun, landed: int) -> None:
            if landed == 150:
                there.extend(server.contacts())
                server.kill()

        return at

    with running("campaignlark", rate=0, port=port, latency_ms=20) as first:
        desk.use(first)
        began = time.monotonic()
        ended = await desk.sync(file, meanwhile=kill(first))
        assert time.monotonic() - began < 30
    assert (ended.exit_code, ended.summary.status) == (3, "stopped")
    assert set(ended.outcomes) <= {"created", "failed", "unknown", "unsent"}
    assert ended.outcomes["created"] >= 150
    assert {row["code"] for row in ended.rows if row["outcome"] == "unsent"} == {"breaker"}
    assert ended.outcomes.get("failed", 0) + ended.outcomes.get("unknown", 0) <= 256 + 20, (
        "no more than were in flight"
    )
    with running("campaignlark", rate=0, port=port) as second:
        desk.use(second)
        assert second.url == first.url
        if revived == "as it was":
            kept = [
                {name: one[name] for name in ("email_address", "status", "tags", "fields")} for one in there
            ]
            second.seed(kept)
        again = await desk.sync(file)
        assert again.exit_code == 0
        assert (again.id, again.outcomes) == (ended.id, {"created": 700})
        sent = desk.writes()["POST /v1/contacts/upsert"]
        assert sent <= 700 - ended.outcomes["created"], "what landed is not sent again"
        if revived == "as it was":
            all_there(desk, rows)


async def test_a_destination_that_is_down_before_the_first_contact_costs_seconds_and_not_the_night(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    desk.mapping(destination={"kind": "campaignlark", "patience": "2 seconds"})
    monkeypatch.setattr(Connector, "per_second", 1000.0)
    file, port = desk.file(crowd(person, 2000)), free_port()
    with running("campaignlark", rate=0, port=port) as server:
        desk.use(server)
        run = desk.run(file)
        async with run:
            await run.open()
            await run.prepare()
            server.kill()
            began = time.monotonic()
            for batch in run.to_deliver():
                await run.delivery.deliver(batch)
                if run.delivery.stopped:
                    break
            assert await run.finish() == 3
            assert 2 <= time.monotonic() - began < 60
            assert run.ending is not None
            outcomes = run.ending.summary.outcomes
            assert outcomes.failed + outcomes.unsent == 2000
            assert outcomes.failed <= 256, "those in flight that were tried"
            assert run.error is not None
            assert run.error.what.startswith(
                "Stopped: the destination gave no usable answer for 2 s (no connection to"
            )
            assert run.error.fix == (
                "muster resume finishes it when the destination is back; what landed is not sent again."
            )


async def test_a_destination_that_is_away_for_a_while_is_waited_for_and_the_run_finishes_by_itself(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 150)
    desk.mapping(destination={"kind": "campaignlark", "patience": "1 minute"})
    async with desk.run(desk.file(rows)) as run:
        await run.open()
        await run.prepare()
        desk.server.faults({"kind": "502", "next": 60})
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        assert await run.finish() == 0
        assert run.opened.destination.breaker.shut_seconds > 0
        watcher: Any = run.watcher
        said = [line for line in watcher.said if line.startswith("The destination")]
    assert said[0].startswith(
        "The destination gives no usable answer (502 Bad Gateway). Nothing new is begun;"
    )
    assert said[-1].startswith("The destination answers again after")
    all_there(desk, rows)


async def test_ctrl_c_while_the_destination_is_waited_for_lets_go_at_once(desk: Desk, person: Person) -> None:
    rows = crowd(person, 300)
    desk.mapping(destination={"kind": "campaignlark", "patience": "10 minutes"})
    async with desk.run(desk.file(rows)) as run:
        await run.open()
        await run.prepare()
        desk.server.faults("500")
        run.opened.destination.breaker.held = lambda waits: run.interrupt() if waits else None
        began = time.monotonic()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
            if run.delivery.stopped:
                break
        assert time.monotonic() - began < 10
        desk.server.clear_faults()
        assert await run.finish() == 130
        assert run.ending is not None
        assert run.ending.summary.balanced


async def test_too_many_refused_rows_stop_the_rest_which_can_be_allowed(desk: Desk, person: Person) -> None:
    rows = crowd(person, 300)
    desk.mapping(guards={"failures": {"share": "10%", "floor": "20"}})
    file = desk.file(rows)
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        desk.server.faults({"kind": "validation_error", "share": 0.5, "paths": "upsert"}, seed=3)
        desk.server.switch(busy_refuses_contacts="yes")
        wire: Any = run.opened.destination
        wire._wire._texts = {}  # so that it counts as a refusal for good
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        assert await run.finish() == 3
        assert run.delivery.stopped == "failures"
        assert run.error is not None
        assert (
            "contacts answered so far were refused or failed (the limit is 10%, from 20 on)" in run.error.what
        )
        assert "most often refused" in run.error.what
        assert "failures.csv" in run.error.fix
        assert run.ending is not None
        outcomes = run.ending.summary.outcomes
        assert outcomes.refused >= 20
        assert outcomes.unsent > 0
        limit = run.ending.summary.guards[-1]
        assert (limit.name, limit.tripped, limit.allowed, limit.count) == (
            "failures", True, False, outcomes.refused,
        )  # fmt: skip
        assert run.ending.summary.overrides == []
    desk.server.clear_faults()
    resumed = await desk.sync(file, allow=["failures"])
    assert resumed.exit_code == 1, "what was refused has its answer"
    assert [guard.tripped for guard in resumed.summary.guards if guard.name == "failures"] == [False]
    assert set(resumed.outcomes) == {"created", "refused"}
    assert (await desk.sync(file, allow=["changes"])).exit_code == 0


# ---- killed

SCRIPT = """
import asyncio, os, sys
from connectors.destinations.campaignlark import Connector
from flows.beginning import begun
from flows.options import Options
from flows.watching import Silent

Connector.per_second = 1000.0

class Loud(Silent):
    def outcome(self, name):
        os.write(1, b"durable\\n")

async def main():
    async with begun(sys.argv[1], sys.argv[2], Options(allow=frozenset({"changes"})), Loud()) as run:
        os.write(1, b"open\\n")
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        os.write(1, b"delivered\\n")
        sys.exit(await run.finish())

asyncio.run(main())
"""


def killed_after(desk: Desk, file: Path, lines: int, seconds: float) -> bool:
    """Runs a sync in a process of its own and kills it so many seconds after so many lines; whether it was in time.

    The first line says that it is open, then there is one for each outcome that is durable.
    """
    with warm.start([desk.folder / "people.yml", file], code=SCRIPT) as process:
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(seconds)
        in_time = process.poll() is None
        process.kill()
        return in_time


def states(desk: Desk) -> list[str]:
    """How the runs ended, in order; the file is whole."""
    database = open_ledger(desk.home).database
    assert database.ask("pragma integrity_check") == [("ok",)]
    found = [state for (state,) in database.ask("select state from run order by started_at, id")]
    database.close()
    return found


@pytest.mark.slow
async def test_a_run_that_is_killed_at_any_moment_is_finished_by_the_next_without_sending_twice(
    desk: Desk, person: Person
) -> None:
    chance = random.Random(20261120)  # noqa: S311 - repeatable moments
    desk.server.faults(latency_ms=5)
    rows = crowd(person, 900)
    file = desk.file(rows)
    durable = 0
    for lines in (1, 1, 2, 40, 200, 101):
        assert killed_after(desk, file, lines, chance.uniform(0, 0.03))
        durable += lines - 1
        assert states(desk)[-1] == "running"
    desk.server.clear_faults()
    assert all(one["writes"] == 1 for one in desk.server.contacts())
    ended = await desk.sync(file)
    assert ended.exit_code == 0
    assert ended.outcomes == {"created": 900}
    assert {one.how for one in ended.summary.interruptions} == {"cut off"}
    assert len(ended.summary.interruptions) >= 3, "those that had begun to send are one run"
    assert ended.summary.interruptions[-1].answered >= durable, "durable answers are not sent again"
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}, "nobody was sent twice"
    writes = desk.writes()
    assert (await desk.sync(file)).outcomes == {"unchanged": 900}
    assert desk.writes() == writes
    assert states(desk)[-2:] == ["completed"] * 2
    assert set(states(desk)[:-2]) <= {"interrupted"}, "those that were killed before"


@pytest.mark.slow
async def test_a_run_that_is_killed_while_it_files_and_reports_is_finished_by_the_next(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 300)
    file = desk.file(rows)
    assert killed_after(desk, file, 302, 0.01), "all outcomes are durable, and the report is not written"
    ended = await desk.sync(file)
    assert ended.outcomes == {"created": 300}
    [interruption] = ended.summary.interruptions
    assert (interruption.how, interruption.answered) == ("cut off", 300)
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


@pytest.mark.slow
async def test_updates_that_are_killed_in_the_middle_are_finished_too(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n, City="Bonn") for n in range(1, 401)]))
    rows = crowd(person, 400)
    file = desk.file(rows)
    desk.server.faults(latency_ms=5)
    assert killed_after(desk, file, 100, 0.01)
    desk.server.clear_faults()
    ended = await desk.sync(file, allow=["changes"])
    assert ended.exit_code == 0
    assert ended.outcomes == {"updated": 400}
    all_there(desk, rows)
    fired = [(event["email_address"], event["name"]) for event in desk.server.automations()["list"]]
    assert len(fired) == len(set(fired)) == 800, "each field and tag changed once"


async def test_a_killed_run_does_not_block_the_next_and_is_told(desk: Desk, person: Person) -> None:
    file = desk.file(crowd(person, 300))
    desk.server.faults(latency_ms=30)
    assert killed_after(desk, file, 5, 0)
    desk.server.clear_faults()
    ended = await desk.sync(file)
    assert any("was cut off: " in line for line in ended.said)
    assert ended.exit_code == 0


# ---- disks and errors


async def test_a_full_disk_stops_the_run_with_a_clear_error_and_the_next_run_finishes(
    desk: Desk, person: Person, small_disk: Callable[[Path, str], None]
) -> None:
    small_disk(desk.home, "3m")
    rows = crowd(person, 500)
    file, ballast = desk.file(rows), desk.home / "ballast"
    desk.server.faults(latency_ms=5)

    def fill(_: SyncRun, landed: int) -> None:
        if landed == 60:
            with ballast.open("wb", buffering=0) as stuff, contextlib.suppress(OSError):
                for _ in itertools.count():
                    stuff.write(bytes(4096))

    with pytest.raises(MusterError, match=r"disk is full|cannot be written") as raised:
        await desk.sync(file, meanwhile=fill)
    assert raised.value.exit_code == 3
    assert "Make room" in raised.value.fix
    landed = len(desk.contacts())
    assert 60 <= landed < 500
    ballast.unlink()
    desk.server.clear_faults()
    ended = await desk.sync(file)
    assert ended.exit_code == 0
    assert ended.outcomes == {"created": 500}
    [interruption] = ended.summary.interruptions
    assert interruption.answered >= 59
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


async def test_a_disk_that_is_full_before_anything_is_sent_says_so_and_sends_nothing(
    desk: Desk, person: Person, small_disk: Callable[[Path, str], None]
) -> None:
    small_disk(desk.home, "400k")
    noise = random.Random(1)  # noqa: S311 - cells that cannot be packed
    rows = [person(n, City=noise.randbytes(60).hex()) for n in range(1, 4001)]
    with pytest.raises((MusterError, OSError), match=r"full|No space left") as raised:
        await desk.sync(desk.file(rows))
    assert isinstance(raised.value, MusterError) or raised.value.errno == 28
    assert desk.writes() == {}


async def test_an_error_in_the_middle_does_not_forget_what_landed(desk: Desk, person: Person) -> None:
    rows = crowd(person, 400)
    file = desk.file(rows)

    def break_down(_: SyncRun, landed: int) -> None:
        if landed == 100:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await desk.sync(file, meanwhile=break_down)
    there = len(desk.contacts())
    database = open_ledger(desk.home).database
    assert database.ask("select state from run") == [("failed",)]
    filed = database.ask("select count(*) from delivered")[0][0]
    database.close()
    assert 100 <= filed <= there
    ended = await desk.sync(file)
    assert ended.exit_code == 0
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


async def test_a_cancelled_run_lets_go_of_its_lock_and_the_next_finishes(desk: Desk, person: Person) -> None:
    rows = crowd(person, 300)
    file = desk.file(rows)
    desk.server.faults(latency_ms=100)
    task = asyncio.create_task(desk.sync(file))
    while not desk.writes():  # noqa: ASYNC110 - the sandbox is another process
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    desk.server.clear_faults()
    ended = await desk.sync(file)
    assert ended.exit_code == 0
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


async def test_an_interrupt_that_does_not_wait_still_leaves_a_report_that_adds_up(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 600)
    file = desk.file(rows)
    desk.server.faults(latency_ms=60)
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        batches = [asyncio.create_task(run.delivery.deliver(batch)) for batch in run.to_deliver()]
        while len(desk.contacts()) < 100:  # noqa: ASYNC110 - the sandbox is another process
            await asyncio.sleep(0.01)
        run.interrupt()
        for batch in batches:
            batch.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
        assert await run.finish() == 130
        assert run.ending is not None
        outcomes = run.ending.summary.outcomes
        assert run.ending.summary.balanced
    assert outcomes.of() == outcomes.of("created", "unknown", "unsent") == 600
    assert outcomes.unknown > 0, "what was on its way is not known"
    desk.server.clear_faults()
    ended = await desk.sync(file)
    assert ended.exit_code == 0
    all_there(desk, rows)
    assert {one["writes"] for one in desk.server.contacts()} == {1}


# ---- pace


async def test_the_rate_of_the_mapping_is_kept_and_used(desk: Desk, person: Person) -> None:
    desk.mapping(destination={"kind": "campaignlark", "rate": 50})
    ended = await desk.sync(desk.file(crowd(person, 120)))
    assert ended.outcomes == {"created": 120}
    assert ended.summary.pace.allowed_per_second == 50
    shown = desk.server.requests()
    assert shown["busiest_sliding_second"] <= 55, "some arrive late on a busy machine"
    assert ended.summary.pace.achieved_per_second is not None
    assert 20 <= ended.summary.pace.achieved_per_second <= 50.5
    assert (
        json.loads((ended.folder / "summary.json").read_text("utf-8"))["requests"]["sent"]
        == shown["received"]
    )

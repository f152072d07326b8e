"""A retry: rows of a run, corrected in its failures.csv, go through the current mapping as the same rows' next attempt."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.errors import Busy, CannotStart
from connectors.sandbox.serving import running
from flows.ledger import Run
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.preview import Preview, preview
from flows.retry import open_retry
from flows.roll import Roll
from flows.sync_run import SyncRun
from tests import warm
from tests.flows.conftest import Desk, Ended, Listening, finish

Person = Callable[..., dict[str, str]]


def failures(ended: Ended) -> list[dict[str, str]]:
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def save(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def edited(desk: Desk, ended: Ended, **by_row: dict[str, str] | None) -> Path:
    """The run's failures.csv with cells changed, `r3={"Email": …}`, and lines deleted, `r3=None`."""
    changes = {name.removeprefix("r"): change for name, change in by_row.items()}
    rows = [{**row, **(changes.get(row["_row"], {}) or {})} for row in failures(ended)]
    return save(desk.folder / "fixed.csv", [row for row in rows if changes.get(row["_row"], {}) is not None])


def a_retry(file: Path, mapping: str | None = None, **options: Any) -> SyncRun:
    found = open_retry(file, mapping)
    options["allow"] = frozenset(options.get("allow", ()))
    return SyncRun(str(found.mapping), None, Options(**options), Listening(), found)


async def retry(
    file: Path,
    mapping: str | None = None,
    meanwhile: Callable[[SyncRun, int], None] | None = None,
    **options: Any,
) -> Ended:
    async with a_retry(file, mapping, **options) as run:
        return await finish(run, meanwhile)


def ended_as(ended: Ended) -> list[tuple[int, str]]:
    return [(row["row"], row["outcome"]) for row in ended.rows]


async def planned(file: Path) -> Preview:
    async with a_retry(file, verb="plan") as run:
        await run.open()
        await run.prepare()
        return await preview(run)


def asked(desk: Desk, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
    database = open_ledger(desk.home).database
    try:
        return database.ask(sql, parameters)
    finally:
        database.close()


def ledger_run(desk: Desk, run_id: str) -> Run:
    ledger = open_ledger(desk.home)
    try:
        found = ledger.runs.get(run_id)
    finally:
        ledger.close()
    assert found is not None
    return found


def crowd(person: Person, count: int, **cells: str) -> list[dict[str, str]]:
    return [person(number, **cells) for number in range(1, count + 1)]


async def test_what_a_person_corrected_lands_under_the_original_rows_numbers(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 8)
    rows[2]["Email"], rows[5]["Score"] = "p3 at example.com", "many"
    first = await desk.sync(desk.file(rows))
    assert first.outcomes == {"created": 6, "invalid": 2}
    again = await retry(
        edited(desk, first, r3={"Email": "p3@example.com", "City": "Oslo"}, r6={"Score": "7"})
    )
    assert (again.outcomes, again.exit_code) == ({"created": 2}, 0)
    assert [(row["row"], row["line"], row["outcome"]) for row in again.rows] == [
        (3, 4, "created"),
        (6, 7, "created"),
    ]
    assert again.summary.follows == first.id
    there = desk.contacts()
    assert there["p3@example.com"]["fields"]["city"] == "Oslo"
    assert there["p6@example.com"]["fields"]["score"] == 7
    run = ledger_run(desk, again.id)
    assert (run.verb, run.follows) == ("retry", first.id)
    for table in ("intent", "answer"):
        found = asked(desk, f"select row_number, attempt from {table} where run = ? order by 1", again.id)  # noqa: S608
        assert found == [(3, 2), (6, 2)]
    said = " ".join(again.said)
    assert f"2 rows of the run {first.id}, attempt 2" in said
    assert "City 1" in said
    assert "Oslo" not in said, "counts are said, values are not"


async def test_lines_that_nobody_changed_are_sent_again_when_the_destination_is_back(
    desk: Desk, person: Person
) -> None:
    file = desk.file(crowd(person, 12))
    desk.server.faults(
        {"kind": "500", "email": "p1@example.com"},
        {"kind": "503", "email": "p2@example.com", "paths": "upsert"},
    )
    first = await desk.sync(file)
    desk.server.clear_faults()
    assert first.outcomes == {"created": 10, "failed": 1, "unknown": 1}
    again = await retry(first.folder / "failures.csv")
    assert again.outcomes == {"created": 2}
    assert [row["row"] for row in again.rows] == [1, 2]
    assert "nothing was changed" in " ".join(again.said)
    assert (await desk.sync(file)).outcomes == {"unchanged": 12}


async def test_a_source_that_is_mended_the_same_way_finds_the_row_unchanged(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 300)
    for row in rows[:55]:
        row["Score"] = "many"
    first = await desk.sync(desk.file(rows))
    assert first.outcomes == {"created": 245, "invalid": 55}
    assert (await retry(edited(desk, first, **{f"r{n}": {"Score": "1"} for n in range(1, 56)}))).outcomes == {
        "created": 55
    }
    for row in rows[:55]:
        row["Score"] = "1"
    del rows[299]
    later = await desk.sync(desk.file(rows))
    assert later.outcomes == {"unchanged": 299}
    shrunk = next(guard for guard in later.summary.guards if guard.name == "shrunk")
    assert shrunk.count == 1, "the retry's 55 rows are not taken for the whole file"


async def test_deleted_lines_are_left_alone(desk: Desk, person: Person) -> None:
    rows = crowd(person, 5, Score="many")
    first = await desk.sync(desk.file(rows))
    again = await retry(edited(desk, first, r1=None, r2={"Score": "2"}, r4=None))
    assert [(row["row"], row["outcome"]) for row in again.rows] == [
        (2, "created"),
        (3, "invalid"),
        (5, "invalid"),
    ]
    assert set(desk.contacts()) == {"p2@example.com"}


async def test_a_retry_of_a_retry_counts_the_attempts_on(desk: Desk, person: Person) -> None:
    rows = crowd(person, 70)
    rows[68]["Score"] = rows[69]["Score"] = "many"
    first = await desk.sync(desk.file(rows))
    second = await retry(edited(desk, first, r69={"Score": "2"}, r70={"Score": "more"}))
    assert [(row["row"], row["line"], row["outcome"]) for row in second.rows] == [
        (69, 70, "created"),
        (70, 71, "invalid"),
    ]
    left = failures(second)
    assert [(row["_run"], row["_row"], row["_line"], row["Score"]) for row in left] == [
        (second.id, "70", "71", "more")
    ]
    third = await retry(edited(desk, second, r70={"Score": "3"}))
    assert (third.outcomes, third.summary.follows) == ({"created": 1}, second.id)
    assert asked(desk, "select row_number, attempt from intent where run = ?", third.id) == [(70, 3)]
    fourth = await retry(edited(desk, first, r69={"Score": "2"}, r70={"Score": "3"}))
    assert fourth.outcomes == {"unchanged": 2}
    assert "attempt 4" in " ".join(fourth.said)


async def test_an_old_repair_does_not_take_the_place_of_what_a_later_run_delivered(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 4)
    for row in rows[:3]:
        row["Score"] = "many"
    first = await desk.sync(desk.file(rows))
    rows[0].update(Score="1", City="Oslo")
    rows[1].update(Score="2", Email="p2new@example.com")
    rows[2]["Score"] = "3"
    later = await desk.sync(desk.file(rows))
    assert later.outcomes == {"created": 3, "unchanged": 1}
    old = edited(
        desk, first, r1={"Score": "1", "City": "Rome", "Out": "yes"}, r2={"Score": "2"}, r3={"Score": "3"}
    )
    expected = await planned(old)
    again = await retry(old)
    assert [(row["row"], row["outcome"], row["code"]) for row in again.rows] == [
        (1, "filtered", "newer_delivered"), (2, "filtered", "newer_delivered"), (3, "unchanged", "delivered_before"),
    ]  # fmt: skip
    assert later.id in again.rows[0]["reason"]
    assert +expected.outcomes == again.outcomes
    there = desk.contacts()
    assert there["p1@example.com"]["fields"]["city"] == "Oslo"
    assert there["p1@example.com"]["status"] == "UNSUBSCRIBED", "the opt-out is carried all the same"
    assert "p2new@example.com" in there
    assert "p2@example.com" not in there


@pytest.mark.parametrize(
    ("duplicates", "fates"),
    [
        ("last", {1: "duplicate", 4: "updated"}),
        ("first", {1: "updated", 4: "duplicate"}),
        ("reject", {1: "invalid", 4: "invalid"}),
    ],
)
async def test_the_rule_for_duplicates_holds_across_attempts(
    desk: Desk, person: Person, duplicates: str, fates: dict[int, str]
) -> None:
    desk.mapping(duplicates=duplicates, person=None)
    rows = crowd(person, 4)
    rows[0].update(Score="many", City="Oslo")
    rows[3].update(Score="many", City="Rome")
    first = await desk.sync(desk.file(rows))
    for row, other in ((4, 1), (1, 4)) if duplicates == "first" else ((1, 4), (4, 1)):
        fix = {f"r{row}": {"Score": "1", "Email": "p2@example.com"}, f"r{other}": None}
        again = await retry(edited(desk, first, **fix))
        assert again.per_row == [fates[row]]
        if fates[row] == "duplicate":
            assert "row 2 has the same key" in again.rows[0]["reason"]


async def test_a_row_corrected_to_somebody_elses_address_writes_nobody(desk: Desk, person: Person) -> None:
    rows = crowd(person, 3)
    rows[2]["Email"] = "nobody"
    rows.append(person(2, Email="p2 at home"))
    first = await desk.sync(desk.file(rows))
    writes = desk.writes()
    again = await retry(
        edited(desk, first, r3={"Email": "p1@example.com"}, r4={"Email": "p2home@example.com"})
    )
    assert [(row["outcome"], row["code"]) for row in again.rows] == [("protected", "identity_conflict")] * 2
    assert "row 1 has the same address" in again.rows[0]["reason"]
    assert "row 2 has the same person id" in again.rows[1]["reason"]
    assert desk.writes() == writes


async def test_an_opt_out_that_a_person_takes_out_of_the_file_still_counts(
    desk: Desk, person: Person
) -> None:
    rows = [person(1, Out="yes", Score="many"), person(2)]
    await desk.sync(desk.file(crowd(person, 2)))
    first = await desk.sync(desk.file(rows))
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"
    again = await retry(edited(desk, first, r1={"Out": "", "Score": "4"}))
    assert again.outcomes == {"updated": 1}
    there = desk.contacts()["p1@example.com"]
    assert (there["status"], there["fields"]["score"]) == ("UNSUBSCRIBED", 4)


async def test_guards_ask_about_invalid_rows_and_not_about_a_file_that_shrunk(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 301)
    for row in rows[:60]:
        row["Score"] = "many"
    first = await desk.sync(desk.file(rows))
    stopped = await retry(first.folder / "failures.csv")
    assert (stopped.exit_code, stopped.outcomes["invalid"]) == (3, 60)
    assert [guard.name for guard in stopped.summary.guards if guard.tripped] == ["invalid"]
    allowed = await retry(first.folder / "failures.csv", allow=["invalid"])
    assert (allowed.exit_code, allowed.summary.overrides) == (1, ["invalid"])


async def test_the_current_mapping_counts_and_another_one_is_refused(desk: Desk, person: Person) -> None:
    rows = crowd(person, 2, Score="many")
    first = await desk.sync(desk.file(rows))
    file = first.folder / "failures.csv"
    desk.mapping(name="other")
    with pytest.raises(CannotStart, match=r"is the mapping other, and the run .* was one of people"):
        await retry(file)
    path = desk.mapping()
    path.rename(desk.folder / "moved.yml")
    with pytest.raises(CannotStart, match=r"people.yml any more.\n.*--mapping"):
        await retry(file)
    fields = {"email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": "City"}
    moved = desk.mapping("moved.yml", fields=fields, ignore=["Score"])
    assert (await retry(file, str(moved))).outcomes == {"created": 2}


async def test_another_account_or_a_run_that_nobody_knows_is_refused(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(crowd(person, 2, Score="many")))
    file = edited(desk, first)
    was = desk.server
    with running("campaignlark", rate=0) as other:
        desk.use(other)
        with pytest.raises(CannotStart, match="Rows are retried where they came from"):
            await retry(file)
        assert not other.requests()["by_endpoint"], "nobody there was asked anything"
    desk.use(was)
    rows = [{**row, "_run": "20010101-000000-0000"} for row in failures(first)]
    with pytest.raises(CannotStart, match="line 2: the run 20010101-000000-0000 is not known to the ledger"):
        await retry(save(desk.folder / "other.csv", rows))


async def test_two_at_once_are_refused(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(crowd(person, 2, Score="many")))
    async with a_retry(first.folder / "failures.csv") as run:
        await run.open()
        with pytest.raises(Busy):
            await desk.sync(desk.file(crowd(person, 2)))
        with pytest.raises(Busy):
            await retry(first.folder / "failures.csv")


async def test_a_plan_of_a_retry_writes_nothing(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(crowd(person, 3, Score="many")))
    runs, writes = asked(desk, "select id from run"), desk.writes()
    found = await planned(edited(desk, first, r1={"Score": "1"}))
    assert +found.outcomes == {"created": 1, "invalid": 2}
    assert (asked(desk, "select id from run"), desk.writes()) == (runs, writes)
    assert not list((desk.home / "plans").iterdir())


async def test_a_retry_knows_no_new_columns(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(crowd(person, 2, Score="many")))
    path = desk.mapping(fields={"email_address": {"from": "Email", "type": "email"}})
    again = await retry(first.folder / "failures.csv", str(path))
    assert again.outcomes == {"created": 2}
    assert "column_new" not in again.summary.warnings


async def test_an_interrupted_retry_is_gone_on_with(desk: Desk, person: Person) -> None:
    rows = crowd(person, 450, Score="many")
    first = await desk.sync(desk.file(rows), allow=["invalid"])
    fixed = edited(desk, first, **{f"r{n}": {"Score": "1"} for n in range(1, 451)})
    cut = await retry(fixed, meanwhile=lambda run, count: run.interrupt() if count == 100 else None)
    assert cut.exit_code == 130
    assert cut.summary.outcomes.unsent > 0
    again = await retry(fixed)
    assert (again.exit_code, again.summary.outcomes.of("created", "unchanged")) == (0, 450)
    assert {one["writes"] for one in desk.server.contacts()} == {1}, "nobody was sent twice"


def test_consents_belong_to_their_rows_where_the_numbers_have_gaps() -> None:
    roll, rows, none = Roll(), np.array([3, 70]), np.zeros(2, bool)
    roll.read(rows, ~none, none)
    roll.consent(rows, np.array([30, 700]), np.array([31, 701]))
    assert roll.rows == 2
    assert [moment.tolist() for moment in roll.consents(np.array([70]))] == [[700], [701]]


KILLED = """
import asyncio, os, sys
from connectors.destinations.campaignlark import Connector
from flows.retry import open_retry
from flows.options import Options
from flows.sync_run import SyncRun
from flows.watching import Silent
from pathlib import Path

Connector.per_second = 1000.0

class Loud(Silent):
    def outcome(self, name):
        os.write(1, b"durable\\n")

async def main():
    found = open_retry(Path(sys.argv[1]))
    async with SyncRun(str(found.mapping), None, Options(), Loud(), found) as run:
        await run.open()
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)

asyncio.run(main())
"""


@pytest.mark.usefixtures("ledger_place")
async def test_a_retry_that_is_killed_is_finished_by_the_next_without_sending_twice(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 200, Score="many")
    first = await desk.sync(desk.file(rows), allow=["invalid"])
    fixed = edited(desk, first, **{f"r{n}": {"Score": "1"} for n in range(1, 201)})
    desk.server.faults(latency_ms=5)
    with warm.start([fixed], code=KILLED) as process:
        for _ in range(40):
            assert process.stdout.readline() == "durable\n"
        process.kill()
    desk.server.clear_faults()
    again = await retry(fixed)
    assert "was cut off" in " ".join(again.said)
    assert (again.exit_code, again.summary.outcomes.of("created", "unchanged")) == (0, 200)
    assert {one["writes"] for one in desk.server.contacts()} == {1}
    assert asked(desk, "select distinct attempt from intent where run = ?", again.id) == [(3,)]

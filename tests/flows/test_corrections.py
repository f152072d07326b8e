"""Corrections made in a retry outlive the night: later exports are corrected until the source has another value."""

from __future__ import annotations

import csv
import dataclasses
import io
import sqlite3

import pyarrow.parquet as pq

from flows.cli import muster
from flows.corrections import login
from flows.forgetting import forget
from flows.ledger import Correction
from flows.ledger.opening import open_ledger
from flows.report.patch import write_patch
from flows.report.since import Previous, Who, since
from tests.flows.conftest import Desk
from tests.flows.test_rehearsal import rehearse
from tests.flows.test_retry import Person, asked, crowd, edited, ended_as, planned, retry

KEYED = {"person": None}
"""A mapping that does not tell persons apart: rows are known by the cell of their key."""


def corrections(desk: Desk) -> list[Correction]:
    ledger = open_ledger(desk.home)
    try:
        return ledger.corrections.all()
    finally:
        ledger.close()


def revoke(desk: Desk) -> None:
    ledger = open_ledger(desk.home)
    try:
        ledger.corrections.revoke(ledger.corrections.all())
    finally:
        ledger.close()


def brief(desk: Desk) -> list[tuple[str, str, str, str, str]]:
    return sorted(
        (one.person, one.column, one.original, one.corrected, one.state) for one in corrections(desk)
    )


def broken(person: Person) -> list[dict[str, str]]:
    rows = crowd(person, 4)
    rows[1]["Email"], rows[2]["Score"] = "p2 at example.com", "many"
    return rows


async def test_the_same_bad_rows_are_unchanged_the_next_night_and_settled_by_retry(
    desk: Desk, person: Person
) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    again = await retry(
        edited(desk, first, r2={"Email": "p2@example.com", "City": "Oslo"}, r3={"Score": "3"})
    )
    assert again.outcomes == {"created": 2}
    assert "3 corrected cells are kept" in " ".join(again.said)
    assert brief(desk) == [
        ("2", "City", "", "Oslo", "applied"),
        ("2", "Email", "p2 at example.com", "p2@example.com", "applied"),
        ("3", "Score", "many", "3", "applied"),
    ]
    assert {(one.who, one.run) for one in corrections(desk)} == {(login(), again.id)}
    assert asked(desk, "select row_number, column_name, before, after, who, origin from edit where run = ? order by 1, 2", first.id) == [
        (2, "City", "", "Oslo", login(), "csv"), (2, "Email", "p2 at example.com", "p2@example.com", login(), "csv"),
        (3, "Score", "many", "3", login(), "csv"),
    ]  # fmt: skip
    writes = desk.writes()
    found = await desk.plan(desk.file(rows))
    assert (+found.outcomes, found.exit_code) == ({"unchanged": 4}, 0)
    night = await desk.sync(desk.file([rows[3], rows[2], person(9), rows[1], rows[0]]))
    assert night.outcomes == {"created": 1, "unchanged": 4}
    assert "corrected 3 cells kept from retries: " in " ".join(night.said)
    assert night.summary.corrected.model_dump() == {
        "cells": 3,
        "rows": 2,
        "columns": {"Score": 1, "Email": 1, "City": 1},
    }
    assert night.row(4)["code"] == "settled_by_retry"
    assert "settled by retry" in night.row(4)["reason"]
    assert night.row(5)["code"] == "delivered_before"
    assert desk.writes() != writes
    assert "corrected as retries have corrected them before" in (night.folder / "report.html").read_text(
        "utf-8"
    )


async def test_corrections_and_accepted_problems_hold_in_a_rehearsal_too(desk: Desk, person: Person) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com"}, r3=None))
    assert muster.main(["accept", first.id, "--code", "integer_syntax"], standalone_mode=False) == 0
    with sqlite3.connect(desk.home / "ledger.sqlite") as ledger:
        before = list(ledger.iterdump())
    rehearsed = await rehearse(desk, desk.file(rows))
    assert rehearsed.outcomes == {"created": 3, "invalid": 1}
    assert (rehearsed.summary.corrected.cells, rehearsed.summary.accepted, rehearsed.exit_code) == (1, 1, 0)
    with sqlite3.connect(desk.home / "ledger.sqlite") as ledger:
        assert list(ledger.iterdump()) == before


async def test_what_the_source_has_otherwise_counts_and_the_correction_is_done(
    desk: Desk, person: Person
) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com"}, r3={"Score": "3"}))
    rows[1]["Email"], rows[2]["Score"] = "p2@example.com", "4"
    await desk.plan(desk.file(rows))
    assert {one.state for one in corrections(desk)} == {"applied"}, "a plan decides nothing"
    night = await desk.sync(desk.file(rows))
    assert night.outcomes == {"unchanged": 3, "updated": 1}
    assert night.summary.corrected.cells == 0
    assert desk.contacts()["p3@example.com"]["fields"]["score"] == 4
    assert {one.state for one in corrections(desk)} == {"done"}
    rows[2]["Score"] = "many"
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 3, "invalid": 1}


async def test_a_correction_of_a_correction_is_kept_from_what_the_source_has(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 2)
    rows[0]["Score"] = "many"
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r1={"Score": "3"}))
    rows[0]["Out"] = "perhaps"
    fields = {
        "email_address": {"from": "Email", "type": "email"},
        "score": {"from": "Score", "type": "integer", "values": {"4": "4"}, "otherwise": "reject"},
    }
    desk.mapping(fields=fields, ignore=["First", "City"])
    second = await desk.sync(desk.file(rows), allow=["invalid"])
    assert second.outcomes["invalid"] >= 1
    assert edited(desk, second).read_text("utf-8").count(",3,") >= 1, "the corrected cell is shown"
    third = await retry(edited(desk, second, r1={"Score": "4"}, r2=None))
    assert third.summary.outcomes.invalid == 0
    assert brief(desk) == [("1", "Score", "many", "4", "applied")]


async def test_an_edit_that_did_not_suffice_is_kept_with_the_next_one(desk: Desk, person: Person) -> None:
    rows = crowd(person, 2)
    rows[0] |= {"Score": "many", "Email": "p1 at example.com"}
    first = await desk.sync(desk.file(rows))
    second = await retry(edited(desk, first, r1={"Email": "p1@example.com"}))
    assert second.outcomes == {"invalid": 1}
    assert brief(desk) == []
    third = await retry(edited(desk, second, r1={"Score": "1"}))
    assert third.outcomes == {"created": 1}
    assert brief(desk) == [
        ("1", "Email", "p1 at example.com", "p1@example.com", "applied"), ("1", "Score", "many", "1", "applied"),
    ]  # fmt: skip
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 2}


async def test_without_a_person_column_a_row_is_known_by_the_cell_of_its_key(
    desk: Desk, person: Person
) -> None:
    desk.mapping(**KEYED, ignore=["Id"])
    rows = broken(person)
    rows[3]["Email"] = ""
    first = await desk.sync(desk.file(rows))
    again = await retry(
        edited(desk, first, r2={"Email": "p2@example.com"}, r3={"Score": "3"}, r4={"Email": "p4@example.com"})
    )
    assert again.outcomes == {"created": 3}
    assert "1 corrected cell is not kept" in " ".join(again.said)
    assert brief(desk) == [
        ("p2 at example.com", "Email", "p2 at example.com", "p2@example.com", "applied"), ("p3@example.com", "Score", "many", "3", "applied"),
    ]  # fmt: skip
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 3, "invalid": 1}


async def test_revoked_and_left_out_corrections_are_not_applied(desk: Desk, person: Person) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com"}, r3={"Score": "3"}))
    without = await desk.sync(desk.file(rows), corrections=False)
    assert without.outcomes == {"unchanged": 2, "invalid": 2}
    assert {one.state for one in corrections(desk)} == {"applied"}
    corrected = await desk.sync(desk.file(rows))
    assert corrected.outcomes == {"unchanged": 4}
    revoke(desk)
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 2, "invalid": 2}


async def test_a_cell_that_is_put_back_as_the_source_has_it_revokes_the_correction(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 2)
    rows[0]["Score"] = "5"
    rows[0]["Email"] = "p1 at example.com"
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r1={"Email": "p1@example.com", "Score": "6"}))
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 2}
    desk.server.faults({"kind": "500", "email": "p1@example.com"})
    rows[0]["City"] = "Oslo"
    night = await desk.sync(desk.file(rows))
    desk.server.clear_faults()
    assert ended_as(night)[0] in [(1, "failed"), (1, "unknown")]
    await retry(edited(desk, night, r1={"Score": "5"}))
    assert [(one[1], one[4]) for one in brief(desk)] == [("Email", "applied"), ("Score", "revoked")]
    assert desk.contacts()["p1@example.com"]["fields"]["score"] == 5


async def test_a_resumed_run_goes_on_with_the_corrected_cells(desk: Desk, person: Person) -> None:
    rows = crowd(person, 60)
    rows[49]["Email"] = "p50 at example.com"
    first = await desk.sync(desk.file([rows[49]]))
    await retry(edited(desk, first, r1={"Email": "p50@example.com"}))
    rows[49]["City"] = "Oslo"
    cut = await desk.sync(
        desk.file(rows), meanwhile=lambda run, count: run.interrupt() if count == 5 else None
    )
    assert cut.exit_code == 130
    revoke(desk)
    done = await desk.resume()
    assert done.exit_code == 0
    assert done.summary.corrected.cells == 1
    assert desk.contacts()["p50@example.com"]["fields"]["city"] == "Oslo"


async def test_a_retry_of_a_corrected_run_does_not_give_back_what_was_revoked(
    desk: Desk, person: Person
) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com"}, r3=None))
    rows[1]["Score"] = "many"
    second = await desk.sync(desk.file(rows))
    revoke(desk)
    await retry(edited(desk, second, r2={"Score": "2"}, r3=None))
    assert brief(desk) == [
        ("2", "Email", "p2 at example.com", "p2@example.com", "revoked"), ("2", "Score", "many", "2", "applied"),
    ]  # fmt: skip


async def test_a_retried_plan_keeps_nothing(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(broken(person)))
    await planned(edited(desk, first, r2={"Email": "p2@example.com"}))
    assert brief(desk) == []
    assert asked(desk, "select count(*) from edit") == [(0,)]


async def test_nothing_of_a_correction_is_left_of_who_is_forgotten(desk: Desk, person: Person) -> None:
    desk.mapping(**KEYED, ignore=["Id"])
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com", "City": "Oslo"}, r3={"Score": "3"}))
    night = await desk.sync(desk.file(rows))
    assert night.outcomes == {"unchanged": 4}
    ledger = open_ledger(desk.home)
    try:
        forget(desk.home, ledger, ledger.people.who("p2@example.com"))
    finally:
        ledger.close()
    assert [(one[0], one[1]) for one in brief(desk)] == [("p3@example.com", "Score")]
    assert asked(desk, "select row_number from edit") == [(3,)]
    for path in (night.folder / "spool").glob("part-*.parquet"):
        found = pq.read_table(path)
        assert found["originals"].to_pylist()[1] is None
        assert "p2" not in str(found["originals"].to_pylist())
        assert found["originals"].to_pylist()[2] is not None, "everybody else's is kept"


async def test_a_problem_that_a_correction_has_solved_is_said_to_be_solved(
    desk: Desk, person: Person
) -> None:
    desk.mapping(**KEYED, ignore=["Id"])
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    await retry(edited(desk, first, r2={"Email": "p2@example.com"}, r3=None))
    night = await desk.sync(desk.file(rows))
    before, groups = Previous(first.id, first.folder), night.summary.problems
    facts = since(night.folder, before, Who("", ("Email",)), groups).facts
    assert (facts.solved, facts.known, facts.gone) == (1, 1, 0)


def test_the_patch_is_safe_to_open_and_leaves_phone_numbers_alone() -> None:
    one = Correction(
        1, "people", "7", "Phone", "=1+1", "+49 (30) 123-4", "ann", "2026-01-02T03:04:05Z", "r", "", ""
    )
    file = io.BytesIO()
    write_patch([one, dataclasses.replace(one, corrected="=2")], file)
    found = list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    assert found == [
        ["person", "column", "original", "corrected", "who", "when", "mapping", "run"],
        ["7", "Phone", "'=1+1", "+49 (30) 123-4", "ann", "2026-01-02T03:04:05Z", "people", "r"],
        ["7", "Phone", "'=1+1", "'=2", "ann", "2026-01-02T03:04:05Z", "people", "r"],
    ]

"""A retry of a run by its name: all of its rows that need a person, as they were, through the mapping as it is now."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from connectors.errors import CannotStart
from flows.retry import open_retry
from tests.flows.conftest import Desk
from tests.flows.test_retry import Person, crowd, edited, ended_as, planned, retry


async def test_all_rows_that_need_a_person_go_through_the_mapping_as_it_is_now(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person, 6)
    rows[1]["Score"], rows[3]["Score"], rows[4]["Email"] = "1,5", "2,5", "p5 at example.com"
    first = await desk.sync(desk.file(rows))
    assert first.outcomes == {"created": 3, "invalid": 3}
    fields = {"email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": "City"}
    desk.mapping(fields=fields, ignore=["Score"])
    found = await planned(Path(first.id))
    assert +found.outcomes == {"created": 2, "invalid": 1}
    again = await retry(Path(first.id))
    assert ended_as(again) == [(2, "created"), (4, "created"), (5, "invalid")]
    assert again.summary.follows == first.id
    assert "3 rows of the run" in " ".join(again.said)
    assert "p2@example.com" in desk.contacts()


async def test_a_run_is_known_by_the_beginning_of_its_name_and_by_its_folder(
    desk: Desk, person: Person
) -> None:
    first = await desk.sync(desk.file(crowd(person, 2, Score="many")))
    for given in (Path(first.id[:15]), first.folder):
        assert open_retry(given).follows.id == first.id
    with pytest.raises(CannotStart, match="The run 20010101-000000-0000 is not known to the ledger"):
        open_retry(Path("20010101-000000-0000"))
    with pytest.raises(CannotStart, match="No run's name begins with 20010101 in the ledger"):
        open_retry(Path("20010101"))
    with pytest.raises(CannotStart, match=r"no-such-file.csv"):
        open_retry(Path("no-such-file.csv"))


async def test_rows_that_a_retry_has_settled_are_left_out(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file(crowd(person, 3, Score="many")))
    await retry(edited(desk, first, r1=None, r2={"Score": "2"}))
    again = await retry(Path(first.id))
    assert ended_as(again) == [(1, "invalid"), (3, "invalid")]
    assert "1 row by earlier retries" in " ".join(again.said)
    fixed = edited(desk, first, r1={"Score": "1"}, r2=None, r3={"Score": "3"})
    await retry(fixed)
    with pytest.raises(CannotStart, match="its retries have settled all of them"):
        open_retry(Path(first.id))


async def test_a_row_that_could_not_be_laid_out_still_cannot_be(desk: Desk, person: Person) -> None:
    path = desk.file(crowd(person, 2))
    path.write_text(path.read_text("utf-8") + "3,p3@example.com,a,b,c,d,e,f,g,h\n", "utf-8")
    first = await desk.sync(path)
    assert first.outcomes == {"created": 2, "invalid": 1}
    again = await retry(Path(first.id))
    assert [(row["row"], row["code"]) for row in again.rows] == [(3, first.rows[2]["code"])]


async def test_a_workbook_is_retried_as_a_person_saved_it(desk: Desk, person: Person) -> None:
    rows = crowd(person, 3, Score="many", City="00123")
    first = await desk.sync(desk.file(rows))
    book = openpyxl.load_workbook(first.folder / "failures.xlsx")
    sheet = book.active
    names = [cell.value for cell in sheet[1]]
    for number, score in ((2, 7), (3, 8)):
        sheet.cell(number, names.index("Score") + 1).value = score
        sheet.cell(number, names.index("City") + 1).value = 123
    sheet.delete_rows(4)
    book.save(desk.folder / "fixed.xlsx")
    again = await retry(desk.folder / "fixed.xlsx")
    assert ended_as(again) == [(1, "created"), (2, "created")]
    there = desk.contacts()["p1@example.com"]["fields"]
    assert (there["score"], there["city"]) == (7, "00123")
    said = " ".join(again.said)
    assert "Score 2" in said
    assert "City 2" in said
    assert "--as-typed" in said

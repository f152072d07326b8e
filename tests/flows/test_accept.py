"""Accepted problems stay counted and ask nobody again, until something else is wrong with the row."""

from __future__ import annotations

import csv
import json

import click
import pytest

from connectors.base import Known
from connectors.destinations.campaignlark import Connector
from connectors.errors import CannotStart, LookUpRefused
from flows.cli import muster
from flows.report.failures import ACCEPTED
from tests.flows.conftest import Desk, Ended
from tests.flows.test_retry import Person, asked, crowd


def accept(*words: str) -> str:
    """The command in this process; what it prints is of no interest here."""
    code = muster.main(["accept", *words], standalone_mode=False)
    assert code == 0
    return str(code)


def broken(person: Person) -> list[dict[str, str]]:
    rows = crowd(person, 5)
    rows[1]["Score"] = rows[2]["Score"] = "many"
    rows[3]["Email"] = ""
    return rows


def failures(ended: Ended) -> list[dict[str, str]]:
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def test_accepted_rows_are_counted_shown_and_do_not_exit_with_1(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    assert (first.outcomes, first.exit_code) == ({"created": 2, "invalid": 3}, 1)
    accept(first.id, "--why", "left the company")
    assert (
        "Accepted of 3 rows: 2 × integer_syntax in Score, 1 × key_blank in Email." in capsys.readouterr().out
    )
    found = await desk.plan(desk.file(rows))
    assert (found.outcomes["invalid"], found.accepted, found.exit_code) == (3, 3, 0)
    night = await desk.sync(desk.file([rows[4], rows[3], rows[2], rows[1], rows[0]]))
    assert (night.outcomes, night.exit_code) == ({"unchanged": 2, "invalid": 3}, 0)
    assert night.summary.accepted == 3
    assert {group.state for group in night.summary.problems} == {"accepted"}
    assert {row["_fix"].startswith(ACCEPTED) for row in failures(night)} == {True}
    assert "3 rows have problems that were accepted" in (night.folder / "report.html").read_text("utf-8")
    assert asked(desk, "select distinct last_seen, why from acceptance") == [(night.id, "left the company")]
    accept("--list")
    assert "left the company" in capsys.readouterr().out
    accept("--list", "--json")
    listed = json.loads(capsys.readouterr().out)["acceptances"]
    assert len(listed) == 3
    assert not any("value" in name for name in listed[0])
    accept(first.id, "--revoke", "--code", "key_blank")
    again = await desk.sync(desk.file(rows))
    assert (again.summary.accepted, again.exit_code) == (2, 1)
    assert [row["_row"] for row in failures(again)] == ["4", "2", "3"], "accepted rows come last"
    assert not failures(again)[0]["_fix"].startswith(ACCEPTED)


async def test_another_value_or_a_further_problem_asks_again(desk: Desk, person: Person) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    accept(first.id)
    rows[1]["Score"] = "more"
    rows[2]["Email"] = "p3 at example.com"
    rows[3]["City"] = "Oslo"
    night = await desk.sync(desk.file(rows))
    assert (night.outcomes["invalid"], night.summary.accepted, night.exit_code) == (3, 1, 1)
    assert [row["_row"] for row in failures(night)] == ["2", "3", "4"]


async def test_a_row_that_nobody_can_name_is_known_by_all_of_its_cells(desk: Desk, person: Person) -> None:
    desk.mapping(person=None, ignore=["Id"])
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    accept(first.id, "--code", "key_blank")
    assert (await desk.sync(desk.file(rows))).summary.accepted == 1
    rows[3]["City"] = "Oslo"
    assert (await desk.sync(desk.file(rows))).summary.accepted == 0


async def test_only_what_was_named_is_accepted_and_what_is_not_there_is_refused(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = broken(person)
    first = await desk.sync(desk.file(rows))
    accept(first.id, "--row", "2", "--column", "Score")
    assert "further problems" not in capsys.readouterr().out
    rows[1]["Email"] = "p2 at example.com"
    both = await desk.sync(desk.file(rows))
    accept(both.id, "--row", "2", "--column", "Email")
    assert "further" not in capsys.readouterr().out, "both are accepted by now"
    accept("--revoke", "--column", "Email")
    accept(both.id, "--row", "2", "--column", "Score")
    assert "1 of them has further problems, and still asks for a person." in capsys.readouterr().out
    assert asked(desk, "select person, code, column_name from acceptance") == [
        ("2", "integer_syntax", "Score")
    ]
    for words, said in (
        (["--code", "email_syntax"], "is invalid or refused because of email_syntax"),
        (["--row", "1"], "Row 1 of the run .* is neither invalid nor refused"),
    ):
        with pytest.raises(CannotStart, match=said):
            accept(first.id, *words)
    with pytest.raises(CannotStart, match="There is no run 2001"):
        accept("2001")
    with pytest.raises(click.UsageError, match="Name the run"):
        accept()


async def test_rows_that_a_schedule_tries_again_are_not_accepted(desk: Desk, person: Person) -> None:
    desk.server.faults({"kind": "500", "email": "p1@example.com"})
    first = await desk.sync(desk.file(crowd(person, 2)))
    desk.server.clear_faults()
    assert first.summary.outcomes.of("failed", "unknown") == 1
    with pytest.raises(CannotStart, match="is invalid or refused"):
        accept(first.id)


async def test_what_the_destination_refuses_can_be_accepted(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.server.seed([{"email_address": f"x{n}@example.com"} for n in range(3000)])  # too many to read
    find = Connector.find

    async def refused(self: Connector, key: str) -> Known | None:
        if key == "p1@example.com":
            raise LookUpRefused("it answered with somebody else", "")
        return await find(self, key)

    monkeypatch.setattr(Connector, "find", refused)
    rows = [person(1, Out="yes"), person(2)]
    first = await desk.sync(desk.file(rows))
    assert (first.per_row, first.exit_code) == (["refused", "created"], 1)
    accept(first.id)
    night = await desk.sync(desk.file(rows))
    assert (night.per_row, night.summary.accepted, night.exit_code) == (["refused", "unchanged"], 1, 0)

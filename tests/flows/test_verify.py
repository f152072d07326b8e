"""Verify: what is there is held against what was delivered last, and nothing is written."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import CannotStart
from flows.conformance.ended import Listening
from flows.verification import CSV, Cost, Verification, find_target, verify
from tests.flows.conftest import Desk

Person = Callable[..., dict[str, str]]
Found = list[tuple[str, str, str, str, str]]


async def verified(target: Path | str, costs: list[Cost] | None = None, **options: Any) -> Verification:
    return await verify(
        find_target(str(target)),
        Listening(),
        lambda cost: costs.append(cost) if costs is not None else None,
        **options,
    )


def told(found: Verification) -> Found:
    return [(one.finding, one.key, one.field, one.should_be, one.is_there) for one in found.findings]


@pytest.mark.usefixtures("ledger_place")
async def test_what_was_delivered_is_there_and_nothing_is_written(desk: Desk, person: Person) -> None:
    rows = [person(n, City="Oslo", Score=str(n), Tags="vip;crm") for n in range(1, 31)]
    rows[4]["Out"] = "yes"
    await desk.sync(desk.file(rows))
    writes, costs = desk.writes(), list[Cost]()
    found = await verified(desk.folder / "people.yml", costs)
    assert (found.contacts, found.there, told(found), found.exit_code) == (30, 30, [], 0)
    assert desk.writes() == writes
    assert costs == [Cost(30, 2, costs[0].minutes, paged=True)], (
        "subscribed and unsubscribed ones, a page each"
    )


async def test_each_kind_of_difference_is_told_with_both_values_and_the_gravest_first(
    desk: Desk, person: Person
) -> None:
    desk.mapping(
        blank="keep",
        fields={**desk_fields(), "phone": {"from": "Phone"}, "score": {"from": "Score", "type": "integer"}},
    )
    rows = [person(n, City="Oslo", Score=str(n), Tags="vip") for n in range(1, 7)]
    rows[3]["Out"] = "yes"
    await desk.sync(
        desk.file([{**row, "Phone": ""} for row in rows], columns=[*rows[0], "Out", "Keep", "Phone"])
    )
    desk.server.delete("p2@example.com")
    desk.server.seed(
        [
            {"email_address": "p1@example.com", "fields": {"city": "Bergen"}},
            {"email_address": "p3@example.com", "tags": ["crm"]},
            {"email_address": "p4@example.com", "status": "SUBSCRIBED"},
            {"email_address": "p5@example.com", "fields": {"score": None}},
            {"email_address": "p6@example.com", "fields": {"company": "theirs"}},
        ]
    )
    found = await verified("people.yml")
    contact_id = found.findings[1].should_be
    assert told(found) == [
        ("subscribed", "p4@example.com", "(status)", "wants no mail", "SUBSCRIBED"),
        ("missing", "p2@example.com", "(contact)", contact_id, ""),
        ("missing", "p3@example.com", "tags", "vip", ""),
        ("missing", "p5@example.com", "score", "5", ""),
        ("different", "p1@example.com", "city", "Oslo", "Bergen"),
    ]
    assert (found.differing, found.exit_code) == (5, 1)
    path = found.folder / CSV
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        shown = list(csv.DictReader(file))
    assert [(row["finding"], row["key"], row["is_there"]) for row in shown] == [
        (one.finding, one.key, one.is_there) for one in found.findings
    ]


def desk_fields() -> dict[str, Any]:
    return {"email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": "City"}


async def test_of_a_run_only_what_it_brought_is_verified_as_it_was_delivered_last(
    desk: Desk, person: Person
) -> None:
    first = await desk.sync(desk.file([person(n, City="Oslo") for n in (1, 2)]))
    await desk.sync(desk.file([person(n, City="Rome") for n in (2, 3)]), allow=["changes", "shrunk"])
    found = await verified(first.id[:-1])
    assert (found.contacts, told(found), found.run) == (2, [], first.id), (
        "p2 counts as the later run delivered it"
    )
    with pytest.raises(CannotStart, match="neither a mapping's file nor a run"):
        find_target("20010101-000000-0000")


async def test_what_the_destination_keeps_in_its_own_form_is_no_difference(
    desk: Desk, person: Person
) -> None:
    desk.mapping(fields={**desk_fields(), "plan": {"from": "City"}})
    rows = [person(n, City="Gold") for n in (1, 2)]
    await desk.sync(desk.file(rows))
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"plan": "Silver"}}])
    assert [one.key for one in (await verified("people.yml")).findings] == ["p1@example.com"]
    ledger_says(desk, 'update answer set kept = \'{"plan": ["Gold", "Silver"]}\'')
    assert (await verified("people.yml")).findings == []


def ledger_says(desk: Desk, sql: str) -> None:
    from flows.ledger.opening import open_ledger

    database = open_ledger(desk.home).database
    database.tell(sql)
    database.close()


async def test_what_another_mapping_delivered_is_no_difference(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, City="Oslo")]))
    desk.mapping("other.yml", name="other")
    await desk.sync(desk.file([person(1, City="Rome", First="Other")]), "other.yml", allow=["changes"])
    assert told(await verified("people.yml")) == []


async def test_a_field_that_is_written_only_where_nothing_is_may_be_otherwise(
    desk: Desk, person: Person
) -> None:
    desk.mapping(fields={**desk_fields(), "city": {"from": "City", "write": "if_empty"}})
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"city": "Theirs"}}])
    await desk.sync(desk.file([person(1, City="Oslo"), person(2, City="Oslo")]))
    assert told(await verified("people.yml")) == []


async def test_a_sample_is_even_and_the_same_each_time(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n) for n in range(1, 41)]))
    for n in range(1, 41):
        desk.server.delete(f"p{n}@example.com")
    one, two = [await verified("people.yml", sample=10) for _ in (1, 2)]
    assert (one.contacts, one.of, one.differing) == (10, 40, 10)
    assert [f.key for f in one.findings] == [f.key for f in two.findings]


async def test_the_cost_is_told_before_anybody_is_read(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    received = desk.server.requests()["received"]

    def refuse(cost: Cost) -> None:
        assert (cost.contacts, cost.requests, cost.paged) == (1, 1, True)
        raise CannotStart("too much")

    with pytest.raises(CannotStart, match="too much"):
        await verify(find_target("people.yml"), Listening(), refuse)
    assert desk.server.requests()["by_endpoint"].get("GET /v1/contacts/by-email") is None
    assert desk.server.requests()["received"] - received < 10
    assert list((desk.home / "verified").iterdir()) == []


async def test_a_mapping_that_has_delivered_nothing_cannot_be_verified(desk: Desk, person: Person) -> None:
    with pytest.raises(CannotStart, match="no ledger"):
        await verified("people.yml")
    await desk.sync(desk.file([person(1, Score="many")]), allow=["invalid"])
    with pytest.raises(CannotStart, match="knows of nothing"):
        await verified("people.yml")

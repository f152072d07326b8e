"""The list of an account that can only be read page by page: kept in the ledger, so that few pages are read for few rows."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.base import Deletes
from connectors.destinations.corporate_merch import Connector
from connectors.kinds import destination_module, kinds
from connectors.listing import OnlyLists, Roster, Standing
from connectors.pace import Pace
from connectors.sandbox.serving import Running, running
from flows.cli.showing import show_summary
from flows.cli.showing_plan import _facts
from flows.ledger.opening import open_ledger
from flows.plan_reporting import summed_up
from flows.preview import preview
from flows.report.plan_page import render

if TYPE_CHECKING:
    from conftest import Desk, Ended

LIST, CREATE, PUT = "GET /v2/contacts", "POST /v2/contacts", "PUT /v2/contacts/{id}"
WHOLE = {
    "first_name": "Ann", "last_name": "Lee", "type": "client", "address": "1 High Street", "city": "Boston", "state": "MA",
    "zip_code": "02108", "country": "US",
}  # fmt: skip
TEAM: dict[str, Any] = {
    "name": "team",
    "destination": {"kind": "corporate_merch"},
    "key": "email",
    "person": "Id",
    "fields": {
        "email": {"from": "Email", "type": "email"}, "first_name": {"value": "Ann"}, "last_name": {"value": "Lee"},
        "type": {"value": "client"}, "address": {"value": "1 High Street"}, "city": {"value": "Boston"},
        "state": {"value": "MA"}, "zip_code": {"value": "02108"}, "country": {"value": "US"}, "position": "Position",
    },
    "tags": None,
    "consent": None,
    "where": None,
}  # fmt: skip
COLUMNS = ("Id", "Email", "Position")


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    with running("corporate_merch", rate=0) as server:
        yield server


@pytest.fixture
def merch(desk: Desk, shop: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with an account of Corporate Merch in which there are 1,000 contacts on 20 pages."""
    shop.reset()
    desk.server = shop
    monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", shop.url)
    monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    desk.mapping("team.yml", **TEAM)
    there(desk, *range(1000))
    return desk


def there(desk: Desk, *numbers: int, **more: Any) -> None:
    desk.server.seed([{"email_address": f"p{n}@example.com", "fields": WHOLE, **more} for n in numbers])


def rows(*numbers: int, position: str = "Boss") -> list[dict[str, str]]:
    return [{"Id": str(n), "Email": f"p{n}@example.com", "Position": position} for n in numbers]


def asked(desk: Desk) -> dict[str, int]:
    """Requests by endpoint, as the sandbox has counted them."""
    return {name: sum(found.values()) for name, found in desk.server.requests()["by_endpoint"].items()}


async def sync(
    desk: Desk, *numbers: int, position: str = "Boss", **options: Any
) -> tuple[Ended, dict[str, int]]:
    """A sync of these people, and the requests that it made."""
    before = asked(desk)
    ended = await desk.sync(
        desk.file(rows(*numbers, position=position), columns=COLUMNS), "team.yml", **options
    )
    return ended, {
        name: count - before.get(name, 0)
        for name, count in asked(desk).items()
        if count > before.get(name, 0)
    }


def kept(desk: Desk) -> Roster | None:
    """The list as the ledger has it."""
    ledger = open_ledger(desk.home)
    try:
        return ledger.listing(1, hours=24, writes=False).load()
    finally:
        ledger.close()


async def test_five_changed_rows_of_a_thousand_contacts_cost_their_pages_and_not_all_twenty(
    merch: Desk,
) -> None:
    first, cost = await sync(merch, 0, 250, 500, 750, 999)
    assert first.outcomes == {"updated": 5}
    assert cost == {LIST: 1 + 20, PUT: 5}  # the key is tried with one request
    assert first.listing is not None
    assert first.listing.why == "no list of them is kept yet"
    second, cost = await sync(merch, 0, 250, 500, 750, 999, position="Chief")
    assert second.outcomes == {"updated": 5}
    assert cost == {LIST: 1 + 5, PUT: 5}  # p999 stands on the first page
    assert {one["fields"]["position"] for one in merch.server.contacts() if one["writes"]} == {"Chief"}
    assert second.listing is not None
    assert (second.listing.contacts, second.listing.pages, second.listing.read) == (
        1000,
        20,
        5,
    )
    assert second.listing.hours_old is not None


async def test_who_is_new_in_the_file_costs_the_first_page_only(merch: Desk) -> None:
    await sync(merch, 7)
    ended, cost = await sync(merch, 2000, 2001)
    assert ended.outcomes == {"created": 2}
    assert cost == {LIST: 1 + 1, CREATE: 2}
    ended, cost = await sync(merch, 2000, 2001, position="Chief")
    assert (ended.outcomes, cost) == (
        {"updated": 2},
        {LIST: 1 + 1, PUT: 2},
    )  # the list has whom the run created


async def test_whom_others_created_since_are_found_on_the_first_pages(merch: Desk) -> None:
    await sync(merch, 7)
    there(merch, *range(3000, 3070))
    ended, cost = await sync(merch, 3001, 3069, 5)
    assert ended.outcomes == {"updated": 3}
    assert cost == {LIST: 1 + 3, PUT: 3}
    ended, cost = await sync(merch, 3001, position="Chief")
    assert (ended.outcomes, cost) == ({"updated": 1}, {LIST: 1 + 2, PUT: 1})
    assert len(merch.contacts()) == 1070


async def test_a_plan_uses_the_list_says_so_and_writes_nothing(merch: Desk) -> None:
    await sync(merch, 7)
    there(merch, 4000)
    before = kept(merch)
    file = merch.file(rows(7, 400, 4000, position="Chief"), columns=COLUMNS)
    async with merch.run(file, "team.yml", verb="plan") as run:
        await run.open()
        await run.prepare()
        run.opened.per_second = 40 / 60
        found = await preview(run)
        plan = summed_up(run, found, exit_code=0)
    assert before is not None
    assert kept(merch) == before
    assert plan.listing is not None
    assert (plan.listing.contacts, plan.listing.pages, plan.listing.read) == (1001, 21, 3)
    assert plan.requests.reading == 1 + 3
    said = dict(_facts(plan))
    words = (
        r"1,001 there on 21 pages; 3 were read, and the list of about \d+ seconds? ago tells of the others"
    )
    assert re.fullmatch(words, said["contacts"])
    assert said["requests"].startswith(
        "3 for the contacts and 4 to read the account: about 11 seconds at 40 a minute"
    )
    assert "3 were read, and the list of" in render(plan)
    _, cost = await sync(merch, 7, 400, 4000, position="Chief")
    assert cost == {LIST: plan.requests.reading, PUT: 3}


async def test_a_plan_alone_begins_no_list(merch: Desk) -> None:
    planned = await merch.plan(merch.file(rows(7), columns=COLUMNS), "team.yml")
    assert planned.reading == 21
    assert kept(merch) is None


@pytest.mark.parametrize("hours", [0, 0.5])
async def test_a_list_that_is_too_old_is_read_again(merch: Desk, hours: float) -> None:
    merch.mapping("team.yml", **{**TEAM, "destination": {"kind": "corporate_merch", "list_hours": hours}})
    await sync(merch, 7)
    ledger = open_ledger(merch.home)
    ledger.database.tell("update listing set read_at = '2020-01-01T00:00:00+00:00'")
    ledger.close()
    ended, cost = await sync(merch, 7, position="Chief")
    assert cost == {LIST: 1 + 20, PUT: 1}
    assert ended.listing is not None
    assert ended.listing.why == "the list that is kept is too old"
    _, cost = await sync(merch, 7, position="Boss")
    assert cost == {LIST: 1 + (2 if hours else 20), PUT: 1}


async def test_somebody_who_was_removed_there_makes_all_pages_be_read_again(merch: Desk) -> None:
    await sync(merch, 7)
    merch.server.delete("p500@example.com")
    ended, cost = await sync(merch, 400, 7, position="Chief")
    assert ended.outcomes == {"updated": 2}
    assert cost == {LIST: 1 + 20, PUT: 2}
    assert ended.listing is not None
    assert ended.listing.why == "it no longer tells who is there"
    there(merch, 5000)
    merch.server.delete("p501@example.com")  # as many as before, and another one among the newest
    _, cost = await sync(merch, 400, position="Boss")
    assert cost == {LIST: 1 + 20, PUT: 1}


async def test_an_address_that_was_changed_there_makes_all_pages_be_read_again(merch: Desk) -> None:
    await sync(merch, 7)
    standing = {one.key: one for one in kept(merch).standings}["p300@example.com"]  # type: ignore[union-attr]
    ledger = open_ledger(merch.home)
    ledger.listing(1, hours=24, writes=True).add([dataclasses.replace(standing, key="old@example.com")])
    ledger.close()
    file = merch.file([{"Id": "300", "Email": "old@example.com", "Position": "Boss"}], columns=COLUMNS)
    ended = await merch.sync(file, "team.yml")
    assert ended.outcomes == {"created": 1}  # and not p300, who has another address now
    assert ended.listing is not None
    assert ended.listing.why == "somebody does not stand where the list has them"


async def test_in_a_list_that_begins_with_the_oldest_nobody_is_missed(merch: Desk) -> None:
    merch.server.switch(list_order="oldest")
    try:
        await sync(merch, 7)
        there(merch, 6000)
        ended, _ = await sync(merch, 6000, 7, 900, position="Chief")
        assert ended.outcomes == {"updated": 3}
        assert len(merch.contacts()) == 1001
    finally:
        merch.server.switch(list_order="newest")


async def test_where_the_pages_of_the_rows_are_all_pages_everything_is_read_once(merch: Desk) -> None:
    await sync(merch, 7)
    ended, cost = await sync(merch, *range(0, 1000, 40), position="Chief")
    assert ended.outcomes == {"updated": 25}
    assert cost == {LIST: 1 + 20, PUT: 25}


async def test_reading_that_was_cut_off_leaves_the_list_as_it_was(merch: Desk) -> None:
    await _cut_off(merch, "Boss")
    assert kept(merch) is None
    ended, cost = await sync(merch, 7)
    assert ended.outcomes == {"updated": 1}
    assert cost == {LIST: 1 + 20, PUT: 1}
    before = kept(merch)
    ledger = open_ledger(merch.home)
    ledger.database.tell("update listing set read_at = '2020-01-01T00:00:00+00:00'")
    ledger.close()
    await _cut_off(merch, "Chief")
    after = kept(merch)
    assert before is not None
    assert after is not None
    assert (after.standings, after.read_at < before.read_at) == (before.standings, True)


async def _cut_off(desk: Desk, position: str) -> None:
    """A sync that is ended while it reads all pages."""
    already = asked(desk).get(LIST, 0)
    desk.server.faults(latency_ms=20)
    syncing = asyncio.create_task(sync(desk, 7, position=position))
    for _ in range(500):
        await asyncio.sleep(0.02)
        if asked(desk).get(LIST, 0) >= already + 8:
            break
    syncing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await syncing
    desk.server.faults(latency_ms=0)
    assert asked(desk)[LIST] < already + 21
    assert desk.server.contacts("p7@example.com")[0]["fields"].get("position") != position


async def test_a_changed_address_is_filed_under_the_new_one(merch: Desk) -> None:
    await sync(merch, 7)
    file = merch.file([{"Id": "7", "Email": "new@example.com", "Position": "Boss"}], columns=COLUMNS)
    before = asked(merch)
    ended = await merch.sync(file, "team.yml")
    assert ended.outcomes == {"updated": 1}
    assert asked(merch)[LIST] - before[LIST] == 1 + 2
    keys = {one.key for one in kept(merch).standings}  # type: ignore[union-attr]
    assert "new@example.com" in keys
    assert "p7@example.com" not in keys
    assert len(keys) == 1000


async def test_addresses_that_are_there_twice_are_counted_and_listed_also_those_of_nobody_in_the_file(
    merch: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    there(merch, 10, 20, another=True)
    ids = sorted(one["id"] for one in merch.server.contacts() if one["email_address"] == "p10@example.com")
    for read in (21, 2):  # from all pages, then from the list that is kept
        ended, _ = await sync(merch, 7, position=f"Boss {read}")
        assert ended.listing is not None
        assert (ended.listing.read, ended.listing.twice) == (read, 2)
        text = (ended.folder / "twice_there.csv").read_text("utf-8-sig").splitlines()
        assert text == ["address,ids", f"p10@example.com,{ids[0]} {ids[1]}", text[2]]
        page = (ended.folder / "report.html").read_text("utf-8")
        assert "p10@example.com" in page
        assert "2 addresses have several contacts there" in page
        assert "p10@" not in ended.summary.to_json()
        capsys.readouterr()
        show_summary(ended.summary, ended.folder)
        shown = capsys.readouterr().out
        assert "2 addresses have several contacts there" in shown
        assert "p10@" not in shown
        assert not [line for line in ended.said if "p10@" in line]
    async with merch.run(merch.file(rows(8), columns=COLUMNS), "team.yml", verb="plan") as run:
        await run.open()
        await run.prepare()
        plan = summed_up(run, await preview(run), exit_code=0)
    assert plan.twice[0].ids == ids
    said = dict(_facts(plan))
    assert said["there twice"].startswith("2 addresses have several contacts there")
    assert "p10@" not in str(said)
    assert "p10@example.com" in render(plan)


def test_a_list_is_kept_whole_and_a_plan_s_keeps_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    writing, reading = (ledger.listing(4, hours=1, writes=writes) for writes in (True, False))
    ann, bea = Standing("7", "ann@example.com", 0), Standing("8", "bea@example.com", 1)
    writing.add([ann])
    assert writing.load() is None  # there is no list to add to
    roster = Roster([ann, bea], time.time())
    reading.save(roster)
    assert reading.load() is None
    writing.save(roster)
    assert reading.load() == Roster([ann, bea], pytest.approx(roster.read_at))
    assert ledger.listing(5, hours=1, writes=False).load() is None
    writing.add([dataclasses.replace(bea, key="b@example.com")])
    reading.add([Standing("9", "cid@example.com", 2)])
    assert [one.key for one in reading.load().standings] == ["ann@example.com", "b@example.com"]  # type: ignore[union-attr]
    writing.save(Roster([ann], roster.read_at))
    assert reading.load().standings == [ann]  # type: ignore[union-attr]
    ledger.close()


def test_a_list_is_kept_for_destinations_without_a_look_up_only_and_who_deletes_can_delete() -> None:
    for kind in kinds("destinations"):
        connector = destination_module(kind).Connector(base_url="http://127.0.0.1:9", key="k", turns=Pace(1))
        assert isinstance(connector, OnlyLists) == (not connector.finds), kind
        assert isinstance(connector, Deletes) == connector.deletes, kind

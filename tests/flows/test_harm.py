"""Ways in which an opt-out could be lost, each found by somebody who looked for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests.flows.conftest import Desk
from tests.flows.test_following import ALLOWED, COLUMNS, FOLLOWS, moment, row

Person = Callable[..., dict[str, str]]
ANN = "ann@example.com"


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def statuses(server: Running) -> dict[str, str]:
    return {one["email_address"].casefold(): one["status"] for one in server.contacts()}


async def test_the_guard_of_those_subscribed_again_counts_people_whose_address_changed(desk: Desk) -> None:
    desk.mapping(**FOLLOWS)
    old = [row(Id=str(n), Email=one) for n, one in enumerate(people(30))]
    await desk.sync(desk.file(old, columns=COLUMNS), allow=ALLOWED)
    desk.server.seed([{"email_address": one, "status": "UNSUBSCRIBED"} for one in people(30)])
    new = [row(since=moment(1 / 20), Id=str(n), Email=f"new{n}@example.com") for n in range(30)]
    ended = await desk.sync(desk.file(new, columns=COLUMNS), allow=["follow_source", "changes"])
    assert ended.exit_code == 3
    assert [(g.name, g.count) for g in ended.summary.guards if g.tripped] == [("resubscribes", 30)]
    assert set(statuses(desk.server).values()) == {"UNSUBSCRIBED"}


async def test_the_guard_of_opt_outs_counts_people_whose_address_changed(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n) for n in range(30)]))
    moved = [person(n, Email=f"new{n}@example.com", Out="yes") for n in range(30)]
    ended = await desk.sync(desk.file(moved), allow=["changes"])
    assert ended.exit_code == 3
    assert [(g.name, g.count) for g in ended.summary.guards if g.tripped] == [("opt_outs", 30)]


async def test_a_trial_of_a_wrong_file_with_a_limit_unsubscribes_nobody_later(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(n) for n in range(40)]))
    await desk.sync(desk.file([person(n, Out="yes") for n in range(40)]), limit=3, allow=["opt_outs"])
    ended = await desk.sync(desk.file([person(n, City="Bonn") for n in range(40)]), allow=["changes"])
    assert ended.exit_code == 0
    found = list(statuses(desk.server).values())
    assert (found.count("UNSUBSCRIBED"), found.count("SUBSCRIBED")) == (3, 37)


async def test_the_guard_of_opt_outs_counts_whom_only_the_ledger_knows_to_be_out(
    desk: Desk, person: Person
) -> None:
    desk.mapping("other.yml", name="other", write="update_only")
    await desk.sync(desk.file([person(n, Out="yes") for n in range(30)]), "other.yml")
    desk.server.seed([{"email_address": f"p{n}@example.com", "status": "SUBSCRIBED"} for n in range(30)])
    ended = await desk.sync(desk.file([person(n) for n in range(30)]))
    assert ended.exit_code == 3
    assert [(g.name, g.count) for g in ended.summary.guards if g.tripped] == [("opt_outs", 30)]


async def test_what_a_run_heard_that_ended_before_its_report_holds_for_other_mappings(
    desk: Desk, person: Person
) -> None:
    desk.mapping("list.yml", name="list", write="update_only", consent={"opted_out": {"everybody": "yes"}})
    file = desk.file([person(1), person(2)])
    async with desk.run(file, "list.yml") as run:
        await run.open()
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
    await desk.sync(file)
    assert set(statuses(desk.server).values()) == {"UNSUBSCRIBED"}


@pytest.mark.parametrize("status", ["UNSUBSCRIBED", "COMPLAINED"])
@pytest.mark.parametrize("write", ["create_only", "merge"])
async def test_who_was_seen_to_be_out_and_was_removed_there_is_not_subscribed_by_another_mapping(
    desk: Desk, person: Person, write: str, status: str
) -> None:
    desk.mapping(write=write)
    address = person(1)["Email"]
    file = desk.file([person(n) for n in range(1, 12)])
    if write == "merge":
        await desk.sync(file)
    desk.server.seed([{"email_address": address, "status": status}])
    await desk.sync(file if write != "merge" else desk.file([person(n, City="Bonn") for n in range(2, 12)]))
    desk.server.delete(address)
    desk.mapping("other.yml", name="other")
    ended = await desk.sync(desk.file([person(n) for n in range(1, 12)]), "other.yml")
    assert ended.row(1)["outcome"] == "created"
    assert statuses(desk.server)[address.casefold()] == "UNSUBSCRIBED"


async def test_the_opt_out_of_somebody_on_the_suppression_list_is_carried(desk: Desk, person: Person) -> None:
    desk.server.seed([{"email_address": person(1)["Email"]}])
    suppress(desk.home, person(1)["Email"])
    ended = await desk.sync(desk.file([person(1, Out="yes")]))
    assert (ended.per_row, list(statuses(desk.server).values())) == (["protected"], ["UNSUBSCRIBED"])


def suppress(home: Path, address: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "suppress.txt").write_text(f"{address}\n", "utf-8")


async def test_an_opt_out_of_a_known_person_without_an_address_is_said(desk: Desk, person: Person) -> None:
    ended = await desk.sync(desk.file([person(1, Email="", Out="yes")]))
    assert ended.per_row == ["invalid"]
    assert {one.code for one in ended.summary.problems} == {"key_blank", "opt_out_without_key"}


async def test_a_tag_that_was_taken_away_by_hand_is_not_put_back_after_the_row_lacked_it_once(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1, Tags="vip")]))
    desk.server.seed([{"email_address": person(1)["Email"], "tags": []}])
    await desk.sync(desk.file([person(1, Tags="", City="Bonn")]))
    await desk.sync(desk.file([person(1, Tags="vip", City="Ulm")]))
    assert desk.contacts()[person(1)["Email"].casefold()]["tags"] == []


async def test_who_opted_out_stays_out_in_another_workspace_behind_the_same_address(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1, Out="yes"), person(2)]))
    desk.server.reset()
    desk.server.switch(keys="another-key")
    desk.use(desk.server, "another-key")
    ended = await desk.sync(desk.file([person(1), person(2)]))
    assert ended.per_row == ["created", "created"]
    assert [statuses(desk.server)[person(number)["Email"].casefold()] for number in (1, 2)] == [
        "UNSUBSCRIBED",
        "SUBSCRIBED",
    ]

"""Interrupted runs into Corporate Merch, which cannot be asked for one contact, and into Loops, where nobody can be listed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations import corporate_merch, loops
from connectors.sandbox.serving import Running, running
from flows import sync_run
from flows.pipeline import deliver_all
from tests.flows.interrupting import UNHEARD, interrupted
from tests.flows.test_corporate_merch_sync import COLUMNS, CREATE, TEAM, row

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
TO_LOOPS: dict[str, Any] = {
    "destination": {"kind": "loops"},
    "key": "email",
    "fields": {"email": {"from": "Email", "type": "email"}, "firstName": "First", "city": "City"},
    "tags": None,
    "consent": {"opted_out": {"from": "Out", "when": "yes"}},
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_run, "BATCH", 20)


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    with running("corporate_merch", rate=0) as server:
        yield server


@pytest.fixture(scope="module")
def team() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def merch(desk: Desk, shop: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    shop.reset()
    desk.server = shop
    monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", shop.url)
    monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
    monkeypatch.setattr(corporate_merch.Connector, "per_second", 5000.0)
    desk.mapping("people.yml", **TEAM)
    return desk


@pytest.fixture
def looping(desk: Desk, team: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    team.reset()
    desk.server = team
    monkeypatch.setenv("LOOPS_BASE_URL", team.url)
    monkeypatch.setenv("LOOPS_API_KEY", "sandbox-key")
    monkeypatch.setattr(loops.Connector, "per_second", 5000.0)
    desk.mapping("people.yml", **TO_LOOPS)
    return desk


def asked(desk: Desk) -> Counter[str]:
    found = desk.server.requests()["by_endpoint"]
    return Counter({name: sum(each.values()) for name, each in found.items()})


async def test_all_creations_without_a_clear_answer_are_settled_by_one_reading_of_the_list(
    merch: Desk,
) -> None:
    rows = [row(number) for number in range(1, 121)]
    merch.server.faults(
        {"kind": "reset_after", "share": 0.2, "paths": "POST"},
        {"kind": "502", "share": 0.2, "paths": "POST"},
        {"kind": "truncated", "share": 0.1, "paths": "POST"},
        seed=4,
    )
    ended = await merch.sync(merch.file(rows, columns=COLUMNS))
    people = merch.server.contacts()
    assert len(people) == len({one["email_address"] for one in people}), "nobody was created twice"
    assert asked(merch)[CREATE] == 120
    # the schema, who was there, one reading of the list, and what the breaker asks where many fail in a row: none for each creation
    assert asked(merch)["GET /v2/contacts"] < 20
    codes = Counter((one["outcome"], one["code"]) for one in ended.rows)
    assert set(codes) == {("created", ""), ("created", "looked_up"), ("failed", "not_listed")}
    assert codes["created", ""] + codes["created", "looked_up"] == len(people)
    assert ended.exit_code == 1
    merch.server.clear_faults()
    again = await merch.sync(merch.file(rows, columns=COLUMNS), allow=["changes"])
    assert again.outcomes == {"unchanged": len(people), "created": 120 - len(people)}


async def test_the_reading_of_the_list_ends_at_an_interruption_and_a_resume_settles_the_creations(
    merch: Desk,
) -> None:
    file = merch.file([row(number) for number in range(1, 31)], columns=COLUMNS)
    merch.server.faults({"kind": "reset_after", "share": 0.5, "paths": "POST"}, seed=4)
    async with merch.begun(file) as run:
        await run.prepare()
        await deliver_all(run, run.delivery.deliver)
        merch.server.clear_faults()
        merch.server.faults({"kind": "late", "seconds": 5})
        asyncio.get_running_loop().call_later(0.3, run.interrupt)
        assert await run.finish() == 130
        assert run.ending is not None
        assert run.ending.summary.outcomes.unknown > 0
    merch.server.clear_faults()
    assert (await merch.resume()).outcomes == {"created": 30}
    assert len(merch.server.contacts()) == 30


async def test_a_creation_that_landed_unheard_before_an_interruption_is_found_in_the_list(
    merch: Desk,
) -> None:
    await merch.sync(merch.file([row(number) for number in range(200, 210)], columns=COLUMNS))
    file = merch.file([row(number) for number in range(1, 101)], columns=COLUMNS)
    merch.server.faults(UNHEARD, seed=5)
    await interrupted(merch, file, 20, now=True)
    merch.server.clear_faults()
    ended = await merch.resume()
    people = merch.server.contacts()
    assert len(people) == len({one["email_address"] for one in people}), "nobody was created twice"
    codes = Counter((one["outcome"], one["code"]) for one in ended.rows)
    assert set(codes) <= {("created", ""), ("created", "looked_up"), ("failed", "not_listed")}
    assert codes["created", "looked_up"] > 0
    assert len(people) == 10 + 100 - codes["failed", "not_listed"]
    assert (await merch.sync(file, allow=["changes"])).exit_code == 0
    assert len(merch.server.contacts()) == 110


async def test_an_update_that_landed_unheard_is_found_in_the_list(merch: Desk) -> None:
    await merch.sync(merch.file([row(number) for number in range(1, 61)], columns=COLUMNS))
    file = merch.file([row(number, City="Salem") for number in range(1, 61)], columns=COLUMNS)
    merch.server.faults({**UNHEARD, "paths": "PUT"}, seed=5)
    await interrupted(merch, file, 10, now=True, allow=["changes"])
    merch.server.clear_faults()
    ended = await merch.resume()
    assert ended.outcomes == {"updated": 60}
    assert {one["fields"]["city"] for one in merch.server.contacts()} == {"Salem"}
    assert max(one["writes"] for one in merch.server.contacts()) == 2


@pytest.mark.parametrize(
    "changes",
    [{}, {"fields": {**TO_LOOPS["fields"], "userId": "Id"}}, {"lists": {"always": ["Newsletter"]}}],
    ids=["by address", "with an id", "with lists"],
)
async def test_what_was_sent_unheard_to_loops_is_looked_up(
    looping: Desk, person: Person, changes: dict[str, Any]
) -> None:
    looping.mapping("people.yml", **{**TO_LOOPS, **changes})
    file = looping.file([person(number) for number in range(1, 101)])
    looping.server.faults({**UNHEARD, "paths": "PUT|POST"}, seed=5)
    await interrupted(looping, file, 20, now=True, allow=["contact_added"])
    looping.server.clear_faults()
    ended = await looping.resume()
    assert set(ended.outcomes) <= {"created", "upserted"}
    assert sum(ended.outcomes.values()) == 100
    assert len(looping.server.contacts()) == 100
    assert max(one["writes"] for one in looping.server.contacts()) == 1
    assert any(one["code"] == "looked_up" for one in ended.rows)


async def test_a_changed_address_at_loops_is_finished_between_its_two_writes(
    looping: Desk, person: Person
) -> None:
    await looping.sync(looping.file([person(number) for number in range(1, 21)]), allow=["contact_added"])
    looping.mapping("people.yml", **{**TO_LOOPS, "fields": {**TO_LOOPS["fields"], "userId": "Id"}})
    moved = [person(number, Email=f"new{number}@example.com") for number in range(1, 21)]
    file = looping.file(moved)
    looping.server.faults({**UNHEARD, "share": 0.6, "paths": "PUT"}, seed=6)
    await interrupted(looping, file, 2, now=True, allow=["changes", "contact_added"])
    looping.server.clear_faults()
    ended = await looping.resume()
    assert set(ended.outcomes) == {"updated"}
    assert {one["email_address"] for one in looping.server.contacts()} == {one["Email"] for one in moved}

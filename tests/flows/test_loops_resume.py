"""Runs to Loops that were cut off: who may have been written is looked up, joined to no list twice, and stays one contact."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.destinations.loops import Connector
from connectors.sandbox.serving import Running, running
from flows.conformance.ended import Ended, Listening, finish
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.pipeline import deliver_all
from flows.resume import Resume
from flows.sync_run import SyncRun
from tests.flows.test_loops_sync import ALL, BY_ID, LISTS, WITH_ID, Desk, person

UPDATE, FIND = "PUT /contacts/update", "GET /contacts/find"
LATE = {"kind": "late", "paths": "PUT|POST", "seconds": 0.5}
"""Applied at once, and answered when nobody waits any more."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def desk(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sandbox.reset()
    monkeypatch.setattr(Connector, "per_second", 2000.0)
    monkeypatch.setattr("connectors.pace.Pace.told", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, sandbox, monkeypatch)


async def sync(desk: Desk, rows: list[dict[str, str]]) -> Ended:
    async with desk.run(desk.file(rows), "sync", **ALL) as run:
        return await finish(run)


async def cut_off(
    desk: Desk, rows: list[dict[str, str]], when: Callable[[Counter[str], int], bool], *faults: dict[str, Any]
) -> set[int]:
    """A sync that ends without waiting for any answer; the rows that may have been sent.

    `when` gets the requests received by now and the writes applied.
    """
    file, before = desk.file(rows), desk.asked()
    applied = desk.server.requests()["applied"]
    async with desk.run(file, "sync", **ALL) as run:
        await run.open()
        await run.prepare()
        desk.server.faults(*faults, seed=4)
        delivering = asyncio.ensure_future(deliver_all(run, run.delivery.deliver))
        for _ in range(2000):
            await asyncio.sleep(0.005)
            found = desk.server.requests()
            if when(desk.asked() - before, found["applied"] - applied):
                break
        delivering.cancel()
        await delivering
    desk.server.clear_faults()
    ledger = open_ledger(run_home(desk))
    unclear = set(ledger.answers.unclear(run.id))
    ledger.close()
    return unclear


def run_home(desk: Desk) -> Path:
    return desk.folder / "home"


async def resumed(desk: Desk) -> Ended:
    ledger = open_ledger(run_home(desk))
    found = ledger.runs.unfinished()[0]
    resume = Resume.of(found, run_home(desk), ledger.runs.mapping_text(found.mapping_sha256))
    ledger.close()
    path = str(resume.mapping_path)
    async with SyncRun(path, None, Options(), Listening(), resume=resume) as run:
        return await finish(run)


def joined(desk: Desk) -> Counter[str]:
    """How often each person was added to a list."""
    return Counter(
        one["email_address"]
        for one in desk.server.automations()["list"]
        if one["name"] == "Contact added to list"
    )


def fired(desk: Desk) -> Counter[str]:
    return Counter(desk.server.automations()["counts"])


async def test_who_joined_a_list_unheard_is_not_joined_again(desk: Desk) -> None:
    desk.mapping(**LISTS)
    rows = [person(number, Lists="Newsletter", City="Bonn") for number in range(1, 41)]
    unclear = await cut_off(
        desk, rows, lambda _, applied: applied >= 30, {**LATE, "share": 0.5}, {"kind": "reset_before", "paths": "PUT", "share": 0.1},
    )  # fmt: skip
    landed = {one["email_address"] for one in desk.server.contacts()}
    there = {row for row in unclear if f"p{row}@example.com" in landed}
    assert there
    ended = await resumed(desk)
    assert {ended.row(row)["code"] for row in there} == {"looked_up"}
    assert {ended.row(row)["code"] for row in unclear - there} <= {"sent_again"}
    assert ended.summary.outcomes.of("created", "upserted") == 40
    assert joined(desk) == {f"p{number}@example.com": 1 for number in range(1, 41)}
    assert {one["writes"] for one in desk.server.contacts()} == {1}
    assert fired(desk) <= Counter(ended.summary.automations)
    assert (await sync(desk, rows)).outcomes == {"unchanged": 40}


async def test_who_was_joined_left_and_joins_no_more_is_left_alone_by_the_resume(desk: Desk) -> None:
    desk.mapping(**LISTS)
    rows = [person(number, Lists="Newsletter") for number in range(1, 11)]
    await sync(desk, rows)
    desk.server.seed([{"email_address": "p3@example.com", "tags": []}])  # left it themselves
    changed = [{**row, "City": "Ulm"} for row in rows]
    unclear = await cut_off(desk, changed, lambda _, applied: applied >= 5, LATE)
    assert unclear
    ended = await resumed(desk)
    assert ended.summary.outcomes.of("updated", "upserted") == 10
    assert max(joined(desk).values()) == 1
    [third] = [one for one in desk.server.contacts() if one["email_address"] == "p3@example.com"]
    assert third["tags"] == []


@pytest.mark.parametrize("changes", [{}, WITH_ID, BY_ID], ids=["address", "both ids", "userId"])
async def test_changes_that_landed_unheard_are_not_sent_again_and_count(
    desk: Desk, changes: dict[str, Any]
) -> None:
    desk.mapping(**changes)
    await sync(desk, [person(number) for number in range(1, 21)])
    before = fired(desk)
    rows = [person(number, City="Ulm") for number in range(1, 21)]
    unclear = await cut_off(desk, rows, lambda _, applied: applied >= 10, {**LATE, "share": 0.7})
    landed = {
        row
        for row in unclear
        if desk.server.contacts(f"p{row}@example.com")[0]["fields"].get("city") == "Ulm"
    }
    assert landed
    ended = await resumed(desk)
    assert {(ended.row(row)["outcome"], ended.row(row)["code"]) for row in landed} == {
        ("updated", "looked_up")
    }
    assert ended.summary.outcomes.of("updated", "upserted") == 20
    assert max(one["writes"] for one in desk.server.contacts()) == 2
    assert fired(desk) - before <= Counter(ended.summary.automations)


CRASHES: dict[str, tuple[Callable[[Counter[str], int], bool], tuple[dict[str, Any], ...]]] = {
    "while-they-are-looked-up": (
        lambda asked, _: asked[FIND] >= 1,
        ({"kind": "late", "paths": "find", "seconds": 0.5},),
    ),
    "the-first-write-unheard": (lambda _, applied: applied == 1, (LATE,)),
    "the-first-write-not-applied": (
        lambda asked, _: asked[UPDATE] >= 1,
        ({"kind": "reset_before", "paths": "PUT"},),
    ),
    "the-second-write-not-applied": (
        lambda asked, _: asked[UPDATE] >= 2,
        (
            {"kind": "late", "paths": "PUT", "seconds": 0.0, "next": 1},
            {"kind": "reset_before", "paths": "PUT"},
        ),
    ),
    "the-second-write-unheard": (
        lambda _, applied: applied == 2,
        ({"kind": "late", "paths": "PUT", "seconds": 0.0, "next": 1}, LATE),
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
async def test_a_person_with_a_new_address_and_their_first_user_id_stays_one_contact(
    desk: Desk, crash: str
) -> None:
    """It takes two writes: by the old address the userId, then by the userId the new address."""
    desk.mapping()
    await sync(desk, [person(1), person(2)])
    [old] = [one["id"] for one in desk.server.contacts() if one["email_address"] == "p1@example.com"]
    desk.mapping(**{**WITH_ID, **LISTS})
    rows = [person(1, Email="new@example.com", City="Ulm", Lists="Newsletter"), person(2)]
    before = fired(desk)
    when, faults = CRASHES[crash]
    unclear = await cut_off(desk, rows[:1], when, *({**one, "email": ""} for one in faults))
    assert unclear == {1}
    ended = await resumed(desk)
    unheard = crash == "the-second-write-unheard"
    assert ended.outcomes == {"updated": 1}
    there = {one["email_address"]: one for one in desk.server.contacts()}
    assert set(there) == {"new@example.com", "p2@example.com"}
    new = there["new@example.com"]
    assert (new["id"], new["fields"]["userId"], new["fields"]["city"]) == (old, "1", "Ulm")
    assert new["tags"] == ["Newsletter"]
    assert joined(desk) == {"new@example.com": 1}
    assert ended.row(1)["contact_id"] == old
    assert fired(desk) - before <= Counter(ended.summary.automations)
    if unheard:
        assert (ended.row(1)["code"], new["writes"]) == ("looked_up", 3)
    assert (await sync(desk, rows[:1])).outcomes == {"unchanged": 1}


async def test_who_may_have_been_sent_and_cannot_be_looked_up_is_unknown_and_not_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.patience.Patience.wait", lambda *_: 0.01)
    desk.mapping(**LISTS)
    rows = [person(number, Lists="Newsletter") for number in range(1, 4)]
    unclear = await cut_off(desk, rows, lambda _, applied: applied == 3, LATE)
    assert unclear == {1, 2, 3}
    desk.server.faults({"kind": "503", "paths": "find", "email": "p1@example.com"})
    ended = await resumed(desk)
    assert (ended.row(1)["outcome"], ended.row(1)["code"]) == ("unknown", "no_clear_answer")
    assert ended.outcomes == {"upserted": 2, "unknown": 1}
    desk.server.clear_faults()
    assert joined(desk) == {f"p{number}@example.com": 1 for number in range(1, 4)}
    again = await sync(desk, rows)
    assert again.row(1)["outcome"] in ("updated", "unchanged")


async def test_who_opted_out_there_and_was_created_again_is_opted_out_by_the_resume(desk: Desk) -> None:
    desk.mapping()
    await sync(desk, [person(1)])
    desk.server.seed([{"email_address": "p1@example.com", "status": "UNSUBSCRIBED"}])
    before = fired(desk)
    async with desk.run(desk.file([person(1, City="Ulm")]), "sync", **ALL) as run:
        await run.open()
        await run.prepare()
        real = run.opened.destination.deliver

        async def removed_first(*args: Any) -> Any:
            desk.server.delete("p1@example.com")
            desk.server.faults(
                {"kind": "late", "paths": "PUT", "seconds": 0.0, "next": 1}, {"kind": "503", "paths": "PUT"}
            )
            delivering = asyncio.ensure_future(real(*args))
            for _ in range(2000):
                await asyncio.sleep(0.005)
                if desk.server.contacts():
                    break
            run.interrupt()
            return await delivering

        run.opened.destination.deliver = removed_first  # type: ignore[method-assign]
        await deliver_all(run, run.delivery.deliver)
        assert await run.finish() == 130
    desk.server.clear_faults()
    [again] = desk.server.contacts()
    assert again["status"] == "SUBSCRIBED"
    ended = await resumed(desk)
    [there] = desk.server.contacts()
    assert there["status"] == "UNSUBSCRIBED"
    assert (ended.outcomes, ended.summary.consent.opted_out) == ({"updated": 1}, 1)
    assert fired(desk) - before <= Counter(ended.summary.automations)

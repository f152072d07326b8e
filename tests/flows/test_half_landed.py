"""A contact takes more than one request, and a run stops between them: what has landed is counted, put back, and not forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.automations import by_name
from flows.conformance.ended import Ended, Listening, finish
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.pipeline import deliver_all
from flows.resuming import tally_of
from flows.sync_run import SyncRun
from flows.undo_begun import find_undo
from tests.flows.firing import reasons_fired
from tests.flows.interrupting import interrupted
from tests.flows.test_automations import counted

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
PEOPLE = range(1, 21)
NO_TAGS = {"kind": "503", "paths": "tags/add"}


def seeded(desk: Desk) -> None:
    desk.server.seed(
        {"email_address": f"p{n}@example.com", "fields": {"first_name": f"Name {n}", "city": "Bonn"}} for n in PEOPLE
    )  # fmt: skip


def state(desk: Desk) -> dict[str, Any]:
    return {key: (one["status"], one["tags"], one["fields"]) for key, one in desk.contacts().items()}


async def stopped_when(
    desk: Desk, file: Path, when: Callable[[], bool], *faults: dict[str, Any], **options: Any
) -> Ended:
    """A sync with faults that is interrupted once something is so; what is on its way is finished."""
    async with desk.begun(file, **options) as run:
        await run.prepare()
        desk.server.faults(*faults, latency_ms=10)
        delivering = asyncio.ensure_future(deliver_all(run, run.delivery.deliver))
        while not when():
            assert not delivering.done()
            await asyncio.sleep(0.005)
        run.interrupt()
        await delivering
        desk.server.clear_faults()
        assert await run.finish() == 130
        assert run.ending is not None
        summary = run.ending.summary
        return Ended(run.id, 130, summary, run.opened.folder, [], [])


async def undo(desk: Desk, run: str, *allowed: str) -> Ended:
    found = await find_undo(desk.home, run, Listening())
    async with SyncRun(
        str(found.mapping_path), None, Options(allow=frozenset(allowed)), Listening(), undo=found
    ) as undoing:
        return await finish(undoing)


async def test_fields_that_landed_before_the_tags_did_are_counted_and_can_be_put_back(
    desk: Desk, person: Person
) -> None:
    seeded(desk)
    before, fired = state(desk), reasons_fired(desk.server)
    file = desk.file([person(n, City="Ulm", Tags="vip", Out="yes" if n < 4 else "") for n in PEOPLE])

    def some_have_moved() -> bool:
        return sum(one["fields"]["city"] == "Ulm" for one in desk.server.contacts()) >= 10

    stopped = await stopped_when(desk, file, some_have_moved, NO_TAGS)
    assert set(stopped.outcomes) <= {"unknown", "unsent"}
    ended = await desk.resume()
    assert ended.outcomes == {"updated": 20}
    assert {tuple(one["tags"]) for one in desk.server.contacts()} == {("vip",)}
    now_fired = reasons_fired(desk.server) - fired
    assert now_fired["FIELD_UPDATED", "city"] == 20
    assert now_fired <= counted(ended)
    assert ended.summary.consent.opted_out == 3
    undone = await undo(desk, ended.id, "resubscribes=3")
    assert undone.exit_code == 0
    assert state(desk) == before


async def test_tags_that_did_not_arrive_after_the_fields_did_leave_a_row_unknown(
    desk: Desk, person: Person
) -> None:
    seeded(desk)
    desk.server.faults(NO_TAGS)
    file = desk.file([person(1, City="Ulm", Tags="vip"), person(2, City="Bonn", Tags="vip")])
    ended = await desk.sync(file)
    assert (ended.row(1)["outcome"], ended.row(1)["code"]) == ("unknown", "no_clear_answer")
    assert "all else arrived, the tags did not" in (ended.folder / "failures.csv").read_text("utf-8")
    assert (ended.row(2)["outcome"], ended.row(2)["code"]) == ("failed", "not_delivered")
    desk.server.clear_faults()
    assert (await desk.sync(file)).outcomes == {"updated": 2}


async def test_an_older_run_that_is_closed_counts_what_of_it_landed(desk: Desk, person: Person) -> None:
    seeded(desk)
    file = desk.file([person(n, City="Ulm", Tags="vip") for n in PEOPLE])
    stopped = await stopped_when(
        desk, file, lambda: any(one["fields"]["city"] == "Ulm" for one in desk.server.contacts()), NO_TAGS
    )
    moved = sum(one["fields"]["city"] == "Ulm" for one in desk.server.contacts())
    await desk.sync(desk.file([person(n, City="Ulm", Tags="vip", First="New") for n in PEOPLE]))
    ledger = open_ledger(desk.home)
    old = ledger.runs.get(stopped.id)
    ledger.close()
    assert old is not None
    assert old.summary["status"] == "superseded"
    assert old.summary["automations"]["FIELD_UPDATED"] >= moved > 0


@pytest.mark.usefixtures("ledger_place")
async def test_opt_outs_of_one_row_that_landed_before_another_failed_stay_counted(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(n) for n in PEOPLE]))
    desk.server.seed({"email_address": f"new{n}@example.com"} for n in PEOPLE)
    file = desk.file([person(n, Email=f"new{n}@example.com", Keep="no", Out="yes") for n in PEOPLE])
    faults = [{"kind": "503", "paths": "upsert", "email": f"p{n}@example.com"} for n in PEOPLE]

    def out(which: str = "new") -> int:
        return sum(
            one["status"] == "UNSUBSCRIBED" and one["email_address"].startswith(which)
            for one in desk.server.contacts()
        )

    stopped = await stopped_when(desk, file, lambda: out() >= 3, *faults, allow=["opt_outs", "changes"])
    half = out()
    assert stopped.summary.consent.opted_out == half
    ended = await desk.resume()
    assert (out(), out("p")) == (20, 20)
    assert ended.summary.consent.opted_out == 40
    ledger = open_ledger(desk.home)
    before = [ledger.images.one(ended.id, n) for n in PEOPLE]
    ledger.close()
    assert {image.before["status"] for image in before if image and image.before} == {"SUBSCRIBED"}


async def test_nobody_who_is_left_alone_stays_subscribed_when_the_run_stops_before_their_opt_out(
    desk: Desk, person: Person
) -> None:
    people = range(1, 201)
    desk.server.seed({"email_address": f"p{n}@example.com"} for n in people)
    desk.mapping(write="create_only")
    file = desk.file([person(n, Out="yes") for n in people])
    desk.server.faults({"kind": "503", "paths": "upsert"})
    stopped = await desk.sync(file, allow=["opt_outs"])
    assert stopped.summary.status == "stopped"
    assert {one["status"] for one in desk.server.contacts()} == {"SUBSCRIBED"}
    desk.server.clear_faults()
    ended = await desk.resume()
    assert ended.outcomes == {"filtered": 200}
    assert {one["status"] for one in desk.server.contacts()} == {"UNSUBSCRIBED"}
    assert ended.summary.consent.opted_out == 200


async def test_an_answer_that_is_being_written_when_a_run_is_cut_off_counts_in_its_report(
    desk: Desk, person: Person
) -> None:
    people = range(1, 201)
    desk.server.seed({"email_address": f"p{n}@example.com"} for n in people)
    await interrupted(
        desk, desk.file([person(n, Out="yes") for n in people]), 1, now=True, allow=["opt_outs"]
    )
    ledger = open_ledger(desk.home)
    [run] = ledger.runs.unfinished()
    tally = tally_of(ledger.answers, run.id)
    ledger.close()
    assert tally.opted_out == run.summary["consent"]["opted_out"] == run.summary["outcomes"]["updated"] > 0
    assert by_name(tally.automations) == run.summary["automations"]


@pytest.mark.usefixtures("ledger_place")
async def test_an_undo_puts_back_what_landed_of_rows_that_need_a_person(desk: Desk, person: Person) -> None:
    seeded(desk)
    before = state(desk)
    desk.server.faults(NO_TAGS)
    ended = await desk.sync(desk.file([person(n, City="Ulm", Tags="vip") for n in PEOPLE if n < 4]))
    assert ended.outcomes == {"unknown": 3}
    assert state(desk) != before
    desk.server.clear_faults()
    undone = await undo(desk, ended.id)
    assert undone.outcomes == {"updated": 3}
    assert state(desk) == before
    again = await desk.sync(desk.file([person(n, City="Ulm", Tags="vip") for n in PEOPLE if n < 4]))
    assert again.outcomes == {"updated": 3}

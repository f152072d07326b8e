"""An undo on CampaignLark: what it puts back, what it leaves, and what the ledger knows after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import CannotStart
from flows.conformance.ended import Ended, Listening, finish
from flows.options import Options
from flows.pipeline import deliver_all
from flows.preview import Preview, preview
from flows.retry import open_retry
from flows.sync_run import SyncRun
from flows.undo import tag_of
from flows.undo_begun import find_undo
from tests.flows.conftest import Desk

Person = Callable[..., dict[str, str]]
CITIES = st.sampled_from(["", "Oslo", "Rome"])
TAGS = st.sets(st.sampled_from(["vip", "crm", "press"]), max_size=2)


async def undo(desk: Desk, run_id: str, *, tag: str | None = None, **options: Any) -> Ended:
    found = await find_undo(desk.home, run_id, Listening())
    options["allow"] = frozenset(options.get("allow", ()))
    given = Options(undo_tag=tag_of(found.run.id) if tag is None else tag, **options)
    async with SyncRun(str(found.mapping_path), None, given, Listening(), undo=found) as run:
        return await finish(run)


async def planned(desk: Desk, run_id: str, *allow: str) -> tuple[Preview, str]:
    found = await find_undo(desk.home, run_id, Listening(), plan=True)
    given = Options(verb="plan", undo_tag=tag_of(found.run.id), allow=frozenset(allow))
    async with SyncRun(str(found.mapping_path), None, given, Listening(), undo=found) as run:
        await run.open()
        await run.prepare()
        return await preview(run), run.question()


def state(desk: Desk) -> dict[str, Any]:
    return {
        key: (one["status"], sorted(one["tags"]), one["fields"]) for key, one in desk.contacts().items()
    }  # fmt: skip


@pytest.mark.usefixtures("ledger_place")
async def test_created_contacts_are_tagged_so_that_the_app_can_delete_them(
    desk: Desk, person: Person
) -> None:
    run = await desk.sync(desk.file([person(1), person(2), person(3, Out="yes")]))
    desk.server.seed([{"email_address": "p2@example.com", "tags": ["vip"]}])
    figures, question = await planned(desk, run.id)
    assert +figures.outcomes == {"updated": 2, "protected": 1}
    assert "for 3 contacts that it created" in question
    assert tag_of(run.id) in question
    undone = await undo(desk, run.id, unsubscribe_created=True)
    assert undone.per_row == ["updated", "protected", "updated"]
    assert undone.row(2)["code"] == "changed_since"
    there = desk.contacts()
    assert there["p1@example.com"]["tags"] == there["p3@example.com"]["tags"] == [tag_of(run.id)]
    assert there["p2@example.com"]["tags"] == ["vip"]
    assert [there[f"p{n}@example.com"]["status"] for n in (1, 2, 3)] == [
        "UNSUBSCRIBED",
        "SUBSCRIBED",
        "UNSUBSCRIBED",
    ]
    desk.server.delete("p1@example.com")
    again = await desk.sync(desk.file([person(1), person(2)]), allow=["shrunk"])
    assert again.per_row == ["created", "unchanged"], "deleted in the app, it is new to the next sync"


async def test_what_cannot_be_emptied_is_said_and_with_the_answer_of_the_account_it_is(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"first_name": "Old"}}])
    before = state(desk)
    run = await desk.sync(desk.file([person(1, City="Oslo")]))
    undone = await undo(desk, run.id)
    assert (undone.per_row, undone.summary.warnings) == (["updated"], {"not_emptied": 1})
    there = desk.contacts()["p1@example.com"]["fields"]
    assert (there["first_name"], there["city"]) == ("Old", "Oslo")
    answers = desk.folder / "answers.yml"
    answers.write_text(f"base_url: {desk.server.url}\nnull_value: clear\n", "utf-8")
    monkeypatch.setenv("CAMPAIGNLARK_ANSWERS", str(answers))
    desk.server.switch(null_value="clear")
    assert (await undo(desk, run.id)).per_row == ["updated"]
    assert state(desk) == before


async def test_an_address_that_a_run_changed_is_changed_back(desk: Desk, person: Person) -> None:
    first = await desk.sync(desk.file([person(1, City="Oslo")]))
    before = state(desk)
    run = await desk.sync(desk.file([person(1, City="Rome", Email="new@example.com")]), allow=["changes"])
    assert run.per_row == ["updated"]
    undone = await undo(desk, run.id)
    assert undone.per_row == ["updated"]
    assert state(desk) == before
    assert (await undo(desk, run.id)).per_row == ["unchanged"]
    assert (await desk.sync(desk.file([person(1, City="Oslo")]))).per_row == ["unchanged"]
    assert first.id != run.id


async def test_the_next_sync_delivers_again_what_was_undone_and_knows_what_came_before(
    desk: Desk, person: Person
) -> None:
    old, new = [person(n, City="Oslo") for n in (1, 2)], [person(n, City="Rome") for n in (1, 2)]
    await desk.sync(desk.file(old))
    run = await desk.sync(desk.file(new), allow=["changes"])
    desk.server.seed([{"email_address": "p2@example.com", "fields": {"city": "Theirs"}}])
    undone = await undo(desk, run.id)
    assert undone.per_row == ["updated", "protected"]
    before = desk.server.requests()["received"]
    assert (await desk.sync(desk.file(old), allow=["changes"])).per_row[0] == "unchanged"
    assert desk.server.requests()["received"] - before < 20
    assert desk.contacts()["p1@example.com"]["fields"]["city"] == "Oslo"
    await desk.sync(desk.file(new), allow=["changes"])
    assert desk.contacts()["p1@example.com"]["fields"]["city"] == "Rome"


async def test_what_a_later_run_wrote_otherwise_is_left_as_it_is(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, City="Oslo", First="One")]))
    run = await desk.sync(desk.file([person(1, City="Rome", First="Two")]), allow=["changes"])
    await desk.sync(desk.file([person(1, City="Bergen", First="Two")]), allow=["changes"])
    undone = await undo(desk, run.id)
    assert undone.per_row == ["updated"]
    there = desk.contacts()["p1@example.com"]["fields"]
    assert (there["city"], there["first_name"]) == ("Bergen", "One")


async def test_a_contact_that_is_gone_or_another_one_by_now_is_left_alone(desk: Desk, person: Person) -> None:
    desk.server.seed([{"email_address": f"p{n}@example.com", "fields": {"city": "Oslo"}} for n in (1, 2)])
    run = await desk.sync(desk.file([person(n, City="Rome") for n in (1, 2)]))
    for n in (1, 2):
        desk.server.delete(f"p{n}@example.com")
    desk.server.seed([{"email_address": "p2@example.com", "fields": {"city": "Rome"}}])
    undone = await undo(desk, run.id)
    assert [(row["outcome"], row["code"]) for row in undone.rows] == [
        ("protected", "gone"), ("protected", "identity_conflict"),
    ]  # fmt: skip


async def test_the_opt_out_of_a_row_that_was_left_out_is_given_back_as_well(
    desk: Desk, person: Person
) -> None:
    desk.server.seed([{"email_address": f"p{n}@example.com"} for n in range(1, 30)])
    before = state(desk)
    rows = [person(1, Keep="no", Out="yes"), person(2, City="Oslo")]
    run = await desk.sync(desk.file([*rows, *(person(n) for n in range(3, 30))]))
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"
    undone = await undo(desk, run.id, allow=["resubscribes=1"])
    assert undone.summary.consent.subscribed_again == 1
    assert state(desk)["p1@example.com"] == before["p1@example.com"]


async def test_what_is_no_run_to_be_undone_is_refused_with_the_reason(desk: Desk, person: Person) -> None:
    run = await desk.sync(desk.file([person(1)]))
    same = await desk.sync(desk.file([person(1)]))
    undone = await undo(desk, run.id)
    for name, words in (
        ("2001", "There is no run 2001"), (same.id, "changed nothing there"), (undone.id, f"undo, of the run {run.id}"),
    ):  # fmt: skip
        with pytest.raises(CannotStart, match=words):
            await find_undo(desk.home, name, Listening())
    rows = (undone.folder / "failures.csv").read_text("utf-8-sig").splitlines()
    file = desk.folder / "failures.csv"
    file.write_text(f"{rows[0]}\np1@example.com,{undone.id},1,2,p1@example.com,failed,,,,\n", "utf-8")
    with pytest.raises(CannotStart, match="is an undo"):
        open_retry(file)


async def test_a_run_that_was_cut_off_is_closed_before_it_is_undone(desk: Desk, person: Person) -> None:
    desk.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"first_name": "Old"}} for n in range(1, 41)]
    )
    before = state(desk)
    file = desk.file([person(n) for n in range(1, 41)])

    def stop(run: SyncRun, answers: int) -> None:
        if answers == 5:
            run.delivery.stop("interrupted")

    desk.server.faults(latency_ms=20)
    cut = await desk.sync(file, meanwhile=stop)
    desk.server.clear_faults()
    undone = await undo(desk, cut.id)
    assert undone.exit_code == 0
    assert state(desk) == before


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.lists(st.tuples(CITIES, TAGS), min_size=4, max_size=4),
    rows=st.lists(st.tuples(CITIES, TAGS), min_size=5, max_size=5),
    touched=st.sets(st.integers(1, 4), max_size=2),
)
async def test_after_a_sync_and_its_undo_everybody_is_as_before_except_where_it_is_said(
    desk: Desk, person: Person, there: list[Any], rows: list[Any], touched: set[int]
) -> None:
    desk.server.reset()
    for path in [desk.home] if desk.home.exists() else []:
        path.rename(path.with_name(f"home-{len(list(desk.folder.iterdir()))}"))
    desk.server.seed(
        [
            {"email_address": f"p{n}@example.com", "tags": sorted(tags), "fields": {"first_name": f"Name {n}", **({"city": city} if city else {})}}
            for n, (city, tags) in enumerate(there, start=1)
        ]
    )  # fmt: skip
    before = state(desk)
    file = desk.file(
        [person(n, City=city, Tags=";".join(sorted(tags))) for n, (city, tags) in enumerate(rows, start=1)]
    )
    run = await desk.sync(file)
    for n in touched:
        desk.server.seed([{"email_address": f"p{n}@example.com", "fields": {"city": "Theirs"}}])
    undone = await undo(desk, run.id, tag="")
    assert undone.exit_code == 0
    now = state(desk)
    for n, (city, _) in enumerate(there, start=1):
        key = f"p{n}@example.com"
        status, tags, fields = now[key]
        assert (status, tags) == before[key][:2]
        if n in touched:
            assert fields["city"] == "Theirs"
        elif city:
            assert fields == before[key][2]
        else:
            assert fields.pop("city", "") in ("", rows[n - 1][0])
            assert fields == before[key][2]
    said = {row["row"]: row["code"] for row in undone.rows}
    assert said[5] == "created_stays"


async def test_an_undo_that_is_cut_off_with_writes_on_their_way_is_finished_and_none_is_put_back_twice(
    desk: Desk, person: Person
) -> None:
    people = range(1, 41)
    desk.server.seed([{"email_address": f"p{n}@example.com", "tags": ["vip"], "fields": {"first_name": "Old", "city": "Rome"}} for n in people])  # fmt: skip
    before = state(desk)
    run = await desk.sync(
        desk.file([person(n, City="Oslo", Tags="crm", Out="yes" if n < 4 else "") for n in people])
    )
    found = await find_undo(desk.home, run.id, Listening())
    options = Options(allow=frozenset({"resubscribes=3"}))
    applied = desk.server.requests()["applied"]
    async with SyncRun(str(found.mapping_path), None, options, Listening(), undo=found) as undoing:
        await undoing.open()
        await undoing.prepare()
        desk.server.faults({"kind": "late", "paths": "upsert", "seconds": 3})
        delivering = asyncio.ensure_future(deliver_all(undoing, undoing.delivery.deliver))
        for _ in range(1000):
            await asyncio.sleep(0.005)
            if desk.server.requests()["applied"] - applied >= 10:
                break
        delivering.cancel()
        await delivering
    desk.server.clear_faults()
    resumed = await desk.resume()
    assert resumed.exit_code == 0
    assert resumed.summary.undoes == run.id
    assert state(desk) == before
    assert resumed.summary.consent.subscribed_again <= 3
    assert (await desk.sync(desk.file([person(n, City="Rome", First="Old") for n in people]))).outcomes == {
        "unchanged": 40
    }

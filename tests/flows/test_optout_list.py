"""A list of people who want no mail: whoever is there is unsubscribed, nobody is created, and it is remembered of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.sandbox.serving import Running, running
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.preview import preview
from flows.sync_run import SyncRun
from tests.connectors.larks import requiring
from tests.flows import test_loops_sync as loops
from tests.flows.conftest import Listening, finish

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ROOT = Path(__file__).parents[2]
LIST, TO_LOOPS = (ROOT / "mappings" / f"optouts_to_{kind}.yml" for kind in ("campaignlark", "loops"))
EXPECTED: dict[str, Any] = json.loads((ROOT / "sample_data" / "expected.json").read_text("utf-8"))
STATUSES = {"SUBSCRIBED": "UNSUBSCRIBED", "UNCONFIRMED": "UNSUBSCRIBED", "CLEANED": "CLEANED", "COMPLAINED": "COMPLAINED"}  # fmt: skip


def the_list(folder: Path, *addresses: str, header: str = "E-Mail,Grund") -> Path:
    path = folder / "out.csv"
    path.write_text("\n".join([header, *(f"{address},moved" for address in addresses)]) + "\n", "utf-8")
    return path


async def test_who_is_there_is_unsubscribed_and_nothing_else_of_them_changes(desk: Desk) -> None:
    desk.server.seed(
        {"email_address": f"{status}@example.com", "status": status, "tags": ["vip"], "fields": {"city": "Köln"}}
        for status in STATUSES
    )  # fmt: skip
    before = desk.contacts()
    people = [f"{status.upper()}@Example.com" for status in STATUSES]
    file = the_list(desk.folder, *people, "stranger@example.com")
    ended = await desk.sync(file, LIST, allow=["opt_outs=2"])
    assert ended.outcomes == {"updated": 2, "unchanged": 2, "filtered": 1}
    assert ended.row(5)["code"] == "not_there"
    assert ended.exit_code == 0
    there = desk.contacts()
    for status, wanted in STATUSES.items():
        now, old = (found[f"{status.lower()}@example.com"] for found in (there, before))
        assert now["status"] == wanted
        assert (now["fields"], now["tags"], now["id"]) == (old["fields"], old["tags"], old["id"])
    assert len(there) == len(STATUSES)
    assert ended.summary.consent.opted_out == 2


async def test_who_is_not_there_is_remembered_and_no_later_import_subscribes_them(
    desk: Desk, person: Person
) -> None:
    await desk.sync(the_list(desk.folder, "p1@example.com"), LIST)
    assert desk.contacts() == {}
    ended = await desk.sync(desk.file([person(1), person(2)]))
    assert ended.per_row == ["created", "created"]
    assert {key: one["status"] for key, one in desk.contacts().items()} == {
        "p1@example.com": "UNSUBSCRIBED",
        "p2@example.com": "SUBSCRIBED",
    }
    database = open_ledger(desk.home).database
    assert database.ask("select key, origin from consent") == [("p1@example.com", "optouts-to-campaignlark")]
    database.close()


async def test_with_leave_out_who_opted_out_and_is_not_there_is_filtered_whoever_said_it(
    desk: Desk, person: Person
) -> None:
    desk.mapping(
        consent={"opted_out": {"from": "Out", "when": "yes"}, "unknown_opted_out": "leave_out"},
    )
    desk.server.seed([{"email_address": "p4@example.com"}])
    await desk.sync(the_list(desk.folder, "p1@example.com"), LIST)
    file = desk.file([person(1), person(2, Out="yes"), person(3), person(4, Out="yes")])
    planned = await desk.plan(file)
    ended = await desk.sync(file)
    assert ended.outcomes == dict(+planned.outcomes) == {"filtered": 2, "created": 1, "updated": 1}
    assert {row["code"] for row in ended.rows[:2]} == {"unknown_opted_out"}
    assert "opted out" in ended.row(1)["reason"]
    assert {key: one["status"] for key, one in desk.contacts().items()} == {
        "p3@example.com": "SUBSCRIBED",
        "p4@example.com": "UNSUBSCRIBED",
    }


@pytest.mark.parametrize("header", ["Email Address,Reason", "EMAIL,x", "recipient,why", "e-mail,y"])
async def test_the_address_is_found_under_its_usual_names(desk: Desk, header: str) -> None:
    desk.server.seed([{"email_address": "p1@example.com"}])
    ended = await desk.sync(
        the_list(desk.folder, "p1@example.com", header=header), LIST, allow=["opt_outs=1"]
    )
    assert ended.per_row == ["updated"]


async def test_a_list_stops_until_its_number_is_typed_and_nothing_is_remembered_then(desk: Desk) -> None:
    desk.server.seed([{"email_address": f"p{n}@example.com"} for n in range(30)])
    file = the_list(desk.folder, *(f"p{n}@example.com" for n in range(30)))
    stopped = await desk.sync(file, LIST)
    assert (stopped.exit_code, stopped.outcomes) == (3, {"unsent": 30})
    database = open_ledger(desk.home).database
    assert database.ask("select count(*) from consent") == [(0,)]
    database.close()
    for given in ("opt_outs", "opt_outs=29", "opt_outs=31"):
        assert (await desk.sync(file, LIST, allow=[given])).exit_code == 3
    done = await desk.sync(file, LIST, allow=["opt_outs=30"])
    assert (done.outcomes, done.summary.overrides) == ({"updated": 30}, ["opt_outs"])


async def test_a_field_that_is_required_there_and_blank_keeps_nobody_from_being_unsubscribed(
    desk: Desk, tmp_path: Path
) -> None:
    with running("campaignlark", rate=0, workspace=requiring(tmp_path, "city")) as server:
        desk.use(server)
        server.seed([{"email_address": "p1@example.com", "fields": {"first_name": "Ann"}}])
        ended = await desk.sync(the_list(desk.folder, "p1@example.com"), LIST, allow=["opt_outs=1"])
        [one] = server.contacts()
    assert (ended.per_row, one["status"]) == (["updated"], "UNSUBSCRIBED")
    assert one["fields"] == {"first_name": "Ann"}
    assert ended.summary.consent.opted_out == 1


async def test_the_sample_ends_as_it_is_said_to(desk: Desk) -> None:
    wanted = EXPECTED["unsubscribed.csv"]
    planned = await desk.plan(None, LIST)
    ended = await desk.sync(None, LIST)
    assert ended.summary.outcomes.model_dump() == wanted["outcomes"]
    assert +planned.outcomes == {name: count for name, count in wanted["outcomes"].items() if count}
    assert ended.summary.warnings == wanted["warnings"]
    assert [row["row"] for row in ended.rows if row["outcome"] == "filtered"] == wanted["rows"]["filtered"]
    database = open_ledger(desk.home).database
    assert database.ask("select count(*) from consent") == [(wanted["opted_out_not_sent"],)]
    database.close()


# Loops


@pytest.fixture(scope="module")
def team() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def at_loops(team: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> loops.Desk:
    team.reset()
    monkeypatch.setattr(loops.Connector, "per_second", 2000.0)
    monkeypatch.setattr("connectors.pace.Pace.told", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return loops.Desk(tmp_path, team, monkeypatch)


async def test_at_loops_the_list_does_the_same(at_loops: loops.Desk) -> None:
    at_loops.server.seed(
        [
            {"email_address": "p1@example.com", "fields": {"userId": "1", "city": "Köln"}},
            {"email_address": "p2@example.com", "status": "UNSUBSCRIBED"},
        ]
    )
    before = at_loops.server.contacts("p1@example.com")[0]["fields"]
    file = the_list(at_loops.folder, "p1@example.com", "p2@example.com", "p3@example.com")
    one = frozenset({"opt_outs=1"})
    async with SyncRun(str(TO_LOOPS), str(file), Options(verb="plan", allow=one), Listening()) as run:
        await run.open()
        await run.prepare()
        planned = await preview(run)
    async with SyncRun(str(TO_LOOPS), str(file), Options(allow=one), Listening()) as run:
        ended = await finish(run)
    assert ended.per_row == ["updated", "unchanged", "filtered"]
    assert ended.outcomes == +planned.outcomes
    assert planned.opt_outs == 1
    people = {one["email_address"]: one for one in at_loops.server.contacts()}
    assert {key: one["status"] for key, one in people.items()} == {
        "p1@example.com": "UNSUBSCRIBED",
        "p2@example.com": "UNSUBSCRIBED",
    }
    assert people["p1@example.com"]["fields"] == before
    at_loops.mapping()
    async with at_loops.run(at_loops.file([loops.person(3)]), "sync") as run:
        assert (await finish(run)).per_row == ["created"]
    assert at_loops.server.contacts("p3@example.com")[0]["status"] == "UNSUBSCRIBED"


async def test_at_loops_leave_out_leaves_out_as_well(at_loops: loops.Desk) -> None:
    at_loops.mapping(consent={"opted_out": {"from": "Out", "when": "yes"}, "unknown_opted_out": "leave_out"})
    file = the_list(at_loops.folder, "p1@example.com")
    async with SyncRun(str(TO_LOOPS), str(file), Options(), Listening()) as run:
        await finish(run)
    people = [loops.person(1), loops.person(2, Out="yes"), loops.person(3)]
    ended = await at_loops.plan_then_sync(people)
    assert ended.outcomes == {"filtered": 2, "upserted": 1}
    assert [one["email_address"] for one in at_loops.server.contacts()] == ["p3@example.com"]

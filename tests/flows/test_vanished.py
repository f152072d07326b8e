"""People who vanished from a complete source: who they are, what is done with them, and what becomes of who comes back."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.conformance.ended import Ended, Listening, finish
from flows.finding import find
from flows.forgetting import forget
from flows.ledger import Ledger, Run, open_database
from flows.options import Options
from flows.plan_reporting import summed_up
from flows.preview import preview
from flows.report.summary import Summary
from flows.report.vanished import VanishedFacts, vanished_said
from flows.suppressions import SUPPRESSION_FILE
from flows.sync_run import SyncRun
from flows.vanished.parting import parted
from tests.flows.conftest import Desk
from tests.flows.test_undo import undo

Person = Callable[..., dict[str, str]]
COMPLETE = {"kind": "csv_file", "complete": True}
LEFT = {"set": {"city": "Gone"}, "tags": {"remove": ["crm"]}, "unsubscribe": True}
ALWAYS = {"from": "Tags", "split": ";", "always": ["crm"]}
SMALL = ("changes", "shrunk", "opt_outs", "invalid")


@dataclass(frozen=True)
class Synced:
    """A sync with the run for vanished people that followed it, where one did."""

    run: SyncRun
    ended: Ended
    summary: Summary
    folder: Path

    @property
    def facts(self) -> VanishedFacts:
        assert self.summary.vanished_details is not None
        return self.summary.vanished_details

    def listed(self) -> dict[str, dict[str, str]]:
        with (self.folder / "vanished.csv").open(encoding="utf-8-sig", newline="") as file:
            return {line["key"].split("@")[0]: line for line in csv.DictReader(file)}


async def sync(
    desk: Desk, rows: Iterable[Mapping[str, Any]], allow: Iterable[str] = ("changes",), **more: Any
) -> Synced:
    async with desk.begun(desk.file(rows), allow=allow, **more) as run:
        ended = await finish(run)
    ending = await parted(run)
    return Synced(run, ended, ending.summary, ended.folder)


def runs(desk: Desk) -> list[Run]:
    ledger = Ledger(open_database(desk.home))
    try:
        return ledger.runs.last(50)
    finally:
        ledger.close()


def complete(desk: Desk, vanished: Any = LEFT, **more: Any) -> None:
    desk.mapping(source=COMPLETE, tags=ALWAYS, vanished=vanished, **more)


async def test_who_is_no_longer_in_a_complete_source_is_listed_and_nothing_is_done(
    desk: Desk, person: Person
) -> None:
    complete(desk, "report")
    first = await sync(desk, [person(n) for n in range(1, 6)])
    assert (first.summary.vanished, first.facts.people) == (0, 0)
    before = desk.contacts()
    second = await sync(
        desk, [person(1), person(2), person(3, Keep="no"), person(4, Email="four@example.com")]
    )
    assert second.summary.vanished == 2
    assert {key: (line["person"], line["reason"], line["done"], line["last_run"]) for key, line in second.listed().items()} == {
        "p3": ("3", "filtered", "", first.run.id), "p5": ("5", "absent", "", first.run.id),
    }  # fmt: skip
    assert {k: v for k, v in desk.contacts().items() if k in ("p3@example.com", "p5@example.com")} == {
        k: before[k] for k in ("p3@example.com", "p5@example.com")
    }
    assert [run.verb for run in runs(desk)] == ["sync", "sync"]


async def test_what_the_mapping_says_is_done_once_with_those_who_vanished(desk: Desk, person: Person) -> None:
    complete(desk)
    await sync(desk, [person(n, City="Oslo") for n in range(1, 5)])
    second = await sync(desk, [person(1, City="Oslo"), person(2, City="Oslo")])
    assert (second.facts.people, second.facts.outcomes) == (2, {"updated": 2})
    there = desk.contacts()
    for n in (3, 4):
        one = there[f"p{n}@example.com"]
        assert (one["status"], one["tags"], one["fields"]["city"]) == ("UNSUBSCRIBED", [], "Gone")
    assert there["p1@example.com"]["tags"] == ["crm"]
    assert {line["done"] for line in second.listed().values()} == {second.facts.run}
    third = await sync(desk, [person(1, City="Oslo"), person(2, City="Oslo")])
    assert (third.facts.people, third.facts.done_before, third.facts.run) == (2, 2, None)


@pytest.mark.usefixtures("ledger_place")
async def test_who_comes_back_is_said_and_delivered_anew_and_stays_unsubscribed(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n, City="Oslo") for n in (1, 2, 3)]
    await sync(desk, rows)
    await sync(desk, rows[:1])
    back = await sync(desk, rows[:2])
    assert (back.facts.people, back.facts.back) == (1, 1)
    one = desk.contacts()["p2@example.com"]
    assert (one["status"], one["tags"], one["fields"]["city"]) == ("UNSUBSCRIBED", ["crm"], "Oslo")
    assert back.ended.per_row == ["unchanged", "updated"]
    assert (await sync(desk, rows[:2])).ended.per_row == ["unchanged", "unchanged"]
    again = await sync(desk, rows[:1])
    assert again.facts.outcomes == {"updated": 1}, "who vanishes once more is seen to once more"
    assert desk.contacts()["p2@example.com"]["fields"]["city"] == "Gone"


async def test_a_tag_that_somebody_else_gave_stays_theirs(desk: Desk, person: Person) -> None:
    complete(desk, {"tags": {"remove": ["crm"]}})
    desk.server.seed([{"email_address": "p2@example.com", "tags": ["crm"]}])
    await sync(desk, [person(1), person(2), person(3)])
    second = await sync(desk, [person(1)])
    there = desk.contacts()
    assert (there["p2@example.com"]["tags"], there["p3@example.com"]["tags"]) == (["crm"], [])
    assert second.facts.outcomes == {"updated": 1, "unchanged": 1}


async def test_too_many_stop_the_run_before_its_first_request_and_are_listed(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n) for n in range(1, 61)]
    await sync(desk, rows)
    before = desk.writes()
    changed = [{**row, "City": "Oslo"} for row in rows[:40]]
    stopped = await sync(desk, changed, allow=["changes", "opt_outs"])
    assert stopped.ended.exit_code == 3
    assert [(g.name, g.count, g.share) for g in stopped.summary.guards if g.tripped and not g.allowed] == [
        ("vanished", 20, 20 / 60)
    ]
    assert desk.writes() == before
    assert len(stopped.listed()) == 20
    assert (await sync(desk, changed, allow=["changes", "opt_outs", "vanished=19"])).ended.exit_code == 3
    done = await sync(desk, changed, allow=["changes", "opt_outs", "vanished=20"])
    assert (done.ended.exit_code, done.facts.outcomes) == (0, {"updated": 20})
    assert "vanished" in done.summary.overrides


async def test_those_who_would_be_unsubscribed_count_for_the_guard_of_opt_outs(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n) for n in range(1, 61)]
    await sync(desk, rows)
    stopped = await sync(desk, rows[:40], allow=["changes", "vanished"])
    assert [g.name for g in stopped.summary.guards if g.tripped and not g.allowed] == ["opt_outs"]


async def test_a_typed_guard_wants_exactly_the_number_of_those_who_vanished(
    desk: Desk, person: Person
) -> None:
    complete(desk, guards={"vanished": "typed"})
    await sync(desk, [person(n) for n in range(1, 5)])
    assert (await sync(desk, [person(1), person(2)])).ended.exit_code == 3
    assert (await sync(desk, [person(1), person(2)], allow=["vanished=3"])).ended.exit_code == 3
    assert (await sync(desk, [person(1), person(2)], allow=["vanished=2"])).facts.outcomes == {"updated": 2}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "the source is empty"),
        (range(1, 41), "the source has shrunk"),
    ],
)
async def test_nobody_vanishes_from_a_source_that_may_not_be_whole_whatever_is_allowed(
    desk: Desk, person: Person, rows: Iterable[int], why: str
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 101)])
    before = desk.contacts()
    allow = ["changes", "opt_outs", "vanished", "shrunk", "empty_source"]
    ran = await sync(desk, [person(n) for n in rows], allow=allow)
    assert (ran.summary.vanished, ran.facts.not_judged) == (None, why)
    assert desk.contacts() == before
    assert not (ran.folder / "vanished.csv").exists()


async def test_nobody_vanishes_from_a_source_with_a_row_that_cannot_be_read(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 4)])
    file = desk.file([person(1)])
    file.write_text(file.read_text("utf-8") + "2,p2@example.com,Two,Oslo,,,,,too,many\n", "utf-8")
    async with desk.begun(file, allow=["changes"]) as run:
        await finish(run)
    ending = await parted(run)
    assert ending.summary.vanished_details is not None
    assert ending.summary.vanished_details.not_judged == "1 of its rows cannot be read"


async def test_a_row_of_nobody_known_may_be_theirs_so_that_nothing_is_done(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 4)])
    known = await sync(desk, [person(1), person(2, Email="two at example.com"), person(3)])
    assert known.facts.people == 0, "an invalid row with a person id says that they are there"
    ran = await sync(desk, [person(1), person(3), {"Email": "two at example.com"}])
    assert (ran.facts.people, ran.facts.run) == (1, None)
    assert "1 row has neither a usable key nor a person id" in ran.facts.withheld
    assert desk.contacts()["p2@example.com"]["status"] == "SUBSCRIBED"


async def test_a_part_of_a_source_a_retry_and_a_source_that_is_not_complete_miss_nobody(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 4)])
    for more in ({"limit": 1}, {"only": "p1@example.com"}, {"opt_outs_only": True}):
        ran = await sync(desk, [person(1, City="Rome")], **more)
        assert ran.summary.vanished_details is None
    desk.mapping(tags=ALWAYS)
    assert (await sync(desk, [person(1)])).summary.vanished_details is None
    assert [run.verb for run in runs(desk)] == ["sync"] * 5


async def test_a_plan_counts_the_requests_and_automations_of_what_is_done_with_them_as_they_then_are(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n, City="Oslo") for n in range(1, 9)]
    await sync(desk, rows)
    desk.server.seed(
        [{"email_address": "p7@example.com", "status": "UNSUBSCRIBED", "fields": {"city": "Gone"}}]
    )
    desk.server.delete("p8@example.com")
    left = desk.file([person(1, City="Ulm"), *rows[1:3]])
    async with desk.run(left, verb="plan", allow=["changes"]) as run:
        await run.open()
        await run.prepare()
        plan = summed_up(run, await preview(run), exit_code=0)
    assert plan.vanished is not None
    assert [guard.count for guard in plan.guards if guard.name == "vanished"] == [5]
    assert plan.vanished.automations == {"FIELD_UPDATED": 3, "TAG_REMOVED": 4}
    assert plan.automations == {"FIELD_UPDATED": 4, "TAG_REMOVED": 4}
    [said] = vanished_said(plan.vanished, plan=True)
    assert f"That takes {plan.vanished.requests:,} requests." in said
    assert "It starts at most: TAG_REMOVED 4, FIELD_UPDATED 3." in said
    before = Counter(desk.server.automations()["counts"])
    done = await sync(desk, [person(1, City="Ulm"), *rows[1:3]])
    assert done.facts.automations == plan.vanished.automations
    fired = Counter(desk.server.automations()["counts"]) - before
    assert fired == Counter(plan.automations)


async def test_a_plan_says_who_would_be_seen_to_and_does_nothing(desk: Desk, person: Person) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 4)])
    before = desk.contacts()
    async with desk.run(desk.file([person(1)]), verb="plan") as run:
        await run.open()
        await run.prepare()
        assert run.vanished is not None
        assert run.vanished.facts(run.plan.rows, run.plan.guards).people == 2
    assert desk.contacts() == before
    assert (await sync(desk, [person(1)])).facts.new == 2, "the plan has not written them down"


async def test_who_is_gone_there_suppressed_or_somebody_else_by_now_is_left_alone(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 5)])
    for n in (2, 3):
        desk.server.delete(f"p{n}@example.com")
    desk.server.seed([{"email_address": "p3@example.com", "tags": ["crm"]}])
    (desk.home / SUPPRESSION_FILE).write_text("p4@example.com\n", "utf-8")
    before = desk.contacts()
    ran = await sync(desk, [person(1)])
    assert ran.facts.outcomes == {"protected": 3}
    assert desk.contacts() == before
    assert (await sync(desk, [person(1)])).facts.run is None, "it is not tried again every night"


async def test_a_run_for_vanished_people_is_undone_as_others_are_and_not_repeated(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n, City="Oslo") for n in (1, 2)]
    await sync(desk, rows)
    before = desk.contacts()["p2@example.com"]
    ran = await sync(desk, rows[:1])
    assert ran.facts.run is not None
    undone = await undo(desk, ran.facts.run, allow=["resubscribes=1"])
    assert undone.per_row == ["updated"]
    one = desk.contacts()["p2@example.com"]
    assert (one["status"], one["tags"], one["fields"]) == ("SUBSCRIBED", ["crm"], before["fields"])
    assert (await sync(desk, rows[:1])).facts.run is None
    assert (await sync(desk, rows)).ended.exit_code == 0
    assert desk.contacts()["p2@example.com"]["fields"] == before["fields"]


async def test_an_interrupted_run_for_vanished_people_is_resumed_or_taken_over(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    rows = [person(n) for n in range(1, 13)]
    await sync(desk, rows)

    async with desk.begun(desk.file(rows[:2]), allow=["changes"]) as run:
        await finish(run)
    farewell = run.next
    assert farewell is not None

    def stop(parting: SyncRun, answers: int) -> None:
        if answers == 3:
            parting.delivery.stop("interrupted")

    async with SyncRun(
        str(farewell.mapping_path), None, Options(), Listening(), farewell=farewell
    ) as parting:
        await parting.open()
        parting.register()
        cut = await finish(parting, meanwhile=stop)
    assert cut.exit_code == 130
    resumed = await desk.resume(cut.id)
    assert (resumed.exit_code, resumed.summary.acts_on) == (0, run.id)
    there = desk.contacts()
    assert {there[f"p{n}@example.com"]["status"] for n in range(3, 13)} == {"UNSUBSCRIBED"}
    assert (await sync(desk, rows[:2])).facts.done_before == 10


async def test_a_sync_that_is_resumed_sees_to_those_who_vanished_as_it_would_have(
    desk: Desk, person: Person
) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in range(1, 9)])

    def stop(run: SyncRun, answers: int) -> None:
        if answers == 2:
            run.delivery.stop("interrupted")

    file = desk.file([person(n, City="Oslo") for n in range(1, 7)])
    async with desk.begun(file, allow=["changes"]) as run:
        cut = await finish(run, meanwhile=stop)
    assert (cut.exit_code, run.next) == (130, None)
    async with desk.begun(file, allow=["changes"]) as again:
        await finish(again)
    ending = await parted(again)
    assert again.id == run.id
    assert ending.summary.vanished_details is not None
    assert ending.summary.vanished_details.outcomes == {"updated": 2}


async def test_who_is_forgotten_is_in_no_list_of_vanished_people_any_more(desk: Desk, person: Person) -> None:
    complete(desk)
    await sync(desk, [person(n) for n in (1, 2, 3)])
    ran = await sync(desk, [person(1)])
    ledger = Ledger(open_database(desk.home))
    try:
        found = find(ledger, "p2@example.com")
        assert [(one.key, one.done) for _, one in found.missed] == [("p2@example.com", ran.facts.run)]
        assert forget(desk.home, ledger, found.who).left == []
        assert ledger.vanished.of(1, "people").keys() == {"p3@example.com"}
    finally:
        ledger.close()
    assert ran.listed().keys() == {"p3"}

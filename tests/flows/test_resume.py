"""An interrupted run is finished: nothing that has an answer is sent again, and what is unclear is settled first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from connectors.errors import CannotStart, SourceError
from flows import sync_run
from flows.conformance.ended import Ended
from flows.ledger.opening import open_ledger
from flows.report.verdict import verdict
from flows.trend import needing
from tests.flows.interrupting import UNHEARD, interrupted

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
LOOKED_UP = ("created", "looked_up")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are some that nobody has begun with when a run is interrupted."""
    monkeypatch.setattr(sync_run, "BATCH", 20)


def states(desk: Desk) -> list[str]:
    ledger = open_ledger(desk.home)
    found = [run.state for run in reversed(ledger.runs.last())]
    ledger.close()
    return found


def writes_of(desk: Desk) -> set[int]:
    """How often contacts were written."""
    return {one["writes"] for one in desk.server.contacts()}


@pytest.mark.usefixtures("ledger_place")
async def test_the_next_sync_of_the_same_mapping_and_file_finishes_the_run(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(n) for n in range(1, 101)]))
    before = Counter(desk.server.automations()["counts"])
    file = desk.file([person(n, City="Ulm", Tags="vip") for n in range(1, 151)])
    desk.server.faults(latency_ms=5)
    await interrupted(desk, file, 40, allow=["changes"])
    desk.server.clear_faults()
    there = sum(one["fields"].get("city") == "Ulm" for one in desk.server.contacts())
    assert 40 <= there < 150
    ended = await desk.sync(file)
    assert ended.outcomes == {"updated": 100, "created": 50}
    assert {one["fields"]["city"] for one in desk.server.contacts()} == {"Ulm"}
    assert max(writes_of(desk)) <= 3, "created, updated, tagged"
    assert states(desk) == ["completed", "completed"]
    [interruption] = ended.summary.interruptions
    assert (interruption.how, interruption.answered, interruption.unclear) == ("interrupted", there, 0)
    fired = Counter(desk.server.automations()["counts"]) - before
    assert fired <= Counter(ended.summary.automations)
    assert [line for line in ended.said if line.startswith("resume")] == [
        f"resume    the run {ended.id} was interrupted: {there} of 150 rows have their answer and are not sent again."
    ]
    assert (await desk.sync(file)).outcomes == {"unchanged": 150}


async def test_what_may_have_been_sent_is_looked_up_and_not_sent_twice(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    there = len(desk.server.contacts())
    ended = await desk.resume()
    assert ended.outcomes == {"created": 100}
    assert writes_of(desk) == {1}
    [interruption] = ended.summary.interruptions
    assert interruption.unclear > 0
    codes = Counter((row["outcome"], row["code"]) for row in ended.rows)
    assert codes[LOOKED_UP] == there - interruption.answered
    assert codes["created", "sent_again"] == interruption.unclear - codes[LOOKED_UP]


async def test_what_is_not_settled_yet_is_unknown_in_the_report(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    ledger = open_ledger(desk.home)
    [run] = ledger.runs.unfinished()
    unclear = ledger.answers.open_intents(run.id)
    ledger.close()
    outcomes = run.summary["outcomes"]
    assert outcomes["unknown"] == unclear > 0
    assert sum(outcomes.values()) == 100
    assert (await desk.resume()).outcomes == {"created": 100}


async def test_who_may_have_been_sent_needs_no_person_as_long_as_a_resume_can_look(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_run, "BATCH", 250)
    file = desk.file([person(n) for n in range(1, 501)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    ended = await desk.resume(meanwhile=lambda run, number: run.interrupt() if number == 1 else None)
    assert ended.exit_code == 130
    assert ended.summary.unclear == ended.outcomes["unknown"] > 0
    assert ended.summary.needing == 0
    assert "may have been sent" in verdict(ended.summary)
    assert "need a person" not in verdict(ended.summary)
    ledger = open_ledger(desk.home)
    [run] = ledger.runs.unfinished()
    ledger.close()
    assert needing(run) == 0
    done = await desk.resume()
    assert (done.outcomes, done.summary.unclear) == ({"created": 500}, 0)
    assert writes_of(desk) == {1}


async def test_a_changed_contact_that_was_sent_unheard_counts_as_updated(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n) for n in range(1, 101)]))
    file = desk.file([person(n, City="Ulm") for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True, allow=["changes"])
    desk.server.clear_faults()
    ended = await desk.resume()
    assert ended.outcomes == {"updated": 100}
    assert writes_of(desk) == {2}
    assert {one["fields"]["city"] for one in desk.server.contacts()} == {"Ulm"}


async def test_who_is_looked_up_one_by_one_is_settled_as_well(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.destinations.campaignlark import Connector

    async def too_many(_: Connector) -> tuple[int, int]:
        return 10**9, 10**9

    monkeypatch.setattr(Connector, "count", too_many)
    file = desk.file([person(n) for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    ended = await desk.resume()
    assert set(ended.outcomes) <= {"created", "upserted"}
    assert ended.summary.outcomes.of("created", "upserted") == 100
    assert writes_of(desk) == {1}


async def test_a_mapping_that_only_creates_knows_its_own_creations_again(desk: Desk, person: Person) -> None:
    desk.mapping(write="create_only")
    file = desk.file([person(n) for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    assert (await desk.resume()).outcomes == {"created": 100}
    assert writes_of(desk) == {1}


async def test_consent_is_read_when_a_row_is_sent_and_not_taken_from_the_plan(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    await interrupted(desk, file, 10)
    missing = [n for n in range(1, 101) if person(n)["Email"].casefold() not in desk.contacts()]
    out, suppressed = person(missing[0])["Email"], person(missing[1])["Email"]
    desk.server.seed([{"email_address": out, "status": "UNSUBSCRIBED"}])
    (desk.home / "suppress.txt").write_text(f"{suppressed}\n", "utf-8")
    ended = await desk.resume()
    assert desk.contacts()[out.casefold()]["status"] == "UNSUBSCRIBED"
    assert suppressed.casefold() not in desk.contacts()
    assert ended.row(missing[1])["outcome"] == "protected"


async def test_who_was_sent_unheard_and_is_suppressed_since_counts_as_what_they_became(
    desk: Desk, person: Person
) -> None:
    desk.server.seed({"email_address": f"p{n}@example.com"} for n in range(1, 21))
    file = desk.file([person(n) for n in range(1, 41)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 5, now=True)
    desk.server.clear_faults()
    there = {n for n in range(1, 41) if (one := desk.contacts().get(f"p{n}@example.com")) and one["fields"]}
    fired = Counter(desk.server.automations()["counts"])
    (desk.home / "suppress.txt").write_text("".join(f"p{n}@example.com\n" for n in range(1, 41)), "utf-8")
    ended = await desk.resume()
    assert {n for n in range(1, 41) if ended.row(n)["outcome"] in ("created", "updated")} == there
    assert ended.summary.outcomes.protected == 40 - len(there)
    assert fired <= Counter(ended.summary.automations)


async def test_opt_outs_of_rows_that_are_not_sent_are_carried_once(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(n) for n in range(1, 41)]))
    rows = [person(n, Keep="no", Out="yes") if n % 4 == 0 else person(n, City="Ulm") for n in range(1, 41)]
    file = desk.file(rows)
    await interrupted(desk, file, 5, allow=["changes", "opt_outs"])
    ended = await desk.resume()
    assert ended.outcomes == {"updated": 30, "filtered": 10}
    assert ended.summary.consent.opted_out == 10
    assert Counter(one["status"] for one in desk.server.contacts()) == {"SUBSCRIBED": 30, "UNSUBSCRIBED": 10}


async def test_a_limit_counts_what_was_sent_before_the_interruption(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 151)])
    await interrupted(desk, file, 20, limit=90)
    ended = await desk.resume()
    assert len(desk.server.contacts()) == 90
    assert ended.outcomes == {"created": 90, "unsent": 60}
    assert states(desk) == ["limited"]


async def test_a_run_may_be_interrupted_more_than_once_and_has_one_report(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 151)])
    await interrupted(desk, file, 20)
    await interrupted(desk, file, 20)
    ended = await desk.sync(file)
    assert ended.outcomes == {"created": 150}
    assert [one.how for one in ended.summary.interruptions] == ["interrupted"] * 2
    assert states(desk) == ["completed"]
    assert len(list((desk.home / "runs").iterdir())) == 1


async def test_with_a_changed_file_the_old_run_is_closed_and_a_new_one_begins(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    there = len(desk.server.contacts())
    file = desk.file([person(n, City="Ulm" if n > 90 else "Köln") for n in range(1, 111)])
    ended = await desk.sync(file, allow=["changes"])
    assert states(desk) == ["superseded", "completed"]
    assert ended.summary.outcomes.of("created", "updated", "unchanged") == 110
    assert ended.summary.outcomes.created + there >= 110
    ledger = open_ledger(desk.home)
    old = ledger.runs.last()[-1]
    ledger.close()
    assert old.summary["status"] == "superseded"
    assert old.summary["balanced"]
    assert old.summary["outcomes"]["created"] == there, "what may have been sent was looked up"
    assert old.summary["outcomes"]["unknown"] == 0


async def test_with_a_changed_mapping_the_old_run_is_closed_with_its_own_mapping(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    await interrupted(desk, file, 20)
    desk.mapping(
        fields={"email_address": {"from": "Email", "type": "email"}, "first_name": {"value": "Friend"}}
    )
    ended = await desk.sync(file, allow=["changes"])
    assert states(desk) == ["superseded", "completed"]
    assert ended.summary.outcomes.of("created", "updated") == 100
    assert {one["fields"]["first_name"] for one in desk.server.contacts()} == {"Friend"}


async def test_a_resume_goes_on_with_the_rows_and_the_mapping_that_the_run_read(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n, City="Köln") for n in range(1, 101)])
    await interrupted(desk, file, 20)
    file.write_text("gone", "utf-8")
    (desk.folder / "people.yml").write_text("name: [", "utf-8")
    ended = await desk.resume()
    assert ended.outcomes == {"created": 100}
    assert {one["fields"]["city"] for one in desk.server.contacts()} == {"Köln"}


async def test_a_resume_skips_who_was_delivered_by_a_later_run(desk: Desk, person: Person) -> None:
    file = desk.file([person(n, City="Köln") for n in range(1, 101)])
    await interrupted(desk, file, 20)
    missing = next(n for n in range(1, 101) if person(n)["Email"].casefold() not in desk.contacts())
    key = person(missing)["Email"]
    other = desk.file([person(missing, City="Newer")], "other.csv")
    later = await desk.sync(other)
    assert any("muster resume" in line for line in later.said), "the other file's run does not close it"
    ended = await desk.resume(desk_run(desk))
    assert desk.contacts()[key.casefold()]["fields"]["city"] == "Newer"
    assert (ended.row(missing)["outcome"], ended.row(missing)["code"]) == ("filtered", "newer_delivered")
    again = await desk.sync(desk.file([person(n, City="Köln") for n in range(1, 101)], "people.csv"))
    assert again.outcomes in ({"unchanged": 99, "updated": 1}, {"unchanged": 100})


async def test_nothing_is_unclear_of_whom_a_later_run_has_delivered_otherwise(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n, City="Köln") for n in range(1, 101)])
    desk.server.faults(UNHEARD, seed=5)
    await interrupted(desk, file, 20, now=True)
    desk.server.clear_faults()
    run = desk_run(desk)
    ledger = open_ledger(desk.home)
    unclear = sorted(ledger.answers.unclear(run))
    ledger.close()
    other = desk.file([person(n, City="Newer") for n in unclear], "other.csv")
    await desk.sync(other, allow=["changes", "shrunk"])
    ended = await desk.resume(run)
    assert {(ended.row(n)["outcome"], ended.row(n)["code"]) for n in unclear} == {
        ("filtered", "newer_delivered")
    }
    assert {desk.contacts()[person(n)["Email"].casefold()]["fields"]["city"] for n in unclear} == {"Newer"}


def desk_run(desk: Desk) -> str:
    ledger = open_ledger(desk.home)
    [run] = ledger.runs.unfinished()
    ledger.close()
    return run.id


async def test_a_later_complete_run_of_the_same_file_supersedes_it(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    await interrupted(desk, file, 20, limit=90)
    await desk.sync(file)
    assert states(desk) == ["superseded", "completed"]
    with pytest.raises(IndexError):
        await desk.resume()


async def test_a_run_whose_rows_are_gone_cannot_be_resumed_and_its_sync_begins_anew(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    await interrupted(desk, file, 20)
    for part in (desk.home / "runs").glob("*/spool/*.parquet"):
        part.unlink()
    with pytest.raises(SourceError, match="not kept any more"):
        await desk.resume()
    ended = await desk.sync(file)
    assert ended.summary.outcomes.of("created", "unchanged") == 100
    assert writes_of(desk) == {1}
    assert states(desk) == ["superseded", "completed"]


async def test_two_that_resume_one_run_do_not_both_do_it(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    await interrupted(desk, file, 20)
    run = desk_run(desk)
    assert (await desk.resume(run)).outcomes == {"created": 100}
    with pytest.raises(CannotStart, match="not interrupted any more: completed"):
        await desk.resume(run)


async def test_a_run_that_sent_nothing_is_closed_and_not_resumed(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 101)])
    async with desk.begun(file) as run:
        await run.prepare()
    assert states(desk) == ["interrupted"]
    ended: Ended = await desk.sync(file)
    assert ended.summary.interruptions == []
    assert ended.outcomes == {"created": 100}

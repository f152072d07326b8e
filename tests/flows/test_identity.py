"""Who is who: no address with two persons, no person with two addresses, and nobody's contact is written over."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError

if TYPE_CHECKING:
    from conftest import Desk, Ended

    Person = Callable[..., dict[str, str]]


def statuses(desk: Desk) -> dict[str, str]:
    return {key: one["status"] for key, one in desk.contacts().items()}


def codes(ended: Ended) -> list[tuple[str, str]]:
    return [(row["outcome"], row["code"]) for row in ended.rows]


async def planned_and_done(desk: Desk, file: Any) -> Ended:
    """A sync, and the plan before it said the same."""
    planned = await desk.plan(file)
    ended = await desk.sync(file)
    assert ended.outcomes == +planned.outcomes
    said = Counter(
        {why: count for (outcome, why), count in planned.reasons.items() if outcome == "protected"}
    )
    assert said.total() == planned.outcomes["protected"], "a plan says why each of them is left alone"
    return ended


CONFLICT = ("protected", "identity_conflict")


# ---- one address, several persons


async def test_an_address_with_two_persons_is_left_alone(desk: Desk, person: Person) -> None:
    file = desk.file([person(1), person(2, Email="P1@example.com"), person(3)])
    ended = await planned_and_done(desk, file)
    assert codes(ended) == [CONFLICT, CONFLICT, ("created", "")]
    assert ended.row(1)["reason"] == (
        "row 2 has the same address and another person id: merge the two in the source, or correct an address"
    )
    assert ended.row(2)["reason"].startswith("row 1 has the same address and another person id: ")
    assert set(desk.contacts()) == {"p3@example.com"}
    assert ended.summary.consent.protected == 2
    assert ended.exit_code == 0
    assert "another row has the same address" in (ended.folder / "report.html").read_text("utf-8")


async def test_a_row_without_a_person_id_shares_the_conflict_of_its_address(
    desk: Desk, person: Person
) -> None:
    rows = [person(1), person(1), person(2, Email="p1@example.com"), person(9, Id="", Email="p1@example.com")]
    ended = await desk.sync(desk.file(rows))
    assert codes(ended) == [CONFLICT] * 4
    named = [row["reason"].split(" has ")[0] for row in ended.rows]
    assert named == ["row 3", "row 3", "row 1", "row 1"]


async def test_rows_without_a_person_id_are_no_conflict_of_their_own(desk: Desk, person: Person) -> None:
    rows = [person(1), person(9, Id="", Email="p1@example.com"), person(8, Id=""), person(8, Id="")]
    assert (await desk.sync(desk.file(rows))).per_row == ["duplicate", "created", "duplicate", "created"]


async def test_a_row_that_is_left_out_anyway_makes_no_conflict(desk: Desk, person: Person) -> None:
    rows = [
        person(1),
        person(2, Email="p1@example.com", Keep="no"),
        person(3, Email="p1@example.com", Score="x"),
    ]
    assert (await desk.sync(desk.file(rows))).per_row == ["created", "filtered", "invalid"]


async def test_an_address_that_is_rejected_for_its_duplicates_stays_invalid(
    desk: Desk, person: Person
) -> None:
    desk.mapping(duplicates="reject")
    ended = await desk.sync(desk.file([person(1), person(2, Email="p1@example.com")]))
    assert codes(ended) == [("invalid", "duplicate_rejected")] * 2


async def test_the_opt_out_of_an_address_with_two_persons_is_carried(desk: Desk, person: Person) -> None:
    desk.server.seed([{"email_address": "p1@example.com"}])
    ended = await desk.sync(desk.file([person(1, Out="yes"), person(2, Email="p1@example.com")]))
    assert codes(ended) == [CONFLICT] * 2
    assert statuses(desk) == {"p1@example.com": "UNSUBSCRIBED"}
    assert ended.summary.consent.opted_out == 1


async def test_without_person_rows_of_one_address_are_duplicates_as_ever(desk: Desk, person: Person) -> None:
    desk.mapping(person=None)
    rows = [person(1), person(2, Email="p1@example.com"), person(2)]
    assert (await desk.sync(desk.file(rows))).per_row == ["duplicate", "created", "created"]


# ---- one person, several addresses


async def test_a_person_with_two_addresses_is_left_alone(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    before = desk.writes()
    rows = [person(1), person(1, Email="new@example.com"), person(1, Email="NEW@example.com"), person(2)]
    ended = await planned_and_done(desk, desk.file(rows))
    assert codes(ended) == [CONFLICT, ("duplicate", "same_key"), CONFLICT, ("unchanged", "delivered_before")]
    assert ended.row(1)["reason"] == (
        "row 3 has the same person id and another address: keep the right one of them in the source"
    )
    assert ended.row(2)["reason"] == "row 3 has the same key and stands for both"
    assert desk.writes() == before


async def test_the_opt_out_of_a_person_with_two_addresses_is_carried_to_all_of_them(
    desk: Desk, person: Person
) -> None:
    desk.server.seed([{"email_address": f"{name}@example.com"} for name in ("a", "b", "c", "d")])
    rows = [
        person(1, Email="a@example.com"), person(1, Email="b@example.com", Out="yes"),
        person(1, Email="c@example.com", Keep="no"), person(2, Email="d@example.com"),
    ]  # fmt: skip
    ended = await desk.sync(desk.file(rows))
    assert ended.per_row == ["protected", "protected", "filtered", "updated"]
    assert statuses(desk) == {
        "a@example.com": "UNSUBSCRIBED", "b@example.com": "UNSUBSCRIBED", "c@example.com": "UNSUBSCRIBED",
        "d@example.com": "SUBSCRIBED",
    }  # fmt: skip


async def test_a_row_without_an_id_wins_for_the_person_whose_rows_it_stands_for(
    desk: Desk, person: Person
) -> None:
    rows = [person(1), person(9, Id="", Email="p1@example.com"), person(1, Email="new@example.com")]
    ended = await desk.sync(desk.file(rows))
    assert ended.per_row == ["duplicate", "protected", "protected"]


# ---- across time


async def test_a_changed_address_moves_the_contact(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    ids = {key: one["id"] for key, one in desk.contacts().items()}
    moved = desk.file([person(1, Email="new@example.com"), person(2)])
    assert (await planned_and_done(desk, moved)).per_row == ["updated", "unchanged"]
    there = {key: one["id"] for key, one in desk.contacts().items()}
    assert there == {"new@example.com": ids["p1@example.com"], "p2@example.com": ids["p2@example.com"]}


async def test_an_opt_out_known_under_the_old_address_holds_under_the_new(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, Out="yes")]))
    desk.server.seed([{"email_address": "p1@example.com", "status": "SUBSCRIBED"}])
    await desk.sync(desk.file([person(1, Email="new@example.com")]))
    assert statuses(desk) == {"new@example.com": "UNSUBSCRIBED"}


@pytest.mark.parametrize("left_out", [{"Keep": "no"}, {"Score": "many"}], ids=["filtered", "invalid"])
@pytest.mark.parametrize("first", ["the new address", "the old address"])
async def test_the_opt_out_of_a_row_that_is_left_out_goes_with_its_person_to_the_new_address(
    desk: Desk, person: Person, left_out: dict[str, str], first: str
) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    rows = [person(1, Email="new@example.com"), person(1, Out="yes", **left_out), person(2)]
    if first == "the old address":
        rows[:2] = rows[1::-1]
    ended = await desk.sync(desk.file(rows))
    assert sorted(ended.per_row[:2]) == sorted(["updated", "filtered" if "Keep" in left_out else "invalid"])
    there = {"new@example.com": "UNSUBSCRIBED", "p2@example.com": "SUBSCRIBED"}
    assert statuses(desk) == there  # one contact, not two
    writes = desk.writes()
    again = await planned_and_done(desk, desk.file(rows))
    assert again.outcomes.get("unchanged") == 2
    assert (statuses(desk), desk.writes()) == (there, writes)
    assert "delivered_before" in {row["code"] for row in again.rows}


async def test_a_plan_and_its_sync_count_the_opt_out_of_a_conflict_under_both_addresses(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1), person(2), person(3)]))
    rows = [
        person(2, Email="p3@example.com", Out="yes"),
        person(3, Email="new@example.com"),
        person(1, Keep="no", Out="yes"),
    ]
    planned = await desk.plan(desk.file(rows))
    ended = await desk.sync(desk.file(rows))
    assert ended.per_row == ["protected", "updated", "filtered"]
    assert planned.opt_outs == ended.summary.consent.opted_out == 3
    assert planned.requests + planned.reading == ended.summary.requests.sent


async def test_an_opt_out_in_any_row_of_a_person_is_theirs_under_all_of_their_addresses(
    desk: Desk, person: Person
) -> None:
    desk.server.seed([{"email_address": f"{name}@example.com"} for name in ("a", "b")])
    rows = [
        person(1), person(1, Email="a@example.com", Keep="no", Out="yes"), person(1, Email="b@example.com", Keep="no"),
        person(2),
    ]  # fmt: skip
    ended = await planned_and_done(desk, desk.file(rows))
    assert ended.per_row == ["created", "filtered", "filtered", "created"]
    assert statuses(desk) == {
        "p1@example.com": "UNSUBSCRIBED", "a@example.com": "UNSUBSCRIBED", "b@example.com": "UNSUBSCRIBED",
        "p2@example.com": "SUBSCRIBED",
    }  # fmt: skip


async def test_who_comes_to_be_opted_out_in_another_row_is_sent_once_more_and_then_never_again(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    rows = [person(1), person(2), person(1, Email="else@example.com", Keep="no", Out="yes")]
    assert (await planned_and_done(desk, desk.file(rows))).per_row == ["updated", "unchanged", "filtered"]
    assert statuses(desk) == {"p1@example.com": "UNSUBSCRIBED", "p2@example.com": "SUBSCRIBED"}
    ended = await planned_and_done(desk, desk.file(rows))
    assert codes(ended)[:2] == [("unchanged", "delivered_before")] * 2


async def test_two_persons_who_swapped_their_addresses_are_left_alone(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    there, writes = desk.contacts(), desk.writes()
    swapped = desk.file([person(1, Email="p2@example.com"), person(2, Email="p1@example.com")])
    for _ in range(2):
        assert codes(await planned_and_done(desk, swapped)) == [CONFLICT] * 2
    assert (desk.contacts(), desk.writes()) == (there, writes)


async def test_an_address_that_passes_on_waits_until_its_first_person_has_moved(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)]))
    [first] = desk.server.contacts()
    rows = desk.file([person(2, Email="p1@example.com"), person(1, Email="new@example.com")])
    ended = await planned_and_done(desk, rows)
    assert codes(ended) == [CONFLICT, ("updated", "")]
    assert "row 2 has the person to whom this address was delivered" in ended.row(1)["reason"]
    assert desk.contacts()["new@example.com"]["id"] == first["id"]
    assert (await planned_and_done(desk, rows)).per_row == ["created", "unchanged"]
    there = desk.contacts()
    assert {key: one["fields"]["first_name"] for key, one in there.items()} == {
        "p1@example.com": "Name 2", "new@example.com": "Name 1",
    }  # fmt: skip
    writes = desk.writes()
    assert (await desk.sync(rows)).outcomes == {"unchanged": 2}
    assert desk.writes() == writes


async def test_no_file_of_persons_is_left_behind(desk: Desk, person: Person) -> None:
    file = desk.file([person(1), person(1, Email="new@example.com"), person(2)])
    await desk.plan(file)
    await desk.sync(file)
    with pytest.raises(SourceError):
        await desk.sync(file, only="nobody@example.com")
    assert not [*desk.home.rglob("whereabouts*"), *desk.home.rglob("persons*")]


async def test_a_look_up_tells_why_an_address_is_still_somebody_elses(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1), person(3)]))
    rows = [
        person(2, Email="p1@example.com"), person(1, Email="new@example.com"), person(4, Email="p3@example.com"),
        person(5),
    ]  # fmt: skip
    async with desk.run(desk.file(rows)) as run:
        await run.open()
        await run.prepare()
        [batch] = run.to_deliver()
        looked_up = await run.delivery.hearing.look_up(batch)
    conflicts = {key: memory.conflict for key, (_, memory, _) in looked_up.items() if memory is not None}
    assert conflicts.pop("p1@example.com").startswith(
        "row 2 has the person to whom this address was delivered"
    )
    assert set(conflicts.values()) == {""}


async def test_a_row_without_an_id_waits_for_whom_its_address_was(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    rows = desk.file([person(9, Id="", Email="p1@example.com"), person(1, Email="new@example.com")])
    assert (await desk.sync(rows)).per_row == ["protected", "updated"]
    assert (await desk.sync(rows)).per_row == ["created", "unchanged"]


async def test_whoever_is_gone_from_the_file_leaves_the_address_to_the_next(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)]))
    ended = await desk.sync(desk.file([person(2, Email="p1@example.com")]))
    assert ended.per_row == ["updated"]
    assert desk.contacts()["p1@example.com"]["fields"]["first_name"] == "Name 2"


async def test_whoever_is_filtered_or_has_no_address_is_not_waited_for(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    rows = [
        person(3, Email="p1@example.com"), person(1, Email="x@example.com", Keep="no"),
        person(4, Email="p2@example.com"), person(2, Email=""),
    ]  # fmt: skip
    assert (await desk.sync(desk.file(rows))).per_row == ["updated", "filtered", "updated", "invalid"]


async def test_an_opt_out_for_an_address_that_somebody_leaves_makes_no_contact_of_its_own(
    desk: Desk, person: Person
) -> None:
    few = range(1, 30)
    await desk.sync(desk.file(person(n) for n in few))
    pairs = [
        (person(n, Email=f"new{n}@example.com"), person(n + 100, Email=f"p{n}@example.com", Out="yes"))
        for n in few
    ]
    rows = [row for pair in pairs for row in pair]
    ended = await desk.sync(desk.file(rows), allow=["opt_outs"])
    assert ended.outcomes == {"updated": 29, "protected": 29}
    assert set(desk.contacts()) == {f"new{n}@example.com" for n in few}
    await desk.sync(desk.file(rows), allow=["opt_outs"])
    there = desk.contacts()
    assert {there[f"p{n}@example.com"]["status"] for n in few} == {"UNSUBSCRIBED"}


# ---- whatever the files say

PERSONS, ADDRESSES = ["1", "2", "3", ""], [f"{name}@example.com" for name in "abcd"]
ROW = st.builds(
    lambda number, address, out, keep: {
        "Id": number, "Email": address, "First": f"of {number or 'nobody'}", "Out": out, "Keep": keep,
    },
    st.sampled_from(PERSONS),
    st.sampled_from(ADDRESSES),
    st.sampled_from(["", "", "", "yes"]),
    st.sampled_from(["", "", "", "no"]),
)  # fmt: skip
FILE = st.lists(ROW, min_size=1, max_size=6)
_numbers = itertools.count(1)


def of_persons(desk: Desk) -> Counter[str]:
    """How many contacts there are of each person who has an id."""
    return Counter(one["fields"]["first_name"] for one in desk.server.contacts()) - Counter({"of nobody": 9})


@given(earlier=FILE, later=FILE)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
async def test_nobody_becomes_two_contacts_and_no_two_runs_write_in_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, earlier: list[dict[str, str]], later: list[dict[str, str]]
) -> None:
    desk.server.reset()
    desk.home = desk.folder / f"home-{next(_numbers)}"
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    await desk.sync(desk.file(earlier, "earlier.csv"))
    assert all(count == 1 for count in of_persons(desk).values())
    file = desk.file(later)
    for _ in ADDRESSES:  # a chain of addresses moves one by one
        await desk.sync(file)
        assert all(count == 1 for count in of_persons(desk).values())
    writes, there = desk.writes(), desk.server.contacts()
    for _ in range(2):
        ended = await planned_and_done(desk, file)
        assert not set(ended.outcomes) & {"created", "updated", "failed", "unknown", "refused"}
    assert (desk.writes(), desk.server.contacts()) == (writes, there)
    out = {row["Email"] for row in later if row["Out"]}
    assert {key for key, status in statuses(desk).items() if status == "SUBSCRIBED"}.isdisjoint(out)

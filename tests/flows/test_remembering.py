"""What is remembered of a delivery, over several nights: own tags, fields written once, what a row asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Decision, Delivered, Known, Remembered, Rules
from connectors.changes import folded, name_changes
from flows.ledger.opening import open_ledger
from flows.remembering import own_of, wanted_of
from mappings.engine.contact import Contact

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ONCE = Rules(writes={"plan": "once"})


def known(*tags: str, contact_id: str = "c1") -> Known:
    return Known(
        contact_id, "a@b.c", "SUBSCRIBED", opted_out=False, fields={}, tags=frozenset(tags), seen=0.0
    )


def had(*own: str, contact_id: str = "c1", **texts: str) -> Remembered:
    return Remembered("a@b.c", contact_id, texts, own_tags=frozenset(own), own_lists=frozenset(own))


def landed(outcome: str = "updated", contact_id: str = "c1", **decided: Any) -> Delivered:
    return Delivered(outcome, contact_id=contact_id, decision=Decision(**decided))


# ---- what is our own


def test_what_was_added_is_our_own_and_what_was_taken_away_is_not() -> None:
    found = own_of(landed(tags=("new",), tags_off=("VIP",)), known("vip", "crm"), had("vip", "crm"), Rules())
    assert found is not None
    assert found["tags"] == ["crm", "new"]


def test_what_was_taken_away_by_hand_is_not_our_own_any_more() -> None:
    found = own_of(landed(), known("CRM"), had("vip", "crm"), Rules())
    assert found is not None
    assert found["tags"] == ["crm"]


def test_what_is_unchanged_stays_our_own_also_where_its_id_is_not_said() -> None:
    for contact_id in ("c1", ""):
        found = own_of(landed("unchanged", contact_id), known("vip"), had("vip", plan="Gold"), ONCE)
        assert found is not None
        assert (found["tags"], found["texts"]) == (["vip"], {"plan": "Gold"})


def test_lists_are_our_own_as_tags_are() -> None:
    found = own_of(landed(lists=("monthly",), lists_off=("vip",)), None, had("vip", "weekly"), Rules())
    assert found is not None
    assert found["lists"] == ["monthly", "weekly"]


@pytest.mark.parametrize(("outcome", "contact_id"), [("created", "c1"), ("created", "c2"), ("updated", "c2")])
def test_of_a_contact_that_is_new_nothing_earlier_counts(outcome: str, contact_id: str) -> None:
    found = own_of(landed(outcome, contact_id, tags=("crm",)), None, had("vip", plan="Gold"), ONCE)
    assert found == {"tags": ["crm"], "lists": [], "texts": {}}


@pytest.mark.parametrize("outcome", ["refused", "failed", "unknown", "protected", "unsent"])
def test_of_what_did_not_land_nothing_is_our_own(outcome: str) -> None:
    assert own_of(landed(outcome, tags=("crm",)), known(), had("vip"), Rules()) is None


def test_only_fields_that_are_written_once_are_carried_on() -> None:
    found = own_of(landed(), known(), had(plan="Gold", city="Bonn"), ONCE)
    assert found is not None
    assert found["texts"] == {"plan": "Gold"}


def test_what_a_row_asked_for_is_kept_whole() -> None:
    row = Contact(1, 2, "k", "p", {"a": "b"}, ("t",), ("u",), ("v",), ("w",), opted_out=True)
    assert wanted_of(row) == {
        "texts": {"a": "b"}, "tags": ["t"], "tags_off": ["u"], "lists": ["v"], "lists_off": ["w"], "opted_out": True,
    }  # fmt: skip


NAMES = st.frozensets(st.sampled_from(["vip", "VIP", "crm", "press"]), max_size=3)


@given(theirs=NAMES, nights=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=6))
def test_whatever_the_nights_bring_with_own_no_tag_of_others_is_taken_away(
    theirs: frozenset[str], nights: list[tuple[frozenset[str], frozenset[str]]]
) -> None:
    there, remembered = set(theirs), Remembered("", "c1")
    by_hand = set(theirs)
    for wanted, added_by_hand in nights:
        new = {name for name in added_by_hand if name.casefold() not in folded(there)}
        there |= new
        by_hand |= new
        seen = known(*there)
        found = name_changes(
            sorted(wanted), [], seen.tags, delivered=remembered.tags, own=remembered.own_tags, write="own"
        )
        assert folded(found.off).isdisjoint(folded(by_hand))
        there = (there - set(found.off)) | set(found.add)
        own = own_of(landed(tags=found.add, tags_off=found.off), seen, remembered, Rules())
        assert own is not None
        assert folded(own["tags"]) <= folded(there)
        remembered = Remembered("a", "c1", {}, wanted, own_tags=frozenset(own["tags"]))


# ---- night after night, with ledger and destination

OWN = {"from": "Tags", "split": ";", "write": "own"}


async def test_own_tags_go_with_the_row_and_those_of_others_stay(desk: Desk, person: Person) -> None:
    desk.mapping(tags=OWN)
    desk.server.seed([{"email_address": "p1@example.com", "tags": ["press"]}])
    assert (await desk.sync(desk.file([person(1, Tags="vip;press"), person(2, Tags="vip")]))).exit_code == 0
    assert sorted(desk.contacts()["p1@example.com"]["tags"]) == ["press", "vip"]
    ended = await desk.sync(desk.file([person(1, Tags="crm"), person(2)]))
    assert ended.outcomes == {"updated": 2}
    assert desk.contacts()["p1@example.com"]["tags"] == ["press", "crm"], "press was there before us"
    assert desk.contacts()["p2@example.com"]["tags"] == [], "who was created by us has our tags only"
    assert desk.writes()["POST /v1/contacts/{id}/tags/remove"] == 2


async def test_a_tag_that_was_put_back_by_hand_is_theirs_from_then_on(desk: Desk, person: Person) -> None:
    desk.mapping(tags=OWN)
    await desk.sync(desk.file([person(1, Tags="vip")]))
    desk.server.seed([{"email_address": "p1@example.com", "tags": []}])
    ended = await desk.sync(desk.file([person(1, Tags="vip", City="Bonn")]))
    assert (ended.outcomes, desk.contacts()["p1@example.com"]["tags"]) == ({"updated": 1}, [])
    desk.server.seed([{"email_address": "p1@example.com", "tags": ["vip"]}])
    await desk.sync(desk.file([person(1, City="Köln")]))
    assert desk.contacts()["p1@example.com"]["tags"] == ["vip"]


async def test_what_is_our_own_survives_nights_on_which_nothing_was_to_be_sent(
    desk: Desk, person: Person
) -> None:
    desk.mapping(tags=OWN)
    await desk.sync(desk.file([person(1, Tags="vip")]))
    assert (await desk.sync(desk.file([person(1, Tags="vip")]))).outcomes == {"unchanged": 1}
    again = await desk.sync(desk.file([person(1, Tags="vip")]), resend="")
    assert (again.outcomes, again.rows[0]["code"]) == ({"unchanged": 1}, "already_there")
    await desk.sync(desk.file([person(1)]))
    assert desk.contacts()["p1@example.com"]["tags"] == []


async def test_own_tags_follow_a_changed_address(desk: Desk, person: Person) -> None:
    desk.mapping(tags=OWN)
    await desk.sync(desk.file([person(1, Tags="vip")]))
    ended = await desk.sync(desk.file([person(1, Email="new@example.com", Tags="vip")]))
    assert ended.outcomes == {"updated": 1}
    await desk.sync(desk.file([person(1, Email="new@example.com")]))
    assert desk.contacts()["new@example.com"]["tags"] == []


async def test_a_field_written_once_is_not_written_again_after_a_blank_and_an_edit_by_hand(
    desk: Desk, person: Person
) -> None:
    fields = {
        "email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": {"from": "City", "write": "once"},
    }  # fmt: skip
    desk.mapping(fields=fields)
    await desk.sync(desk.file([person(1, City="Bonn", First="A")]))
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"city": ""}}])
    for first, city in (("B", "Bonn"), ("C", ""), ("D", ""), ("E", "Köln"), ("F", "Bonn")):
        ended = await desk.sync(desk.file([person(1, City=city, First=first)]))
        assert ended.outcomes == {"updated": 1}
        assert desk.contacts()["p1@example.com"]["fields"] == {"first_name": first, "city": ""}
    ledger = open_ledger(desk.home)
    [texts] = [
        memory.texts for memory in ledger.memory.remembered(1, "people", [("p1@example.com", "")]).values()
    ]
    ledger.close()
    assert texts is not None
    assert texts["city"] == "Bonn", "as it was delivered"

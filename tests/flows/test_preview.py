from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from connectors.base import Decision, Known, Remembered
from connectors.destinations import campaignlark
from connectors.destinations.campaignlark import Connector
from flows import preview as previewing
from flows.batches import Entry
from flows.figures import Figures, shared_out
from flows.plan_reporting import summed_up
from mappings.engine.contact import Contact

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]


async def _too_many(_: Connector) -> tuple[int, int]:
    return 10**9, 10**9


@pytest.fixture
def big(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account so large that reading it costs more than looking everybody up; samples are of 20."""
    monkeypatch.setattr(Connector, "count", _too_many)
    monkeypatch.setattr(previewing, "SAMPLE", 20)


async def test_of_many_contacts_an_even_sample_is_looked_up_and_the_figures_are_scaled(
    desk: Desk, person: Person, big: None
) -> None:
    desk.server.seed([{"email_address": f"p{number}@example.com"} for number in range(1, 201, 4)])
    rows = [person(number, Tags="vip" if number % 2 else "") for number in range(1, 201)]
    file = desk.file([*rows, {"Id": "900", "Email": "nobody"}])
    before = desk.server.requests()["by_endpoint"]
    found = await desk.plan(file)
    looked_up = Counter(desk.server.requests()["by_endpoint"]["GET /v1/contacts/by-email"])
    assert looked_up.total() - sum(before.get("GET /v1/contacts/by-email", {}).values()) == 20
    assert found.sampled == 20
    assert found.lookups == 200
    assert found.outcomes["invalid"] == 1
    assert found.outcomes["created"] + found.outcomes["updated"] == 200
    assert found.outcomes["updated"] == pytest.approx(50, abs=20)
    assert set(found.estimated) == {"created", "updated"}
    assert found.calls["GET /contacts/by-email"] == 200
    assert found.exit_code == 1
    again = await desk.plan(file)
    assert again == replace(found, reading=again.reading, seconds=again.seconds), "the same ones each time"
    everybody = await desk.plan(file, everybody=True)
    assert everybody.sampled is None
    assert +everybody.outcomes == {"created": 150, "updated": 50, "invalid": 1}


async def test_few_contacts_are_all_looked_up(desk: Desk, person: Person, big: None) -> None:
    found = await desk.plan(desk.file([person(number) for number in range(1, 21)]))
    assert (found.sampled, found.estimated) == (None, ())


async def test_the_summary_of_a_sample_says_what_everybody_would_cost(
    desk: Desk, person: Person, big: None
) -> None:
    file = desk.file([person(number) for number in range(1, 101)])
    async with desk.run(file, verb="plan") as run:
        await run.open()
        await run.prepare()
        plan = summed_up(run, await previewing.preview(run), exit_code=0)
    assert (plan.estimated, plan.sampled) == (True, 20)
    assert plan.lookup_all is not None
    assert plan.lookup_all.requests == 100
    assert plan.about == ["created"]


async def test_what_was_read_long_ago_is_read_again_and_counted(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [person(number) for number in range(1, 21)]
    desk.server.seed([{"email_address": one["Email"]} for one in people])
    fresh = await desk.plan(desk.file(people))
    assert fresh.calls == {"POST /contacts/upsert": 20}
    monkeypatch.setattr(Connector, "fresh_seconds", -1.0)
    stale = await desk.plan(desk.file(people))
    assert stale.calls == {"POST /contacts/upsert": 20, "GET /contacts/by-email": 20}


def test_the_plan_and_the_delivery_mean_the_same_by_long_ago() -> None:
    assert Connector.fresh_seconds == campaignlark._FRESH_SECONDS


class _Deciding:
    find_calls = ("GET /one",)
    opt_out_calls = ("GET /one", "PUT /one")
    create_tag_calls = ("POST /tag",)
    opt_out_automations: dict[str, int] = {}  # noqa: RUF012 - nobody changes it

    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def decide(self, *_: Any) -> Decision:
        return self.decision

    def other_id_of(self, _: Any) -> str:
        return ""

    def missing_tags(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name == "new"]


def _counted(decision: Decision, **known: Any) -> Figures:
    figures = Figures()
    contact = Contact(row=1, line=2, key="a@example.com", person="", texts={}, **known)
    there = Known("1", "a@example.com", "SUBSCRIBED", False, {}, frozenset(), 0.0)
    figures.add(_Deciding(decision), Entry(contact, 0), there, Remembered(""), None, surveyed=True)  # type: ignore[arg-type]
    return figures


def test_what_was_changed_there_by_hand_and_stays_is_counted_with_examples() -> None:
    figures = _counted(Decision("unchanged", "already_there", "nothing", stays={"plan": ("Gold", "Free")}))
    assert figures.stayed == {"plan": 1}
    assert figures.stays == {"plan": [("Gold", "Free")]}


def test_tags_and_lists_that_come_and_go_and_values_that_are_emptied_or_set_first_are_counted() -> None:
    changes = {"city": ("Bonn", None), "plan": (None, "Gold"), "score": (1, 2)}
    figures = _counted(
        Decision(changes=changes, tags=("vip",), tags_off=("old",), lists=("news",), lists_off=("past",), calls=("PUT /one",))
    )  # fmt: skip
    assert figures.emptied["city"] == 1
    assert figures.filled == 1
    assert (figures.tags["vip"], figures.tags_off["old"]) == (1, 1)
    assert (figures.lists["news"], figures.lists_off["past"]) == (1, 1)


def test_a_tag_that_has_to_be_created_costs_a_request_once() -> None:
    figures = _counted(Decision(tags=("vip", "new"), calls=("PUT /one",)))
    assert (figures.new_tags, figures.calls) == ({"new": 1}, {"PUT /one": 1, "POST /tag": 1})


def test_an_opt_out_of_somebody_who_is_left_out_is_counted_with_its_requests() -> None:
    figures = _counted(Decision("filtered", "exists", "only creates"), opted_out=True)
    assert figures.opt_outs == 1
    assert figures.calls == {"GET /one": 1, "PUT /one": 1}


def test_scaled_outcomes_add_up() -> None:
    assert sorted(shared_out({"created": 1, "updated": 1, "protected": 1}, 100).values()) == [33, 33, 34]
    for total in range(50):
        assert sum(shared_out({"a": 3, "b": 5, "c": 9}, total).values()) == total

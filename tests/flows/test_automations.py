"""Automations are announced before they fire: never fewer, and exactly so many where it is said which fields they watch."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.automations import by_name
from connectors.errors import MappingError
from tests.flows.firing import FAULTS, announced_and_fired, reasons_fired
from tests.flows.test_plan_equals_sync import ADDRESSES, CHANGES, FILE, THERE

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
TRACKED = st.sets(st.sampled_from(["email_address", "first_name", "city", "score", "source", "company"]))
_numbers = itertools.count(1)


@given(
    there=st.dictionaries(st.sampled_from(ADDRESSES), THERE),
    earlier=FILE,
    by_hand=st.dictionaries(st.sampled_from(ADDRESSES), st.none() | THERE, max_size=3),
    rows=FILE,
    changes=CHANGES,
    tracked=TRACKED,
    fault=st.sampled_from(["", "", *FAULTS]),
)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_more_fire_than_were_announced_and_exactly_those_where_nothing_goes_wrong(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], earlier: list[dict[str, str]], by_hand: dict[str, Any],
    rows: list[dict[str, str]], changes: dict[str, Any], tracked: set[str], fault: str,
) -> None:  # fmt: skip
    desk.server.reset()
    desk.home = desk.folder / f"home-{next(_numbers)}"
    desk.home.mkdir()
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    desk.mapping(person=None)
    desk.server.seed([{"email_address": address, **one} for address, one in there.items()])
    await desk.sync(desk.file(earlier))
    for address, one in by_hand.items():
        if one is None:
            desk.server.delete(address)
        else:
            desk.server.seed([{"email_address": address, **one}])
    desk.server.switch(tracked=",".join(sorted(tracked)))
    desk.mapping(person=None, **changes, automations={"tracked": sorted(tracked)})
    file = desk.file(rows)
    planned, fired, ended = await announced_and_fired(
        desk.server, desk.run(file, verb="plan"), desk.run(file), fault
    )
    assert fired <= planned.started, "announced by reason"
    assert fired <= counted(ended), "told by reason"
    if not fault:
        assert fired == +planned.started == counted(ended)
    desk.mapping(person=None, **changes)
    desk.server.seed([{"email_address": ADDRESSES[0], "fields": {"first_name": "By hand", "city": "Ulm"}}])
    planned, fired, ended = await announced_and_fired(
        desk.server, desk.run(file, verb="plan", resend=""), desk.run(file, resend="")
    )
    assert fired <= planned.started, "whatever is watched there"
    assert fired <= counted(ended)


def counted(ended: Any) -> Counter[tuple[str, str]]:
    """What the summary says, by name and reason."""
    summary = ended.summary
    found = Counter(
        {(name, reason): n for name, why in summary.automation_reasons.items() for reason, n in why.items()}
    )
    assert by_name(found) == summary.automations
    return found


async def test_the_reasons_are_told_beside_the_counts(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(number, City="Bonn") for number in range(1, 5)]))
    rows = [person(number, City="Ulm", Tags="vip") for number in range(1, 4)]
    file = desk.file([*rows, person(4, City="Bonn", First="Anna")])
    planned = await desk.plan(file)
    assert planned.automations == {"FIELD_UPDATED": 4, "TAG_ADDED": 3}
    ended = await desk.sync(file)
    assert ended.summary.automations == {"FIELD_UPDATED": 4, "TAG_ADDED": 3}
    assert ended.summary.automation_reasons == {
        "FIELD_UPDATED": {"city": 3, "first_name": 1},
        "TAG_ADDED": {"vip": 3},
    }
    assert "<bdi>first_name</bdi>: 1" in (ended.folder / "report.html").read_text("utf-8")


async def test_what_fired_before_the_tags_were_refused_is_counted(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, City="Bonn")]))
    desk.server.faults({"kind": "500", "paths": "tags/add"})
    ended = await desk.sync(desk.file([person(1, City="Ulm", Tags="vip")]))
    assert ended.outcomes in ({"failed": 1}, {"unknown": 1})
    assert reasons_fired(desk.server) <= counted(ended)
    assert counted(ended)["FIELD_UPDATED", "city"] == 1


async def test_who_came_after_the_look_up_is_counted_as_changed(desk: Desk, person: Person) -> None:
    file = desk.file([person(1, City="Ulm", Tags="vip")])
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        desk.server.seed(
            [{"email_address": "p1@example.com", "fields": {"city": "Bonn", "first_name": "Ann"}}]
        )
        await asyncio.sleep(1.1)  # its times are whole seconds
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        await run.finish()
        assert run.ending is not None
        assert reasons_fired(desk.server) <= counted(run.ending)
    assert reasons_fired(desk.server)["FIELD_UPDATED", "city"] == 1


async def test_a_contact_that_was_refused_has_started_nothing(desk: Desk, person: Person) -> None:
    desk.mapping(fields={"email_address": {"from": "Email", "type": "email"}, "score": "Score"})
    await desk.sync(desk.file([person(1, Score="7")]))
    desk.server.switch(wrong_value="refuse")
    ended = await desk.sync(desk.file([person(1, Score="8")]))
    fired = reasons_fired(desk.server)
    assert counted(ended) == fired


async def test_a_full_replace_counts_what_it_writes_another_way(desk: Desk, person: Person) -> None:
    desk.mapping(write="replace", fields={
        "email_address": {"from": "Email", "type": "email"}, "first_name": "First",
        "score": {"from": "Score", "type": "integer"},
    })  # fmt: skip
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"score": "7", "first_name": "Old"}}])
    file = desk.file([person(1, Score="7")])
    planned, fired, ended = await announced_and_fired(
        desk.server, desk.run(file, verb="plan"), desk.run(file)
    )
    assert fired <= planned.started
    assert fired <= counted(ended)
    assert fired["FIELD_UPDATED", "first_name"] == 1


def test_which_fields_are_watched_is_checked_against_the_account(desk: Desk, person: Person) -> None:
    import asyncio

    desk.mapping(automations={"tracked": ["city", "frist_name"]})
    with pytest.raises(MappingError, match=r"automations\.tracked.*'frist_name'.*Did you mean first_name"):
        asyncio.run(desk.plan(desk.file([person(1)])))

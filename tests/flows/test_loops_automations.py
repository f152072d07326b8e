"""Loops' workflows are announced before they start: never fewer, and exactly so many where nobody is sent blindly."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import http
from flows.options import Options
from flows.sync_run import SyncRun
from tests.flows.conftest import Listening, finish
from tests.flows.firing import FAULTS, announced_and_fired, reasons_fired
from tests.flows.test_automations import counted
from tests.flows.test_loops_sync import (
    ADDRESSES,
    CHANGES,
    FILE,
    LISTS,
    THERE,
    WITH_ID,
    Desk,
    _seed,
    desk,
    person,
    sandbox,
)

__all__ = ["desk", "sandbox"]

TRACKED = st.sets(st.sampled_from(["email", "userId", "subscribed", "firstName", "city", "company"]))
ALLOW = frozenset({"changes", "opt_outs", "invalid", "contact_added"})
_numbers = itertools.count(1000)


def runs(at: Desk, rows: list[dict[str, str]]) -> tuple[SyncRun, SyncRun]:
    file = at.file(rows)
    plan, sync = (
        SyncRun(str(at.folder / "people.yml"), str(file), Options(verb=verb, allow=ALLOW), Listening())
        for verb in ("plan", "sync")
    )
    return plan, sync


@given(
    there=st.dictionaries(st.sampled_from(ADDRESSES), THERE),
    earlier=FILE,
    by_hand=st.dictionaries(st.sampled_from(ADDRESSES), st.none() | THERE, max_size=2),
    rows=FILE,
    changes=CHANGES,
    tracked=TRACKED,
    lookup=st.booleans(),
    fault=st.sampled_from(["", "", *FAULTS]),
)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_more_start_than_were_announced_and_exactly_those_where_nothing_goes_wrong(
    desk: Desk, monkeypatch: Any, there: dict[str, Any], earlier: list[dict[str, str]], by_hand: dict[str, Any],
    rows: list[dict[str, str]], changes: dict[str, Any], tracked: set[str], lookup: bool, fault: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(http.Patience, "wait", lambda *_: 0.01)
    desk.server.reset()
    desk.at_home(f"home-{next(_numbers)}")
    _seed(desk, there)
    desk.mapping(person=None)
    async with runs(desk, earlier)[1] as run:
        await finish(run)
    _seed(desk, by_hand)
    desk.server.switch(tracked=",".join(sorted(tracked)))
    destination = {"kind": "loops", "lookup": lookup}
    desk.mapping(**changes, person=None, destination=destination, automations={"tracked": sorted(tracked)})
    planned, fired, ended = await announced_and_fired(desk.server, *runs(desk, rows), fault)
    assert fired <= planned.started, "announced by reason"
    assert fired <= counted(ended), "told by reason"
    if lookup and not fault:
        assert fired == +planned.started == counted(ended)


async def test_who_was_removed_meanwhile_and_is_created_again_is_counted(desk: Desk) -> None:
    desk.mapping()
    rows = [person(1, City="Bonn")]
    async with runs(desk, rows)[1] as run:
        await finish(run)
    before = reasons_fired(desk.server)
    async with runs(desk, [person(1, City="Ulm", Out="yes")])[1] as run:
        await run.open()
        await run.prepare()
        real = run.opened.destination.deliver

        async def removed_first(*args: Any) -> Any:
            desk.server.delete("p1@example.com")
            return await real(*args)

        run.opened.destination.deliver = removed_first  # type: ignore[method-assign]
        ended = await finish_prepared(run)
    fired = reasons_fired(desk.server) - before
    assert fired["Contact added", "created"] == 1
    told = ended.ending.summary.automations if ended.ending else {}
    assert told["Contact added"] == 1


async def finish_prepared(run: SyncRun) -> SyncRun:
    for batch in run.to_deliver():
        await run.delivery.deliver(batch)
    await run.finish()
    return run


async def test_an_opt_out_that_is_carried_is_counted(desk: Desk) -> None:
    desk.mapping(where={"City": ["Bonn"]})
    async with runs(desk, [person(1, City="Bonn")])[1] as run:
        await finish(run)
    planned, fired, ended = await announced_and_fired(
        desk.server, *runs(desk, [person(1, City="Ulm", Out="yes")])
    )
    assert fired == {("Contact updated", "subscribed"): 1} == +planned.started == counted(ended)


async def test_a_list_that_is_joined_again_and_an_address_that_changes_are_counted_each(desk: Desk) -> None:
    desk.mapping(**WITH_ID, lists=LISTS["lists"])
    async with runs(desk, [person(1, Lists="Newsletter"), person(2, Lists="Events")])[1] as run:
        await finish(run)
    desk.server.seed([{"email_address": "p2@example.com", "tags": []}])
    rows = [person(1, Email="one@example.com", Lists="Newsletter;Events"), person(2, Lists="Newsletter")]
    planned, fired, ended = await announced_and_fired(desk.server, *runs(desk, rows))
    assert fired == +planned.started == counted(ended)
    assert fired["Contact added to list", "Newsletter"] == fired["Contact added to list", "Events"] == 1
    assert fired["Contact updated", "email"] == 1

"""One sender of an account at a time, and several that share it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from flows import turn
from flows.ledger import Ledger, open_database

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]


def two_mappings(desk: Desk, person: Person, **destination: Any) -> None:
    """`a.yml` and `b.yml` go to one account, each with fifty people of its own."""
    for number, name in enumerate("ab"):
        desk.mapping(f"{name}.yml", name=name, destination={"kind": "campaignlark", **destination})
        first = 1000 * (number + 1)
        desk.file([person(first + n, Email=f"{name}{n}@example.com") for n in range(50)], name=f"{name}.csv")


def turns_in_writing(desk: Desk) -> int:
    """How often the writing went from one mapping's people to the other's: contacts stand in the order of their creation."""
    there = sorted(desk.server.contacts(), key=lambda one: str(one["id"])[-6:])
    return len(list(itertools.groupby(one["email_address"][0] for one in there))) - 1


async def test_a_second_mapping_of_an_account_waits_for_its_turn_says_so_and_lands_completely(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_AGAIN_SECONDS", 0.01)
    desk.server.faults(latency_ms=5)
    two_mappings(desk, person)
    ended = await asyncio.gather(desk.sync("a.csv", "a.yml"), desk.sync("b.csv", "b.yml"))
    assert [one.outcomes for one in ended] == [{"created": 50}, {"created": 50}]
    assert turns_in_writing(desk) == 1
    said = [line for one in ended for line in one.said if line.startswith("waits ")]
    assert len(said) == 1
    assert "Another sender to the account" in said[0]
    assert "senders: shared" in said[0]


async def test_mappings_that_share_the_account_send_side_by_side(desk: Desk, person: Person) -> None:
    desk.server.faults(latency_ms=5)
    two_mappings(desk, person, senders="shared")
    ended = await asyncio.gather(desk.sync("a.csv", "a.yml"), desk.sync("b.csv", "b.yml"))
    assert [one.outcomes for one in ended] == [{"created": 50}, {"created": 50}]
    assert turns_in_writing(desk) > 1


async def test_who_is_told_to_stop_while_they_wait_holds_nothing_and_has_sent_nothing(
    desk: Desk, person: Person
) -> None:
    two_mappings(desk, person)
    await desk.sync("a.csv", "a.yml")  # the account is known
    ledger = Ledger(open_database(desk.home))
    (account,) = ledger.accounts.names()
    before = desk.writes()
    with ledger.sender_lock(account):
        waiting = asyncio.create_task(desk.sync("b.csv", "b.yml"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    with ledger.sender_lock(account):
        pass
    assert desk.writes() == before
    ledger.close()
    assert (await desk.sync("b.csv", "b.yml")).outcomes == {"created": 50}


async def test_a_plan_waits_for_nobody(desk: Desk, person: Person) -> None:
    two_mappings(desk, person)
    await desk.sync("a.csv", "a.yml")
    ledger = Ledger(open_database(desk.home))
    (account,) = ledger.accounts.names()
    with ledger.sender_lock(account):
        planned = await asyncio.wait_for(desk.plan("b.csv", "b.yml"), 20)
    ledger.close()
    assert planned.outcomes["created"] == 50

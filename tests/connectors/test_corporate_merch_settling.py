"""Creations at Corporate Merch without a clear answer: sent once, and settled together by reading the list once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.base import Delivered
from connectors.destinations.corporate_merch import Connector
from connectors.errors import CredentialsError, Unreachable
from connectors.listing import Roster, Standing
from mappings.engine.contact import Contact
from tests.connectors.merches import ANN, BEA, CREATE, LIST, Merch, contact, started, surveyed

CID = "cid@example.com"
CREATES = "paths=POST"
Pair = tuple[Contact, Delivered]


class Kept:
    """The ledger's list, in memory."""

    fresh_seconds = 3600.0

    def __init__(self) -> None:
        self.roster = Roster([], time.time())

    def load(self) -> Roster | None:
        return self.roster

    def save(self, roster: Roster) -> None:
        self.roster = roster

    def add(self, standings: Sequence[Standing]) -> None:
        news = {one.contact_id: one for one in standings}
        old = [one for one in self.roster.standings if one.contact_id not in news]
        self.roster = Roster([*old, *news.values()], self.roster.read_at)

    @property
    def keys(self) -> list[str]:
        return sorted(one.key for one in self.roster.standings)


@pytest.fixture
def merch() -> Iterator[Merch]:
    with started() as found:
        yield found


def crowd(merch: Merch, count: int) -> None:
    for number in range(count):
        merch.seed(f"p{number}@example.com")


async def unheard(merch: Merch, connector: Connector, fault: str, *keys: str) -> list[Pair]:
    """These are created, each with this fault, after the account was surveyed."""
    await surveyed(connector)
    merch.log.clear()
    merch.running.faults(f"{fault},next={len(keys)},{CREATES}")
    delivered = await asyncio.gather(*(connector.deliver(contact(key), None, None, None) for key in keys))
    merch.running.clear_faults()
    return list(zip(map(contact, keys), delivered, strict=True))


async def settled(merch: Merch, connector: Connector, delivered: Sequence[Pair]) -> list[tuple[str, str]]:
    merch.log.clear()
    assert all(one.settled_later for _, one in delivered)
    found = await connector.settle_later(delivered)
    return [(one.outcome, one.code) for one in found]


def pages(merch: Merch) -> list[str]:
    return [request.page for request in merch.log if request.name == LIST]


APPLIED = ["503:applied=yes", "reset_after:seconds=2", "non_json:seconds=2", "truncated:seconds=2", "non_json_502:applied=yes"]  # fmt: skip
NOT_APPLIED = ["500:seconds=2", "502:seconds=2", "reset_before:seconds=2", "non_json_502:seconds=2"]


@pytest.mark.parametrize("fault", [*APPLIED, *NOT_APPLIED])
async def test_a_creation_without_a_clear_answer_is_sent_once_and_settled_by_the_list(
    merch: Merch, fault: str
) -> None:
    merch.seed(BEA)
    async with merch.connector() as connector:
        [(_, delivered)] = pairs = await unheard(merch, connector, fault, ANN)
        assert (delivered.outcome, delivered.code, delivered.troubled) == ("unknown", "no_clear_answer", True)
        assert merch.calls() == [CREATE], "nothing is read for it yet"
        [result] = await settled(merch, connector, pairs)
    there = [one for one in merch.sandbox.contacts() if one["email_address"] == ANN]
    assert len(there) == (fault in APPLIED)
    assert result == (("created", "looked_up") if there else ("failed", "not_listed"))
    assert merch.calls() == [LIST]


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_who_was_created_unheard_is_found_at_either_end_of_the_list(order: str) -> None:
    with started(list_order=order) as merch:
        crowd(merch, 120)
        async with merch.connector() as connector:
            delivered = await unheard(merch, connector, "reset_after:seconds=2", ANN, BEA, CID)
            assert await settled(merch, connector, delivered) == [("created", "looked_up")] * 3
        assert len(merch.ids()) == 123


async def test_several_that_are_there_cost_one_reading_of_the_newest_pages(merch: Merch) -> None:
    crowd(merch, 200)
    keys = [f"new{number}@example.com" for number in range(8)]
    async with merch.connector() as connector:
        delivered = await unheard(merch, connector, "500:applied=yes", *keys)
        for number in range(50):
            await connector.deliver(contact(f"q{number}@example.com"), None, None, None)
        assert set(await settled(merch, connector, delivered)) == {("created", "looked_up")}
    assert pages(merch) == ["1", "2"]


async def test_who_is_not_there_is_known_from_the_newest_page_and_the_last_one(merch: Merch) -> None:
    crowd(merch, 200)
    async with merch.connector() as connector:
        delivered = await unheard(merch, connector, "500:seconds=2", ANN, BEA)
        assert await settled(merch, connector, delivered) == [("failed", "not_listed")] * 2
    assert pages(merch) == ["1", "4"]


async def test_where_the_newest_come_last_everybody_is_read_before_somebody_is_said_not_to_be_there() -> None:
    with started(list_order="oldest") as merch:
        crowd(merch, 120)
        async with merch.connector() as connector:
            gone = await unheard(merch, connector, "500:seconds=2", BEA)
            there = await unheard_again(merch, connector, "reset_after:seconds=2", ANN)
            merch.sandbox.delete("p3@example.com")  # as many are there as before
            found = await settled(merch, connector, [*gone, *there])
        assert found == [("failed", "not_listed"), ("created", "looked_up")]


async def unheard_again(merch: Merch, connector: Connector, fault: str, key: str) -> list[Pair]:
    merch.running.faults(f"{fault},next=1,{CREATES}")
    delivered = [(contact(key), await connector.deliver(contact(key), None, None, None))]
    merch.running.clear_faults()
    return delivered


async def test_where_somebody_was_removed_meanwhile_everybody_is_read(merch: Merch) -> None:
    crowd(merch, 120)
    async with merch.connector() as connector:
        delivered = await unheard(merch, connector, "500:seconds=2", ANN)
        merch.sandbox.delete("p3@example.com")
        assert await settled(merch, connector, delivered) == [("failed", "not_listed")]
    assert pages(merch) == ["1", "1", "2", "3"]


async def test_a_creation_below_many_others_is_found(merch: Merch) -> None:
    crowd(merch, 60)
    async with merch.connector() as connector:
        [delivered] = await unheard(merch, connector, "reset_after:seconds=2", ANN)
        for number in range(70):
            await connector.deliver(contact(f"q{number}@example.com"), None, None, None)
        assert await settled(merch, connector, [delivered]) == [("created", "looked_up")]
    assert pages(merch) == ["1", "2"]


async def test_who_was_read_meanwhile_by_another_s_look_up_is_found(
    merch: Merch, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(merch, 60)
    async with merch.connector() as connector:
        [delivered] = await unheard(merch, connector, "reset_after:seconds=2", ANN)
        monkeypatch.setattr(Connector, "fresh_seconds", 0.0)
        await connector.deliver(contact(BEA), None, None, None)  # the newest are read for it
        assert await settled(merch, connector, [delivered]) == [("created", "looked_up")]


async def test_who_is_there_with_other_values_is_unknown(merch: Merch) -> None:
    async with merch.connector() as connector:
        [delivered] = await unheard(merch, connector, "500:seconds=2", ANN)
        merch.seed(city="Elsewhere")  # somebody else did
        assert await settled(merch, connector, [delivered]) == [("unknown", "no_clear_answer")]


async def test_who_had_the_address_before_is_not_taken_for_the_one_created(merch: Merch) -> None:
    merch.seed()
    async with merch.connector() as connector:
        await surveyed(connector)
        merch.running.faults(f"500:next=1,{CREATES}")
        decision = connector.decide(contact(), None, None, None)
        delivered = contact(), await connector._create(contact(), decision)
        assert await settled(merch, connector, [delivered]) == [("failed", "not_listed")]


@pytest.mark.parametrize("fault", ["500", "reset_before"])
async def test_where_the_list_cannot_be_read_nothing_is_known_of_any(merch: Merch, fault: str) -> None:
    async with merch.connector() as connector:
        delivered = await unheard(merch, connector, "500:seconds=2", ANN)
        merch.running.faults(fault)
        with pytest.raises(Unreachable):
            await settled(merch, connector, delivered)


async def test_a_key_that_is_not_accepted_any_more_settles_nothing(merch: Merch) -> None:
    async with merch.connector() as connector:
        delivered = await unheard(merch, connector, "500:seconds=2", ANN)
        merch.running.switch(keys="another")
        with pytest.raises(CredentialsError):
            await settled(merch, connector, delivered)


@pytest.mark.parametrize("removed", [False, True])
async def test_who_is_found_is_in_the_ledger_s_list_from_then_on(merch: Merch, *, removed: bool) -> None:
    crowd(merch, 60)
    async with merch.connector() as connector:
        connector.listing = kept = Kept()
        kept.save(Roster([], 0.0))
        delivered = await unheard(merch, connector, "reset_after:seconds=2", ANN)
        delivered += await unheard_again(merch, connector, "500:seconds=2", BEA)
        if removed:
            merch.sandbox.delete("p3@example.com")
        assert await settled(merch, connector, delivered) == [
            ("created", "looked_up"),
            ("failed", "not_listed"),
        ]
    assert kept.keys == sorted(one["email_address"] for one in merch.sandbox.contacts())


async def test_nobody_to_settle_costs_nothing(merch: Merch) -> None:
    async with merch.connector() as connector:
        found: list[Any] = await connector.settle_later([])
    assert (found, merch.log) == ([], [])

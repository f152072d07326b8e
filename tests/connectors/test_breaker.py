"""The breaker: when a destination counts as down, how gently it is asked, how all goes on by itself, and how it is given up."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from connectors.answer import Answer, Meaning
from connectors.breaker import Breaker, Place, span
from connectors.destinations.campaignlark import Connector as CampaignLark
from connectors.destinations.corporate_merch import Connector as CorporateMerch
from connectors.destinations.loops import Connector as Loops
from connectors.errors import CredentialsError
from connectors.http import Wire
from connectors.pace import Pace
from connectors.patience import Patience
from tests.connectors.larks import Lark, started

UPSERT = "/contacts/upsert"
QUICK = Patience(attempts=6, seconds=5.0, first=0.01, most=0.02)


@pytest.fixture
def lark() -> Iterator[Lark]:
    with started() as found:
        yield found


@contextlib.asynccontextmanager
async def wire(url: str, said: list[str], *, health: str = "/fields", patience: float = 5.0, **more: Any) -> AsyncIterator[Wire]:  # fmt: skip
    async with Wire(url, "sandbox-key", Pace(5000), patience=QUICK, health=health, **more) as opened:
        opened.breaker.first, opened.breaker.most, opened.breaker.patience = 0.02, 0.1, patience
        opened.breaker.say = said.append
        yield opened


async def upsert(wire: Wire, number: int) -> Answer:
    return await wire.call("POST", UPSERT, json_body={"email_address": f"p{number}@example.com"})


async def crowd(wire: Wire, count: int = 40) -> list[Answer]:
    return await asyncio.gather(*(upsert(wire, number) for number in range(count)))


async def until(lark: Lark, received: int) -> None:
    """Waits until the sandbox has received so many requests."""
    await so(lambda: len(lark.sandbox.traffic.arrivals) >= received)


async def so(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the sandbox is in a thread of its own
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("health", ["/fields", ""])
async def test_while_the_destination_is_down_all_wait_and_go_on_by_themselves_when_it_is_back(
    lark: Lark, health: str
) -> None:
    said: list[str] = []
    lark.running.faults("502")
    async with wire(lark.url, said, health=health) as opened:
        held: list[bool] = []
        opened.breaker.held = held.append
        calls = asyncio.create_task(crowd(opened))
        await until(lark, 41)
        await so(lambda: opened.breaker.open)
        before = len(lark.sandbox.traffic.arrivals)
        await asyncio.sleep(0.2)
        assert len(lark.sandbox.traffic.arrivals) - before <= 12, "it is asked, and nothing else is sent"
        lark.running.clear_faults()
        answers = await calls
        assert all(answer.done for answer in answers)
        assert max(answer.attempts for answer in answers) <= 4, "what waits at the gate is no attempt"
        assert held == [True, False]
    assert said[0] == (
        "The destination gives no usable answer (502 Bad Gateway). Nothing new is begun; "
        "it is asked again every few seconds, for up to 5 s."
    )
    assert re.fullmatch(r"The destination answers again after \d+ s; the run goes on\.", said[1])
    assert len(said) == 2


async def test_after_the_stated_patience_it_is_given_up_and_what_was_never_sent_says_so(lark: Lark) -> None:
    said: list[str] = []
    lark.running.faults("reset_before", latency_ms=100)  # all are on their way before the first is answered
    async with wire(lark.url, said, patience=0.3) as opened:
        assert not opened.breaker.given_up
        answers = await asyncio.wait_for(crowd(opened), 5)
        late = await upsert(opened, 99)
        assert {answer.meaning for answer in answers} == {Meaning.UNCLEAR}, "each was sent once at least"
        assert (late.meaning, late.attempts, late.left_out) == (Meaning.NOT_SENT, 0, "breaker")
        assert re.match(
            r"the destination gave no usable answer for \d+ s \(the connection broke", opened.breaker.given_up
        )
        await asyncio.wait_for(opened.breaker.may_begin(), 1)
    assert len(said) == 1


async def test_when_the_run_stops_nobody_waits_any_longer(lark: Lark) -> None:
    lark.running.faults("503")
    async with wire(lark.url, [], patience=600) as opened:
        opened.breaker.first = opened.breaker.most = 60
        calls = asyncio.create_task(crowd(opened))
        beginning = asyncio.create_task(_begin_when_open(opened.breaker))
        await so(lambda: opened.breaker.open)
        await asyncio.sleep(0.05)
        began = time.monotonic()
        opened.traffic.last_orders = True
        answers = await asyncio.wait_for(calls, 5)
        await asyncio.wait_for(beginning, 5)
        assert time.monotonic() - began < 2
        assert not any(answer.done for answer in answers)
        assert (await upsert(opened, 99)).left_out == "interrupted"
        assert not opened.breaker.given_up


async def _begin_when_open(breaker: Breaker) -> None:
    await so(lambda: breaker.open)
    await breaker.may_begin()


async def test_where_reads_work_and_writes_do_not_look_ups_go_through_and_one_write_at_a_time_is_tried(
    lark: Lark,
) -> None:
    said: list[str] = []
    lark.seed()
    lark.running.faults({"kind": "500", "paths": "upsert"})
    async with wire(lark.url, said) as opened:
        calls = asyncio.create_task(crowd(opened))
        await until(lark, 44)
        await so(lambda: opened.breaker.reads)
        found = await opened.call("GET", "/contacts/by-email", params={"email": "ann@example.com"})
        assert found.meaning in (Meaning.DONE, Meaning.REFUSED)
        assert opened.breaker.open, "a look-up says nothing of writes"
        lark.running.clear_faults()
        assert all(answer.done for answer in await calls)
    assert len(said) == 2


async def test_look_ups_between_them_do_not_hide_that_no_write_works(lark: Lark) -> None:
    lark.running.faults({"kind": "500", "paths": "upsert"})
    async with wire(lark.url, []) as opened:
        for number in range(10):
            assert not opened.breaker.open
            await opened.once("POST", UPSERT, json_body={"email_address": f"{number}@example.com"}, within=5)
            if number < 9:
                await opened.call("GET", "/fields")
        assert opened.breaker.open


async def test_one_contact_that_always_fails_does_not_open_it_while_others_are_written(lark: Lark) -> None:
    lark.running.faults({"kind": "500", "email": "p7@example.com"})
    said: list[str] = []
    async with wire(lark.url, said) as opened:
        answers = await crowd(opened, 60)
        assert [number for number, answer in enumerate(answers) if not answer.done] == [7]
        assert opened.breaker.shut_seconds == 0.0
    assert said == []


@pytest.mark.parametrize("fault", ["429:retry_after=0", "validation_error"])
async def test_being_told_to_slow_down_or_to_come_again_is_no_trouble(lark: Lark, fault: str) -> None:
    lark.sandbox.switch({"busy_refuses_contacts": "yes"})
    lark.running.faults(f"{fault},next=30" if "=" in fault else f"{fault}:next=30")
    async with wire(lark.url, []) as opened:
        await crowd(opened, 30)
        assert opened.breaker.shut_seconds == 0.0


async def test_a_write_that_was_decided_right_before_is_decided_anew_after_it_waited(lark: Lark) -> None:
    lark.running.faults("502")
    async with wire(lark.url, []) as opened:
        calls = asyncio.create_task(crowd(opened, 10))
        await until(lark, 10)
        while not opened.breaker.open:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
        late = asyncio.create_task(
            opened.once("POST", UPSERT, json_body={"email_address": "late@example.com"}, within=0.05)
        )
        await asyncio.sleep(0.15)
        lark.running.clear_faults()
        assert (await late).meaning is Meaning.TOO_LATE
        await calls
    assert "late@example.com" not in {one["email_address"] for one in lark.sandbox.contacts()}


async def test_who_waits_at_the_gate_may_leave_it(lark: Lark) -> None:
    lark.running.faults("502")
    async with wire(lark.url, []) as opened:
        calls = asyncio.create_task(crowd(opened, 20))
        await until(lark, 20)
        leaving = [asyncio.create_task(upsert(opened, number)) for number in range(100, 103)]
        await asyncio.sleep(0.03)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        lark.running.clear_faults()
        assert all(answer.done for answer in await asyncio.wait_for(calls, 5))


async def test_a_trial_that_is_given_up_holds_up_nobody() -> None:
    breaker = Breaker(asyncio.Event())
    breaker.first = breaker.most = 0.01
    for _ in range(10):
        breaker.heard(False, reads=False, why="502")
    first, second = (asyncio.create_task(breaker.gate(reads=False)) for _ in range(2))
    assert await asyncio.wait_for(first, 1) is Place.TRIAL
    breaker.tried()
    assert await asyncio.wait_for(second, 1) is Place.TRIAL
    breaker.heard(True, reads=False)
    breaker.tried()
    assert await asyncio.wait_for(breaker.gate(reads=False), 1) is Place.IN
    await breaker.close()


async def test_a_key_that_is_revoked_meanwhile_is_told_and_not_waited_for(lark: Lark) -> None:
    lark.running.faults("502:next=40")
    async with wire(lark.url, []) as opened:
        calls = [asyncio.create_task(upsert(opened, number)) for number in range(20)]
        await until(lark, 12)
        lark.sandbox.switch({"keys": "another"})
        lark.running.clear_faults()
        found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
    assert any(isinstance(one, CredentialsError) for one in found)


def test_a_time_is_said_as_people_say_it() -> None:
    assert [span(seconds) for seconds in (0.2, 42, 119, 300, 450, 86_400)] == [
        "1 s", "42 s", "119 s", "5 minutes", "7.5 minutes", "24 hours",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("connector", "path"),
    [(CampaignLark, "/fields"), (Loops, "/api-key"), (CorporateMerch, "/contacts?page=1&limit=1")],
)
def test_each_destination_names_a_cheap_documented_read(connector: Any, path: str) -> None:
    assert connector(base_url="http://127.0.0.1:9", key="key", turns=Pace(10))._wire._health == path

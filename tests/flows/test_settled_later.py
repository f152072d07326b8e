"""Creations without a clear answer where nobody can be looked up: one reading of the list settles all of them, or a resume."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors import http
from connectors.destinations.corporate_merch import Connector
from connectors.sandbox.serving import Running, running
from flows import finishing, later, sync_run
from flows.conformance.ended import finish
from flows.ledger.opening import open_ledger
from flows.pipeline import deliver_all

if TYPE_CHECKING:
    from conftest import Desk, Ended

LIST, CREATE, PUT = "GET /v2/contacts", "POST /v2/contacts", "PUT /v2/contacts/{id}"
WHOLE = {
    "first_name": "Ann", "last_name": "Lee", "type": "client", "address": "1 High Street", "city": "Boston", "state": "MA",
    "zip_code": "02108", "country": "US",
}  # fmt: skip
TEAM: dict[str, Any] = {
    "name": "team",
    "destination": {"kind": "corporate_merch"},
    "key": "email",
    "person": "Id",
    "fields": {
        "email": {"from": "Email", "type": "email"}, "first_name": {"value": "Ann"}, "last_name": {"value": "Lee"},
        "type": {"value": "client"}, "address": {"value": "1 High Street"}, "city": {"value": "Boston"},
        "state": {"value": "MA"}, "zip_code": {"value": "02108"}, "country": {"value": "US"}, "position": "Position",
    },
    "tags": "Labels",
    "lists": "Lists",
    "consent": None,
    "where": None,
}  # fmt: skip
COLUMNS = ("Id", "Email", "Position", "Labels", "Lists")
THERE = 200
PAGES = THERE // 50
LOOKED_UP, NOT_LISTED = ("created", "looked_up"), ("failed", "not_listed")


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    with running("corporate_merch", rate=0) as server:
        yield server


@pytest.fixture
def merch(desk: Desk, shop: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with an account of Corporate Merch in which there are 200 contacts on 4 pages."""
    shop.reset()
    desk.server = shop
    monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", shop.url)
    monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    monkeypatch.setattr(http.Wire, "__init__", functools.partialmethod(http.Wire.__init__, timeout=1.5))
    monkeypatch.setattr(sync_run, "BATCH", 20)
    desk.mapping("team.yml", **TEAM)
    desk.server.seed([{"email_address": f"p{n}@example.com", "fields": WHOLE} for n in range(THERE)])
    return desk


def rows(*numbers: int, position: str = "Boss") -> list[dict[str, str]]:
    return [
        {"Id": str(n), "Email": f"p{n}@example.com", "Position": position, "Labels": "501", "Lists": "11"}
        for n in numbers
    ]


def file_of(desk: Desk, *numbers: int, position: str = "Boss") -> Path:
    return desk.file(rows(*numbers, position=position), columns=COLUMNS)


def asked(desk: Desk) -> Counter[str]:
    found = desk.server.requests()["by_endpoint"]
    return Counter({name: sum(each.values()) for name, each in found.items()})


async def sync(
    desk: Desk,
    *numbers: int,
    position: str = "Boss",
    faults: dict[str, Any] | None = None,
    unclear: Callable[[sync_run.SyncRun], object] = lambda _: None,
) -> tuple[Ended, Counter[str]]:
    """A sync of these people, and its requests. The `faults` begin when the account was read; `unclear` is called before
    what is unclear is settled.
    """
    before = asked(desk)

    def begin() -> None:
        if faults is not None:
            desk.server.faults(faults, seed=3)

    async with desk.begun(file_of(desk, *numbers, position=position), "team.yml") as run:
        watcher: Any = run.watcher
        say = watcher.say

        def said(line: str) -> None:
            say(line)
            if "without a clear answer: the list is read" in line:
                unclear(run)

        watcher.say = said
        ended = await finish(run, prepared=begin)
    desk.server.clear_faults()
    return ended, asked(desk) - before


def there(desk: Desk, first: int = THERE) -> dict[str, dict[str, Any]]:
    """Those with a number from `first` on. Nobody is there twice."""
    return {key: one for key, one in desk.contacts().items() if int(key[1 : key.index("@")]) >= first}


def codes(ended: Ended) -> Counter[tuple[str, str]]:
    return Counter((row["outcome"], row["code"]) for row in ended.rows)


def as_sent(desk: Desk, position: str = "Boss") -> bool:
    return all(
        (one["fields"]["position"], one["list_ids"], one["label_ids"]) == (position, [11], [501])
        for one in there(desk).values()
    )


APPLIED: dict[str, dict[str, Any]] = {
    "reset-after": {"kind": "reset_after"},
    "late": {"kind": "late", "seconds": 2.5},
    "truncated": {"kind": "truncated"},
    "a-page": {"kind": "non_json"},
    "502-applied": {"kind": "502", "applied": True},
}
NOT_APPLIED: dict[str, dict[str, Any]] = {
    "502-not-applied": {"kind": "502"},
    "reset-before": {"kind": "reset_before"},
}


@pytest.mark.parametrize("fault", [*APPLIED, *NOT_APPLIED])
async def test_many_creations_without_a_clear_answer_cost_one_reading_and_nobody_is_there_twice(
    merch: Desk, fault: str
) -> None:
    trouble = {**APPLIED, **NOT_APPLIED}[fault]
    new = range(THERE, THERE + 80)
    ended, cost = await sync(merch, *new, faults={**trouble, "paths": "POST", "share": 0.3})
    found = codes(ended)
    struck = sum(merch.server.requests()["faults"].values())
    assert struck >= 10
    assert cost[CREATE] == 80, "each was sent once"
    read = cost[LIST] - 1 - PAGES
    # the newest pages, the last one where somebody is missing, and what the breaker asks where several fail in a row
    assert 1 <= read <= 5 + 5
    assert found[LOOKED_UP if fault in APPLIED else NOT_LISTED] == struck
    assert found["created", ""] == 80 - struck
    assert len(there(merch)) == 80 - found[NOT_LISTED]
    assert ended.exit_code == bool(found[NOT_LISTED])
    ids = {one["email_address"]: one["id"] for one in merch.server.contacts()}
    assert all(row["contact_id"] == ids[row["key"]] for row in ended.rows if row["outcome"] == "created")

    again, cost = await sync(merch, *new)
    assert again.outcomes == {
        name: count
        for name, count in (("created", found[NOT_LISTED]), ("unchanged", 80 - found[NOT_LISTED]))
        if count
    }
    assert cost[CREATE] == found[NOT_LISTED]
    assert cost[LIST] <= 1 + 1, "the ledger's list has all of them"
    assert len(there(merch)) == 80
    assert as_sent(merch)


async def test_who_is_found_is_remembered_as_delivered_with_what_is_the_mapping_s_own(merch: Desk) -> None:
    await sync(merch, THERE, faults={"kind": "reset_after", "paths": "POST", "next": 1})
    ended, cost = await sync(merch, THERE, position="Chief")
    assert ended.outcomes == {"updated": 1}
    assert (cost[PUT], cost[LIST]) == (1, 1 + 1)
    ledger = open_ledger(merch.home)
    [remembered] = ledger.memory.remembered(1, "team", [(f"p{THERE}@example.com", str(THERE))]).values()
    ledger.close()
    assert (remembered.own_tags, remembered.own_lists) == (frozenset({"501"}), frozenset({"11"}))
    assert remembered.contact_id == there(merch)[f"p{THERE}@example.com"]["id"]


async def test_somebody_who_never_gets_an_answer_is_sent_once_and_holds_nobody_up(merch: Desk) -> None:
    unlucky = f"p{THERE + 3}@example.com"
    trouble = {"kind": "reset_before", "paths": "POST", "email": unlucky}
    ended, cost = await sync(merch, *range(THERE, THERE + 60), faults=trouble)
    assert (ended.row(4)["outcome"], ended.row(4)["code"]) == NOT_LISTED
    assert "the next sync sends it again" in ended.row(4)["reason"]
    assert ended.summary.outcomes.created == 59
    assert (cost[CREATE], len(there(merch))) == (60, 59)


async def test_what_became_of_them_is_durable_before_the_report_is_written(
    merch: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_report(run: sync_run.SyncRun) -> None:
        raise OSError("no room")

    monkeypatch.setattr(finishing, "report", no_report)
    with pytest.raises(Exception, match="cannot be written"):
        await sync(merch, THERE, faults={"kind": "reset_after", "paths": "POST", "next": 1})
    ledger = open_ledger(merch.home)
    [run] = ledger.runs.last()
    [(_, outcome)] = ledger.answers.told(run.id)
    ledger.close()
    assert (outcome.outcome, outcome.code) == LOOKED_UP


async def test_where_the_list_cannot_be_read_they_stay_unclear_and_a_resume_settles_them(merch: Desk) -> None:
    new = range(THERE, THERE + 30)
    ended, cost = await sync(
        merch,
        *new,
        faults={"kind": "reset_after", "paths": "POST", "next": 6},
        unclear=lambda _: merch.server.faults({"kind": "502", "paths": "GET"}),
    )
    assert ended.exit_code == 3
    assert ended.summary.outcomes.unknown == 6
    assert (ended.summary.status, cost[CREATE]) == ("stopped", 30)
    resumed = await merch.resume()
    assert codes(resumed) == {LOOKED_UP: 6, ("created", ""): 24}
    assert (resumed.exit_code, len(there(merch))) == (0, 30)


async def test_an_interruption_while_the_list_is_read_leaves_them_unclear(merch: Desk) -> None:
    def slow_then_stop(run: sync_run.SyncRun) -> None:
        merch.server.faults({"kind": "late", "paths": "GET", "seconds": 0.3})
        asyncio.get_running_loop().call_later(0.05, run.interrupt)

    new = range(THERE, THERE + 30)
    ended, _ = await sync(
        merch, *new, faults={"kind": "reset_after", "paths": "POST", "next": 6}, unclear=slow_then_stop
    )
    assert (ended.exit_code, ended.summary.outcomes.unknown) == (130, 6)
    resumed = await merch.resume()
    assert codes(resumed) == {LOOKED_UP: 6, ("created", ""): 24}
    assert len(there(merch)) == 30


async def test_so_many_that_they_cannot_be_kept_stop_the_run_and_a_resume_settles_them(
    merch: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later, "MOST", 4)
    ended, _ = await sync(
        merch,
        *range(THERE, THERE + 60),
        faults={"kind": "502", "applied": True, "paths": "POST", "share": 0.3},
    )
    assert ended.exit_code == 3
    assert ended.summary.outcomes.unknown >= 4
    resumed = await merch.resume()
    assert resumed.outcomes == {"created": 60}
    assert len(there(merch)) == 60


# ---- killed


async def cut_off(desk: Desk, file: Path, after: int, *faults: dict[str, Any]) -> None:
    """A sync that ends after so many outcomes without waiting for any answer, and without a report."""
    async with desk.begun(file, "team.yml", allow=["changes"]) as run:
        await run.prepare()
        desk.server.faults(*faults, seed=3)
        delivering = asyncio.ensure_future(deliver_all(run, run.delivery.deliver))
        watcher: Any = run.watcher
        watcher.on_outcome = lambda number: delivering.cancel() if number == after else None
        await delivering
    desk.server.clear_faults()


def unclear_in(desk: Desk) -> set[int]:
    ledger = open_ledger(desk.home)
    [run] = ledger.runs.unfinished()
    found = set(ledger.answers.unclear(run.id))
    ledger.close()
    return found


UNHEARD = {"kind": "late", "share": 0.4, "seconds": 0.4}
"""They are applied at once, and answered when nobody waits any more."""


async def test_creations_that_landed_before_a_kill_and_were_not_heard_of_are_found_by_the_resume(
    merch: Desk,
) -> None:
    file = file_of(merch, *range(THERE, THERE + 100))
    await cut_off(
        merch, file, 30, {**UNHEARD, "paths": "POST"}, {"kind": "502", "paths": "POST", "share": 0.1}
    )
    unclear, landed = unclear_in(merch), there(merch)
    lost = {row for row in unclear if f"p{THERE + row - 1}@example.com" not in landed}
    assert unclear - lost
    before = asked(merch)
    ended = await merch.resume()
    for row in unclear:
        found = ended.row(row)["outcome"], ended.row(row)["code"]
        assert found == (NOT_LISTED if row in lost else LOOKED_UP)
    assert ended.summary.outcomes.created == 100 - len(lost)
    assert len(there(merch)) == 100 - len(lost)
    assert asked(merch)[CREATE] - before[CREATE] == 100 - len(landed) - len(lost)
    last, _ = await sync(merch, *range(THERE, THERE + 100))
    assert last.outcomes == {
        name: n for name, n in (("created", len(lost)), ("unchanged", 100 - len(lost))) if n
    }
    assert len(there(merch)) == 100
    assert as_sent(merch)


async def test_the_resume_finds_them_also_below_later_ones_while_somebody_was_removed(merch: Desk) -> None:
    """As many are there then as the ledger's list has, and the newest page shows nobody new."""
    ended, _ = await sync(
        merch,
        *range(THERE, THERE + 120),
        faults={"kind": "reset_after", "paths": "POST", "next": 1},
        unclear=lambda run: asyncio.get_running_loop().call_soon(run.interrupt),
    )
    assert ended.outcomes == {"created": 119, "unknown": 1}
    merch.server.delete("p3@example.com")
    ended = await merch.resume()
    assert codes(ended) == {LOOKED_UP: 1, ("created", ""): 119}
    assert len(there(merch)) == 120


async def test_the_next_sync_of_the_same_file_settles_them_too(merch: Desk) -> None:
    numbers = range(THERE, THERE + 60)
    await cut_off(merch, file_of(merch, *numbers), 10, {**UNHEARD, "paths": "POST"})
    unclear = len(unclear_in(merch))
    ended, _ = await sync(merch, *numbers)
    assert codes(ended)[LOOKED_UP] + codes(ended)[NOT_LISTED] == unclear > 0
    assert len(there(merch)) == ended.summary.outcomes.created == 60 - codes(ended)[NOT_LISTED]


async def test_a_changed_file_closes_the_old_run_and_creates_nobody_twice(merch: Desk) -> None:
    await cut_off(merch, file_of(merch, *range(THERE, THERE + 60)), 10, {**UNHEARD, "paths": "POST"})
    assert unclear_in(merch)
    ended, _ = await sync(merch, *range(THERE, THERE + 61))
    assert ended.summary.outcomes.of("created", "unchanged") == 61
    assert len(there(merch)) == 61


async def test_updates_that_may_have_been_sent_are_settled_by_the_page_as_it_is_now(merch: Desk) -> None:
    numbers = range(60)
    first, _ = await sync(merch, *numbers)
    assert first.outcomes == {"updated": 60}
    file = file_of(merch, *numbers, position="Chief")
    await cut_off(merch, file, 20, {**UNHEARD, "paths": "PUT"}, {"kind": "502", "paths": "PUT", "share": 0.1})
    unclear = unclear_in(merch)
    landed = {
        row for row in unclear if merch.contacts()[f"p{row - 1}@example.com"]["fields"]["position"] == "Chief"
    }
    assert landed
    before = asked(merch)
    ended = await merch.resume()
    assert ended.outcomes == {"updated": 60}
    for row in unclear:
        assert ended.row(row)["code"] == ("looked_up" if row in landed else "sent_again")
    assert asked(merch)[PUT] - before[PUT] == 60 - len(landed) - ended.summary.interruptions[0].answered
    assert {one["fields"]["position"] for one in there(merch, 0).values() if one["writes"]} == {"Chief"}
    assert max(one["writes"] for one in merch.server.contacts()) == 2

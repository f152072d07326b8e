"""A ledger that has no room left (SQLITE_FULL): nothing is sent whose intent is not durable, and the next sync finishes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import Stopped
from flows.ledger import open_database
from flows.ledger.database import SqliteFile
from flows.report import writing
from flows.sync_run import BATCH, SyncRun

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ROOMY = 2**32 - 2


class Room:
    """How much room every connection to the ledger has: SQLite's own limit, so that its own error comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._guard = threading.Lock()
        connection = SqliteFile.connection.fget
        assert connection is not None

        def limited(database: SqliteFile) -> Any:
            found = connection(database)
            with self._guard:
                pages = 1 if self.full else ROOMY  # never fewer than there are
                found.execute(f"pragma max_page_count = {pages}")
            return found

        monkeypatch.setattr(SqliteFile, "connection", property(limited))


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    yield Room(monkeypatch)
    monkeypatch.undo()


def crowd(person: Person, count: int) -> list[dict[str, str]]:
    return [person(n, City="Köln", Tags="vip", First="x" * 200) for n in range(1, count + 1)]


def answered(desk: Desk) -> tuple[str, int, int]:
    """The state of the last run, how many answers it has, and how many intents."""
    with closing(open_database(desk.home)) as database:
        run, state = database.ask("select id, state from run order by started_at desc limit 1")[0]
        answers = database.ask("select count(*) from answer where run = ? and outcome <> 'unsent'", (run,))
        return state, answers[0][0], database.ask("select count(*) from intent where run = ?", (run,))[0][0]


async def finished_by_the_next(desk: Desk, file: Path, count: int, room: Room) -> None:
    room.full = False
    ended = await desk.sync(file)
    assert ended.exit_code == 0, ended.outcomes
    assert len(desk.contacts()) == count
    assert {one["writes"] for one in desk.server.contacts()} == {1}, "nobody was created or sent twice"
    assert ended.summary.outcomes.of("created", "updated", "unchanged") == count


async def test_nothing_is_sent_whose_intent_could_not_be_kept(desk: Desk, person: Person, room: Room) -> None:
    rows = crowd(person, 2 * BATCH)
    file = desk.file(rows)
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        first, second = run.to_deliver()
        await run.delivery.deliver(first)
        assert len(desk.contacts()) == BATCH
        received = desk.server.requests()["received"]
        room.full = True
        await run.delivery.deliver(second)
        assert desk.server.requests()["received"] == received
        assert run.why_stopped == "ledger"
        assert run.error is not None
        assert run.error.what == f"The disk is full: {desk.home / 'ledger.sqlite'} cannot be written."
        assert "Make room, then start again" in run.error.fix
        with pytest.raises(Stopped, match="The disk is full: ") as raised:
            await run.finish()
        assert raised.value.exit_code == 3
        assert run.exit_code is None
    room.full = False
    state, answers, intents = answered(desk)
    assert state != "completed"
    assert (answers, intents) == (BATCH, BATCH)
    await finished_by_the_next(desk, file, 2 * BATCH, room)


async def test_what_is_answered_while_there_is_no_room_is_not_lost_and_nothing_new_is_begun(
    desk: Desk, person: Person, room: Room
) -> None:
    rows = crowd(person, 500)
    file = desk.file(rows)
    desk.server.faults(latency_ms=10)

    def fill(_: SyncRun, landed: int) -> None:
        room.full = room.full or landed == 60

    with pytest.raises(Stopped, match="The disk is full: ") as raised:
        await desk.sync(file, meanwhile=fill)
    assert "Make room" in raised.value.fix
    there = len(desk.contacts())
    assert 60 <= there <= 60 + 256 + 20, "what was in flight, and no more"
    room.full = False
    state, answers, _ = answered(desk)
    assert state != "completed"
    assert answers >= 60
    desk.server.clear_faults()
    await finished_by_the_next(desk, file, 500, room)


async def test_room_that_comes_back_before_the_end_gives_a_report_of_a_run_that_was_stopped(
    desk: Desk, person: Person, room: Room
) -> None:
    file = desk.file(crowd(person, 2 * BATCH))
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        first, second = run.to_deliver()
        await run.delivery.deliver(first)
        room.full = True
        await run.delivery.deliver(second)
        room.full = False
        assert await run.finish() == 3
        assert run.ending is not None
        assert run.ending.state == "stopped"
        assert run.ending.summary.balanced
        assert run.ending.summary.outcomes.created == run.ending.summary.outcomes.unsent == BATCH
    await finished_by_the_next(desk, file, 2 * BATCH, room)


async def test_a_report_that_finds_no_room_leaves_the_run_to_be_finished(
    desk: Desk, person: Person, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.file(crowd(person, 30))
    with monkeypatch.context() as patch:
        # /dev/full is a disk without room: whatever is written to it fails as the kernel says it does
        patch.setattr(writing.tempfile, "mkstemp", lambda **_: (os.open("/dev/full", os.O_RDWR), "not-there"))
        with pytest.raises(Stopped, match=r"The report in .* cannot be written: No space left") as raised:
            await desk.sync(file)
        assert "Make room" in raised.value.fix
        assert raised.value.exit_code == 3
    state, answers, _ = answered(desk)
    assert state not in ("completed", "needs_review", "limited")
    assert answers == 30
    await finished_by_the_next(desk, file, 30, room)


async def test_no_room_from_the_beginning_sends_nothing_and_says_so(
    desk: Desk, person: Person, room: Room
) -> None:
    open_database(desk.home).close()
    room.full = True
    async with desk.run(desk.file(crowd(person, 300))) as run:
        await run.open()
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        assert run.why_stopped == "ledger"
        assert run.error is not None
        assert "The disk is full: " in run.error.what
    assert desk.writes() == {}

"""Whole runs while their PostgreSQL goes away: started again, silently cut off, gone while somebody wants to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.destinations.campaignlark import Connector
from connectors.errors import Stopped
from flows.conformance.ended import finish
from flows.ledger import Intent, Outcome, connection, shared_ledger
from flows.ledger.opening import open_ledger
from flows.ledger.pages import Pages
from flows.ledger.postgresql import Postgresql
from flows.stopping import interruptible
from flows.sync_run import SyncRun
from tests.flows.conftest import Desk
from tests.postgresql import Server, serving

Person = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that may be stopped."""
    with serving() as server:
        yield server


class Relay:
    """Between the ledger and its server. `cut` drops what comes over the connections there are, and closes none."""

    def __init__(self, to: Server) -> None:
        self._to = to
        self._cut = 0
        self._made = 0
        self.deaf = False
        """Whether new connections are not heard either."""
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database: str) -> str:
        return database.replace(f":{self._to.port}/", f":{self.port}/")

    def cut(self, *, deaf: bool = False) -> None:
        self.deaf, self._cut = deaf, self._made

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self._to.port))
                self._made += 1
                self._open += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._forward, args=(self._made, one, other), daemon=True).start()

    def _forward(self, number: int, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while packet := one.recv(65536):
                if number > self._cut and not self.deaf:
                    other.sendall(packet)
            if number > self._cut and not self.deaf:
                other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._listening, *self._open):
            one.close()


@pytest.fixture
def relay(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    relay = Relay(postgresql)
    monkeypatch.setenv("MUSTER_LEDGER_URL", relay.url(postgresql.new()) + "?connect_timeout=2")
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.5)
    yield relay
    relay.close()


@pytest.fixture
def steady(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose runs last a while."""
    monkeypatch.setattr(Connector, "per_second", 150.0)
    return desk


def at(count: int, work: Callable[[], None]) -> tuple[Callable[[SyncRun, int], None], list[threading.Thread]]:
    """Begins some work in a thread when so many outcomes are durable."""
    begun: list[threading.Thread] = []

    def meanwhile(_: SyncRun, durable: int) -> None:
        if durable >= count and not begun:
            begun.append(threading.Thread(target=work))
            begun[0].start()

    return meanwhile, begun


def run_out(desk: Desk) -> None:
    """The lease of the run that could not let go of it."""
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        ledger.database.tell("update lease set until = 0")


def each_once(desk: Desk, number: int) -> None:
    there = desk.contacts()
    assert len(there) == number
    assert {one["writes"] for one in there.values()} == {1}


async def test_a_run_whose_server_starts_again_in_the_middle_ends_balanced_and_nobody_is_sent_twice(
    own: Server, steady: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_LEDGER_URL", own.new())

    def again() -> None:
        own.stop()
        own.start()

    meanwhile, begun = at(50, again)
    ended = await steady.sync(steady.file(person(n) for n in range(1, 301)), meanwhile=meanwhile)
    begun[0].join()
    assert (ended.exit_code, ended.outcomes) == (0, {"created": 300})
    assert ended.summary.balanced
    each_once(steady, 300)


async def test_a_run_whose_connections_are_silently_cut_makes_others_and_goes_on(
    relay: Relay, steady: Desk, person: Person
) -> None:
    meanwhile, begun = at(50, relay.cut)
    began = time.monotonic()
    ended = await steady.sync(steady.file(person(n) for n in range(1, 201)), meanwhile=meanwhile)
    assert begun
    assert time.monotonic() - began < 30
    assert (ended.exit_code, ended.outcomes) == (0, {"created": 200})
    each_once(steady, 200)


async def test_a_run_that_is_silently_cut_off_for_good_stops_in_words_and_a_resume_sends_nobody_twice(
    relay: Relay, steady: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_ledger, "PATIENCE", 1.0)
    monkeypatch.setattr(connection, "ASKED_SECONDS", 2)
    cut: list[float] = []

    def off() -> None:
        relay.cut(deaf=True)
        cut.append(time.monotonic())

    meanwhile, _ = at(50, off)
    with pytest.raises(Stopped) as stopped:
        await steady.sync(steady.file(person(n) for n in range(1, 201)), meanwhile=meanwhile)
    assert time.monotonic() - cut[0] < 45
    assert "The ledger at postgresql://127.0.0.1" in stopped.value.what
    assert "everything answered so far is kept" in stopped.value.fix
    relay.deaf = False
    run_out(steady)
    ended = await steady.resume()
    assert ended.exit_code == 0
    assert sum(ended.outcomes.values()) == 200
    each_once(steady, 200)


async def test_ctrl_c_is_heard_at_once_while_the_server_is_waited_for(
    own: Server, steady: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_LEDGER_URL", own.new())
    heard: list[float] = []
    said: list[str] = []

    def gone() -> None:
        own.stop()
        time.sleep(0.7)  # everybody waits by now
        pressed = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        while time.monotonic() < pressed + 10 and not any("Stopping" in line for line in said):
            time.sleep(0.01)
        heard.append(time.monotonic() - pressed)

    meanwhile, begun = at(50, gone)

    async def watched() -> None:
        async with steady.begun(steady.file(person(n) for n in range(1, 301))) as run:
            monkeypatch.setattr(run.watcher, "say", said.append)
            with interruptible(run):
                await finish(run, meanwhile)

    try:
        with pytest.raises(Stopped, match="The ledger at"):
            await watched()
        ended = time.monotonic()
        begun[0].join()
        assert heard[0] < 1.5
        assert time.monotonic() - ended < 1
    finally:
        own.start()
    run_out(steady)
    resumed = await steady.resume()
    assert resumed.exit_code == 0
    each_once(steady, 300)


def landed(row: int) -> tuple[Intent, Outcome]:
    wanted = {"texts": {"city": "Köln"}, "tags": [], "lists": [], "opted_out": row == 1}
    return Intent(row, 1, f"p{row}@example.com", row, "", row, wanted), Outcome(row, "created")


def test_what_is_filed_at_the_end_is_filed_although_connections_are_cut_between_its_statements(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new()
    ledger = open_ledger(tmp_path / "home", url)
    account = ledger.accounts.seen("loops", "main", "http://127.0.0.1:1", "key").id
    run = ledger.runs.new_id()
    ledger.runs.began(run, account, "people", "sha", "text", "sync", "people.csv", "folder")
    both = [landed(row) for row in range(1, 8)]
    ledger.answers.intend(run, [intent for intent, _ in both])
    ledger.answers.answered(run, [outcome for _, outcome in both])
    put, cuts = Pages.put, []

    def cut() -> None:
        with psycopg.connect(url, autocommit=True) as other:
            others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            cuts.append(len(other.execute(others).fetchall()))

    def interrupted(self: Pages, *given: object, **named: object) -> None:
        if len(cuts) < 2:
            cut()
        put(self, *given, **named)  # type: ignore[arg-type]
        if len(cuts) < 3:
            cut()

    monkeypatch.setattr(Pages, "put", interrupted)
    assert ledger.memory.settle(run, account, "people", ledger.pages) == 7
    assert min(cuts) >= 1
    assert ledger.pages.entries(account, "people") == 7
    assert ledger.database.ask("select count(*) from delivered") == [(7,)]
    assert ledger.database.ask("select key from consent") == [("p1@example.com",)]
    cut()
    assert ledger.stretches.began(run) == 1
    cut()
    ledger.runs.finished(run, "completed", 0, {})
    ledger.close()


def test_a_statement_at_which_the_server_is_at_work_is_waited_for_however_long_it_takes(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENT_SECONDS", 0.2)
    ledger = open_ledger(tmp_path / "home", postgresql.new())
    assert isinstance(ledger.database, Postgresql)
    before = ledger.database.ask("select pg_backend_pid()")
    assert ledger.database.ask("select pg_sleep(1.2), 1")[0][1] == 1
    assert ledger.database.ask("select pg_backend_pid()") == before
    ledger.close()

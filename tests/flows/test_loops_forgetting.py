"""Forgetting somebody whom a mapping knows by an id: their address goes, too, and Loops deletes the contact where it is asked to."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.destinations.loops import Connector
from connectors.sandbox.serving import Running, running
from flows.cli import muster
from flows.cli.erring import explained
from flows.traces import traces
from tests.flows.test_loops_resume import sync
from tests.flows.test_loops_sync import BY_ID, Desk, person


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def desk(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sandbox.reset()
    monkeypatch.setattr(Connector, "per_second", 2000.0)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, sandbox, monkeypatch)


async def test_who_is_known_by_an_id_is_found_by_their_address_deleted_there_and_kept_out(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.mapping(**BY_ID)
    rows = [person(number) for number in range(11, 15)]
    await sync(desk, rows)
    words = ["forget", "P12@Example.com", "--delete-there", "--yes"]
    forget = functools.partial(muster.main, args=words, prog_name="muster", standalone_mode=False)
    code = await _in_a_thread(lambda: explained(forget))
    out = capsys.readouterr().out
    assert code == 0, out
    assert "loops, main: 12 (id " in out
    assert "was deleted" in out
    assert {one["email_address"] for one in desk.server.contacts()} == {
        f"p{n}@example.com" for n in (11, 13, 14)
    }
    assert traces(desk.folder / "home", ["p12@example.com"]) == []
    rows[1]["Email"] = "elsewhere@example.com"
    ended = await sync(desk, rows)
    assert (ended.outcomes["protected"], len(desk.server.contacts())) == (1, 3)


async def _in_a_thread(command: object) -> int:
    import asyncio

    return await asyncio.to_thread(command)  # type: ignore[arg-type]

"""What runs keep of people goes after a while: their counts stay, and so does what the next sync compares with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.errors import CannotStart
from flows.ledger import Ledger
from flows.ledger.opening import open_ledger
from flows.retention import Keep
from flows.settings import Settings

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]


@contextmanager
def ledger_of(desk: Desk) -> Iterator[Ledger]:
    ledger = open_ledger(desk.home)
    try:
        yield ledger
    finally:
        ledger.close()


def aged(desk: Desk, run: str, days: int) -> None:
    """Makes a run look as if it had begun so many days ago."""
    moment = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with ledger_of(desk) as ledger:
        ledger.database.tell("update run set started_at = ? where id = ?", (moment, run))


def kept(desk: Desk, run: str) -> tuple[bool, int, int]:
    """Whether a run's folder is there, and its intents and answers."""
    with ledger_of(desk) as ledger:
        found = ledger.runs.get(run)
        assert found is not None
        counts = [
            ledger.database.ask(f"select count(*) from {table} where run = ?", (run,))[0][0]  # noqa: S608 - our own names
            for table in ("intent", "answer")
        ]
    return Path(found.folder).exists(), *counts


async def test_rows_of_runs_older_than_90_days_go_with_the_next_sync_and_nothing_is_sent_again(
    desk: Desk, person: Person
) -> None:
    rows = [person(n) for n in range(1, 6)]
    old = await desk.sync(desk.file(rows))
    newer = await desk.sync(desk.file([*rows, person(6)]))
    aged(desk, old.id, 91)
    aged(desk, newer.id, 89)
    ended = await desk.sync(desk.file([*rows, person(6)]))
    assert any("The rows of 1 run are not kept any more" in line for line in ended.said)
    assert kept(desk, old.id) == (False, 0, 0)
    assert kept(desk, newer.id) == (True, 1, 1)
    assert ended.outcomes == {"unchanged": 6}
    with ledger_of(desk) as ledger:
        found = ledger.runs.get(old.id)
        assert found is not None
        assert found.summary["outcomes"]["created"] == 5, "its counts stay"
        assert not found.unfinished


async def test_only_the_newest_so_many_runs_of_a_mapping_are_kept_where_that_is_said(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_KEEP_RUNS", "2")
    desk.mapping("others.yml", name="others")
    other = await desk.sync(desk.file([person(9)]), "others.yml")
    runs = [(await desk.sync(desk.file([person(n) for n in range(1, 3 + at)]))).id for at in range(4)]
    assert [kept(desk, run)[0] for run in runs] == [False, False, True, True]
    assert kept(desk, other.id)[0], "each mapping has its own"


@pytest.mark.parametrize("value", ["0", "-3", "many", "1.5"])
def test_a_setting_that_is_no_number_is_refused_before_anything_is_read(value: str) -> None:
    for name in ("MUSTER_KEEP_DAYS", "MUSTER_KEEP_RUNS"):
        with pytest.raises(CannotStart, match=name):
            Keep.of(Settings(environment={name: value}))


def test_90_days_and_any_number_of_runs_are_kept_where_nothing_is_said() -> None:
    assert Keep.of(Settings(environment={})) == Keep(90)

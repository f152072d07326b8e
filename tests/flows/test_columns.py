"""A column that no earlier run has seen is told once, by the sync and before that by the plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.ledger.migrations import STEPS
from flows.ledger.opening import open_ledger

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

COLUMNS = ("Id", "Email", "First", "City", "Score", "Tags", "Out", "Keep")
WIDER = (*COLUMNS, "Shoe size", " Fax ")


def told(said: list[str]) -> list[str]:
    return [line for line in said if line.startswith("columns ")]


async def test_a_new_column_is_a_warning_once(desk: Desk, person: Person) -> None:
    rows = [person(1)]
    first = await desk.sync(desk.file(rows, columns=(*COLUMNS, "Owner")))
    assert (told(first.said), first.summary.warnings) == ([], {})
    ended = await desk.sync(desk.file(rows, columns=(*WIDER, "Owner")))
    assert told(ended.said) == [
        "columns   new in this file, and not used: Shoe size, Fax. Map them, or name them under ignore:."
    ]
    assert ended.summary.warnings == {"column_new": 2}
    assert ended.exit_code == 0
    assert "The column &#39;Shoe size&#39; is new" in (ended.folder / "report.html").read_text("utf-8")
    again = await desk.sync(desk.file(rows, columns=(*WIDER, "Owner")))
    assert (told(again.said), again.summary.warnings) == ([], {})


async def test_a_column_that_was_there_before_is_not_new_when_it_comes_back(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)], columns=WIDER))
    await desk.sync(desk.file([person(1)]))
    back = await desk.sync(desk.file([person(1)], columns=(*COLUMNS, "Fax", "Shoe size ")))
    assert back.summary.warnings == {}


async def test_a_new_column_that_is_used_or_ignored_is_no_warning(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    desk.mapping(ignore=["Shoe*", "Fax"])
    assert (await desk.sync(desk.file([person(1)], columns=WIDER))).summary.warnings == {}


async def test_a_plan_warns_of_a_new_column_and_does_not_remember_it(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    wider = desk.file([person(1)], columns=WIDER)
    for _ in range(2):
        async with desk.run(wider, verb="plan") as run:
            await run.open()
            await run.prepare()
            watcher: Any = run.watcher
            assert run.plan.warnings == 2
            assert len(told(watcher.said)) == 1
    assert (await desk.sync(wider)).summary.warnings == {"column_new": 2}


async def test_a_run_that_was_limited_or_stopped_does_not_remember_columns(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)]))
    wider = desk.file([person(1), person(2)], columns=WIDER)
    await desk.sync(wider, limit=1)
    await desk.sync(desk.file([], columns=WIDER))
    assert (await desk.sync(wider)).summary.warnings == {"column_new": 2}


async def test_each_mapping_and_account_has_columns_of_its_own(desk: Desk, person: Person) -> None:
    desk.mapping("shop.yml", name="shop")
    await desk.sync(desk.file([person(1)]))
    wider = desk.file([person(1)], columns=WIDER)
    assert (await desk.sync(wider, "shop.yml")).summary.warnings == {}
    assert (await desk.sync(wider)).summary.warnings == {"column_new": 2}


def test_a_ledger_of_the_first_version_gets_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("flows.ledger.sqlite_file.STEPS", STEPS[:1])
        open_ledger(tmp_path).close()
    ledger = open_ledger(tmp_path)
    assert ledger.columns.new(1, "people", ["Email"]) == []
    ledger.columns.remember(1, "people", ["Email", "Email"])
    assert ledger.columns.new(1, "people", ["Email", "Fax"]) == ["Fax"]
    ledger.close()

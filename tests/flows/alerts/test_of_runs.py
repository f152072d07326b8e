"""Who is told what of real runs: each change of state once, its end once, and never anything of a person."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import Busy, CannotStart
from flows.conformance.ended import Ended, Listening, finish
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.retry import open_retry
from flows.sync_run import SyncRun
from tests.flows.alerts.post import Receiving, receiving
from tests.flows.conftest import COLUMNS, Desk

Person = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def web() -> Iterator[Receiving]:
    with receiving() as box:
        yield box


@pytest.fixture
def ops(web: Receiving, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Receiving:
    """The receiver ops, whom the desk's mapping names."""
    web.got.clear()
    monkeypatch.setenv("MUSTER_NOTIFY_OPS", f"{web.url}/ops")
    desk.mapping(notify="ops")
    return web


def states(box: Receiving) -> list[str]:
    return [body["state"] for body in box.at("/ops")]


async def test_trouble_is_told_once_and_so_is_its_end(desk: Desk, person: Person, ops: Receiving) -> None:
    bad, good = (
        desk.file([person(1), person(2, Email="nobody")], "bad.csv"),
        desk.file([person(1)], "good.csv"),
    )
    await desk.sync(good)
    assert states(ops) == []
    first = await desk.sync(bad)
    await desk.sync(bad)
    assert states(ops) == ["needs_review"]
    await desk.sync(good)
    await desk.sync(good)
    assert states(ops) == ["needs_review", "recovered"]
    told, ended = ops.at("/ops")
    assert (told["run_id"], told["exit_code"], told["need_a_person"], told["rows_read"]) == (
        first.id,
        1,
        1,
        2,
    )
    assert told["top_problem"] == {"code": "email_syntax", "column": "Email", "count": 1}
    assert told["report"] == str(first.folder / "report.html")
    assert (ended["before"], ended["since"]) == ("needs_review", told["at"])


async def test_a_run_that_could_not_start_is_told_with_its_kind_and_without_its_words(
    desk: Desk, person: Person, ops: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = desk.file([person(1)])
    await desk.sync(good)
    for _ in range(2):
        with pytest.raises(CannotStart):
            await desk.sync("ann-lee.csv")
    monkeypatch.setenv("CAMPAIGNLARK_API_KEY", "another-key")
    with pytest.raises(CannotStart):
        await desk.sync(good)
    assert [(body["state"], body["cause"], body["exit_code"]) for body in ops.at("/ops")] == [
        ("failed", ["source"], 2)
    ]
    monkeypatch.setenv("CAMPAIGNLARK_API_KEY", "sandbox-key")
    await desk.sync(good)
    assert states(ops) == ["failed", "recovered"]
    assert "ann-lee" not in json.dumps(ops.got)


async def test_a_mapping_that_cannot_be_read_tells_those_whom_it_named_last_time_and_its_mending_once(
    desk: Desk, person: Person, ops: Receiving
) -> None:
    good, mapping = desk.file([person(1)]), desk.folder / "people.yml"
    await desk.sync(good)
    text = mapping.read_text("utf-8")
    mapping.write_text(text + "fields: [\n", "utf-8")
    for _ in range(2):
        with pytest.raises(CannotStart):
            await desk.sync(good)
    [told] = ops.at("/ops")
    assert (told["mapping"], told["state"], told["cause"]) == ("people", "failed", ["mapping"])
    assert told["destination"] == {"kind": "campaignlark", "account": "main"}
    mapping.write_text(text, "utf-8")
    await desk.sync(good)
    assert states(ops) == ["failed", "recovered"]


async def test_a_mapping_that_never_could_be_read_tells_those_of_the_setting_and_is_known_by_its_file(
    desk: Desk, person: Person, ops: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_NOTIFY", "ops, nobody")
    good = desk.file([person(1)])
    desk.mapping(notify=None)
    await desk.sync(good)
    new = desk.folder / "weekly_news.yml"
    new.write_text("name: [\n", "utf-8")
    for _ in range(2):
        with pytest.raises(CannotStart):
            await desk.sync(good, new)
    [told] = ops.at("/ops")
    assert (told["mapping"], told["destination"]) == ("weekly_news", None)
    desk.mapping("weekly_news.yml", name="news", notify=None)
    await desk.sync(good, new)
    assert [(body["mapping"], body["state"]) for body in ops.at("/ops")] == [
        ("weekly_news", "failed"), ("news", "recovered"),
    ]  # fmt: skip


async def test_a_guard_that_stops_a_run_is_named(desk: Desk, ops: Receiving) -> None:
    await desk.sync(desk.file([]))
    [told] = ops.at("/ops")
    assert (told["state"], told["cause"], told["exit_code"]) == ("stopped", ["empty_source"], 3)


async def test_who_is_not_reached_is_told_by_the_next_run_and_the_run_ends_as_ever(
    desk: Desk, person: Person, ops: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_NOTIFY_BOSS", f"{ops.url}/503")
    desk.mapping(notify=["ops", "boss", "nobody"])
    bad = desk.file([person(1), person(2, Email="nobody")])
    first = await desk.sync(bad)
    assert first.exit_code == 1
    assert "notify    ops: needs review" in first.said
    [boss] = [line for line in first.said if " boss " in line]
    assert "boss was not told: it answered 503. The next run tries again" in boss
    assert ops.url not in boss
    assert any("nobody was not told: MUSTER_NOTIFY_NOBODY is not set." in line for line in first.said)
    monkeypatch.setenv("MUSTER_NOTIFY_BOSS", f"{ops.url}/boss")
    await desk.sync(bad)
    assert states(ops) == ["needs_review"]
    assert [body["state"] for body in ops.at("/boss")] == ["needs_review"]


async def retried(file: Path) -> Ended:
    retry = open_retry(file)
    async with SyncRun(str(retry.mapping), None, Options(), Listening(), retry) as run:
        return await finish(run)


async def test_a_retry_of_all_rows_ends_it_and_one_of_some_does_not(
    desk: Desk, person: Person, ops: Receiving
) -> None:
    rows = [person(1), person(2, Email="nobody"), person(3, Email="none")]
    first = await desk.sync(desk.file(rows))
    failures = first.folder / "failures.csv"
    text = failures.read_text("utf-8-sig")
    head, second, third = text.splitlines()
    some = desk.folder / "some.csv"
    some.write_text(f"{head}\n{second.replace('nobody', 'p2@example.com', 1)}\n", "utf-8")
    whole = desk.folder / "whole.csv"
    whole.write_text(
        f"{head}\n{second.replace('nobody', 'p2@example.com', 1)}\n{third.replace('none', 'p3@example.com', 1)}\n",
        "utf-8",
    )
    for file in (some, whole):
        assert states(ops) == ["needs_review"]
        assert (await retried(file)).exit_code == 0
    assert states(ops) == ["needs_review", "recovered"]


async def test_plans_parts_and_looks_tell_nobody(desk: Desk, person: Person, ops: Receiving) -> None:
    bad = desk.file([person(1), person(2, Email="nobody"), person(3)])
    await desk.plan(bad)
    await desk.sync(bad, limit=1)
    with (
        closing(open_ledger(desk.home)) as ledger,
        ledger.run_lock("people", "campaignlark-main"),
        pytest.raises(Busy),
    ):
        await desk.sync(bad)
    assert states(ops) == []


async def test_what_was_told_is_kept_without_addresses(desk: Desk, person: Person, ops: Receiving) -> None:
    await desk.sync(desk.file([person(1, Email="nobody")]))
    for path in desk.home.rglob("*"):
        if path.is_file():
            assert ops.url.encode() not in path.read_bytes(), path
    with closing(open_ledger(desk.home)) as ledger:
        [row] = ledger.database.ask("select account, mapping, receiver, state from told")
    assert row == ("campaignlark-main", "people", "ops", "needs_review")


TEXT = st.text("abcdefghijklmnop @.-äß\"',;=+<0", min_size=5, max_size=14).map(lambda text: f"qz{text}zq")


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXT)), min_size=1, max_size=3), extra=TEXT)
def test_whoever_is_in_the_file_nothing_of_them_is_in_what_anybody_is_told(
    desk: Desk, ops: Receiving, rows: list[dict[str, str]], extra: str
) -> None:
    import asyncio

    desk.mapping(
        notify={
            "to": "ops",
            "on": ["needs_review", "stopped", "failed", "recovered", "completed"],
            "remind": "1 h",
        }
    )
    ops.got.clear()
    name = f"{rows[0]['First']}.csv".replace("/", "")
    keep = [{**row, "Keep": ""} for row in rows]
    desk.file([{**row, extra: row["City"]} for row in keep], name, (*COLUMNS, extra))
    _forget_what_was_told(desk.home)

    async def run() -> None:
        await desk.sync(desk.folder / name)
        with pytest.raises(CannotStart):
            await desk.sync(desk.folder / f"no {name}")

    asyncio.run(run())
    assert states(ops)[0] in ("needs_review", "stopped")
    assert states(ops)[-1] == "failed"
    said: Any = json.dumps(ops.got, ensure_ascii=False)
    for value in {extra, *(cell for row in rows for cell in row.values())}:
        assert value not in said
    assert "qz" not in said


def _forget_what_was_told(home: Path) -> None:
    if (home / "ledger.sqlite").exists():
        database = sqlite3.connect(home / "ledger.sqlite")
        database.execute("delete from told")
        database.commit()
        database.close()

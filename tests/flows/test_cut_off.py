"""Which runs were cut off, told by their lock alone, and how the last runs went."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cut_off import cut_off, how_to_finish
from flows.ledger import Ledger, RunLock
from flows.ledger.lock import is_held
from flows.ledger.opening import open_ledger
from flows.trend import trend


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    made = open_ledger(home)
    yield made
    made.close()


def began(
    ledger: Ledger, run_id: str, mapping: str = "people", account: str = "main", *, sent: bool = True
) -> None:
    number = ledger.accounts.seen("campaignlark", account, "http://127.0.0.1:1", "key").id
    ledger.runs.began(run_id, number, mapping, "sha", "text", "sync", "people.csv", "folder")
    ledger.stretches.began(run_id)
    if sent:
        ledger.runs.begin(run_id, {"options": {}})


def found(ledger: Ledger) -> set[str]:
    return cut_off(ledger, ledger.runs.last(50))


def test_a_run_whose_lock_nobody_holds_was_cut_off(ledger: Ledger, home: Path) -> None:
    began(ledger, "r1")
    assert found(ledger) == {"r1"}
    with RunLock(home, "people", "campaignlark-main"):
        assert found(ledger) == set()
    assert found(ledger) == {"r1"}


def test_the_lock_of_another_mapping_or_account_says_nothing_of_it(ledger: Ledger, home: Path) -> None:
    began(ledger, "r1")
    began(ledger, "r2", account="emea")
    with RunLock(home, "other", "campaignlark-main"), RunLock(home, "people", "campaignlark-emea"):
        assert found(ledger) == {"r1"}


def test_of_several_runs_that_count_as_running_the_one_begun_last_is_at_work(
    ledger: Ledger, home: Path
) -> None:
    began(ledger, "r1")
    began(ledger, "r2")
    with RunLock(home, "people", "campaignlark-main"):
        assert found(ledger) == {"r1"}
        ledger.stretches.began("r1")  # a resume of the older one
        assert found(ledger) == {"r2"}


def test_a_run_that_ended_is_never_cut_off(ledger: Ledger) -> None:
    began(ledger, "r1")
    ledger.runs.finished("r1", "completed", 0, {})
    assert found(ledger) == set()


def test_what_finishes_a_run_is_said(ledger: Ledger) -> None:
    began(ledger, "r1")
    began(ledger, "r2", sent=False)
    r2, r1 = ledger.runs.last(2)
    assert how_to_finish(r1, "cut off") == "muster resume r1 finishes it."
    assert how_to_finish(r2, "cut off") == "Nothing of it was sent; the next sync begins anew."
    assert how_to_finish(r1, "running") == ""
    ledger.runs.finished("r1", "interrupted", 130, {})
    [stopped] = [run for run in ledger.runs.last(2) if run.id == "r1"]
    assert how_to_finish(stopped, "interrupted") == "muster resume r1 finishes it."


def test_whoever_looks_keeps_nobody_from_starting(home: Path) -> None:
    with RunLock(home_with(home), "people", "campaignlark-main"):
        pass
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_held(home, "people", "campaignlark-main")

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with RunLock(home, "people", "campaignlark-main"):
                assert is_held(home, "people", "campaignlark-main")
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def home_with(home: Path) -> Path:
    home.mkdir(exist_ok=True)
    return home


def test_looking_makes_no_file(home: Path) -> None:
    assert not is_held(home, "people", "campaignlark-main")
    assert not home.exists()


def test_the_trend_is_the_rows_that_needed_a_person_and_leaves_out_retries(ledger: Ledger) -> None:
    summaries: list[tuple[str, str, dict[str, Any]]] = [
        ("r1", "needs_review", {"outcomes": {"invalid": 2, "failed": 1, "created": 5}}),
        ("r2", "stopped", {"outcomes": {"invalid": 9}}),
        ("r3", "completed", {"outcomes": {"created": 5}}),
    ]
    for run_id, state, summary in summaries:
        began(ledger, run_id)
        ledger.runs.finished(run_id, state, 0, summary)
    number = ledger.accounts.names().popitem()[0]
    ledger.runs.began("r4", number, "people", "sha", "text", "retry", "failures.csv", "folder", follows="r1")
    began(ledger, "r5", "others")
    others, people = ledger.runs.latest(12)
    assert [run.id for run in others] == ["r5"]
    assert [run.id for run in people] == ["r4", "r3", "r2", "r1"]
    assert trend(people) == [3, None, 0]
    assert [len(one) for one in ledger.runs.latest(2)] == [1, 2]
    assert [run.id for [*one] in ledger.runs.latest(12, "others") for run in one] == ["r5"]

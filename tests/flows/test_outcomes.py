"""Every row gets one outcome, whatever it was before and whatever came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.keys import key_hash
from flows.ledger import Intent, Ledger, Outcome
from flows.ledger.opening import open_ledger
from flows.outcomes import Books
from flows.roll import OUTCOMES, Roll, State
from mappings.engine.mapped import Mapped
from mappings.engine.problems.problem import Problem

UNSENT = {"code": "interrupted", "reason": "the run was interrupted before its turn"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "home")
    yield opened
    opened.close()


def mapped(first: int, keys: list[str], problems: list[Problem] | None = None) -> Mapped:
    size = len(keys)
    rows = np.arange(first, first + size)
    return Mapped(
        rows=rows, lines=rows * 10, key=pa.array(keys, pa.string()), person=pa.array([""] * size), values={},
        names={}, opted_out=np.zeros(size, bool), kept=np.ones(size, bool), invalid=np.zeros(size, bool),
        problems=problems or [],
    )  # fmt: skip


def intend(ledger: Ledger, row: int, key: str, *, carried: bool = False) -> None:
    wanted: dict[str, Any] = {"texts": {}, "tags": [], "opted_out": False}
    ledger.answers.intend(
        "r1",
        [
            Intent(
                row=row,
                batch=1,
                key=key,
                key_hash=key_hash(key),
                person="",
                fingerprint=1,
                wanted=wanted,
                carried=carried,
            )
        ],
    )


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    return [
        row for path in sorted((folder / name).glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def test_each_state_and_each_answer_comes_to_its_outcome(tmp_path: Path, ledger: Ledger) -> None:
    folder = tmp_path / "run"
    books, roll = Books(folder), Roll()
    invalid = Problem.of("email_syntax", row=2, line=20, column="Email", value="nobody", detail="no @")
    warning = Problem.of(
        "email_typo_domain", row=5, line=50, column="Email", value="a@gmial.com", suggestion="gmail.com"
    )
    states = [
        State.FILTERED, State.INVALID, State.DUPLICATE, State.UNCHANGED, State.NEW, State.CHANGED, State.REJECTED,
        State.REJECTED, State.LEFT, State.NEW, State.CHANGED,
    ]  # fmt: skip
    keys = [
        "f@x.org",
        "",
        "d@x.org",
        "u@x.org",
        "a@gmial.com",
        "c@x.org",
        "r@x.org",
        "r@x.org",
        "l@x.org",
        "n@x.org",
        "s@x.org",
    ]
    for first, last in ((0, 4), (4, 4), (4, 11)):  # three frames, one of them empty
        frame = mapped(first + 1, keys[first:last], [p for p in (invalid, warning) if first < p.row <= last])
        books.begin(frame)
        if len(frame):
            size = last - first
            roll.read(frame.rows, np.ones(size, bool), np.zeros(size, bool))
    roll._states[: len(states)] = states
    for row, other in ((3, 4), (8, 7), (7, 8)):
        roll.rivals.add(np.array([row]), np.array([other]))
    intend(ledger, 1, "f@x.org", carried=True)  # the filtered row's opt-out was carried: it stays filtered
    for row in (5, 6, 10):
        intend(ledger, row, keys[row - 1])
    kept = ["kept_differently", "city", "Köln", {"field": "city", "kept": "Koeln"}]
    ledger.answers.answered("r1", [
        Outcome(1, "updated", contact_id="c1"),
        Outcome(5, "created", contact_id="c5", problems=[kept]),
        Outcome(6, "refused", "refused", problems=[["refused", "", "", {"detail": "400: no"}]]),
    ])  # fmt: skip
    balance = books.finish(roll, ledger.answers, "r1", UNSENT, {"city": ["Town"]})
    rows = table(folder, "outcomes")
    assert [row["outcome"] for row in rows] == [
        "filtered", "invalid", "duplicate", "unchanged", "created", "refused", "invalid", "invalid", "unsent", "unknown", "unsent",
    ]  # fmt: skip
    assert [row["row"] for row in rows] == list(range(1, 12))
    assert [row["line"] for row in rows] == list(range(10, 120, 10))
    assert [row["key"] for row in rows] == keys
    assert [row["code"] for row in rows] == [
        "where", "email_syntax", "same_key", "delivered_before", "", "refused", "duplicate_rejected", "duplicate_rejected", "limited",
        "no_clear_answer", "interrupted",
    ]  # fmt: skip
    assert "row 4 has the same key" in rows[2]["reason"]
    assert rows[4]["contact_id"] == "c5"
    assert rows[0]["contact_id"] == ""
    assert balance == Counter(row["outcome"] for row in rows)
    assert sum(balance.values()) == roll.rows
    problems = [
        (problem["row"], problem["line"], problem["code"], problem["column"])
        for problem in table(folder, "problems")
    ]
    assert problems == [
        (2, 20, "email_syntax", "Email"), (5, 50, "email_typo_domain", "Email"), (5, 50, "kept_differently", "Town"),
        (6, 60, "refused", ""), (7, 70, "duplicate_rejected", ""), (8, 80, "duplicate_rejected", ""),
    ]  # fmt: skip
    books.tidy()
    assert not (folder / "begun").exists()


def test_a_file_without_rows_comes_to_nothing(tmp_path: Path, ledger: Ledger) -> None:
    books = Books(tmp_path / "run")
    books.begin(mapped(1, []))
    assert books.finish(Roll(), ledger.answers, "r1", UNSENT, {}) == Counter()


def test_keys_are_found_by_row_and_rows_by_key(tmp_path: Path) -> None:
    books = Books(tmp_path / "run")
    books.begin(mapped(1, ["a@x.org", "b@x.org", "a@x.org"]))
    books.begin(mapped(4, ["c@x.org", "a@x.org"]))
    assert [row for row, _ in books.keys("a@x.org")] == [1, 3, 5]
    assert list(books.sample(np.array([2, 4, 5]))) == ["b@x.org", "c@x.org", "a@x.org"]
    assert list(books.sample(np.array([], np.int64))) == []


def test_there_are_twelve_outcomes() -> None:
    assert len(OUTCOMES) == len(set(OUTCOMES)) == 12

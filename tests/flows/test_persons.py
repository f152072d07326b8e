"""The persons of a file: told apart by their texts, found again while the run goes on, and gone at its end."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import flows.persons
import flows.whereabouts
from flows.identity import Identity
from flows.keys import Partition, key_hash
from flows.ledger import Intent, Outcome
from flows.ledger.opening import open_ledger
from flows.persons import Persons
from flows.rivals import Rivals
from flows.roll import Roll, State
from flows.spill import hashes_of
from flows.whereabouts import Whereabouts


def settled(
    folder: Path, rows: list[tuple[str, str]], states: list[State] | None = None
) -> tuple[Roll, Whereabouts]:
    """Rows of (person, key) that all would win, unless `states` says otherwise."""
    size, roll = len(rows), Roll()
    numbers = np.arange(1, size + 1)
    roll.read(numbers, np.ones(size, bool), np.zeros(size, bool))
    roll.win(numbers, np.array(states or [State.NEW] * size), np.zeros(size, bool))
    part = Partition(
        hashes_of(pa.array([key for _, key in rows], pa.string())), np.zeros(size, np.uint64), numbers,
        np.ones(size, bool), np.zeros(size, bool), pa.array([key for _, key in rows], pa.string()),
        persons=pa.array([person for person, _ in rows], pa.string()),
    )  # fmt: skip
    persons = Persons(folder / "keys")
    wins = np.array([State(state) in (State.NEW, State.UNCHANGED) for state in roll.states])
    persons.add(part, np.where(wins, numbers, 0), wins, np.zeros(size, bool))
    whereabouts = persons.settle(roll, folder / "whereabouts")
    persons.close()
    return roll, whereabouts


def test_two_persons_whose_hashes_are_equal_are_two_persons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.persons, "hashes_of", lambda texts: np.full(len(texts), 7, np.uint64))
    monkeypatch.setattr(flows.whereabouts, "key_hash", lambda _: 7)
    roll, whereabouts = settled(tmp_path, [("A", "a"), ("B", "b"), ("A", "c"), ("C", "d")])
    assert roll.states.tolist() == [State.SPLIT, State.NEW, State.SPLIT, State.NEW]
    assert whereabouts.elsewhere("A", "a") == [(3, "c")]
    assert whereabouts.elsewhere("B", "b") == []
    assert whereabouts.elsewhere("B", "a") == [(2, "b")]
    whereabouts.close()


def test_person_ids_are_compared_exactly(tmp_path: Path) -> None:
    roll, whereabouts = settled(tmp_path, [("7", "a"), ("07", "b"), ("x", "c"), ("X", "d")])
    assert roll.states.tolist() == [State.NEW] * 4
    whereabouts.close()


def test_whoever_is_filtered_is_not_waited_for(tmp_path: Path) -> None:
    _, whereabouts = settled(tmp_path, [("A", "a"), ("B", "b")], [State.FILTERED, State.UNCHANGED])
    assert whereabouts.elsewhere("A", "x") == []
    assert whereabouts.elsewhere("B", "x") == [(2, "b")]
    whereabouts.close()


def test_the_file_of_persons_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    _, whereabouts = settled(tmp_path, [("A", "a")])
    assert stat.S_IMODE((tmp_path / "whereabouts").stat().st_mode) == 0o600
    whereabouts.close()
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    assert list((tmp_path / "keys").iterdir()) == []
    assert whereabouts.elsewhere("A", "b") == []


def test_a_file_without_persons_or_rows_has_nobody(tmp_path: Path) -> None:
    roll, whereabouts = settled(tmp_path, [("", "a"), ("", "b")])
    assert roll.states.tolist() == [State.NEW] * 2
    assert whereabouts.elsewhere("A", "a") == []
    whereabouts.close()


def test_a_person_who_was_delivered_under_the_new_address_too_keeps_nobody_waiting(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "home")
    account = ledger.accounts.seen("campaignlark", "main", "http://127.0.0.1", "key").id
    ledger.runs.began("r1", account, "people", "0", "", "sync", "people.csv", "")
    delivered = [("a", "1"), ("b", "2"), ("c", "2"), ("d", "")]  # "2" twice: before persons were told apart
    wanted = {"texts": {}, "tags": [], "opted_out": False}
    ledger.answers.intend(
        "r1",
        [
            Intent(row, 1, key, key_hash(key), person, 1, wanted)
            for row, (key, person) in enumerate(delivered, start=1)
        ],
    )
    ledger.answers.answered("r1", [Outcome(row, "created") for row in (1, 2, 3, 4)])
    ledger.memory.settle("r1", account, "people", ledger.pages)
    _, whereabouts = settled(
        tmp_path, [("3", "a"), ("1", "x"), ("4", "b"), ("2", "c"), ("5", "d"), ("6", "e")]
    )
    identity = Identity(account, "people", ledger.memory, whereabouts)
    pairs = [("a", "3"), ("x", "1"), ("b", "4"), ("c", "2"), ("d", "5"), ("e", "6")]
    checked = identity.checked(pairs, ledger.memory.remembered(account, "people", pairs))
    assert [key for key, memory in checked.items() if memory.conflict] == ["a"]
    whereabouts.close()
    ledger.close()


def test_rivals_are_found_by_row_in_whatever_order_they_came() -> None:
    rivals = Rivals()
    rivals.add(np.array([9, 2, 5]), np.array([1, 3, 3]))
    rivals.add(np.array([], np.int64), np.array([], np.int64))
    rivals.add(np.array([4, 7]), np.array([8, 8]))
    assert [found.tolist() for found in rivals.of(1, 10)] == [[2, 4, 5, 7, 9], [3, 8, 3, 8, 1]]
    assert [found.tolist() for found in rivals.of(3, 5)] == [[4, 5], [8, 3]]
    assert [found.tolist() for found in rivals.of(10, 20)] == [[], []]

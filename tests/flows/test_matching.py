"""The rows of a key meet and one wins: columns and hashes come to what a dictionary of keys comes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.keys import Keys, Partition, key_hash, with_consent
from flows.ledger.pages import PAGES, Page
from flows.matching import match
from flows.persons import Persons
from flows.roll import Roll, State
from mappings.engine.mapped import Mapped


@dataclass(frozen=True)
class Row:
    key: str
    content: int
    eligible: bool
    out: bool
    age: int = 0
    person: str = ""


@dataclass
class Reference:
    """What a plain dictionary says: the state of each row (from 1), who won, whose opt-out is carried."""

    states: dict[int, State] = field(default_factory=dict)
    others: dict[int, set[int]] = field(default_factory=dict)
    out: dict[int, bool] = field(default_factory=dict)
    carried: dict[str, set[int]] = field(default_factory=dict)
    winners: dict[str, int] = field(default_factory=dict)


def reference(rows: list[Row], page: dict[str, int], duplicates: str, resend: frozenset[str]) -> Reference:
    found = Reference()
    by_key: dict[str, list[int]] = {}
    for number, row in enumerate(rows, start=1):
        by_key.setdefault(row.key, []).append(number)
    for key, numbers in by_key.items():
        able = [number for number in numbers if rows[number - 1].eligible]
        out = any(rows[number - 1].out for number in numbers)
        contested = len({rows[number - 1].person for number in able} - {""}) > 1 and duplicates != "reject"
        if not able or contested or (duplicates == "reject" and len(able) > 1):
            for number in able:
                person = rows[number - 1].person
                found.states[number] = State.CONFLICT if contested else State.REJECTED
                found.others[number] = {
                    other
                    for other in able
                    if other != number and not (contested and rows[other - 1].person in (person, ""))
                }
            if out:
                found.carried[key] = {number for number in numbers if rows[number - 1].out}
            continue
        if duplicates == "newest":
            winner = max(able, key=lambda number: (rows[number - 1].age, number))
        else:
            winner = able[0] if duplicates == "first" else able[-1]
        for number in able:
            found.states[number] = State.DUPLICATE
            found.others[number] = {winner}
        del found.others[winner]
        content = int(with_consent(np.array([rows[winner - 1].content], np.uint64), np.array([out]))[0])
        if key not in page:
            found.states[winner] = State.NEW
        elif page[key] == content and key not in resend:
            found.states[winner] = State.UNCHANGED
        else:
            found.states[winner] = State.CHANGED
        found.out[winner] = out
        found.winners[key] = winner
    return found


def split(rows: list[Row], found: Reference, page: dict[str, int]) -> Reference:
    """Nobody wins under two keys; who opted out anywhere is opted out under each key that nobody else wins."""
    by_key: dict[str, list[int]] = {}
    for number, row in enumerate(rows, start=1):
        by_key.setdefault(row.key, []).append(number)
    persons = {row.person for row in rows} - {""}
    whose = {
        key: max(rows[number - 1].person for number in by_key[key] if rows[number - 1].eligible)
        for key in found.winners
    }
    for person in persons:
        keys = [key for key in found.winners if whose[key] == person]
        wins = {found.winners[key] for key in keys}
        own = {number for number, row in enumerate(rows, start=1) if row.person == person}
        out = any(rows[number - 1].out for number in own) or any(found.out[number] for number in wins)
        for number in wins if len(wins) > 1 else ():
            found.states[number] = State.SPLIT
            found.others[number] = wins - {number}
            found.out[number] = False
        if len(wins) == 1 and out:
            [number] = wins
            row = rows[number - 1]
            content = int(with_consent(np.array([row.content], np.uint64), np.array([True]))[0])
            same = State.UNCHANGED if page.get(row.key) == content else State.CHANGED
            found.states[number] = same if row.key in page else State.NEW
            found.out[number] = True
        for key in {rows[number - 1].key for number in own} | set(keys) if out else ():
            if whose.get(key, person) == person and not (len(wins) == 1 and key in keys):
                through = {found.winners[key]} if key in found.winners else set(by_key[key])
                found.carried.setdefault(key, through)
    return found


def agree(roll: Roll, rows: list[Row], wanted: Reference) -> None:
    states = {number: State(state) for number, state in enumerate(roll.states.tolist(), start=1)}
    assert {number: state for number, state in states.items() if rows[number - 1].eligible} == wanted.states
    assert all(states[n] is State.INVALID for n, row in enumerate(rows, start=1) if not row.eligible)
    numbers, others = (found.tolist() for found in roll.rivals.of(1, roll.rows))
    assert numbers == sorted(wanted.others)
    assert all(other in wanted.others[number] for number, other in zip(numbers, others, strict=True))
    assert {number: bool(roll.opted_out[number - 1]) for number in wanted.out} == wanted.out
    assert len(roll.carried) == len(wanted.carried)
    for numbers in wanted.carried.values():
        assert len(roll.carried & numbers) == 1


def entered(rows: list[Row]) -> Roll:
    roll = Roll()
    if rows:
        eligible = np.array([row.eligible for row in rows])
        roll.read(np.arange(1, len(rows) + 1), np.ones(len(rows), bool), ~eligible)
    return roll


def page_of(entries: Iterable[tuple[int, int, str]]) -> Page:
    ordered = sorted(entries, key=lambda entry: entry[0])
    return Page(
        np.array([entry[0] for entry in ordered], np.uint64),
        np.array([entry[1] for entry in ordered], np.uint64),
        pa.array([entry[2] for entry in ordered], pa.string()),
    )


KEYS = [f"k{number}" for number in range(8)]
AGES = st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])
PERSONS = st.sampled_from(["", "", "P1", "P2", "P3"])
MOSTLY = st.booleans() | st.just(value=True)
ROWS = st.lists(
    st.builds(Row, st.sampled_from(KEYS), st.integers(0, 3), MOSTLY, st.booleans(), AGES, PERSONS),
    max_size=30,
)
DUPLICATES = st.sampled_from(["last", "first", "reject", "newest"])
# Few hashes for many keys, next to each other and at the very end, so that they collide in every way.
HASHES = st.fixed_dictionaries({key: st.sampled_from([5, 6, 7, 2**64 - 2, 2**64 - 1]) for key in KEYS})
CONTENTS = st.integers(0, 3) | st.integers(0, 3).map(
    lambda content: int(with_consent(np.array([content], np.uint64), np.array([True]))[0])
)
DELIVERED = st.dictionaries(st.sampled_from([*KEYS, "gone"]), CONTENTS, max_size=8)


@given(
    ROWS,
    HASHES,
    DELIVERED,
    DUPLICATES,
    st.frozensets(st.sampled_from(KEYS)),
    st.booleans(),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_a_partition_with_colliding_hashes_is_matched_as_a_dictionary_matches_it(
    rows: list[Row],
    hashes: dict[str, int],
    delivered: dict[str, int],
    duplicates: str,
    resend: frozenset[str],
    told_apart: bool,
    data: st.DataObject,
) -> None:
    rows = rows if told_apart else [replace(row, person="") for row in rows]
    hashes = {**hashes, "gone": 6}
    order = sorted(range(len(rows)), key=lambda index: (hashes[rows[index].key], index))
    ordered = [rows[index] for index in order]
    part = Partition(
        hashes=np.array([hashes[row.key] for row in ordered], np.uint64),
        prints=np.array([row.content for row in ordered], np.uint64),
        rows=np.array([index + 1 for index in order], np.int64),
        eligible=np.array([row.eligible for row in ordered], bool),
        opted_out=np.array([row.out for row in ordered], bool),
        keys=pa.array([row.key for row in ordered], pa.string()),
        ages=np.array([row.age for row in ordered], np.int64) if duplicates == "newest" else None,
        persons=pa.array([row.person for row in ordered], pa.string()) if told_apart else None,
    )
    entries = data.draw(st.permutations([(hashes[key], content, key) for key, content in delivered.items()]))
    roll = entered(rows)
    match(part, page_of(entries), roll, duplicates=duplicates, resend=resend.__contains__)
    agree(roll, rows, reference(rows, delivered, duplicates, resend))


def mapped(rows: list[Row], first: int) -> Mapped:
    size = len(rows)
    return Mapped(
        rows=np.arange(first, first + size),
        lines=np.arange(first + 1, first + 1 + size),
        key=pa.array([row.key for row in rows], pa.string()),
        person=pa.array([row.person for row in rows], pa.string()),
        values={},
        names={},
        opted_out=np.array([row.out for row in rows], bool),
        kept=np.ones(size, bool),
        invalid=np.array([not row.eligible for row in rows], bool),
        content=np.array([row.content for row in rows], np.uint64),
        age=np.array([row.age for row in rows], np.int64),
    )


NAMES = [f"p{number}@example.com" for number in range(25)]
FRAMES = st.lists(
    st.lists(
        st.builds(
            Row, st.sampled_from(NAMES), st.integers(0, 3), MOSTLY, st.booleans(), AGES,
            st.sampled_from(["", *(f"P{number}" for number in range(10))]),
        ),
        max_size=25,
    ),
    max_size=4,
)  # fmt: skip


@given(FRAMES, st.dictionaries(st.sampled_from(NAMES), CONTENTS, max_size=30), DUPLICATES, st.booleans())
@settings(max_examples=30, deadline=None)
def test_rows_of_one_key_and_of_one_person_meet_across_frames_and_partitions(
    tmp_path_factory: pytest.TempPathFactory,
    frames: list[list[Row]],
    delivered: dict[str, int],
    duplicates: str,
    told_apart: bool,
) -> None:
    folder: Path = tmp_path_factory.mktemp("keys")
    frames = frames if told_apart else [[replace(row, person="") for row in frame] for frame in frames]
    keys = Keys(folder / "keys", ages=duplicates == "newest", persons=told_apart)
    persons = Persons(folder / "keys") if told_apart else None
    rows, first = [row for frame in frames for row in frame], 1
    for frame in frames:
        keys.add(mapped(frame, first))
        first += len(frame)
    by_page: dict[int, list[tuple[int, int, str]]] = {}
    for key, content in delivered.items():
        by_page.setdefault(key_hash(key) >> 56, []).append((key_hash(key), content, key))
    roll = entered(rows)
    for number in range(PAGES):
        page = page_of(by_page.get(number, []))
        match(keys.partition(number), page, roll, duplicates=duplicates, persons=persons)
    keys.close()
    wanted = reference(rows, delivered, duplicates, frozenset())
    if persons is not None:
        wanted = split(rows, wanted, delivered)
        persons.settle(roll, folder / "whereabouts").close()
        persons.close()
    assert [path.name for path in folder.iterdir()] == ["keys"]
    assert not list((folder / "keys").iterdir())
    agree(roll, rows, wanted)


@pytest.mark.parametrize(
    ("ages", "eligible", "winner"),
    [
        ((5, 9, 7), (True, True, True), 2),
        ((9, 9, 7), (True, True, True), 2),
        ((5, 7, 9), (True, True, False), 2),
        ((-(2**63), -(2**63), 2**63 - 1), (True, True, False), 2),
    ],
)
def test_the_newest_eligible_row_wins_and_of_equally_new_ones_the_last(
    tmp_path: Path, ages: tuple[int, ...], eligible: tuple[bool, ...], winner: int
) -> None:
    rows = [
        Row("a@example.com", 1, able, out=False, age=age) for age, able in zip(ages, eligible, strict=True)
    ]
    keys, roll = Keys(tmp_path / "keys", ages=True), entered(rows)
    keys.add(mapped(rows, 1))
    for number in range(PAGES):
        match(keys.partition(number), page_of([]), roll, duplicates="newest")
    keys.close()
    assert (np.flatnonzero(roll.states == State.NEW) + 1).tolist() == [winner]


def test_rows_without_a_usable_key_are_not_matched(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    keys.add(
        mapped([Row("", 1, eligible=False, out=True), Row("a@example.com", 1, eligible=True, out=False)], 1)
    )
    assert sum(len(keys.partition(number)) for number in range(PAGES)) == 1
    keys.close()


def test_consent_is_part_of_the_fingerprint() -> None:
    prints = np.array([7, 7], np.uint64)
    in_, out = with_consent(prints, np.array([False, True])).tolist()
    assert in_ == 7
    assert out != 7

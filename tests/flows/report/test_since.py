"""What is new, known or solved since the previous run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.report.page import problem_groups
from flows.report.since import Previous, Since, Who, since
from flows.report.wording import since_then
from tests.flows.report.conftest import a_summary, write_run

HEADER = ["Id", "Email", "Plan"]
PERSON = Who("Id", ("Email",))
KEY = Who("", ("Email",))
FINE = "created"


def a_run(folder: Path, *rows: tuple[str, str, str, str, Sequence[str]]) -> Path:
    """Rows of id, address, plan, outcome, and the codes of what is wrong."""
    outcomes: list[Any] = []
    problems: list[Any] = []
    for number, (_, email, plan, outcome, codes) in enumerate(rows, 1):
        outcomes.append((number, number + 1, email, outcome, codes[0] if codes else "", "", ""))
        problems += [
            (number, number + 1, code, "error", "Plan", plan, "wrong", f"mend {code}") for code in codes
        ]
    return write_run(folder, HEADER, [list(row[:3]) for row in rows], outcomes, problems)


def compared(now: Path, before: Path, who: Who = PERSON, *, whole: bool = True) -> Since:
    return since(now, Previous("before", before, whole), who, problem_groups(now))


def test_rows_are_told_by_their_person_wherever_they_stand(tmp_path: Path) -> None:
    before = a_run(
        tmp_path / "before",
        ("1", "ann@example.com", "x", "invalid", ["value_unknown"]),
        ("2", "bob@example.com", "x", "invalid", ["value_unknown"]),
        ("3", "cyd@example.com", "x", "refused", ["refused"]),
        ("4", "dee@example.com", "x", "invalid", ["value_unknown"]),
    )
    now = a_run(
        tmp_path / "now",
        ("9", "new@example.com", "y", "invalid", ["value_unknown"]),
        ("2", "bob@other.example", "z", "invalid", ["value_unknown"]),
        ("1", "ann@example.com", "ok", FINE, []),
        ("3", "cyd@example.com", "x", "unsent", []),
    )
    found = compared(now, before)
    assert found.facts.model_dump() == {
        "run_id": "before", "compared": True, "new": 1, "known": 1, "solved": 1, "gone": 1,
    }  # fmt: skip
    group, solved = found.groups
    assert (group.state, group.count, group.new) == ("new", 2, 1)
    assert (solved.state, solved.code, solved.count, solved.rows, solved.fix) == (
        "solved", "value_unknown", 1, [1], "mend value_unknown",
    )  # fmt: skip
    assert found.new_rows == [1]


def test_without_persons_the_key_tells_as_the_source_writes_it_and_else_all_cells(tmp_path: Path) -> None:
    before = a_run(
        tmp_path / "before",
        ("", "nobody", "x", "invalid", ["email_syntax"]),
        ("7", "", "x", "invalid", ["key_blank"]),
        ("8", "", "x", "invalid", ["key_blank"]),
    )
    now = a_run(
        tmp_path / "now",
        ("", " NOBODY", "x", "invalid", ["email_syntax"]),
        ("8", "", "x", "invalid", ["key_blank"]),
        ("7", "", "changed", "invalid", ["key_blank"]),
    )
    found = compared(now, before, KEY)
    assert (found.facts.new, found.facts.known, found.facts.solved, found.facts.gone) == (1, 2, 0, 1)
    assert found.new_rows == [3]
    assert {group.code: group.new for group in found.groups} == {"key_blank": 1, "email_syntax": 0}
    assert {group.code: group.state for group in found.groups} == {
        "key_blank": "new",
        "email_syntax": "known",
    }


def test_a_row_with_another_problem_has_solved_the_old_one_and_still_needs_a_person(tmp_path: Path) -> None:
    before = a_run(tmp_path / "before", ("1", "a@example.com", "x", "invalid", ["value_unknown", "too_long"]))
    now = a_run(tmp_path / "now", ("1", "a@example.com", "x", "invalid", ["too_long", "no_case"]))
    found = compared(now, before)
    assert (found.facts.new, found.facts.known, found.facts.solved) == (1, 0, 0)
    assert {(group.code, group.state) for group in found.groups} == {
        ("too_long", "known"), ("no_case", "new"), ("value_unknown", "solved"),
    }  # fmt: skip


def test_a_row_without_an_error_of_its_own_is_known_by_what_its_outcome_says(tmp_path: Path) -> None:
    rows = ("1", "a@example.com", "x", "unknown", [])
    found = compared(a_run(tmp_path / "now", rows), a_run(tmp_path / "before", rows))
    assert (found.facts.new, found.facts.known) == (0, 1)


def test_a_retry_says_nothing_of_who_is_not_in_it(tmp_path: Path) -> None:
    wrong = [(str(n), f"p{n}@example.com", "x", "invalid", ["value_unknown"]) for n in (1, 2)]
    before = a_run(tmp_path / "before", *wrong)
    now = a_run(tmp_path / "now", ("1", "p1@example.com", "ok", FINE, []))
    assert compared(now, before, whole=False).facts.model_dump(exclude={"run_id", "compared"}) == {
        "new": 0, "known": 0, "solved": 1, "gone": 0,
    }  # fmt: skip


def test_a_folder_that_is_gone_is_said_and_nothing_is_guessed(tmp_path: Path) -> None:
    row = ("1", "a@example.com", "x", "invalid", ["value_unknown"])
    now, before = a_run(tmp_path / "now", row), a_run(tmp_path / "before", row)
    shutil.rmtree(before / "spool")
    found = compared(now, before)
    assert not found.facts.compared
    assert [(group.state, group.new) for group in found.groups] == [("new", None)]
    assert found.new_rows is None
    assert "the folder of the previous run before is gone" in since_then(a_summary(previous=found.facts))


@pytest.mark.parametrize("part", ["spool", "outcomes", "problems"])
def test_a_folder_that_is_damaged_counts_as_gone(tmp_path: Path, part: str) -> None:
    row = ("1", "a@example.com", "x", "invalid", ["value_unknown"])
    now, before = a_run(tmp_path / "now", row), a_run(tmp_path / "before", row)
    [path] = (before / part).iterdir()
    path.write_bytes(path.read_bytes()[:40])
    assert not compared(now, before).facts.compared


def test_columns_that_are_not_there_any_more_do_no_harm(tmp_path: Path) -> None:
    row = ("1", "a@example.com", "x", "invalid", ["value_unknown"])
    now, before = a_run(tmp_path / "now", row), a_run(tmp_path / "before", row)
    assert compared(now, before, Who("Nothing", ("Nowhere",))).facts.known == 1
    empty = write_run(tmp_path / "empty", [], [], [])
    assert compared(now, empty).facts.new == 1
    assert compared(empty, before).facts.gone == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "As in the run r1 before, no row needs a person."),
        ({"new": 1}, "Compared with the run r1 before, of the rows with errors: 1 newly needs a person."),
        ({"known": 37, "solved": 2, "gone": 1}, "37 needed one before, too, 2 are solved, 1 is not in the source any more."),
    ],
)  # fmt: skip
def test_it_is_said_in_a_sentence(counts: dict[str, int], said: str) -> None:
    previous = {"run_id": "r1", "compared": True, **counts}
    assert since_then(a_summary(previous=previous)).endswith(said)
    assert since_then(a_summary()) == ""


people = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.lists(st.sampled_from(["value_unknown", "too_long", "no_case"]), max_size=2, unique=True),
    min_size=1,
)


@settings(max_examples=25, deadline=None)
@given(people, people)
def test_new_known_solved_and_gone_are_those_of_the_sets(
    tmp_path_factory: pytest.TempPathFactory, then: dict[str, list[str]], now: dict[str, list[str]]
) -> None:
    def written(people: dict[str, list[str]], name: str) -> Path:
        rows = [
            (who, f"{who}@example.com", "x", "invalid" if codes else FINE, codes)
            for who, codes in people.items()
        ]
        return a_run(tmp_path_factory.mktemp(name), *rows)

    facts = compared(written(now, "now"), written(then, "then")).facts
    assert facts.new == sum(bool(set(codes) - set(then.get(who, ()))) for who, codes in now.items())
    assert facts.known == sum(
        bool(codes) and set(codes) <= set(then.get(who, ())) for who, codes in now.items()
    )
    assert facts.solved == sum(bool(codes) and now.get(who) == [] for who, codes in then.items())
    assert facts.gone == sum(bool(codes) and who not in now for who, codes in then.items())

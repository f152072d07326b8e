"""Who has to be told of what: each change of state once, whatever comes after what."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.alerts.alert import Alert
from flows.alerts.telling import Occasion, due
from flows.ledger import LastTold
from mappings.engine.document import Notify

NOW = dt.datetime(2026, 11, 26, 19, tzinfo=dt.UTC)
DEFAULT = Notify.model_validate({"to": "ops"})
TROUBLE = ["needs_review", "stopped", "failed", "interrupted", "no_file"]


def of(state: str, settles: tuple[str, ...] = ()) -> Occasion:
    return Occasion(
        Alert(state, "signups", "", NOW.isoformat()), Path("signups.yml"), Path("home"), settles=settles
    )


def last(state: str, hours: float = 0) -> LastTold:
    at = (NOW - dt.timedelta(hours=hours)).isoformat()
    return LastTold("campaignlark-main", "signups", "ops", state, "r0", at, at)


@pytest.mark.parametrize(
    ("state", "before", "told"),
    [
        ("completed", "", ""),
        ("completed", "completed", ""),
        ("completed", "failed", "recovered"),
        ("needs_review", "", "needs_review"),
        ("needs_review", "needs_review", ""),
        ("failed", "needs_review", "failed"),
        ("needs_review", "completed", "needs_review"),
        ("no_file", "completed", "no_file"),
    ],
)
def test_a_change_of_state_is_told_once(state: str, before: str, told: str) -> None:
    assert due(of(state), DEFAULT, last(before) if before else None, NOW) == told


def test_the_same_trouble_is_told_again_only_where_a_time_is_said_and_over() -> None:
    daily = Notify.model_validate({"to": "ops", "remind": "1 day"})
    assert due(of("failed"), daily, last("failed", 23), NOW) == ""
    assert due(of("failed"), daily, last("failed", 24), NOW) == "failed"
    assert due(of("failed"), DEFAULT, last("failed", 9999), NOW) == ""


def test_who_asks_for_completed_is_told_of_each_run_that_went_well() -> None:
    every = Notify.model_validate({"to": "ops", "on": ["completed", "failed", "recovered"]})
    assert due(of("completed"), every, None, NOW) == "completed"
    assert due(of("completed"), every, last("completed"), NOW) == "completed"
    assert due(of("completed"), every, last("failed"), NOW) == "recovered"
    assert due(of("needs_review"), every, last("completed"), NOW) == ""


def test_a_retry_ends_what_needs_a_person_and_nothing_else() -> None:
    retry = of("completed", ("needs_review",))
    assert due(retry, DEFAULT, last("needs_review"), NOW) == "recovered"
    assert due(retry, DEFAULT, last("failed"), NOW) == ""
    assert due(retry, DEFAULT, None, NOW) == ""


@given(
    st.lists(st.sampled_from(["completed", *TROUBLE])),
    st.sets(st.sampled_from([*TROUBLE, "recovered"]), min_size=1),
)
def test_whatever_runs_follow_each_other_trouble_is_told_once_and_its_end_at_most_once(
    states: list[str], on: set[str]
) -> None:
    notify = Notify.model_validate({"to": "ops", "on": sorted(on)})
    known: LastTold | None = None
    told: list[str] = []
    for state in states:
        found = due(of(state), notify, known, NOW)
        if found:
            kept = "completed" if found in ("well", "recovered", "completed") else found
            known = dataclasses.replace(last(kept), told_at=NOW.isoformat())
        if found not in ("", "well"):
            told.append(found)
    assert set(told) <= on
    for one, other in itertools.pairwise(told):
        assert one != other or "recovered" not in on
        if other == "recovered":
            assert one in TROUBLE
    assert (not told) or told[0] != "recovered"
    if states and states[-1] == "completed" and told and "recovered" in on:
        assert told[-1] == "recovered"

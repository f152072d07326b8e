"""The failure limit as plain counting: when it stops a run, and what it says."""

from __future__ import annotations

import pytest

from connectors.base import Delivered, StopAt
from flows.allowing import wrong_with
from flows.failure_limit import FailureLimit, stop_at
from mappings.engine.document import Guards


def counted(**outcomes: int) -> FailureLimit:
    limit = FailureLimit()
    for outcome, count in outcomes.items():
        for _ in range(count):
            code = "no_clear_answer" if outcome == "unknown" else outcome
            limit.add(Delivered(outcome, code))
    return limit


@pytest.mark.parametrize(
    ("outcomes", "stops"),
    [
        ({"refused": 49}, False),
        ({"refused": 50}, True),
        ({"refused": 20, "failed": 20, "unknown": 10}, True),
        ({"created": 200, "refused": 50}, False),
        ({"created": 199, "refused": 50}, True),
        ({"unchanged": 900, "filtered": 900, "unsent": 900, "protected": 9, "refused": 50}, True),
    ],
)
def test_it_stops_from_fifty_on_and_above_a_fifth_of_those_that_were_answered(
    outcomes: dict[str, int], stops: bool
) -> None:
    assert (counted(**outcomes).passed(StopAt()) is not None) is stops


def test_it_says_how_many_why_most_often_and_what_to_do() -> None:
    error = counted(created=40, refused=30, unknown=25).passed(StopAt())
    assert error is not None
    assert error.what == (
        "Stopped: 55 of the 95 contacts answered so far were refused or failed (the limit is 20%, from 50 on); "
        "most often refused, 30 times."
    )
    assert error.fix == (
        "Look at failures.csv and remove the cause, then muster resume sends the rest. "
        "If so many may fail, say --allow failures."
    )


def test_a_mapping_sets_it_and_a_person_may_allow_any_number_or_so_many() -> None:
    guards = Guards.model_validate({"failures": {"share": "5%", "floor": "10"}})
    assert stop_at(guards, {}) == StopAt(0.05, 10)
    assert stop_at(guards, {"failures": 30}) == StopAt(0.05, 31)
    assert stop_at(guards, {"failures": None}) is None
    assert counted(refused=500).passed(None) is None
    assert wrong_with("failures=40") == ""

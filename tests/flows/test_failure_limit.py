"""The failure limit as plain counting: when it stops a run, and what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.base import Delivered
from flows.allowing import wrong_with
from flows.failure_limit import FailureLimit
from flows.guards import FAILURES, limited
from mappings.engine.document import Guards


def counted(limit: FailureLimit | None = None, /, **outcomes: int) -> FailureLimit:
    limit = limit or FailureLimit()
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
    assert (counted(**outcomes).passed() is not None) is stops


def test_it_says_how_many_why_most_often_and_what_to_do() -> None:
    error = counted(created=40, refused=30, unknown=25).passed()
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
    own = limited(FAILURES, guards)
    assert counted(FailureLimit(own), created=100, refused=9).passed() is None
    assert counted(FailureLimit(own), created=100, refused=10).passed() is not None
    assert counted(FailureLimit(own, {"failures": 30}), created=100, refused=30).passed() is None
    assert counted(FailureLimit(own, {"failures": 30}), created=100, refused=31).passed() is not None
    assert counted(FailureLimit(own, {"failures": None}), refused=500).passed() is None
    assert wrong_with("failures=40") == ""


@pytest.mark.parametrize(
    ("limit", "outcomes", "tripped", "by"),
    [
        (FailureLimit(), {"created": 400, "refused": 50}, False, ""),
        (FailureLimit(), {"refused": 50}, True, ""),
        (FailureLimit(FAILURES, {"failures": None}), {"refused": 60}, True, "person"),
        (FailureLimit(FAILURES, {"failures": 70}), {"refused": 60}, True, "person"),
        (
            FailureLimit(replace(FAILURES, share=0.9, own=True)),
            {"created": 40, "refused": 60},
            False,
            "mapping",
        ),
        (FailureLimit(FAILURES, {"failures": None}), {"refused": 50, "created": 1000}, True, "person"),
    ],
)
def test_the_run_keeps_what_was_counted_and_who_let_it_pass(
    limit: FailureLimit, outcomes: dict[str, int], tripped: bool, by: str
) -> None:
    verdict = counted(limit, **outcomes).verdict()
    assert (verdict.name, verdict.count) == ("failures", outcomes["refused"])
    assert (verdict.tripped, verdict.let_pass) == (tripped, by)

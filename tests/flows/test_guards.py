"""Guards stop what is likely a mistake, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from flows.guards import GUARDS, Counts, judged

CALM = {"rows": 10_000, "kept": 10_000, "invalid": 0, "writes": 0, "opt_outs": 0, "rows_before": 10_000}


def tripped(*allowed: str, **counts: Any) -> list[str]:
    verdicts = judged(Counts(**{**CALM, **counts}), frozenset(allowed))
    return [verdict.name for verdict in verdicts if verdict.tripped and not verdict.allowed]


def test_nothing_trips_where_nothing_is_wrong() -> None:
    assert tripped() == []
    assert [guard.name for guard in GUARDS] == ["empty_source", "shrunk", "invalid", "changes", "opt_outs"]


@pytest.mark.parametrize(
    ("name", "below", "over"),
    [
        ("invalid", {"invalid": 2000}, {"invalid": 2001}),
        ("changes", {"writes": 5000}, {"writes": 5001}),
        ("opt_outs", {"opt_outs": 200}, {"opt_outs": 201}),
        ("shrunk", {"rows": 8000}, {"rows": 7999}),
        (
            "empty_source",
            {"rows": 1, "kept": 1, "rows_before": 1},
            {"rows": 0, "kept": 0, "rows_before": None},
        ),
    ],
)
def test_a_guard_trips_over_its_share_and_not_at_it(
    name: str, below: dict[str, Any], over: dict[str, Any]
) -> None:
    assert tripped(**below) == []
    assert tripped(**over) == [name]


@pytest.mark.parametrize(
    ("name", "below", "at"),
    [
        ("invalid", {"invalid": 49}, {"invalid": 50}),
        ("changes", {"writes": 199}, {"writes": 200}),
        ("opt_outs", {"opt_outs": 19}, {"opt_outs": 20}),
        ("shrunk", {"rows_before": 149}, {"rows_before": 150}),
    ],
)
def test_a_guard_does_not_trip_under_its_floor(name: str, below: dict[str, Any], at: dict[str, Any]) -> None:
    small = {"rows": 100, "kept": 100, "rows_before": 100}
    assert tripped(**{**small, **below}) == []
    assert name in tripped(**{**small, "kept": 199 if name == "changes" else 100, **at})


def test_what_is_filtered_does_not_hide_a_change_of_all_that_is_kept() -> None:
    assert tripped(rows=100_000, rows_before=100_000, kept=300, writes=200) == ["changes"]


def test_a_first_run_may_write_everybody_and_has_nothing_to_have_shrunk_from() -> None:
    assert tripped(writes=10_000, rows_before=None) == []
    assert tripped(invalid=5000, opt_outs=5000, rows_before=None) == ["invalid", "opt_outs"]


def test_a_guard_that_is_allowed_does_not_stop_and_is_still_told() -> None:
    counts = {**CALM, "invalid": 5000, "writes": 9000}
    assert tripped("invalid", **counts) == ["changes"]
    verdicts = {verdict.name: verdict for verdict in judged(Counts(**counts), frozenset({"invalid"}))}
    assert (verdicts["invalid"].tripped, verdicts["invalid"].allowed) == (True, True)
    assert verdicts["invalid"].count == 5000
    assert verdicts["invalid"].share == pytest.approx(0.5)

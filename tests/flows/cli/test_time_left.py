"""The time left, over a clock that the test turns: honest from a tenth of the run on, silent where nothing is known."""

from __future__ import annotations

import random

import pytest

from flows.cli import watchers
from flows.cli.time_left import TimeLeft


class Turned:
    """A clock."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("begins_after", [0.0, 20.0])
@pytest.mark.parametrize(("per_second", "total"), [(100, 20_000), (10, 500), (40 / 60, 60)])
def test_at_a_steady_rate_it_is_within_a_tenth_from_a_tenth_of_the_run_on(
    per_second: float, total: int, begins_after: float
) -> None:
    clock, chance = Turned(), random.Random(3)  # noqa: S311 - a little unrest
    left = TimeLeft(total, clock)
    clock.now += begins_after
    began = clock.now
    for number in range(1, total):
        clock.now = began + (number + chance.uniform(-0.4, 0.4)) / per_second
        left.advance(1)
        if total / 10 <= number < total * 0.98:
            true = (total - number) / per_second
            assert left.seconds == pytest.approx(true, rel=0.1)


def test_answers_that_become_durable_in_groups_make_no_difference() -> None:
    clock = Turned()
    left = TimeLeft(10_000, clock)
    for _ in range(50):
        clock.now += 1.0
        left.advance(100)
    assert left.seconds == pytest.approx(50, rel=0.05)


def test_it_follows_when_the_rate_changes() -> None:
    clock = Turned()
    left = TimeLeft(100_000, clock)
    for per_second in (100, 20):
        for _ in range(120):
            clock.now += 1.0
            left.advance(per_second)
    assert left.per_second == pytest.approx(20, rel=0.05)


def test_while_the_destination_is_waited_for_there_is_no_number_and_the_time_does_not_count() -> None:
    clock = Turned()
    left = TimeLeft(10_000, clock)
    for _ in range(20):
        clock.now += 1.0
        left.advance(100)
    before = left.seconds
    left.held(True)
    clock.now += 200
    assert (left.seconds, str(left)) == (None, "waiting for the destination")
    left.held(False)
    assert left.seconds == pytest.approx(before)
    assert str(left) == "80 s left"


def test_at_the_very_beginning_and_without_a_total_nothing_is_claimed() -> None:
    clock = Turned()
    left = TimeLeft(10_000, clock)
    assert (left.seconds, str(left)) == (None, "")
    clock.now += 0.1
    left.advance(1)
    clock.now += 0.1
    left.advance(1)
    assert left.seconds is None
    endless = TimeLeft(None, clock)
    endless.advance(5)
    clock.now += 10
    endless.advance(5)
    assert endless.seconds is None


def test_plain_log_lines_say_it_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watchers, "_EVERY_SECONDS", 0)
    lines = watchers.Lines()
    lines.stage("delivering", 1000)
    for _ in range(2):
        lines.outcome("created")
        lines.advance(100)
    lines.held(True)
    lines.advance(1)
    said = capsys.readouterr().err
    assert "200 of 1,000; created 2; " in said
    assert " left" in said
    assert "waiting for the destination" in said

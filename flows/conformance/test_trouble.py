"""Whatever happens on the way: nobody is lost, nobody is there twice, and the report says what is true."""

from __future__ import annotations

import functools
import itertools
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from yarl import URL

from connectors import http
from connectors.patience import Patience
from connectors.sandbox.faults import KINDS
from flows.conformance.bench import LANDED, Bench, address, said
from flows.conformance.ended import Ended

TROUBLES: dict[str, dict[str, str | float]] = {
    "500-not-applied": {"kind": "500"},
    "502-not-applied": {"kind": "502"},
    "503-not-applied": {"kind": "503"},
    "500-applied": {"kind": "500", "applied": True},
    "503-applied": {"kind": "503", "applied": True},
    "reset-before-the-write": {"kind": "reset_before"},
    "reset-after-the-write": {"kind": "reset_after"},
    "a-page-instead-of-an-answer": {"kind": "non_json"},
    "a-page-with-502-not-applied": {"kind": "non_json_502"},
    "a-page-with-502-applied": {"kind": "non_json_502", "applied": True},
    "a-truncated-answer": {"kind": "truncated"},
}
SLOW: dict[str, dict[str, str | float]] = {
    "an-answer-that-comes-too-late": {"kind": "late", "seconds": 2},
    "an-answer-that-never-ends": {"kind": "slow_body", "seconds": 4},
}
NEW, THERE = (1, 2, 3), (4, 5, 6)
STRUCK = 4
MORE_THAN_ARE_IN_FLIGHT = 300


def settles(bench: Bench, fault: dict[str, str | float]) -> None:
    """A run under a fault: what it says is true, and the next one brings the rest. Nothing is there, or starts, twice."""
    for number in THERE:
        bench.seed(number, "Old")
    bench.fault(**{"next": STRUCK, **fault})  # type: ignore[arg-type]
    rows = [bench.row(number) for number in (*NEW, *THERE)]
    first = bench.sync(*rows)
    assert sum(bench.server.requests()["faults"].values()) == STRUCK
    is_true(bench, first)
    bench.server.clear_faults()
    second = bench.lands(*rows)
    assert all(bench.values(number)[bench.trial.text] == f"Name {number}" for number in (*NEW, *THERE))
    assert set(bench.people()) == {address(number) for number in (*NEW, *THERE)}
    starts_no_more_than_was_said(bench, (first, second))


def is_true(bench: Bench, ended: Ended) -> None:
    people = bench.people()
    for number, outcome in enumerate(ended.per_row, start=1):
        there = people.get(address(number), {}).get("fields", {}).get(bench.trial.text) == f"Name {number}"
        assert outcome in (*LANDED, "failed"), said(ended)
        assert there == (outcome in LANDED), f"row {number}\n{said(ended)}"


def starts_no_more_than_was_said(bench: Bench, runs: Sequence[Ended]) -> None:
    announced: Counter[str] = Counter()
    for ended in runs:
        announced.update(ended.summary.automations)
    assert Counter(bench.server.automations()["counts"]) <= announced


@pytest.mark.parametrize("trouble", TROUBLES)
def test_after_trouble_the_report_is_true_and_nothing_is_lost_or_twice(bench: Bench, trouble: str) -> None:
    settles(bench, TROUBLES[trouble])


@pytest.mark.parametrize(
    "trouble", ["reset-before-the-write", "reset-after-the-write", "a-truncated-answer", "503-applied"]
)
def test_where_no_attempt_is_answered_the_verdict_is_what_the_server_counted(
    bench: Bench, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "Patience", functools.partial(Patience, attempts=3))
    bench.seed(2, "Old")
    bench.fault(**TROUBLES[trouble])  # type: ignore[arg-type]
    ended = bench.sync(bench.row(1), bench.row(2))
    applied = bench.server.requests()["applied"]
    assert 2 <= sum(bench.writes().values()) <= 2 * 3
    assert bool(applied) == KINDS[str(TROUBLES[trouble]["kind"])] or TROUBLES[trouble].get("applied")
    for outcome in ended.per_row:  # `unknown` where it was sent without having been looked up before
        assert outcome in (LANDED if applied else ("failed", "unknown")), said(ended)
    assert ended.per_row[0] != "unknown"


def test_a_key_that_is_withdrawn_before_a_write_was_settled_does_not_make_it_unsent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "Patience", functools.partial(Patience, attempts=1))
    bench.seed(1, "Old")
    bench.fault("reset_after", next=1)
    bench.after_writes(1, lambda: bench.sandbox.switch({"keys": "another"}))
    ended = bench.sync(bench.row(1))
    assert bench.values(1)[bench.trial.text] == "Name 1"
    assert ended.per_row == ["unknown"], said(ended)


def test_what_never_left_this_machine_is_never_called_unclear(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = URL("http://127.0.0.1:9/")  # where nothing listens
    ended = bench.sync(
        *(bench.row(number) for number in range(1, 21)),
        prepared=lambda: monkeypatch.setattr(http, "URL", lambda _, encoded: nobody),  # noqa: ARG005
    )
    assert set(ended.per_row) <= {"failed", "unsent"}, said(ended)
    assert not bench.writes()
    assert not bench.people()


def test_trouble_that_passes_is_waited_for(bench: Bench) -> None:
    for number in range(1, 31):
        bench.seed(number, "Old")
    bench.fault("502", next=14)
    ended = bench.lands(*(bench.row(number) for number in range(1, 31)))
    said_of_it = [line for line in ended.said if line.startswith("The destination")]
    assert said_of_it[0].startswith("The destination gives no usable answer (502 Bad Gateway).")
    assert said_of_it[-1].startswith("The destination answers again after")
    assert len(bench.people()) == 30


@pytest.mark.parametrize("trouble", SLOW)
def test_after_impatience_the_report_is_true_and_nothing_is_lost_or_twice(
    bench: Bench, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.Wire, "__init__", functools.partialmethod(http.Wire.__init__, timeout=0.6))
    settles(bench, SLOW[trouble])


def test_trouble_while_reading_costs_nobody(bench: Bench) -> None:
    bench.seed(1, "Old")
    bench.mapping(destination={"kind": bench.kind, "lookup": True})
    bench.server.faults({"kind": "502", "share": 0.2}, {"kind": "reset_before", "share": 0.1}, seed=7)
    ended = bench.sync(*(bench.row(number) for number in range(1, 9)))
    is_true(bench, ended)


def test_a_destination_that_is_down_stops_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.connector, "per_second", 1000.0)
    bench.fault("500")
    ended = bench.sync(*(bench.row(number) for number in range(1, MORE_THAN_ARE_IN_FLIGHT + 1)))
    assert ended.exit_code == 3
    assert "unsent" in ended.per_row
    assert set(ended.per_row) <= {"failed", "unknown", "unsent"}
    assert not bench.people()


def test_being_asked_to_slow_down_is_no_attempt(bench: Bench) -> None:
    attempts = Patience().attempts
    bench.fault("429", next=attempts * 2)
    bench.lands(bench.row(1), bench.row(2))
    assert bench.server.requests()["by_status"]["429"] == attempts * 2
    assert bench.server.requests()["applied"] == 2


def test_being_asked_to_wait_for_a_second_is_obeyed(bench: Bench) -> None:
    bench.fault("429", next=1, retry_after="1")
    began = time.monotonic()
    bench.lands(*(bench.row(number) for number in range(1, 6)))
    assert time.monotonic() - began >= 1
    arrivals = sorted(bench.sandbox.traffic.arrivals)
    assert max(after - before for before, after in itertools.pairwise(arrivals)) >= 0.9
    assert bench.server.requests()["by_status"]["429"] == 1
    assert bench.server.requests()["applied"] == 5

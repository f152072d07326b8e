"""A run can be taken back: what it changed is as before, what was changed since stays, and nobody is subscribed by it unasked."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from flows.conformance.bench import Bench, address, said
from flows.conformance.ended import Ended
from flows.sync_run import SyncRun

pytestmark = pytest.mark.needs("restores")
FULL = {"undo": "full"}
"""So that it is known of everybody how they were before."""


def state(bench: Bench) -> dict[str, Any]:
    """Everybody there, without what no API can put back: ids of who came anew, times, and how often somebody was written."""
    shown = ("status", "tags", "lists", "fields")
    return {
        key: {
            name: sorted(one[name]) if name in ("tags", "lists") else one[name]
            for name in shown
            if name in one
        }
        for key, one in bench.people().items()
    }


def looks_first(bench: Bench, **changes: Any) -> None:
    bench.mapping(destination={"kind": bench.kind, **FULL}, **changes)


def corrected(ended: Ended, column: str, right: str) -> Path:
    """The run's failures.csv with a column of all its rows as a person has corrected it."""
    path = ended.folder / "failures.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, column: right} for row in rows)
    return path


def test_what_a_run_changed_is_as_it_was_before_when_it_is_undone(bench: Bench) -> None:
    kinds = {one.kind: {"from": one.kind, "split": ";"} for one in bench.trial.names}
    first = {one.kind: (one.names or one.numbers)[0] for one in bench.trial.names}
    looks_first(bench, **kinds)
    for number in (1, 2, 3):
        bench.seed(
            number,
            "Old",
            fields={bench.trial.other: "Oslo"},
            names={one.shown_as: [one.shown[1]] for one in bench.trial.names},
        )
    before = state(bench)
    run = bench.lands(*(bench.row(number, First=f"New {number}", City="Rome", **first) for number in (1, 2)))
    assert state(bench) != before
    undone = bench.undo(run.id)
    assert undone.per_row == ["updated", "updated"], said(undone)
    assert state(bench) == before
    assert undone.summary.undoes == run.id
    assert run.summary.undoable is not None
    assert run.summary.undoable.updated == 2
    again = bench.undo(run.id)
    assert again.per_row == ["unchanged", "unchanged"], "undone twice, there is nothing to do"
    assert state(bench) == before
    once_more = bench.lands(
        *(bench.row(number, First=f"New {number}", City="Rome", **first) for number in (1, 2))
    )
    assert once_more.per_row == ["updated", "updated"], "what was undone counts as delivered no more"


def test_what_somebody_changed_since_stays_when_a_run_is_undone(bench: Bench) -> None:
    looks_first(bench)
    for number in (1, 2):
        bench.seed(number, "Old", fields={bench.trial.other: "Oslo"})
    run = bench.lands(*(bench.row(number, First="New", City="Rome") for number in (1, 2)))
    bench.seed(1, "Theirs")
    bench.seed(2, "Theirs", fields={bench.trial.other: "Theirs, too"})
    undone = bench.undo(run.id)
    assert undone.per_row == ["updated", "protected"], said(undone)
    assert undone.row(2)["code"] == "changed_since"
    assert [bench.values(number)[bench.trial.text] for number in (1, 2)] == ["Theirs", "Theirs"]
    assert [bench.values(number)[bench.trial.other] for number in (1, 2)] == ["Oslo", "Theirs, too"]
    assert undone.summary.warnings["changed_since"] == 1


def test_contacts_that_a_run_created_are_deleted_or_said_to_be_there_still(bench: Bench) -> None:
    run = bench.lands(bench.row(1), bench.row(2))
    deletes = bench.connector.deletes and run.per_row == ["created", "created"]
    undone = bench.undo(run.id)
    assert undone.outcomes["protected" if not deletes else "updated"] == 2, said(undone)
    assert set(bench.people()) == (set() if deletes else {address(1), address(2)})


@pytest.mark.needs("mails")
def test_whom_a_run_unsubscribed_is_subscribed_again_only_for_the_number_that_was_typed(bench: Bench) -> None:
    looks_first(bench)
    for number in (1, 2, 3):
        bench.seed(number, "Old")
    bench.seed(3, status=bench.trial.opted_out[0])
    before = state(bench)
    run = bench.lands(*(bench.row(number, First="Old", Out="yes") for number in (1, 2, 3)))
    assert {one["status"] for one in bench.people().values()} <= {*bench.trial.opted_out}
    out = state(bench)
    for allow, code in (
        (frozenset[str](), 3),
        (frozenset({"resubscribes=1"}), 3),
        (frozenset({"resubscribes=0"}), 0),
    ):
        assert bench.undo(run.id, allow=allow).exit_code == code, allow
        assert state(bench) == out, allow
    undone = bench.undo(run.id, allow=frozenset({"resubscribes=2"}))
    assert undone.summary.consent.subscribed_again == 2, said(undone)
    assert state(bench) == before
    again = bench.lands(*(bench.row(number, First="New") for number in (1, 2, 3)))
    assert again.exit_code == 0
    assert {number: bench.one(number)["status"] for number in (1, 2)} == dict.fromkeys(
        (1, 2), bench.trial.mailed
    )


@pytest.mark.needs("mails")
def test_whoever_opted_out_once_more_since_is_not_subscribed_by_an_undo(bench: Bench) -> None:
    looks_first(bench)
    bench.seed(1, "Old")
    run = bench.lands(bench.row(1, First="New", Out="yes"))
    bench.lands(bench.row(1, First="Newer", Out="yes"))
    undone = bench.undo(run.id, allow=frozenset({"resubscribes=1"}))
    assert bench.one(1)["status"] in bench.trial.opted_out, said(undone)


def test_an_undo_that_was_interrupted_is_finished_by_a_resume(bench: Bench) -> None:
    looks_first(bench)
    for number in range(1, 9):
        bench.seed(number, "Old")
    before = state(bench)
    run = bench.lands(*(bench.row(number, First="New") for number in range(1, 9)))

    def stop(undoing: SyncRun, answers: int) -> None:
        if answers == 1:
            undoing.delivery.stop("interrupted")

    cut = bench.undo(run.id, meanwhile=stop)
    assert cut.exit_code == 130
    resumed = bench.resume()
    assert resumed.summary.undoes == run.id
    assert resumed.exit_code == 0, said(resumed)
    assert state(bench) == {
        key: {**one, "fields": _without(bench, key, before)} for key, one in before.items()
    }


def _without(bench: Bench, key: str, before: dict[str, Any]) -> dict[str, Any]:
    """The values of before, and what an undo could not empty."""
    now = bench.people()[key]["fields"]
    return {
        **before[key]["fields"],
        **{tag: value for tag, value in now.items() if tag not in before[key]["fields"]},
    }


def test_from_the_import_to_the_repair_to_the_proof_and_all_the_way_back(bench: Bench) -> None:
    looks_first(bench)
    for number in (1, 2, 3):
        bench.seed(number, "Old", fields={bench.trial.other: "Oslo"})
    before = state(bench)
    rows = [bench.row(number, First=f"New {number}", City="Rome") for number in (1, 2, 3)]
    rows[2]["Email"] = "p3 at example.com"
    run = bench.sync(*rows)
    assert run.per_row[2] == "invalid"
    retried = bench.retry(corrected(run, "Email", address(3)))
    assert retried.exit_code == 0, said(retried)
    assert bench.values(3)[bench.trial.text] == "New 3"
    proof = bench.verify()
    assert (proof.contacts, proof.findings, proof.exit_code) == (3, [], 0)
    assert bench.verify(run.id).contacts == 2
    bench.seed(2, "Theirs")
    differs = bench.verify()
    assert [(one.finding, one.key, one.field, one.should_be, one.is_there) for one in differs.findings] == [
        ("different", address(2), bench.trial.text, "New 2", "Theirs")
    ]
    assert differs.exit_code == 1
    bench.seed(2, "New 2")
    for one in (retried, run):
        undone = bench.undo(one.id)
        assert undone.exit_code == 0, said(undone)
    assert state(bench) == before
    last = bench.sync(bench.row(1, First="Old", City="Oslo"))
    assert last.outcomes == {"unchanged": 1}

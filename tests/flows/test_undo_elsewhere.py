"""An undo at Loops and Corporate Merch: what is known of a contact, what is deleted, lists, labels and addresses."""

from __future__ import annotations

from typing import Any

import pytest

from flows.conformance.bench import Bench, address, said
from flows.conformance.conftest import bench, shelf  # noqa: F401 - fixtures

LOOPS = pytest.mark.parametrize("kind", ["loops"])
MERCH = pytest.mark.parametrize("kind", ["corporate_merch"])


def full(bench: Bench, **changes: Any) -> None:  # noqa: F811 - the fixture
    bench.mapping(destination={"kind": bench.kind, "undo": "full"}, **changes)


@LOOPS
def test_whom_nobody_looked_up_is_left_alone_and_the_plan_says_so_before(bench: Bench) -> None:  # noqa: F811
    bench.seed(1, "Old")
    assert bench.plan(bench.row(1)).outcomes["upserted"] == 1
    run = bench.lands(bench.row(1))
    assert run.summary.undoable is not None
    assert run.summary.undoable.not_known == 1
    there = bench.people()
    undone = bench.undo(run.id)
    assert (undone.per_row, undone.row(1)["code"]) == (["protected"], "not_known_before")
    assert "undo: full" in undone.row(1)["reason"]
    assert bench.people() == there


@LOOPS
@pytest.mark.parametrize(
    "change", [{"fields": {"jobTitle": "Boss"}}, {"status": "UNSUBSCRIBED"}, {"tags": ["Events"]}], ids=str
)
def test_a_created_contact_that_somebody_changed_is_not_deleted(bench: Bench, change: dict[str, Any]) -> None:  # noqa: F811
    full(bench)
    run = bench.lands(bench.row(1), bench.row(2))
    assert run.per_row == ["created", "created"]
    bench.server.seed([{"email_address": address(1), **change}])
    undone = bench.undo(run.id)
    assert [(row["outcome"], row["code"]) for row in undone.rows] == [
        ("protected", "changed_since"),
        ("updated", "deleted"),
    ]
    assert set(bench.people()) == {address(1)}
    again = bench.lands(bench.row(1), bench.row(2))
    assert again.per_row == ["unchanged", "created"]


@LOOPS
def test_a_list_that_a_run_took_is_given_back_only_for_the_number_that_was_typed(bench: Bench) -> None:  # noqa: F811
    full(bench, lists={"from": "Lists", "split": ";", "write": "own"})
    bench.seed(1, "Old")
    bench.lands(bench.row(1, Lists="Newsletter;Events"))
    before = bench.one(1)["tags"]
    run = bench.lands(bench.row(1, Lists="Events"))
    assert bench.one(1)["tags"] == ["Events"]
    assert bench.undo(run.id).exit_code == 3
    assert bench.undo(run.id, allow=frozenset({"resubscribes=0"})).per_row == ["protected"]
    assert bench.one(1)["tags"] == ["Events"]
    undone = bench.undo(run.id, allow=frozenset({"resubscribes=1"}))
    assert undone.per_row == ["updated"], said(undone)
    assert sorted(bench.one(1)["tags"]) == sorted(before)


@LOOPS
def test_whom_loops_itself_mails_no_more_is_not_subscribed_again(bench: Bench) -> None:  # noqa: F811
    full(bench)
    bench.seed(1, "Old")
    run = bench.lands(bench.row(1, First="New", Out="yes"))
    bench.server.seed([{"email_address": address(1), "suppressed": True}])
    bench.undo(run.id, allow=frozenset({"resubscribes=1"}))
    there = bench.one(1)
    assert (there["status"], there["resubscribed"]) == ("UNSUBSCRIBED", 0)
    assert there["fields"]["firstName"] == "Old"


@MERCH
def test_an_address_is_put_back_as_a_whole_and_a_label_marks_whom_the_run_created(bench: Bench) -> None:  # noqa: F811
    lines = {"address": "Street", "city": "Town", "state": "State", "zip_code": "Zip", "country": "Country"}
    bench.mapping(fields=lines)
    bench.seed(1, "Old", fields={"address_validated": True, bench.trial.other: "Sales"})
    before = bench.one(1)
    there = {"Street": "7 Low Road", "Town": "Austin", "State": "Texas", "Zip": "73301", "Country": "USA"}
    run = bench.lands(bench.row(1, City="Sales", **there), bench.row(2, **there))
    assert bench.values(1)["state"] == "TX"
    assert bench.values(1)["address_validated"] is False
    undone = bench.undo(run.id, undo_tag="505")
    assert undone.per_row == ["updated", "updated"], said(undone)
    for name in ("fields", "tags", "lists"):
        assert bench.one(1)[name] == before[name]
    assert bench.one(2)["label_ids"] == [505]


@LOOPS
def test_contacts_that_are_known_by_their_user_id_are_put_back_with_their_address(bench: Bench) -> None:  # noqa: F811
    full(bench, key="userId", fields={"userId": "Id"})
    bench.seed(1, "Old", fields={"userId": "1"})
    bench.server.seed([{"email_address": address(3), "fields": {"firstName": "Old"}}])
    before = {one["id"]: (one["email_address"], one["fields"]) for one in bench.server.contacts()}
    run = bench.lands(bench.row(1, Email="new@example.com", First="New"), bench.row(3, First="New"))
    assert set(bench.people()) == {"new@example.com", address(3)}
    undone = bench.undo(run.id)
    assert undone.per_row == ["updated", "updated"], said(undone)
    assert undone.summary.warnings == {"not_emptied": 1}, "an id is never emptied"
    now = {one["id"]: (one["email_address"], one["fields"]) for one in bench.server.contacts()}
    [other] = [one for one in before if before[one][0] == address(3)]
    now[other][1].pop("userId")
    assert now == before

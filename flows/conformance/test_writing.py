"""What is written: once, wholly, and nothing of theirs is lost."""

from __future__ import annotations

import pytest

from flows.conformance.bench import LANDED, Bench, address


def test_a_new_contact_is_created_as_the_row_has_it(bench: Bench) -> None:
    bench.lands(bench.row(1, City="Bonn"), bench.row(2))
    assert set(bench.people()) == {address(1), address(2)}
    values = bench.values(1)
    assert (values[bench.trial.text], values[bench.trial.other]) == ("Name 1", "Bonn")


def test_a_contact_that_is_there_is_updated_and_stays_the_same_one(bench: Bench) -> None:
    bench.seed(1, "Old")
    before = bench.one(1)["id"]
    bench.lands(bench.row(1))
    assert bench.one(1)["id"] == before
    assert bench.values(1)[bench.trial.text] == "Name 1"


def test_a_changed_row_changes_its_contact_and_no_other(bench: Bench) -> None:
    bench.lands(bench.row(1), bench.row(2))
    writes = bench.writes()
    ended = bench.lands(bench.row(1), bench.row(2, First="New"))
    assert ended.per_row == ["unchanged", "updated"]
    assert (bench.writes() - writes).total() == 1
    assert (bench.values(1)[bench.trial.text], bench.values(2)[bench.trial.text]) == ("Name 1", "New")


def test_what_the_mapping_does_not_write_stays(bench: Bench) -> None:
    bench.mapping(fields={bench.trial.other: None})
    bench.seed(1, "Old", fields={bench.trial.other: "Theirs"})
    bench.lands(bench.row(1))
    bench.lands(bench.row(1, First="New"))
    assert bench.values(1)[bench.trial.other] == "Theirs"
    assert bench.values(1)[bench.trial.text] == "New"


def test_what_somebody_changed_there_by_hand_stays_until_the_row_changes(bench: Bench) -> None:
    bench.lands(bench.row(1, City="Bonn"))
    bench.seed(1, fields={bench.trial.other: "Theirs"})
    bench.lands(bench.row(1, City="Bonn", First="New"))
    assert bench.values(1)[bench.trial.other] == "Theirs"
    bench.lands(bench.row(1, City="Rome", First="New"))
    assert bench.values(1)[bench.trial.other] == "Rome"


def test_a_second_run_sends_no_write(bench: Bench) -> None:
    rows = [bench.row(number, City="Bonn") for number in (1, 2, 3)]
    bench.lands(*rows)
    writes = bench.writes()
    ended = bench.lands(*rows)
    assert ended.outcomes == {"unchanged": 3}
    assert bench.writes() == writes


def test_what_is_there_already_is_not_sent_by_somebody_who_looks_first(bench: Bench) -> None:
    rows = [bench.row(number, City="Bonn") for number in (1, 2, 3)]
    bench.lands(*rows)
    bench.forget()
    writes = bench.writes()
    bench.mapping(destination={"kind": bench.kind, "lookup": True})
    ended = bench.lands(*rows)
    assert ended.outcomes == {"unchanged": 3}
    assert bench.writes() == writes


def test_of_several_rows_with_one_key_the_last_is_written_once(bench: Bench) -> None:
    ended = bench.sync(
        bench.row(1, First="One"), bench.row(2), bench.row(1, First="Two"), bench.row(1, First="Three")
    )
    assert [outcome in LANDED for outcome in ended.per_row] == [False, True, False, True]
    assert ended.outcomes["duplicate"] == 2
    assert bench.writes().total() == 2
    assert bench.values(1)[bench.trial.text] == "Three"


def test_a_key_in_another_case_or_with_spaces_is_the_same_key(bench: Bench) -> None:
    ended = bench.sync(bench.row(1), bench.row(1, Email="  P1@Example.COM "))
    assert ended.per_row[0] == "duplicate"
    bench.lands(bench.row(1, Email="P1@EXAMPLE.com", First="New"))
    assert set(bench.people()) == {address(1)}
    assert bench.values(1)[bench.trial.text] == "New"


def test_a_contact_whose_address_is_written_otherwise_there_is_found(bench: Bench) -> None:
    bench.server.seed(
        [{"email_address": "P1@Example.COM", "fields": {**bench.trial.there, bench.trial.text: "Old"}}]
    )
    bench.mapping(destination={"kind": bench.kind, "lookup": True})
    ended = bench.lands(bench.row(1))
    assert ended.per_row == ["updated"]
    assert bench.values(1)[bench.trial.text] == "Name 1"


def test_a_contact_that_was_removed_there_is_not_created_again(bench: Bench) -> None:
    bench.lands(bench.row(1), bench.row(2))
    bench.server.delete(address(1))
    ended = bench.sync(bench.row(1, First="New"), bench.row(2, First="New"))
    assert ended.per_row == ["protected", "updated"]
    assert ended.row(1)["code"] == "gone"
    assert set(bench.people()) == {address(2)}


def test_a_contact_that_was_removed_there_comes_again_where_the_mapping_says_so(bench: Bench) -> None:
    bench.lands(bench.row(1))
    bench.server.delete(address(1))
    bench.mapping(gone="recreate")
    bench.lands(bench.row(1, First="New"))
    assert bench.values(1)[bench.trial.text] == "New"


def test_create_only_leaves_alone_who_is_there_and_update_only_who_is_not(bench: Bench) -> None:
    bench.seed(1, "Old")
    bench.mapping(write="create_only")
    assert bench.sync(bench.row(1), bench.row(2)).per_row == ["filtered", "created"]
    bench.forget()
    bench.mapping(write="update_only")
    assert bench.sync(bench.row(1), bench.row(3)).per_row == ["updated", "filtered"]
    assert set(bench.people()) == {address(1), address(2)}


@pytest.mark.parametrize("rows", [0, 3], ids=["no-rows", "nobody-to-send"])
def test_a_file_with_nobody_to_send_writes_nothing(bench: Bench, rows: int) -> None:
    bench.mapping(where={"City": "Bonn"})
    ended = bench.sync(*(bench.row(number) for number in range(1, rows + 1)))
    assert ended.outcomes == ({"filtered": rows} if rows else {})
    assert ended.exit_code == 0
    assert not bench.writes()


@pytest.mark.needs("refusals")
def test_one_refused_contact_does_not_keep_the_others_from_landing(bench: Bench) -> None:
    error = next(one for one in bench.trial.errors if one.outcomes == ("refused",))
    bench.mapping(**error.mapping)
    bench.server.switch(**error.switches)
    for fault in error.faults:
        bench.server.faults(fault)
    rows = [bench.row(n, **(error.cells if n == 2 else error.others)) for n in range(1, 21)]
    act = error.act
    ended = bench.sync(*rows, prepared=None if act is None else lambda: act(bench.sandbox))
    assert [number for number, row in enumerate(ended.rows, 1) if row["outcome"] not in LANDED] == [2]
    assert (ended.row(2)["outcome"], ended.exit_code) == ("refused", 1)
    assert error.words in bench.said_of(ended, 2)
    assert len(bench.people()) == 19

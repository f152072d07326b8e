"""The people on the list come first: whoever opted out stays out, and a person stays one contact."""

from __future__ import annotations

import pytest

from flows.conformance.bench import LANDED, Bench, address, said


@pytest.mark.needs("mails")
def test_an_opt_out_is_carried(bench: Bench) -> None:
    bench.seed(1)
    bench.seed(2)
    bench.lands(bench.row(1, Out="yes"), bench.row(2))
    assert bench.one(1)["status"] in bench.trial.opted_out
    assert bench.one(2)["status"] == bench.trial.mailed


@pytest.mark.needs("mails")
def test_an_opt_out_is_carried_for_rows_that_are_filtered_or_duplicates(bench: Bench) -> None:
    bench.seed(1)
    bench.seed(2)
    bench.mapping(where={"Keep": ["", "yes"]})
    ended = bench.sync(bench.row(1, Out="yes", Keep="no"), bench.row(2, Out="yes"), bench.row(2))
    assert ended.per_row[:2] == ["filtered", "duplicate"]
    assert {bench.one(number)["status"] for number in (1, 2)} <= {*bench.trial.opted_out}


@pytest.mark.needs("mails")
@pytest.mark.needs("typed")
def test_an_opt_out_is_carried_for_a_row_that_is_invalid(bench: Bench) -> None:
    bench.seed(1)
    bench.mapping(fields={bench.trial.date or bench.trial.number: "Wrong"})
    ended = bench.sync(bench.row(1, Out="yes", Wrong="nothing of the kind"))
    assert ended.per_row == ["invalid"], said(ended)
    assert bench.one(1)["status"] in bench.trial.opted_out


@pytest.mark.needs("mails")
def test_somebody_new_who_opted_out_does_not_come_in_as_somebody_to_mail(bench: Bench) -> None:
    for write in [mode for mode in bench.write_modes if mode != "update_only"]:
        bench.server.reset()
        bench.forget()
        bench.mapping(write=write)
        bench.lands(bench.row(1, Out="yes"))
        assert bench.one(1)["status"] in bench.trial.opted_out, write


@pytest.mark.needs("mails")
def test_whoever_opted_out_there_is_subscribed_by_no_write_mode(bench: Bench) -> None:
    statuses = dict(enumerate(bench.trial.opted_out, start=1))
    for write in bench.write_modes:
        bench.server.reset()
        bench.forget()
        bench.mapping(write=write)
        for number, status in statuses.items():
            bench.seed(number, "Old", status=status)
        for first in ("New", "Newer"):
            bench.sync(*(bench.row(number, First=first) for number in statuses), resend="")
            assert {number: bench.one(number)["status"] for number in statuses} == statuses, (write, first)


@pytest.mark.needs("mails")
def test_whoever_opts_out_between_the_reading_and_the_write_is_not_subscribed(bench: Bench) -> None:
    out = bench.trial.opted_out[0]
    for write in bench.write_modes:
        bench.server.reset()
        bench.forget()
        bench.mapping(write=write)
        bench.seed(1, "Old")
        bench.sync(bench.row(1), prepared=lambda: bench.seed(1, status=out))
        assert bench.one(1)["status"] == out, write


@pytest.mark.needs("mails")
def test_whoever_opted_out_there_after_they_were_created_is_not_subscribed_by_the_next_run(
    bench: Bench,
) -> None:
    bench.lands(bench.row(1))
    out = bench.trial.opted_out[0]
    bench.seed(1, status=out)
    bench.sync(bench.row(1, First="New"))
    assert bench.one(1)["status"] == out


def test_whoever_is_on_the_suppression_list_is_left_alone(bench: Bench) -> None:
    bench.seed(1, "Old")
    bench.home.mkdir(mode=0o700)
    (bench.home / "suppress.txt").write_text(f"{address(1)}\n{address(2)}\n", "utf-8")
    ended = bench.sync(*(bench.row(number) for number in (1, 2, 3)))
    assert [outcome in LANDED for outcome in ended.per_row] == [False, False, True]
    assert ended.outcomes["protected"] == 2
    assert set(bench.people()) == {address(1), address(3)}
    assert bench.values(1)[bench.trial.text] == "Old"


@pytest.mark.needs("moves")
def test_a_person_with_another_address_stays_the_same_contact(bench: Bench) -> None:
    bench.mapping(person="Id", fields=dict(bench.trial.moves or {}))
    bench.lands(bench.row(1), bench.row(2))
    before = bench.one(1)["id"]
    ended = bench.lands(bench.row(1, Email="new@example.com"), bench.row(2))
    assert ended.per_row == ["updated", "unchanged"]
    assert set(bench.people()) == {"new@example.com", address(2)}
    assert bench.people()["new@example.com"]["id"] == before


@pytest.mark.needs("moves")
def test_a_person_whose_new_address_is_another_contact_is_left_alone(bench: Bench) -> None:
    bench.mapping(person="Id", fields=dict(bench.trial.moves or {}))
    bench.lands(bench.row(1))
    bench.seed(2, "Theirs")
    ended = bench.sync(bench.row(1, Email=address(2)))
    assert (ended.per_row, ended.row(1)["code"]) == (["protected"], "identity_conflict")
    assert set(bench.people()) == {address(1), address(2)}
    assert bench.values(2)[bench.trial.text] == "Theirs"

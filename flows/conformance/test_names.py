"""Tags and lists: added by name and by id, and whatever a contact has besides stays."""

from __future__ import annotations

import pytest

from connectors.errors import MappingError
from connectors.sandbox.trial import Names
from flows.conformance.bench import Bench


def has(bench: Bench, number: int, names: Names) -> set[str]:
    return set(bench.one(number)[names.shown_as])


@pytest.mark.needs("by_name")
def test_tags_and_lists_are_added_by_their_names(bench: Bench) -> None:
    for names in [one for one in bench.trial.names if one.names]:
        bench.server.reset()
        bench.forget()
        bench.mapping(**{names.kind: {"from": "Names", "split": ";"}})
        bench.lands(
            bench.row(1, Names=";".join(names.names)), bench.row(2, Names=names.names[0]), bench.row(3)
        )
        assert [has(bench, number, names) for number in (1, 2, 3)] == [
            {*names.shown},
            {names.shown[0]},
            set(),
        ]


@pytest.mark.needs("by_number")
def test_tags_and_lists_are_added_by_their_ids(bench: Bench) -> None:
    for names in [one for one in bench.trial.names if one.numbers]:
        bench.server.reset()
        bench.forget()
        bench.mapping(**{names.kind: {"from": "Names", "split": ";"}})
        bench.lands(
            bench.row(1, Names=";".join(names.numbers)), bench.row(2, Names=names.numbers[0]), bench.row(3)
        )
        assert [has(bench, number, names) for number in (1, 2, 3)] == [
            {*names.shown},
            {names.shown[0]},
            set(),
        ]


@pytest.mark.needs("names")
def test_tags_and_lists_that_a_contact_has_stay_when_its_fields_change(bench: Bench) -> None:
    bench.seed(1, "Old", names={one.shown_as: list(one.shown) for one in bench.trial.names})
    for first in ("New", "Newer"):
        bench.lands(bench.row(1, First=first))
        assert bench.values(1)[bench.trial.text] == first
        for names in bench.trial.names:
            assert has(bench, 1, names) == {*names.shown}


@pytest.mark.needs("names")
def test_a_tag_or_list_is_added_to_those_that_a_contact_has(bench: Bench) -> None:
    for names in bench.trial.names:
        bench.server.reset()
        bench.forget()
        bench.seed(1, names={names.shown_as: [names.shown[1]]})
        bench.mapping(**{names.kind: "Names"})
        bench.lands(bench.row(1, Names=(names.names or names.numbers)[0]))
        assert has(bench, 1, names) == {*names.shown}


@pytest.mark.needs("names")
def test_a_tag_or_list_that_somebody_took_away_there_is_not_put_back(bench: Bench) -> None:
    for names in bench.trial.names:
        bench.server.reset()
        bench.forget()
        bench.mapping(**{names.kind: "Names"})
        row = bench.row(1, Names=(names.names or names.numbers)[0])
        bench.lands(row)
        bench.seed(1, names={names.shown_as: []})
        bench.lands({**row, "First": "New"})
        assert has(bench, 1, names) == set()


@pytest.mark.needs("names")
def test_a_tag_or_list_that_cannot_be_there_is_refused_before_anything_is_sent(bench: Bench) -> None:
    for names in bench.trial.names:
        wrong = names.names[0] + "x" if names.names else "Whatever"
        bench.mapping(**{names.kind: {"always": [wrong]}})
        said = f"Did you mean {names.names[0]}" if names.names else "is no number"
        for attempt in (bench.check, bench.sync):
            with pytest.raises(MappingError, match=said):
                attempt(bench.row(1))
    assert not bench.writes()

"""People who are no longer in a complete source: what the mapping says is done with them, and with nobody else."""

from __future__ import annotations

import pytest

from connectors.errors import MappingError
from flows.conformance.bench import Bench, address

COMPLETE = {"kind": "csv_file", "complete": True}


@pytest.mark.needs("restores")
def test_who_vanished_from_a_complete_source_gets_what_the_mapping_says(bench: Bench) -> None:
    out = {"unsubscribe": True} if bench.connector.mails_people else {}
    bench.mapping(source=COMPLETE, vanished={"set": {bench.trial.other: "Gone"}, **out})
    rows = [bench.row(number, City="Oslo") for number in (1, 2, 3)]
    bench.lands(*rows)
    stays = bench.one(1)
    bench.sync(*rows[:1])
    assert bench.one(1) == stays
    for number in (2, 3):
        assert bench.values(number)[bench.trial.other] == "Gone"
        assert not out or bench.one(number)["status"] in bench.trial.opted_out
    before = bench.writes()
    bench.sync(*rows[:1])
    assert bench.writes() == before, "it is done once"
    bench.lands(*rows)
    assert bench.values(2)[bench.trial.other] == "Oslo", address(2)
    assert not out or bench.one(2)["status"] in bench.trial.opted_out


@pytest.mark.needs("restores")
def test_unsubscribing_them_is_refused_where_nobody_is_mailed(bench: Bench) -> None:
    bench.mapping(source=COMPLETE, vanished={"unsubscribe": True})
    if bench.connector.mails_people:
        assert bench.check(bench.row(1))["right"]
        return
    with pytest.raises(MappingError, match="this destination mails nobody"):
        bench.check(bench.row(1))

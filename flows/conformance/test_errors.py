"""Each error that a destination documents, met once as a run would meet it."""

from __future__ import annotations

import re

import pytest

from connectors.errors import CannotStart
from connectors.sandbox.trial import Documented
from flows.conformance.bench import LANDED, Bench, address, said


def test_a_documented_error_ends_as_it_should_and_the_others_land(bench: Bench, error: Documented) -> None:
    bench.mapping(**error.mapping)
    bench.server.switch(**error.switches)
    for fault in error.faults:
        bench.server.faults(fault)
    for number in (1, 2, 3):
        if address(number) in error.there:
            bench.seed(number, fields={bench.trial.text: "Old", **error.there[address(number)]})
    act = error.act
    if act is not None and error.after:
        bench.sandbox.then(error.after, lambda: act(bench.sandbox))
    rows = [bench.row(number, **(error.cells if number == 2 else error.others)) for number in (1, 2, 3)]
    if error.stops:
        with pytest.raises(CannotStart, match=re.escape(error.words)):
            bench.sync(*rows)
        assert not bench.people()
        return
    prepared = None if act is None or error.after else lambda: act(bench.sandbox)
    ended = bench.sync(*rows, prepared=prepared)
    assert [ended.per_row[0] in LANDED, ended.per_row[2] in LANDED] == [True, True], said(ended)
    assert ended.per_row[1] in error.outcomes, said(ended)
    assert error.words in bench.said_of(ended, 2)

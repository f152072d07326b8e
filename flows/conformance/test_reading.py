"""The destination's fields are read, and what does not fit them is told before anything is sent."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from connectors.errors import MappingError
from flows.conformance.bench import LANDED, Bench


def test_check_reads_the_schema_and_gives_each_field_its_type(bench: Bench) -> None:
    columns = {bench.trial.number: "Score", bench.trial.date: "Born"}
    bench.mapping(fields={tag: column for tag, column in columns.items() if tag})
    facts = bench.check(bench.row(1, Score="42", Born="1990-01-15"))
    schema = asyncio.run(bench.live_schema())
    types = {field.name: field.type for field in schema.fields}
    assert facts["right"]
    assert {bench.trial.key, bench.trial.text, bench.trial.other} <= facts["merge_tags"].keys()
    assert facts["merge_tags"] == {tag: types[tag] for tag in facts["merge_tags"]}
    assert bench.server.requests()["applied"] == 0


def test_a_field_that_is_not_there_is_refused_with_the_nearest_one(bench: Bench) -> None:
    wrong = bench.trial.text[:-1]
    bench.mapping(fields={wrong: "City"})
    for attempt in (bench.check, bench.sync):
        with pytest.raises(
            MappingError, match=f"no merge tag '{wrong}'.*\\n?.*Did you mean {bench.trial.text}"
        ):
            attempt(bench.row(1))
    assert not bench.writes()


def test_a_row_without_what_every_contact_needs_is_invalid_and_not_sent(bench: Bench) -> None:
    missing = {"Need": ""} if bench.trial.required else {"Email": ""}
    ended = bench.sync(bench.row(1), bench.row(2, **missing), bench.row(3))
    assert [outcome in LANDED for outcome in ended.per_row] == [True, False, True]
    assert ended.per_row[1] == "invalid"
    assert bench.writes().total() == 2


def test_a_mapping_without_the_destinations_key_is_refused(bench: Bench) -> None:
    bench.mapping(key=bench.trial.text)
    for attempt in (bench.check, bench.sync):
        with pytest.raises(MappingError, match=f"Say key: .*{bench.trial.key}"):
            attempt(bench.row(1))


def test_a_plan_writes_nothing_and_its_sync_does_what_it_says(bench: Bench) -> None:
    bench.seed(1, "Old")
    bench.seed(2, "Name 2")
    rows = [*(bench.row(number) for number in range(1, 5)), bench.row(3), bench.row(5, Email="nobody")]
    planned = bench.plan(*rows)
    assert not bench.writes()
    ended = bench.sync(*rows)
    assert Counter(ended.outcomes) == +planned.outcomes
    assert ended.exit_code == planned.exit_code
    assert bench.writes().total() == sum(
        count for name, count in planned.calls.items() if not name.startswith("GET")
    )

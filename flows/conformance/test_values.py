"""Values arrive as the row has them, or are refused: never silently changed."""

from __future__ import annotations

import asyncio

import pytest

from connectors.errors import MappingError
from flows.conformance.bench import LANDED, Bench, said

SPECIAL = {
    "quotes": 'Ann "Bo" Lee',
    "apostrophes": "O'Brien ’n ʼs",
    "markup": "<b>R&amp;D</b> & Co",
    "separators": "a,b;c|d\\e/f",
    "formula": "=1+1",
    "address-like": "50% off + 1 #2 ?x=y",
    "accents": "Žofie Núñez-Ø",
    "right-to-left": "مرحبا שלום",
    "east": "山田太郎 김철수",
    "four-bytes": "𝒳 𠜎",
    "emoji": "🎉 👩‍👩‍👧 🏳️‍🌈 é",
    "null": "null",
    "number": "007",
}
LONG = 5000


def test_special_characters_arrive_as_they_are(bench: Bench) -> None:
    bench.lands(*(bench.row(number, First=text) for number, text in enumerate(SPECIAL.values(), start=1)))
    there = {name: bench.values(number)[bench.trial.text] for number, name in enumerate(SPECIAL, start=1)}
    assert there == SPECIAL


def test_special_characters_are_known_again(bench: Bench) -> None:
    rows = [bench.row(number, First=text) for number, text in enumerate(SPECIAL.values(), start=1)]
    bench.mapping(destination={"kind": bench.kind, "lookup": True})
    bench.lands(*rows)
    bench.forget()
    assert bench.lands(*rows).outcomes == {"unchanged": len(rows)}


@pytest.mark.parametrize("local", ["o'hara", "ann+news", "a&b=c", "50%41", "x#y?z"])
def test_an_address_that_would_mean_something_else_in_a_url_is_one_contact(bench: Bench, local: str) -> None:
    address = f"{local}@example.com"
    bench.mapping(destination={"kind": bench.kind, "lookup": True})
    bench.lands(bench.row(1, Email=address))
    bench.forget()
    ended = bench.lands(bench.row(1, Email=address, First="New"))
    assert ended.per_row == ["updated"]
    assert set(bench.people()) == {address}


def test_a_long_text_arrives_whole_or_is_refused_by_its_limit(bench: Bench) -> None:
    field = asyncio.run(bench.live_schema()).field(bench.trial.text)
    assert field is not None
    limit = field.max_length or LONG
    texts = {1: "é" * limit, 2: "𝒳" * (limit + 1)}
    ended = bench.sync(*(bench.row(number, First=text) for number, text in texts.items()))
    assert ended.per_row[0] in LANDED, said(ended)
    if field.max_length:
        assert ended.per_row[1] == "invalid"
        assert "too_long" in ended.row(2)["code"]
    for number, outcome in enumerate(ended.per_row, start=1):
        if outcome in LANDED:
            assert bench.values(number)[bench.trial.text] == texts[number]
    assert len(bench.people()) == sum(outcome in LANDED for outcome in ended.per_row)


@pytest.mark.needs("typed")
def test_numbers_and_dates_are_known_again(bench: Bench) -> None:
    columns = {bench.trial.number: "Score", bench.trial.date: "Born"}
    bench.mapping(
        fields={tag: column for tag, column in columns.items() if tag},
        destination={"kind": bench.kind, "lookup": True},
    )
    rows = [bench.row(1, Score="42", Born="1990-01-15"), bench.row(2, Score="-0.5", Born="2000-02-29")]
    bench.lands(*rows)
    for tag in filter(None, columns):
        assert bench.values(1)[tag] not in (None, "")
    bench.forget()
    assert bench.lands(*rows).outcomes == {"unchanged": 2}
    assert bench.lands({**rows[0], "Score": "43", "Born": "1991-01-15"}, rows[1]).per_row[0] == "updated"


def test_a_blank_empties_nothing_by_itself(bench: Bench) -> None:
    bench.lands(bench.row(1, City="Bonn"))
    bench.seed(2, fields={bench.trial.other: "Theirs"})
    bench.lands(bench.row(1), bench.row(2))
    assert (bench.values(1)[bench.trial.other], bench.values(2)[bench.trial.other]) == ("Bonn", "Theirs")


def test_a_blank_empties_where_the_mapping_says_clear_or_the_mapping_is_refused(bench: Bench) -> None:
    rows = [bench.row(1, City="Bonn")]
    bench.lands(*rows)
    bench.mapping(fields={bench.trial.other: {"from": "City", "blank": "clear"}})
    if _refused(bench):
        return
    bench.lands(bench.row(1))
    assert not bench.values(1).get(bench.trial.other)
    assert bench.values(1)[bench.trial.text] == "Name 1"


def test_a_blank_empties_what_is_ours_where_the_mapping_says_clear_ours_or_the_mapping_is_refused(
    bench: Bench,
) -> None:
    bench.lands(bench.row(1, City="Bonn"), bench.row(2, City="Bonn"))
    bench.mapping(fields={bench.trial.other: {"from": "City", "blank": "clear_ours"}})
    if _refused(bench):
        return
    bench.lands(bench.row(1, City="Bonn"), bench.row(2, City="Bonn"))
    bench.seed(2, fields={bench.trial.other: "Theirs"})
    bench.lands(bench.row(1), bench.row(2))
    assert not bench.values(1).get(bench.trial.other)
    assert bench.values(2)[bench.trial.other] == "Theirs"


def _refused(bench: Bench) -> bool:
    """Whether the schema refuses to empty anything; then the mapping is, and nothing is written."""
    if "blank_clear" not in bench.schema.refuses:
        return False
    writes = bench.writes()
    with pytest.raises(MappingError, match="clear is refused"):
        bench.sync(bench.row(1))
    assert bench.writes() == writes
    return True

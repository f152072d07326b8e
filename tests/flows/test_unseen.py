"""Values that stood in no table are told with the line to add."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

from mappings.engine.reading import read_mapping_text

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
FIELDS = {
    "email_address": "Email",
    "first_name": "First",
    "city": {"from": "City", "values": {"muc": "Munich"}},
    "plan": {"from": "Score", "values": {"g": "Gold"}},
}


async def test_values_that_are_in_no_table_are_grouped_with_the_line_to_add(
    desk: Desk, person: Person
) -> None:
    desk.mapping(fields=FIELDS)
    cities = ["MUC", "Berlin: Mitte", "Köln", "Köln", "NULL", ""]
    file = desk.file(
        [person(n, City=city, Score="Golden" if n == 1 else "") for n, city in enumerate(cities)]
    )
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        assert await run.finish() == 1
        assert run.ending is not None
        found = {(one.field, one.value): (one.count, one.line) for one in run.ending.details.unseen}
        page = (run.opened.folder / "report.html").read_text("utf-8")
    assert found == {
        ("city", "Köln"): (2, "Köln: Köln"),
        ("city", "Berlin: Mitte"): (1, '"Berlin: Mitte": "Berlin: Mitte"'),
        ("city", "NULL"): (1, '"NULL": "NULL"'),
        ("plan", "Golden"): (1, "Golden: Gold   # or Free, Silver"),
    }
    assert "Köln: Köln" in page
    assert "2 rows" in page


async def test_the_lines_that_are_proposed_make_the_row_right(desk: Desk, person: Person) -> None:
    desk.mapping(fields=FIELDS)
    file = desk.file([person(1, City=" São  Paulo, SP #1"), person(2, City="~"), person(3, City="- x")])
    async with desk.run(file) as run:
        await run.open()
        await run.prepare()
        await run.finish()
        assert run.ending is not None
        lines = [one.line for one in run.ending.details.unseen]
    table: dict[str, Any] = yaml.safe_load("{}" if not lines else "\n".join(lines))
    text = (
        (desk.folder / "people.yml")
        .read_text("utf-8")
        .replace("muc: Munich", "\n      ".join(["muc: Munich", *lines]))
    )
    assert read_mapping_text(text).fields["city"].values == {"muc": "Munich", **table}
    (desk.folder / "people.yml").write_text(text, "utf-8")
    ended = await desk.sync(file)
    assert ended.outcomes == {"created": 3}


async def test_a_value_that_is_right_for_the_type_is_proposed_as_what_it_becomes(
    desk: Desk, person: Person
) -> None:
    fields = {"email_address": "Email", "country": {"from": "City", "values": {"Deutschland": "DE"}}}
    desk.mapping(fields=fields)
    planned = await desk.plan(desk.file([person(1, City="France"), person(2, City="Narnia")]))
    assert planned.outcomes["invalid"] == 2
    async with desk.run(desk.folder / "people.csv") as run:
        await run.open()
        await run.prepare()
        await run.finish()
        assert run.ending is not None
        lines = sorted(one.line for one in run.ending.details.unseen)
    assert lines == ["France: FR", "Narnia:   # of type country"]

from __future__ import annotations

from typing import Any

from connectors.destinations.campaignlark import Connector
from flows.missing import Missing, missing
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema

SCHEMA = Schema(
    fields=(Field("email_address", "Email Address", "email"), Field("city", "City", "text")),
    tags={"VIP": 1}, lists={"News": 1},
)  # fmt: skip


def found(body: str, schema: Schema = SCHEMA) -> list[Missing]:
    head = "name: a\nsource: {kind: csv_file}\ndestination: {kind: campaignlark%s}\nkey: email_address\n"
    create = ", create_missing: tags" if "CREATE" in body else ""
    text = head % create + "fields:\n  email_address: Email\n" + body.replace("CREATE", "")
    return missing(read_mapping_text(text), schema, Connector)


def test_a_field_that_is_not_there_is_listed_with_type_and_label() -> None:
    [one] = found("  city: City\n  loyalty_level: {from: Level, type: integer}\n")
    assert one == Missing("field", "loyalty_level", "NUMBER", "Loyalty Level")


def test_a_table_of_values_is_a_dropdown_with_its_options() -> None:
    [one] = found("  tier: {from: Tier, values: {g: Gold, s: Silver, x: Gold}}\n")
    assert (one.type, one.options, one.more_options) == ("DROPDOWN_SINGLE", ("Gold", "Silver"), False)
    [one] = found('  topics: {from: T, split: ";", values: {e: Events}, otherwise: as_is}\n')
    assert (one.type, one.options, one.more_options) == ("DROPDOWN_MULTIPLE", ("Events",), True)


def test_types_are_called_as_the_app_calls_them() -> None:
    kinds = {
        "text": "TEXT", "phone": "TEXT", "money": "NUMBER", "boolean": "BOOLEAN", "date": "DATE", "country": "COUNTRY",
    }  # fmt: skip
    for kind, name in kinds.items():
        [one] = found(f"  thing: {{from: T, type: {kind}}}\n")
        assert one.type == name
    [one] = found("  thing: {from: T, truthy: [x]}\n")
    assert one.type == "BOOLEAN"


def test_a_name_that_the_destination_cannot_have_is_said() -> None:
    [one] = found("  tier_2: Tier\n")
    assert "lower-case letters" in one.problem
    assert [Connector.name_problem(name) != "" for name in ("a", "ab", "a" * 16, "a" * 17, "Ab", "a_b", "")] == [
        True, False, False, True, True, False, True,
    ]  # fmt: skip


def test_tags_and_lists_that_the_mapping_names_are_listed_once_but_not_those_it_takes_away() -> None:
    body = "tags: {always: [vip, new], flags: {A: [New, late]}, remove: {B: gone}}\nlists: {always: [news, other]}\n"
    assert [(one.what, one.name) for one in found(body)] == [
        ("tag", "new"),
        ("tag", "late"),
        ("list", "other"),
    ]


def test_with_create_missing_the_sync_creates_the_tags_and_nothing_else() -> None:
    listed = found("  tier: Tier\ntags: {always: [new]}\n#CREATE\n")
    assert [(one.name, one.by_sync) for one in listed] == [("tier", False), ("new", True)]


def test_tags_that_unknown_create_brings_are_created_by_the_sync() -> None:
    listed = found("tags: {always: [new], unknown: create}\n")
    assert [(one.name, one.by_sync) for one in listed] == [("new", True)]


def test_nothing_is_missing_where_nobody_could_be_asked() -> None:
    schema: Any = Connector.documented_schema()
    assert found("  tier: Tier\n", schema) == []

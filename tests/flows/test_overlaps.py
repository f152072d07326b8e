from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import MappingError
from flows.overlaps import Overlap, overlaps
from mappings.engine.document import Mapping
from mappings.engine.reading import read_mapping_text


def a_mapping(name: str, fields: str = "", tail: str = "", **destination: Any) -> Mapping:
    said = {"kind": "campaignlark", **destination}
    return read_mapping_text(
        f"name: {name}\nsource: {{kind: csv_file}}\nkey: email_address\n"
        f"destination: {{{', '.join(f'{key}: {value}' for key, value in said.items())}}}\n"
        f"fields:\n  email_address: Email\n{fields}{tail}",
        f"{name}.yml",
    )


def of(code: str, *mappings: Mapping) -> list[Overlap]:
    return [one for one in overlaps(mappings) if one.code == code]


def test_two_mappings_that_write_one_field_of_one_account_are_warned_of_once_for_all_fields() -> None:
    city = "  city: City\n  phone: Phone\n"
    [one] = of("same_field", a_mapping("a", city), a_mapping("b", city), a_mapping("c"))
    assert one.about == ("city", "phone")
    assert one.files == ("a.yml", "b.yml")
    assert "sent last stays" in one.what


def test_the_key_and_other_accounts_are_no_overlap() -> None:
    assert overlaps([a_mapping("a", account="emea"), a_mapping("b", account="apac")]) == []
    assert of("same_field", a_mapping("a"), a_mapping("b")) == []


def test_who_writes_only_where_it_is_empty_does_not_fight() -> None:
    loud, gentle = "  city: City\n", "  city: {from: City, write: if_empty}\n"
    [one] = of("same_field", a_mapping("a", loud), a_mapping("b", gentle))
    assert "only where it is empty" in one.what
    assert not one.fix


@pytest.mark.parametrize(
    ("one", "other", "warned"),
    [
        ("tags: {from: Tags, write: replace}", "tags: {always: [crm]}", True),
        ("tags: {always: [crm], write: own}", "tags: {always: [CRM]}", True),
        ("tags: {always: [crm], write: own}", "tags: {always: [vip]}", False),
        ("tags: {from: Tags, write: own}", "tags: {from: Tags}", True),
        ("tags: {from: Tags, remove: {Left: vip}}", "tags: {always: [vip]}", True),
        ("tags: {from: Tags}", "tags: {from: Tags}", False),
        ("tags: {from: Tags, write: replace}", "", False),
    ],
)
def test_mappings_that_take_away_each_others_tags_are_warned_of(one: str, other: str, warned: bool) -> None:
    found = of("removes_tags", a_mapping("a", tail=one), a_mapping("b", tail=other))
    assert bool(found) == warned
    assert all(overlap.files == ("a.yml", "b.yml") for overlap in found)


def test_mappings_of_one_account_share_its_rate() -> None:
    [one] = of("shares_rate", a_mapping("a", rate=60), a_mapping("b", rate=60))
    assert "a.yml 60, b.yml 60" in one.what
    assert "slower" in one.what
    [one] = of("shares_rate", a_mapping("a", rate=40), a_mapping("b", rate=60))
    assert "at the same time" in one.fix


def test_one_name_for_two_mappings_of_one_account_is_warned_of() -> None:
    [one] = of("same_name", a_mapping("a"), a_mapping("a"))
    assert one.about == ("a",)
    assert not of("same_name", a_mapping("a", account="emea"), a_mapping("a"))


def test_an_unknown_kind_of_destination_is_said() -> None:
    with pytest.raises(MappingError, match="no destination"):
        overlaps([a_mapping("a", kind="pigeon"), a_mapping("b", kind="pigeon")])

"""What a mapping may say of people who vanish from its source, and what it is refused."""

from __future__ import annotations

import pytest

from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.parting import complaints_of_vanished, set_texts
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema
from tests.mappings import editor
from tests.mappings.fragments import around

SCHEMA = Schema(
    fields=(Field("email_address", "Email", "email"), Field("plan", "Plan", "choice", options=("Gold", "None")), Field("left", "Left", "boolean")),
    tags={"crm": 1, "vip": 2},
    refuses=frozenset({"lists"}),
)  # fmt: skip


def mapping(*said: str) -> Mapping:
    text = around(list(said)).replace("{kind: csv_file}", "{kind: csv_file, complete: yes}")
    assert editor.complaints(text) == []
    return read_mapping_text(text)


@pytest.mark.parametrize(
    "said", ["report", "{set: {plan: none, left: yes}}", "{unsubscribe: yes}", "{tags: {remove: crm}}"]
)
def test_a_complete_source_can_say_what_becomes_of_who_vanished(said: str) -> None:
    read = mapping(f"vanished: {said}", "tags: {always: [crm]}")
    assert list(complaints_of_vanished(read, SCHEMA)) == []


def test_values_are_read_as_the_destinations_type() -> None:
    read = mapping("vanished: {set: {plan: none, left: yes}}")
    assert set_texts(read, SCHEMA) == {"plan": "None", "left": "true"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{set: {plna: x}}", "Did you mean plan?"),
        ("{set: {plan: platinum}}", "platinum"),
        ("{set: {plan: ''}}", "has no value"),
        ("{tags: {remove: [cmr]}}", "Did you mean crm?"),
        ("{tags: {remove: [vip]}}", "takes away only what it gave"),
        ("{lists: {remove: [news]}}", "no way to take lists away"),
    ],
)
def test_what_does_not_fit_the_destination_is_refused_with_what_to_do(said: str, why: str) -> None:
    [complaint] = complaints_of_vanished(mapping(f"vanished: {said}", "tags: {always: [crm]}"), SCHEMA)
    assert why in str(complaint)
    assert "vanished." in str(complaint)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("vanished: {}", "say report, or what is done"),
        ("vanished: {report: yes, unsubscribe: yes}", "report stands alone"),
        ("vanished: {set: {email_address: x}}", "it is how the contact is found"),
        ("write: create_only\nvanished: {unsubscribe: yes}", "changes nobody who is there"),
    ],
)
def test_what_contradicts_itself_is_refused(said: str, why: str) -> None:
    text = around([said]).replace("{kind: csv_file}", "{kind: csv_file, complete: yes}")
    with pytest.raises(MappingInvalid, match=why):
        read_mapping_text(text)


def test_a_source_that_is_not_complete_misses_nobody() -> None:
    with pytest.raises(MappingInvalid, match="only a complete source can miss somebody"):
        read_mapping_text(around(["vanished: report"]))

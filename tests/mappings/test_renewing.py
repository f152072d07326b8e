"""An existing mapping brought up to a file whose columns have changed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mappings.engine.applying import Application
from mappings.engine.examples import failing_examples
from mappings.engine.reading import read_mapping_text
from mappings.engine.suggesting import Origin, suggest
from mappings.engine.suggesting.renewing import Renewal, renewed
from tests.mappings.workspaces import workspace_schema

SCHEMA = workspace_schema("campaignlark")
TEXT = """\
# ours
name: people
source: {kind: csv_file}
destination: {kind: campaignlark}
key: email_address
person: Customer No   # theirs
fields:
  email_address: {from: E-mail, type: email}
  first_name: First Name   # as they sign
  company: {template: "{Company} ({City})"}
  plan: {cases: [{when: {Stage: [Gold]}, value: Gold}, {from: Plan}]}

tags: {from: Labels, split: ";", always: [crm]}
consent:
  opted_out: {from: [Opted out], when: [yes], unless: [no]}
where: {Stage: {not: Left}}
ignore:
  - Owner   # never

examples:
  - row: {E-mail: A@example.com, First Name: Ann, Company: Acme, City: Bath, Stage: Gold}
    contact: {email_address: a@example.com, company: Acme (Bath), plan: Gold}
"""
HEADER = [
    "Customer No",
    "E-mail",
    "First Name",
    "Company",
    "City",
    "Stage",
    "Plan",
    "Labels",
    "Opted out",
    "Owner",
]


def after(header: list[str], text: str = TEXT) -> Renewal:
    cells = {name: ["a@example.com" if "mail" in name.lower() else "no"] for name in header}
    draft = suggest(
        header, pa.table(cells), SCHEMA, origin=Origin("x.csv", {"kind": "csv_file"}), name="x", destination="campaignlark",
        schema_address="x",
    ).draft  # fmt: skip
    return renewed(text, read_mapping_text(text), header, draft)


def changed(header: dict[str, str], more: tuple[str, ...] = (), text: str = TEXT) -> Renewal:
    return after([*(header.get(name, name) for name in HEADER), *more], text)


def test_where_nothing_changed_nothing_is_proposed() -> None:
    assert after(HEADER) == Renewal(TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("E-mail", "Email Address"), ("First Name", "Vorname"), ("Customer No", "Customer No."), ("Company", "Company name"), ("City", "Town"),
        ("Stage", "Stages"), ("Labels", "Label"), ("Opted out", "Opted-out"), ("Plan", "Plans"),
    ],
)  # fmt: skip
def test_a_renamed_column_is_followed_to_every_place_that_reads_it(old: str, new: str) -> None:
    found = changed({old: new})
    assert found.renamed == {old: new}
    mapping = read_mapping_text(found.text)
    header = [new if name == old else name for name in HEADER]
    application = Application(mapping, SCHEMA, header)
    assert not [use.column for use in application.uses() if use.use == "unmapped"]
    assert not list(failing_examples(mapping, SCHEMA))


def test_comments_and_all_other_lines_stay() -> None:
    before, now = TEXT.splitlines(), changed({"First Name": "Vorname"}).text.splitlines()
    assert [line for line in before if "First Name" not in line] == [
        line for line in now if "Vorname" not in line
    ]
    assert "  first_name: Vorname   # as they sign" in now


def test_a_value_that_is_called_like_a_column_stays_a_value() -> None:
    text = TEXT.replace("always: [crm]", "always: [Stage]")
    found = changed({"Stage": "Stages"}, text=text)
    assert "always: [Stage]" in found.text
    assert "where: {Stages: {not: Left}}" in found.text


def test_a_new_column_goes_into_its_field_or_is_left_out() -> None:
    found = changed({}, ("Last Name", "Shoe size"))
    assert (found.added, found.ignored) == ({"last_name": "Last Name"}, ["Shoe size"])
    mapping = read_mapping_text(found.text)
    assert mapping.fields["last_name"].from_ == ("Last Name",)
    assert mapping.ignore == ("Owner", "Shoe size")


@pytest.mark.parametrize("ignore", ["ignore: [Owner]", "ignore: Owner", "ignore: []", ""])
def test_left_out_columns_are_added_however_the_others_are_written(ignore: str) -> None:
    text = TEXT.replace("ignore:\n  - Owner   # never\n", f"{ignore}\n" if ignore else "")
    header = HEADER if "Owner" in ignore else [name for name in HEADER if name != "Owner"]
    found = after([*header, "Shoe size"], text)
    assert set(read_mapping_text(found.text).ignore) >= {"Shoe size"}


def test_a_column_that_is_gone_and_like_no_other_is_said() -> None:
    found = after([name for name in HEADER if name != "Labels"])
    assert (found.gone, found.text) == (["Labels"], TEXT)

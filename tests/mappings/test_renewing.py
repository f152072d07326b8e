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


@pytest.mark.parametrize(
    ("old", "new"),
    [("Unsubscribed", "Subscribed"), ("Email Opt Out", "Email Opt In"), ("Email opted out", "Email opted in"), ("No newsletter", "Newsletter")],
)  # fmt: skip
def test_a_column_that_says_who_wants_mail_is_never_taken_for_one_that_says_who_does_not(
    old: str, new: str
) -> None:
    text = TEXT.replace("[Opted out]", f"[{old}]")
    found = after([new if name == "Opted out" else name for name in HEADER], text)
    assert (found.renamed, found.gone, found.text) == ({}, [old], text)
    assert found.unheard == [new]


def test_a_column_is_never_taken_for_its_opposite() -> None:
    text = TEXT.replace("[Opted out]", "[Keine Werbebriefe]")
    header = ["Werbebriefe" if name == "Opted out" else name for name in HEADER]
    assert (after(header, text).renamed, after(header, text).gone) == ({}, ["Keine Werbebriefe"])


def test_a_new_column_with_opt_outs_is_heard_beside_the_others_and_never_left_out() -> None:
    text = TEXT.replace("unless: [no]", 'unless: [no, "false", "0"]')
    for listed in ("[Opted out]", "Opted out"):
        found = after([*HEADER, "Unsubscribed"], text.replace("[Opted out]", listed))
        assert (found.heard, found.ignored, found.unheard) == (["Unsubscribed"], [], [])
        consent = read_mapping_text(found.text).consent
        assert consent is not None
        assert consent.opted_out is not None
        assert consent.opted_out.from_ == ("Opted out", "Unsubscribed")
    begin, end = TEXT.index("consent:"), TEXT.index("where:")
    consent_block = """\
consent:
  opted_out:
    from:
    - Opted out   # theirs
    when: [yes]
    unless: [no, "false", "0"]
"""
    block = TEXT[:begin] + consent_block + TEXT[end:]
    found = after([*HEADER, "Unsubscribed"], block)
    assert "    - Opted out   # theirs\n    - Unsubscribed\n" in found.text


def test_a_new_column_with_opt_outs_whose_texts_the_mapping_does_not_know_is_a_persons() -> None:
    found = after([*HEADER, "Unsubscribed"])  # its unless: knows no, and neither false nor 0
    assert (found.heard, found.unheard, found.text) == ([], ["Unsubscribed"], TEXT)


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("fields:\n    email_address: E-mail\n    company: Company   # ours\n", "\n    last_name: Last Name"),
        ("fields: {email_address: E-mail, company: Company}\n", ", last_name: Last Name}\n"),
        ("fields:\n  email_address: E-mail\n  company:\n    template: |\n      {Company}\n", "{Company}\n  first_name: First Name"),
    ],
)  # fmt: skip
def test_new_lines_stand_as_the_others_do(written: str, lines: str) -> None:
    begin, end = TEXT.index("fields:"), TEXT.index("\ntags:")
    text = TEXT[:begin] + written + TEXT[end:]
    text = text[: text.index("examples:")].replace("  - Owner   # never", "-   Owner   # never")
    found = after([*HEADER, "Last Name", "Shoe size"], text)
    assert lines in found.text
    mapping = read_mapping_text(found.text)
    assert mapping.fields["last_name"].from_ == ("Last Name",)
    assert "Shoe size" in mapping.ignore


def test_the_ends_of_lines_stay_those_of_windows() -> None:
    found = changed({"First Name": "Vorname"}, ("Last Name", "Shoe size"), TEXT.replace("\n", "\r\n"))
    assert found.text.count("\n") == found.text.count("\r\n")
    assert read_mapping_text(found.text).fields["last_name"].from_ == ("Last Name",)


def test_columns_whose_names_are_alike_and_mean_different_things_are_two() -> None:
    text = TEXT.replace("City", "Home City")
    header = ["Home Country" if name == "City" else name for name in HEADER]
    assert after(header, text).renamed == {}

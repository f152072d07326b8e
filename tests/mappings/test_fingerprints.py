"""What a fingerprint covers. The ledger is full of them: they must not change by accident."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from flows.keys import key_hash, with_consent
from mappings.engine.applying import FINGERPRINT_VERSION, Application, fingerprint_seed
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field("email_address", "Email Address", "email", required=True),
        *(Field(name, name, "text") for name in ("first_name", "last_name", "city")),
        Field("birthday", "Birthday", "datetime", form="rfc3339"),
    ),
    tags={"crm": 1, "vip": 2},
)
MAPPING = """\
name: pinned
source: {kind: csv_file}
destination: {kind: campaignlark}
key: email_address
person: Id
fields:
  email_address: Email
  first_name: First
  last_name: Last
  birthday: {from: Birthday, type: date}
tags: {from: Tags, always: [crm]}
consent: {opted_out: Out}
"""
HEADER = ("Id", "Email", "First", "Last", "Birthday", "Tags", "Out")
ROW = ("17", " Ann@Example.COM", "Ann", "Lee", "1990-05-17", "vip", "no")


def apply(text: str, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, first: int = 1) -> Mapped:
    columns = [pa.array([row[index] for row in rows], pa.string()) for index in range(len(header))]
    numbers = np.arange(first, first + len(rows))
    application = Application(read_mapping_text(text), SCHEMA, header)
    return application.apply(Frame(pa.Table.from_arrays(columns, names=list(header)), numbers, numbers + 1))


def print_of(text: str = MAPPING, row: Sequence[str] = ROW, header: Sequence[str] = HEADER) -> int:
    return int(apply(text, [row], header).content[0])


def changed(**cells: str) -> tuple[str, ...]:
    return tuple(cells.get(name, cell) for name, cell in zip(HEADER, ROW, strict=True))


PINNED = 11942275061231592418


def test_the_fingerprint_of_a_mapping_and_a_contact_is_pinned() -> None:
    assert (FINGERPRINT_VERSION, print_of()) == (1, PINNED), (
        "every ledger would send everything again: restore it, or raise FINGERPRINT_VERSION and say so in the changelog"
    )


def test_the_hash_of_a_key_is_pinned() -> None:
    assert key_hash("ann@example.com") == 1529586403950173578


def test_a_contact_as_an_object_carries_its_fingerprint() -> None:
    found = apply(MAPPING, [ROW])
    application = Application(read_mapping_text(MAPPING), SCHEMA, HEADER)
    assert [contact.fingerprint for contact in application.contacts(found, [0])] == [PINNED]


@pytest.mark.parametrize(
    "row",
    [changed(First="Lee", Last="Ann"), changed(First="", Last="Ann"), changed(First="AnnLee", Last=""), changed(First="ann"),
     changed(Birthday="1990-05-18"), changed(Birthday=""), changed(Tags=""), changed(Tags="vip;crm", Id="18"),
     changed(Email="bob@example.com"), changed(Id="")],
    ids=["values swapped", "a value in another field", "values joined", "case", "date", "blank", "no tag", "person", "key", "no person"],
)  # fmt: skip
def test_it_changes_with_what_is_sent(row: Sequence[str]) -> None:
    assert print_of(row=row) != print_of()


@pytest.mark.parametrize(
    ("old", "new"),
    [("first_name: First", "city: First"),
     ("  first_name: First\n  last_name: Last\n", "  last_name: Last\n  first_name: First\n"),
     ("key: email_address\n", "key: email_address\nwrite: create_only\n"),
     ("key: email_address\n", "key: email_address\nwrite: replace\n"),
     ("key: email_address\n", "key: email_address\nblank: clear\n"),
     ("last_name: Last", "last_name: {from: Last, blank: clear}"),
     ("person: Id\n", ""),
     ("tags: {from: Tags, always: [crm]}\n", "tags: Tags\n"),
     ("  birthday: {from: Birthday, type: date}\n", ""),
     ("last_name: Last", "last_name: Last\n  city: {value: Rome}")],
    ids=["another merge tag", "order of merge tags", "create_only", "replace", "blank", "blank of a field", "no person",
         "tags", "a field less", "a field more"],
)  # fmt: skip
def test_it_changes_with_how_it_is_sent(old: str, new: str) -> None:
    assert old in MAPPING
    assert print_of(MAPPING.replace(old, new)) != print_of()


def test_a_value_moved_to_another_field_in_a_row_of_blanks_changes_it() -> None:
    cells = ("Ann", "", "")
    seen = set()
    for turn in range(3):
        first, last, city = cells[-turn:] + cells[:-turn]
        row = dict(zip(HEADER, ROW, strict=True)) | {"First": first, "Last": last, "Out": city}
        text = MAPPING.replace("  last_name: Last\n", "  last_name: Last\n  city: Out\n").replace(
            "consent: {opted_out: Out}\n", ""
        )
        seen.add(print_of(text, tuple(row.values())))
    assert len(seen) == 3


@pytest.mark.parametrize(
    "row",
    [changed(Email="ann@example.com"), changed(First=" Ann\u200b "), changed(Tags=" VIP; crm;"), changed(Birthday="1990/05/17")],
    ids=["case of the address", "cleaning", "tags", "date"],
)  # fmt: skip
def test_it_does_not_change_where_the_same_is_sent(row: Sequence[str]) -> None:
    assert print_of(row=row) == PINNED


def test_it_does_not_change_with_title_examples_ignored_columns_or_comments() -> None:
    text = (
        "# a comment\n"
        + MAPPING
        + "title: T\nignore: [x]\nduplicates: first\nexamples: [{row: {}}]\nwhere: {Id: ['17']}\n"
    )
    assert print_of(text) == PINNED


def test_it_does_not_depend_on_the_row_s_number_or_its_place_in_the_frame() -> None:
    rows = [changed(Email=f"p{number}@example.com") for number in range(5)]
    rows[3] = ROW
    assert apply(MAPPING, rows, first=1000).content[3] == PINNED
    assert len(set(apply(MAPPING, rows).content.tolist())) == 5


def test_it_does_not_depend_on_the_order_of_the_columns_in_the_file() -> None:
    assert print_of(row=(*ROW[::-1], "more"), header=(*HEADER[::-1], "More")) == PINNED


def test_a_blank_is_not_the_text_of_a_blank() -> None:
    assert print_of(row=changed(First="\x00")) == print_of(row=changed(First=""))
    assert len({print_of(row=changed(First=text)) for text in ("", "null", "0", "None", "\\x00")}) == 5


def test_consent_is_added_when_the_rows_of_a_key_have_met() -> None:
    prints = np.array([PINNED, PINNED, 7], np.uint64)
    found = with_consent(prints, np.array([False, True, True]))
    assert found[0] == PINNED
    assert len(set(found.tolist())) == 3
    assert with_consent(found, np.array([False, True, True])).tolist() == prints.tolist()


def test_the_cell_of_consent_itself_is_not_in_the_content() -> None:
    assert print_of(row=changed(Out="yes")) == PINNED


def test_the_seed_tells_blank_rules_from_merge_tags() -> None:
    texts = [
        MAPPING.replace("first_name: First", f"{tag}: {{from: First, blank: {blank}}}")
        for tag in ("first_name", "city")
        for blank in ("keep", "clear")
    ]
    seeds = set()
    for text in texts:
        mapping = read_mapping_text(text)
        seeds.add(fingerprint_seed(mapping, tuple(mapping.fields)))
    assert len(seeds) == 4

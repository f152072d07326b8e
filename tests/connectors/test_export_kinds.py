"""What every kind of export has to show, on the sample that it ships with. Kinds are found by themselves."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xlsxwriter

import sample_data
from connectors.base import Source
from connectors.errors import SourceError
from connectors.kinds import kinds, source_module
from connectors.sources import wrapping
from connectors.sources.export import Export
from connectors.sources.recognising import open_recognised, recognised
from mappings.engine.suggesting.names import meaning
from sample_data import crm_exports

FOLDER = Path(str(sample_data.__file__)).parent
OTHERS = {"hubspot_export": FOLDER / "hubspot_contacts.csv"}
EVERY = [kind for kind in kinds("sources") if hasattr(source_module(kind), "EXPORT")]
ARCHIVES = [kind for kind in EVERY if hasattr(source_module(kind), "archived")]
KINDS = [kind for kind in EVERY if kind not in ARCHIVES]


def export_of(kind: str) -> Export:
    export: Export = source_module(kind).EXPORT
    return export


def sample_of(kind: str) -> Path:
    found = OTHERS.get(kind) or next(iter(sorted((FOLDER / "exports").glob(f"{kind}.*"))), None)
    assert found is not None, f"{kind} has no sample in sample_data/exports"
    return found


def plain_rows(path: Path) -> list[list[str]]:
    """The sample as Python's own reader has it."""
    text = path.read_bytes().decode("utf-8-sig")
    return list(
        csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.split("\n")[0] else ",")
    )


def read(source: Source) -> tuple[pa.Table, list[int], list[int]]:
    frames = list(source.frames())
    assert not any(frame.misread for frame in frames)
    rows = [int(number) for frame in frames for number in frame.rows]
    lines = [int(line) for frame in frames for line in frame.lines]
    return pa.concat_tables([frame.cells for frame in frames]), rows, lines


def written(folder: Path, rows: list[list[str]], encoding: str = "utf-8", **how: Any) -> Path:
    path = folder / "given.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, **how).writerows(rows)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_its_sample_is_recognised_by_its_columns_and_it_is_said_by_which(kind: str) -> None:
    found, source = open_recognised(sample_of(kind), {})
    assert found.kind == kind
    assert found.why.endswith(f"are columns of {export_of(kind).product}'s export")
    assert source.facts.product == export_of(kind).product


@pytest.mark.parametrize("kind", EVERY)
def test_every_set_of_columns_that_tells_belongs_to_it_alone(kind: str) -> None:
    for sign in export_of(kind).signs:
        found = recognised(sign)
        assert found is not None, sign
        assert found.kind == kind, sign


@pytest.mark.parametrize("kind", EVERY)
def test_what_its_columns_stand_for_is_a_word_that_suggesting_knows(kind: str) -> None:
    assert {meaning(name) for name in export_of(kind).columns} == set(export_of(kind).columns)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_numbers_lines_and_texts_are_those_of_the_file(kind: str) -> None:
    path = sample_of(kind)
    header, *plain = plain_rows(path)
    source = source_module(kind).open_source(path, {})
    cells, rows, lines = read(source)
    assert source.header == tuple(header)
    assert [list(row.values()) for row in cells.to_pylist()] == plain
    assert rows == list(range(1, len(plain) + 1))
    before = [1 + sum(cell.count("\n") for cell in row) for row in [header, *plain]]
    assert lines == [1 + sum(before[:place]) for place in range(1, len(before))]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_of_consent_and_of_persons_is_in_its_sample(kind: str) -> None:
    export, header = export_of(kind), plain_rows(sample_of(kind))[0]
    facts = export.facts(header)
    assert "email_address" in facts.meanings.values()
    assert bool(facts.consents) == bool(export.out or export.wanted or export.status or export.out_prefixes)
    assert bool(facts.person_column) == bool(export.person)


HOSTILE = {
    "UTF-16": {"encoding": "utf-16"},
    "UTF-8 with a mark": {"encoding": "utf-8-sig"},
    "semicolons": {"delimiter": ";"},
    "tabs": {"delimiter": "\t"},
    "everything quoted": {"quoting": csv.QUOTE_ALL},
}


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recognised_however_it_was_saved_again(kind: str, how: str, tmp_path: Path) -> None:
    plain = plain_rows(sample_of(kind))[:200]
    found, source = open_recognised(written(tmp_path, plain, **HOSTILE[how]), {})
    assert found.kind == kind
    assert [list(row.values()) for row in read(source)[0].to_pylist()] == plain[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recognised_with_other_columns_in_another_order_and_case(kind: str, tmp_path: Path) -> None:
    header, *rows = plain_rows(sample_of(kind))[:50]
    turned = [[*reversed(row), "own"] for row in rows]
    path = written(tmp_path, [[*(name.upper() for name in reversed(header)), "One of our own"], *turned])
    assert open_recognised(path, {})[0].kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recognised_in_a_workbook(kind: str, tmp_path: Path) -> None:
    rows = plain_rows(sample_of(kind))[:50]
    with xlsxwriter.Workbook(str(tmp_path / "given.xlsx"), {"strings_to_numbers": False}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write_string(at, place, cell)
    found, source = open_recognised(tmp_path / "given.xlsx", {})
    assert found.kind == kind
    assert read(source)[0].num_rows == len(rows) - 1


@pytest.mark.parametrize("kind", EVERY)
def test_a_file_of_another_product_is_refused_with_its_kind(kind: str) -> None:
    other = next(name for name in KINDS if name != kind)
    with pytest.raises(SourceError, match=f"is no export from {export_of(kind).product}") as caught:
        source_module(kind).open_source(sample_of(other), {})
    assert f"kind: {other}" in caught.value.fix


def test_the_samples_hold_what_was_planted() -> None:
    expected = crm_exports.expected()
    for export in crm_exports.EXPORTS:
        assert len(plain_rows(FOLDER / "exports" / export.name)) == 1 + expected.rows


def packed_rows(path: Path, name: str) -> list[dict[str, str]]:
    """A member as Python's own reader has it; `name` is the beginning of its name."""
    with zipfile.ZipFile(path) as archive:
        [member] = [one for one in archive.namelist() if one.startswith(name)]
        return list(csv.DictReader(io.StringIO(archive.read(member).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_is_recognised_by_what_is_in_it(kind: str) -> None:
    found, source = open_recognised(sample_of(kind), {})
    assert found.kind == kind
    assert found.why.startswith("it holds ")
    assert source.facts.product == export_of(kind).product
    assert source.facts.consents
    assert source.facts.person_column
    assert source.sha256 == hashlib.sha256(sample_of(kind).read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ARCHIVES)
def test_every_archive_in_the_samples_is_one_kind_s(kind: str) -> None:
    archives = [sample_of(one) for one in ARCHIVES]
    assert [path for path in archives if source_module(kind).archived(path)] == [sample_of(kind)]


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_that_is_damaged_is_a_clear_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(sample_of(kind).read_bytes()[:900])
    with pytest.raises(SourceError) as caught:
        read(source_module(kind).open_source(path, {}))
    assert str(path) in caught.value.what


def test_the_files_of_mailchimp_s_archive_become_their_people_s_status() -> None:
    path = sample_of("mailchimp_export")
    cells, rows, _ = read(source_module("mailchimp_export").open_source(path, {}))
    found = {name: [] for name in ("cleaned", "subscribed", "unsubscribed")}
    for one in cells.to_pylist():
        found[one["_status"]].append(one["Email Address"])
    assert found == {name: [row["Email Address"] for row in packed_rows(path, f"{name}_")] for name in found}
    assert rows == list(range(1, 31))
    plain = {row["LEID"]: row for name in found for row in packed_rows(path, f"{name}_")}
    assert all(
        {name: one[name] for name in plain[one["LEID"]]} == plain[one["LEID"]] for one in cells.to_pylist()
    )


def test_one_file_of_mailchimp_s_archive_says_the_status_by_its_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(sample_of("mailchimp_export")) as archive:
        archive.extractall(tmp_path)
    [file] = tmp_path.glob("unsubscribed_*")
    found, source = open_recognised(file, {})
    assert found.kind == "mailchimp_export"
    assert set(read(source)[0].column("_status").to_pylist()) == {"unsubscribed"}
    [file] = tmp_path.glob("subscribed_*")
    _, source = open_recognised(file.rename(tmp_path / "people.csv"), {})
    assert set(read(source)[0].column("_status").to_pylist()) == {""}
    assert any("stands in the file's name alone" in odd.message for odd in source.oddities)


@pytest.mark.parametrize(
    ("name", "renamed", "status"),
    [
        ("unsubscribed_", "people.csv", "unsubscribed"),
        ("cleaned_", "people.csv", "cleaned"),
        ("subscribed_", "2026-03 subscribed_members_export.csv", "subscribed"),
        ("subscribed_", "Kunden - nonsubscribed.csv", "nonsubscribed"),
        ("subscribed_", "not subscribed.csv", ""),
    ],
)
def test_a_file_of_mailchimp_s_that_was_renamed_is_told_by_its_columns_or_by_a_stricter_word(
    name: str, renamed: str, status: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(sample_of("mailchimp_export")) as archive:
        archive.extractall(tmp_path)
    [file] = tmp_path.glob(f"{name}*")
    _, source = open_recognised(file.rename(tmp_path / renamed), {})
    assert set(read(source)[0].column("_status").to_pylist()) == {status}


def test_unsubscribed_people_in_mailchimp_s_archive_are_heard_whatever_their_file_is_called(
    tmp_path: Path,
) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(sample_of("mailchimp_export")) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr("gone.csv" if name.startswith("unsubscribed") else name, old.read(name))
        new.writestr("__MACOSX/._subscribed_members.csv", b"\x00\x05\x16\x07")
    _, source = open_recognised(path, {})
    assert set(read(source)[0].column("_status").to_pylist()) == {"subscribed", "unsubscribed", "cleaned"}


def test_salesforce_s_contacts_get_their_account_and_leads_follow() -> None:
    path = sample_of("salesforce_weekly_export")
    cells, rows, _ = read(source_module("salesforce_weekly_export").open_source(path, {}))
    accounts = {row["Id"]: row["Name"] for row in packed_rows(path, "Account")}
    contacts, leads = packed_rows(path, "Contact"), packed_rows(path, "Lead")
    given = cells.to_pylist()
    assert [one["Id"] for one in given] == [row["Id"] for row in (*contacts, *leads)]
    assert [one["Object"] for one in given] == ["Contact"] * len(contacts) + ["Lead"] * len(leads)
    assert [one["Account.Name"] for one in given] == [
        *(accounts[row["AccountId"]] for row in contacts),
        *("" for _ in leads),
    ]
    assert rows == list(range(1, len(given) + 1))


def test_a_file_in_mailchimp_s_archive_whose_name_says_no_status_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(sample_of("mailchimp_export").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("people.csv", "Email Address,LEID\na@example.com,1\n")
    _, source = open_recognised(path, {})
    assert read(source)[0].num_rows == crm_exports.expected().rows
    assert any("Left out" in odd.message and "people.csv" in odd.message for odd in source.oddities)


def more_members(path: Path, members: dict[str, bytes]) -> Path:
    """Salesforce's sample with more files in it, at `path`."""
    path.write_bytes(sample_of("salesforce_weekly_export").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_nothing_of_salesforce_s_archive_is_unpacked_but_contacts_leads_and_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = dict.fromkeys(("Asset.csv", "Case.csv", "LoginHistory.csv"), b"Id\n" + b"1\n" * 40000)
    path = more_members(tmp_path / "export.zip", others | {"Campaign.csv": b"Id,Name\n701,Spring fair\n"})
    path.write_bytes(path.read_bytes().replace(b"Spring fair", b"Winter fair"))  # its check sum is wrong now
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(wrapping, "MOST_BYTES", 100_000)
    source = source_module("salesforce_weekly_export").open_source(path, {})
    with zipfile.ZipFile(path) as archive:
        sizes = [archive.getinfo(f"{name}.csv").file_size for name in ("Account", "Contact", "Lead")]
    assert sorted(file.stat().st_size for file in (tmp_path / "tmp").glob("*/[0-9]*")) == sorted(sizes)
    assert read(source)[0].num_rows == crm_exports.expected().rows
    monkeypatch.setattr(wrapping, "MOST_BYTES", sum(sizes) - 1)
    again = more_members(tmp_path / "again.zip", {})
    with pytest.raises(SourceError, match="which are not unpacked"):
        source_module("salesforce_weekly_export").open_source(again, {})


def test_names_that_lead_elsewhere_are_refused_whatever_is_read_of_the_archive(tmp_path: Path) -> None:
    path = more_members(tmp_path / "export.zip", {"../Case.csv": b"Id\n1\n"})
    with pytest.raises(SourceError, match="leads out of its folder"):
        source_module("salesforce_weekly_export").open_source(path, {})


def test_an_object_of_salesforce_s_that_goes_on_in_another_folder_is_one_table(tmp_path: Path) -> None:
    second = {
        "WE_2/Contact.csv": b'"Id","AccountId","LastName","Email"\n"003B","001B","Two","two@example.com"\n',
        "WE_2/Account.csv": b'"Name","Id"\n"Second Ltd","001B"\n',
    }
    path = more_members(tmp_path / "export.zip", second)
    source = source_module("salesforce_weekly_export").open_source(path, {})
    given = {one["Id"]: one for one in read(source)[0].to_pylist()}
    assert len(given) == crm_exports.expected().rows + 1
    assert (given["003B"]["Object"], given["003B"]["Account.Name"]) == ("Contact", "Second Ltd")
    assert {one["Account.Type"] for one in given.values() if one["Object"] == "Contact"} == {"Customer", ""}
    assert not [odd for odd in source.oddities if odd.code == "account_not_there"]


def test_contacts_whose_account_is_in_another_of_salesforce_s_archives_are_counted(tmp_path: Path) -> None:
    contact = (
        b'"Id","AccountId","LastName","Email"\n"1","001B","A","a@example.com"\n"2","","B","b@example.com"\n'
    )
    path = more_members(tmp_path / "export.zip", {"WE_2/Contact.csv": contact})
    source = source_module("salesforce_weekly_export").open_source(path, {})
    read(source)
    [odd] = [odd for odd in source.oddities if odd.code == "account_not_there"]
    assert odd.message.startswith("WE_2/Contact.csv: 1 contact names an account that this ZIP does not hold")

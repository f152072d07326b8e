"""Wrapped files are unpacked within limits, known by the file that was given, and gone afterwards."""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.errors import SourceError
from connectors.sources import wrapping
from connectors.sources.opening import open_any, open_kind, open_table
from connectors.sources.peeking import write_clean
from tests.connectors.reading import read, seen, spoiled
from tests.connectors.test_excel_source import table, workbook

TEXT = b"Email,Name\r\nann@example.com,Ann\r\nbob@example.com\r\n"


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def left(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "tmp").iterdir())


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def wrapped(how: str, data: bytes) -> bytes:
    if how == "gzip":
        return gzip.compress(data)
    return pa.compress(data, codec="zstd", asbytes=True) if how == "zstd" else zipped({"people.csv": data})


def refused(path: Path, data: bytes, **settings: str) -> SourceError:
    path.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read(path, settings)
    assert caught.value.fix
    assert left(path.parent) == []
    return caught.value


@pytest.mark.parametrize("how", ["gzip", "zstd", "zip"])
def test_a_wrapped_file_is_read_and_is_known_by_what_was_given(tmp_path: Path, how: str) -> None:
    path = tmp_path / "people"  # the name says nothing
    path.write_bytes(wrapped(how, TEXT))
    found = read(path)
    assert found.rows == [["ann@example.com", "Ann"], ["bob@example.com", ""]]
    assert (found.source.path, found.source.size) == (path, path.stat().st_size)
    assert found.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.source.reading["unpacked from"] == how
    assert found.source.reading["delimiter"] == "comma (,)"
    write_clean(open_kind("csv_file", path, {"header_line": 1}), tmp_path / "clean.csv")
    assert (tmp_path / "clean.csv").read_bytes() == TEXT
    del found
    assert left(tmp_path) == []


@pytest.mark.parametrize("how", ["gzip", "zstd", "zip"])
def test_an_archive_in_an_archive_is_read_and_nothing_deeper(tmp_path: Path, how: str) -> None:
    path = tmp_path / "people.zip"
    path.write_bytes(zipped({"people.gz": wrapped(how, TEXT)}))
    assert len(read(path).rows) == 2
    error = refused(path, zipped({"a.zip": wrapped("zip", wrapped(how, TEXT))}))
    assert f"{path} (a.zip)" in error.what
    assert "an archive in an archive in an archive" in error.what


def test_a_workbook_in_an_archive_is_a_workbook(tmp_path: Path) -> None:
    book = workbook(tmp_path, table(("Email",), ("a@x.de",)))
    path = tmp_path / "people.zip"
    path.write_bytes(
        zipped({"people.xlsx": book.read_bytes()}, zipfile.ZIP_STORED)
    )  # its parts' names are in sight
    kind, source = open_any(path, {"sheet": "Sheet1"})
    assert (kind, source.header) == ("excel_file", ("Email",))
    with pytest.raises(SourceError, match=r"people\.zip \(people\.xlsx\) is a workbook, and not a CSV file"):
        open_kind("csv_file", path, {})


def test_several_tables_are_listed_and_one_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    members = {"b/people.csv": TEXT, "a/Other.csv": b"Id\n1\n", "readme.txt": b"Hi", "__MACOSX/._a.csv": b"x"}
    error = refused(path, zipped(members))
    assert "holds 2 files: a/Other.csv, b/people.csv." in error.what
    assert 'member: "a/Other.csv"' in error.fix
    assert read(path, {"member": "people.csv"}).header == ("Email", "Name")
    assert read(path, {"member": "a/other.csv"}).header == ("Id",)
    assert "a/Other.csv, b/people.csv, readme.txt" in refused(path, path.read_bytes(), member="x.csv").fix
    path.write_bytes(zipped({"readme.txt": b"Hi", "photo.png": b"\x89PNG", "people.csv": TEXT}))
    assert len(read(path).rows) == 2


def test_a_pattern_takes_several_as_one_source_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    more = b"Name;Email;City\nCy;cy@example.com;Rome\nDi;di@example.com;Bonn;x\n"
    path.write_bytes(zipped({"people-2.csv": more, "people-1.csv": TEXT, "other.csv": b"Id\n1\n"}))
    found = read(path, {"member": "people-*.csv"})
    assert found.header == ("Email", "Name", "City", "_file")
    assert found.rows == [
        ["ann@example.com", "Ann", "", "people-1.csv"],
        ["bob@example.com", "", "", "people-1.csv"],
        ["cy@example.com", "Cy", "Rome", "people-2.csv"],
        ["", "", "", "people-2.csv"],
    ]
    assert found.lines == [2, 3, 2, 3]
    assert found.misread[0].detail == "4 cells where the header has 3 (in people-2.csv)"
    assert "people-2.csv also has City; compared with people-1.csv." in found.odd["other_columns"]
    assert found.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    del found
    error = refused(path, path.read_bytes(), member="*.csv")
    assert "people-1.csv has no column in common with other.csv" in error.what


def test_member_is_for_archives(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    assert "member: says nothing about a CSV file" in refused(path, TEXT, member="a").what
    assert "member: says nothing about a CSV file" in refused(path, gzip.compress(TEXT), member="a").what


# ── what is hostile ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["gzip", "zstd", "zip"])
def test_what_grows_without_end_is_stopped(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapping, "_NO_BOMB", 1 << 20)
    bomb = wrapped(how, TEXT + b"\n" * (8 << 20))
    assert "more than 500 times as large" in refused(tmp_path / "bomb", bomb).what
    monkeypatch.setattr(wrapping, "MOST_BYTES", 4 << 20)
    monkeypatch.setattr(wrapping, "MOST_TIMES", 1 << 30)
    assert "which are not unpacked" in refused(tmp_path / "bomb", bomb).what


@pytest.mark.parametrize("name", ["../people.csv", "/etc/people.csv", "C:\\people.csv", "a\\..\\..\\b.csv"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert "leads out of its folder" in refused(tmp_path / "a.zip", zipped({name: TEXT})).what


def test_links_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("people.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link to another file" in refused(tmp_path / "a.zip", out.getvalue()).what


def test_too_many_files_and_passwords_and_nothing_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    assert "archive without files" in refused(path, zipped({})).what
    locked = bytearray(zipped({"people.csv": TEXT}))
    locked[6] |= 1  # both copies of the flags
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "people.csv is protected by a password" in refused(path, bytes(locked)).what
    monkeypatch.setattr(wrapping, "MOST_MEMBERS", 2)
    assert "more than 2 files" in refused(path, zipped({"a": b"", "b": b"", "c": b""})).what


@pytest.mark.parametrize("how", ["gzip", "zstd", "zip"])
def test_a_spoiled_archive_ends_in_rows_or_in_an_error(tmp_path: Path, how: str) -> None:
    path = tmp_path / "spoiled"
    whole = wrapped(how, TEXT * 20)
    cut = refused(path, whole[:-9]).what
    assert "missing" in cut or how == "zip"  # where the list of names stands at the end
    ended = {True: 0, False: 0}
    for data in spoiled(whole, 120, seed=5):
        path.write_bytes(data)
        try:
            read(path)
            ended[True] += 1
        except SourceError:
            ended[False] += 1
    assert ended[False] > 20
    assert left(tmp_path) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    import os

    old = tmp_path / "tmp" / "muster-reading-killed"
    old.mkdir()
    for name in (".lock", "1"):
        (old / name).write_bytes(b"")
    os.utime(old, (0, 0))
    path = tmp_path / "people.gz"
    path.write_bytes(gzip.compress(TEXT))
    kept = open_table(path, {})
    assert not old.exists()
    [mine] = left(tmp_path)
    os.utime(mine, (0, 0))
    open_table(path, {})
    assert mine.exists(), "its process lives"
    del kept


def test_what_is_open_already_is_not_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "people.zip"
    book = workbook(tmp_path, table(("Record ID", "Email"), (1, "a@x.de")))
    path.write_bytes(zipped({"people.xlsx": book.read_bytes()}))
    plain = open_table(path, {})
    folders = {folder.name for folder in left(tmp_path)}
    other = open_kind("hubspot_export", path, {})
    with pytest.raises(SourceError):
        open_kind("csv_file", path, {})
    assert {folder.name for folder in left(tmp_path)} == folders
    other.facts = plain.facts
    assert [len(seen(source).rows) for source in (plain, other)] == [1, 1]
    path.write_bytes(zipped({"people.csv": TEXT}))
    assert open_table(path, {}).header == ("Email", "Name")

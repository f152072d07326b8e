"""What is asked of every format: a new one is found by itself, and wants a line in WRITERS."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import SourceError
from connectors.kinds import formats, source_module
from connectors.sources.name_parts import NameParts
from connectors.sources.opening import format_of, open_all, open_kind, open_table
from tests.connectors.reading import seen
from tests.connectors.test_excel_source import table, workbook

HEADER = ("Full name", "Email", "Note")
ROWS = [
    ("Ann Ash", "ann@example.com", "0123"),
    ("Zoë", "zoe@example.com", "two\nlines; and, more"),
    ("Bob", "bob@example.com", "=1+1"),
]
Writer = Callable[[Path], bytes]


def as_csv(_: Path) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *ROWS])
    return text.getvalue().encode()


def as_workbook(folder: Path) -> bytes:
    return workbook(folder, table(HEADER, *ROWS), name="written").read_bytes()


def as_json(_: Path) -> bytes:
    return json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS]).encode()


def as_parquet(_: Path) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(dict(zip(HEADER, zip(*ROWS, strict=True), strict=True))), out)
    return out.getvalue()


def as_vcards(_: Path) -> bytes:
    def card(name: str, email: str, note: str) -> str:
        held = note.replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")
        return f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nEMAIL:{email}\r\nNOTE:{held}\r\nEND:VCARD\r\n"

    return "".join(card(*row) for row in ROWS).encode()


WRITERS: dict[str, Writer] = {
    "csv_file": as_csv, "excel_file": as_workbook, "json_file": as_json, "parquet_file": as_parquet, "vcard_file": as_vcards,
}  # fmt: skip


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("people", data)
    return out.getvalue()


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gzip": gzip.compress, "zip": zipped, "gzip in zip": lambda data: zipped(gzip.compress(data)),
}  # fmt: skip


@pytest.fixture(params=formats())
def kind(request: pytest.FixtureRequest) -> str:
    assert request.param in WRITERS, "a new format wants a writer here"
    return str(request.param)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_the_same_table_comes_out_of_every_format(tmp_path: Path, kind: str, wrapping: str) -> None:
    data = WRAPPINGS[wrapping](WRITERS[kind](tmp_path))
    path = tmp_path / "file"
    path.write_bytes(data)
    for source in (open_table(path, {}), open_kind(kind, path, {}), open_kind("hubspot_export", path, {})):
        found = seen(source)
        order = [found.header.index(name) for name in HEADER]
        assert [tuple(row[at] for at in order) for row in found.rows] == ROWS
        assert found.misread == []
        assert (source.path, source.size) == (path, len(data))
        assert source.sha256 == hashlib.sha256(data).hexdigest()
        assert source.reading


def test_a_file_of_another_format_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    for other, writer in WRITERS.items():
        if other != kind:
            path = tmp_path / "file"
            path.write_bytes(writer(tmp_path))
            assert format_of(path) == other
            with pytest.raises(SourceError) as caught:
                open_kind(kind, path, {})
            assert (
                caught.value.what
                == f"{path} is {source_module(other).FORMAT}, and not {source_module(kind).FORMAT}."
            )
            assert f"kind: {other}" in caught.value.fix


def test_files_of_all_formats_are_one_source(tmp_path: Path) -> None:
    paths = []
    for kind, writer in WRITERS.items():
        paths.append(tmp_path / kind)
        paths[-1].write_bytes(writer(tmp_path))
    found = seen(open_all("hubspot_export", paths, tmp_path / "*", NameParts("*"), {}))
    places = [found.header.index(name) for name in (*HEADER, "_file")]
    assert [tuple(row[at] for at in places) for row in found.rows] == [
        (*row, kind) for kind in WRITERS for row in ROWS
    ]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_file_that_is_cut_off_gives_rows_or_an_error_and_never_a_wrong_row(
    tmp_path: Path, kind: str, wrapping: str
) -> None:
    data = WRAPPINGS[wrapping](WRITERS[kind](tmp_path))
    path = tmp_path / "file"
    for cut in range(1, len(data), max(1, len(data) // 6)):
        path.write_bytes(data[:cut])
        try:
            found = seen(open_table(path, {}))
        except SourceError:
            continue
        if wrapping == "plain" and kind in ("csv_file", "vcard_file"):  # nothing tells where these end
            assert len(found.rows) <= len(ROWS)
        else:
            assert not found.rows, found.rows

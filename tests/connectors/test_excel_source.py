"""Workbooks are read as a person sees them, and what cannot be seen in them is said."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import string
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.sources import sheet_facts, workbook_reader
from connectors.sources.headers import refuse_doubts
from connectors.sources.opening import format_of, open_kind, open_table
from tests.connectors.reading import read, spoiled

SAMPLE = Path(__file__).parent / "samples" / "people.xls"
MOMENT = dt.datetime.fromisoformat("2025-06-07T08:09:10")
Fill = Callable[[Any, Any], None]


def workbook(folder: Path, *fills: Fill | None, name: str = "people.xlsx") -> Path:
    """A workbook with a sheet for each of `fills`, which are called with the book and the sheet."""
    path = folder / name
    with xlsxwriter.Workbook(str(path)) as book:
        for fill in fills:
            sheet = book.add_worksheet()
            if fill is not None:
                fill(book, sheet)
    return path


def table(*rows: tuple[Any, ...], at: tuple[int, int] = (0, 0)) -> Fill:
    def fill(book: Any, sheet: Any) -> None:
        day = book.add_format({"num_format": "dd.mm.yy"})
        moment = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        clock = book.add_format({"num_format": "hh:mm"})
        for row, cells in enumerate(rows, start=at[0]):
            for column, cell in enumerate(cells, start=at[1]):
                if isinstance(cell, dt.datetime):
                    sheet.write_datetime(row, column, cell, moment)
                elif isinstance(cell, dt.date):
                    sheet.write_datetime(row, column, cell, day)
                elif isinstance(cell, dt.time):
                    sheet.write_datetime(row, column, cell, clock)
                elif isinstance(cell, str):
                    sheet.write_string(row, column, cell)
                elif cell is not None:
                    sheet.write(row, column, cell)

    return fill


ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body><office:spreadsheet>
 <table:table table:name="People">{}</table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(folder: Path, rows: str, name: str = "people.ods") -> Path:
    path = folder / name
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", ODS.format(rows), zipfile.ZIP_DEFLATED)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return path


def text_row(*cells: str, more: str = "") -> str:
    inside = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row{more}>{inside}</table:table-row>"


def test_cells_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        table(
            ("Email", "Born", "Seen", "Rings", "Points", "Share", "Member", "Code", "Note"),
            ("ann@example.com", dt.date(1990, 3, 4), MOMENT, dt.time(7, 30),
             1234567890123, 0.1 + 0.2, True, "007", "two\nlines"),
            ("bob@example.com", None, MOMENT.replace(hour=0, minute=0, second=0), None, -5, 1e-7, False, "1e5", " x "),
        ),
    )  # fmt: skip
    found = read(path)
    assert found.rows == [
        ["ann@example.com", "1990-03-04", "2025-06-07 08:09:10", "07:30:00", "1234567890123", "0.3", "TRUE", "007", "two\nlines"],
        ["bob@example.com", "", "2025-06-07", "", "-5", "0.0000001", "FALSE", "1e5", " x "],
    ]  # fmt: skip
    assert found.lines == [2, 3]
    assert found.source.reading == {"format": "xlsx", "sheet": "Sheet1", "header_line": 1}
    assert found.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.source.size == path.stat().st_size
    assert found.odd == {}


def test_an_old_workbook_is_read_likewise() -> None:
    found = read(SAMPLE)  # made with xlwt 1.3.0
    assert found.header == ("Email", "Born", "Seen", "Points", "Member", "Code")
    assert found.rows == [
        ["ann@example.com", "1990-03-04", "2025-06-07 08:09:10", "1234567890123", "TRUE", "007"],
        ["bob@example.com", "2001-12-31", "2025-06-07", "0.3", "FALSE", "Zoë"],
    ]
    assert "'Notes'" in found.odd["other_sheets"]


def test_an_ods_is_read_likewise_with_its_repeated_rows(tmp_path: Path) -> None:
    path = ods(
        tmp_path,
        text_row("Email", "Born", "Share", "Member", "Note")
        + '<table:table-row table:number-rows-repeated="2">'
        + '<table:table-cell office:value-type="string"><text:p>ann@example.com</text:p></table:table-cell>'
        + '<table:table-cell office:value-type="date" office:date-value="1990-03-04"><text:p>4.3.90</text:p></table:table-cell>'
        + '<table:table-cell office:value-type="percentage" office:value="0.25"><text:p>25%</text:p></table:table-cell>'
        + '<table:table-cell office:value-type="boolean" office:boolean-value="true"><text:p>WAHR</text:p></table:table-cell>'
        + '<table:table-cell office:value-type="string" office:string-value="" calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>'
        + '</table:table-row><table:table-row table:number-rows-repeated="1048573">'
        + '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>',
    )
    found = read(path)
    assert found.rows[0] == ["ann@example.com", "1990-03-04", "0.25", "TRUE", "#N/A"]
    assert (len(found.rows), found.lines) == (2, [2, 3])
    assert "#N/A in row 2" in found.odd["error_cells"]


def test_what_cannot_be_seen_in_the_cells_is_said(tmp_path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        table(("Email", "Name", "City", "Id"), ("a@x.de", "Ann", "Rome", 1), at=(2, 1))(book, sheet)
        sheet.write_formula(4, 1, "=A1", None, "b@x.de")
        sheet.write_formula(4, 2, "=1/0", None, "#DIV/0!")
        sheet.write_formula(4, 3, "=A1", None, "")
        sheet.write_number(4, 4, 12345678901234567)
        sheet.merge_range(5, 1, 6, 2, "c@x.de")
        sheet.set_row(7, None, None, {"hidden": True})
        sheet.write(7, 1, "d@x.de")
        sheet.set_column(3, 4, None, None, {"hidden": True})

    found = read(workbook(tmp_path, fill, None))
    assert found.source.reading["header_line"] == 3
    assert [row[0] for row in found.rows] == ["a@x.de", "b@x.de", "c@x.de", "d@x.de"]
    assert found.rows[1] == ["b@x.de", "#DIV/0!", "", "12345678901234570"]
    assert found.lines == [4, 5, 6, 8]
    assert "#DIV/0! in row 5" in found.odd["error_cells"]
    assert "1 formula (row 5) without a stored result" in found.odd["uncomputed"]
    assert "1 merged area (row 6)" in found.odd["merged_cells"]
    assert "1 row is hidden (row 8)" in found.odd["hidden_rows"]
    assert found.odd["hidden_columns"] == "2 columns are hidden, and read like all others."
    assert "(row 5)" in found.odd["long_numbers"]
    assert "'Sheet2'" in found.odd["other_sheets"]


def test_the_table_is_found_below_a_title_and_in_the_first_sheet_that_has_one(tmp_path: Path) -> None:
    people = table(
        ("Contacts of the fair",),
        (),
        ("Email", "First name", "Last name"),
        ("a@x.de", "Ann", "Ash"),
        ("b@x.de", "Bob", None),
    )
    path = workbook(tmp_path, None, table(("Only a note",)), people, lambda _, sheet: sheet.hide())
    found = read(path)
    assert found.header == ("Email", "First name", "Last name")
    assert found.rows == [["a@x.de", "Ann", "Ash"], ["b@x.de", "Bob", ""]]
    assert "Sheet4' (hidden)" in found.odd["other_sheets"]
    assert "preamble" in found.odd
    assert read(path, {"sheet": "sheet3"}).rows == found.rows
    assert "other_sheets" not in read(path, {"sheet": "3"}).odd
    assert read(path, {"sheet": "3", "header_line": 4}).header == ("a@x.de", "Ann", "Ash")
    with pytest.raises(SourceError, match="no sheet 'Sheet33'") as caught:
        open_table(path, {"sheet": "Sheet33"})
    assert caught.value.fix == "Did you mean 'Sheet3'?"
    with pytest.raises(SourceError, match="row 2 of the sheet 'Sheet3' holds no header"):
        open_table(path, {"sheet": "3", "header_line": 2})
    with pytest.raises(SourceError, match="the sheet 'Sheet1' is blank"):
        open_table(path, {"sheet": "Sheet1"})


def test_a_row_with_more_cells_than_the_header_is_set_aside(tmp_path: Path) -> None:
    rows = [("Email", "Name"), *[(f"p{n}@x.de", "Ann") for n in range(30)], ("z@x.de", "Zoe", None, "why?")]
    found = read(workbook(tmp_path, table(*rows)))
    assert found.header == ("Email", "Name")
    [bad] = found.misread
    assert (bad.at, bad.code, bad.detail) == (30, "row_misaligned", "4 cells where the header has 2")
    assert bad.cells == ("z@x.de", "Zoe", "", "why?")


def test_columns_without_a_name_are_kept_where_their_rows_have_something(tmp_path: Path) -> None:
    found = read(workbook(tmp_path, table(("Email", "Name"), *[(f"p{n}@x.de", "Ann", n) for n in range(9)])))
    assert found.header == ("Email", "Name", "column 3")
    assert found.rows[8] == ["p8@x.de", "Ann", "8"]


def test_a_kind_of_another_format_is_told_which_it_is(tmp_path: Path) -> None:
    path = workbook(tmp_path, table(("Email",), ("a@x.de",)), name="people.csv")
    assert format_of(path) == "excel_file"
    with pytest.raises(SourceError, match="is a workbook, and not a CSV file") as caught:
        open_kind("csv_file", path, {})
    assert "Say kind: excel_file in the mapping" in caught.value.fix
    text = tmp_path / "people.xlsx"
    text.write_text("Email\na@x.de\n")
    with pytest.raises(SourceError, match="is a CSV file, and not a workbook"):
        open_kind("excel_file", text, {})
    assert open_kind("hubspot_export", path, {}).facts.product == "HubSpot"


# ── what is hostile ──────────────────────────────────────────────────────────────────────────────────────────


def rewritten(path: Path, part: str, change: Callable[[str], str]) -> Path:
    """The workbook with one part changed."""
    out = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text.decode()).encode() if name == part else text)
    return out


@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml"])
def test_entities_that_grow_without_end_are_refused(tmp_path: Path, part: str) -> None:
    laughs = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    path = workbook(tmp_path, table(("Email",), ("a@x.de",)))
    path = rewritten(
        path, part, lambda xml: xml.replace("?>", f"?><!DOCTYPE x [{laughs}]>", 1).replace("a@x.de", "&a9;")
    )
    with pytest.raises(SourceError, match="declares XML entities"):
        open_table(path, {})


def test_a_cell_far_outside_is_refused_before_memory_is_taken_for_it(tmp_path: Path) -> None:
    path = workbook(tmp_path, table(("Email",), ("a@x.de",)))
    far = rewritten(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace('r="A2"', 'r="XFD1048576"').replace('<row r="2"', '<row r="1048576"'),
    )
    with pytest.raises(SourceError, match="row 1,048,576 and column 16,384") as caught:
        open_table(far, {})
    assert "CSV" in caught.value.fix
    many = ods(
        tmp_path,
        text_row("Email")
        + text_row("x", more=' table:number-rows-repeated="1048575"').replace(
            "<table:table-cell", '<table:table-cell table:number-columns-repeated="16384"'
        ),
    )
    with pytest.raises(SourceError, match="row 1,048,576 and column 16,384"):
        open_table(many, {})


def test_more_xml_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_facts, "MOST_XML", 1 << 20)
    path = workbook(tmp_path, table(("Email",), ("a@x.de",)))
    large = rewritten(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("<sheetData>", " " * (1 << 21) + "<sheetData>"),
    )
    with pytest.raises(SourceError, match="more than 1 MB of XML"):
        open_table(large, {})


def test_a_text_that_many_cells_share_fills_no_disk(tmp_path: Path) -> None:
    path = workbook(tmp_path, table(("Email",), *[("x" * 30_000,) for _ in range(100)]))
    assert path.stat().st_size < 20_000
    script = "import sys; from connectors.sources import workbook_reader as it; it.WRITTEN = 1 << 20; sys.exit(it.main(*sys.argv[1:]))"
    command = [sys.executable, "-P", "-c", script, str(path), "Sheet1", str(tmp_path / "out")]
    done = subprocess.run(command, env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert done.returncode == workbook_reader.TOO_LARGE
    assert (tmp_path / "out").stat().st_size <= 1 << 20


def test_a_password_is_said(tmp_path: Path) -> None:
    """A workbook with one is an OLE file with a stream of this name."""
    path = tmp_path / "locked.xlsx"
    old, new = ("Workbook".encode("utf-16-le"), "EncryptedPackage".encode("utf-16-le"))
    entry = old.ljust(64, b"\0") + bytes([len(old) + 2])
    assert entry in SAMPLE.read_bytes()
    path.write_bytes(SAMPLE.read_bytes().replace(entry, new.ljust(64, b"\0") + bytes([len(new) + 2])))
    with pytest.raises(SourceError, match="is protected by a password"):
        open_table(path, {})


def test_a_spoiled_workbook_ends_in_rows_or_in_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spoiled"
    whole = workbook(tmp_path, table(("Email", "Born"), ("a@x.de", dt.date(2025, 3, 4))))
    for original, many in ((whole, 7), (SAMPLE, 7)):
        for data in spoiled(original.read_bytes(), many, seed=7):
            path.write_bytes(data)
            with contextlib.suppress(SourceError):
                read(path)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = workbook(tmp_path, table(("Email",), ("a@x.de",)))
    source = open_table(path, {})
    [folder] = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert sum(len(frame) for frame in source.frames()) == 1
    del source
    assert list((tmp_path / "tmp").iterdir()) == []


CELLS = st.text(st.sampled_from(string.ascii_letters + "0123456789 äß€😀,;\"'<>&\n\t=+-@#/."), max_size=12)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=40))
def test_a_table_of_texts_comes_back_unchanged(tmp_path: Path, cells: list[list[str]]) -> None:
    rows = [(f"p{n}@x.de", *row) for n, row in enumerate(cells)]
    path = workbook(tmp_path, table(("Email", "One", "Two", "Three"), *rows))
    assert read(path, {"header_line": 1}).rows == [list(row) for row in rows]


@pytest.mark.parametrize("title", [0, 2])
def test_a_sheet_without_a_header_says_so_and_may_be_read_all_the_same(tmp_path: Path, title: int) -> None:
    people = (("a@x.de", "Ann", 17), ("b@x.de", "Bob", 18), ("c@x.de", "Cy", 19))
    path = workbook(tmp_path, table(*[("Our people",)] * title, *people))
    found = read(path)
    assert found.header == ("column 1", "column 2", "column 3")
    assert found.rows == [[str(cell) for cell in row] for row in people]
    assert found.source.reading["header_line"] == "none"
    with pytest.raises(SourceError, match=f"an e-mail address stands on line {title + 1}") as caught:
        refuse_doubts(path, found.source.oddities)
    assert "header_line: 0" in caught.value.fix
    said = read(path, {"header_line": 0})
    refuse_doubts(path, said.source.oddities)
    assert (said.header, said.rows[title:]) == (found.header, found.rows)
    assert len(said.rows) == title + len(people)

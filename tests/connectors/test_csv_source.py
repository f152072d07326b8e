from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.sources import csv_file
from connectors.sources.csv_file import CsvSource, open_source
from connectors.sources.headers import refuse_doubts
from mappings.engine.frame import Misread

Row = tuple[str, ...]
MODEST = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


class Read:
    """A file that was read whole, as Python objects."""

    def __init__(self, source: CsvSource) -> None:
        self.source = source
        self.rows: list[Row] = []
        self.numbers: list[int] = []
        self.lines: list[int] = []
        self.widths: list[int] = []
        self.misread: dict[int, Misread] = {}
        for frame, widths in source.frames_and_widths():
            for bad in frame.misread:
                self.misread[int(frame.rows[bad.at])] = bad
            self.rows += list(zip(*(column.to_pylist() for column in frame.cells.columns), strict=True))
            self.numbers += frame.rows.tolist()
            self.lines += frame.lines.tolist()
            self.widths += widths.tolist()
            assert all(column.null_count == 0 for column in frame.cells.columns)
        assert self.numbers == list(range(1, len(self.rows) + 1))
        assert len(self.rows) == len(self.lines) == len(self.widths)

    @property
    def header(self) -> Row:
        return self.source.header

    @property
    def odd(self) -> dict[str, int]:
        return {oddity.code: oddity.line for oddity in self.source.oddities}

    def all_cells(self) -> list[Row]:
        """The cells of each row as they were read, misread ones too."""
        return [
            self.misread[number].cells if number in self.misread else row
            for number, row in zip(self.numbers, self.rows, strict=True)
        ]


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def reading(data: bytes | str, *, fast: bool = True, block: int = 0, **given: Any) -> Read:
        path = tmp_path / "export.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        source = open_source(path, given)
        source._fast = fast
        source.block = block or source.block
        return Read(source)

    return reading


# ── everything is text ───────────────────────────────────────────────────────────────────────────────────────


def test_everything_stays_the_text_it_is(read: Any) -> None:
    cells = "NA,null,01234,1E5,true, x ,NaN,,2024-01-01"
    assert read("a,b,c,d,e,f,g,h,i\n" + cells + "\n").rows == [tuple(cells.split(","))]


def test_quoted_newlines_keep_row_and_line_apart(read: Any) -> None:
    got = read('a,b\n"x\ny\r\nz",1\n2,"p\rq"\n3,4\n')
    assert got.rows == [("x\ny\r\nz", "1"), ("2", "p\rq"), ("3", "4")]
    assert got.lines == [2, 5, 7]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_each_line_ending_is_known_and_counted_once(read: Any, ending: str) -> None:
    got = read(ending.join(["a,b", "1,2", '"x",', "5,6", ""]))
    assert (got.rows, got.lines) == ([("1", "2"), ("x", ""), ("5", "6")], [2, 3, 4])
    assert {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[ending] == got.source.reading["line_endings"].split()[0]


def test_a_file_without_a_final_line_end_is_whole(read: Any) -> None:
    assert read("a,b\n1,2\n3,4").rows == [("1", "2"), ("3", "4")]


def test_nul_bytes_are_kept_and_said(read: Any) -> None:
    got = read("a,b\n1,2\nx\0y,\0\n")
    assert got.rows == [("1", "2"), ("x\0y", "\0")]
    assert got.odd == {"nul_bytes": 3}


def test_a_lone_return_inside_a_row_is_text(read: Any) -> None:
    got = read("a,b\n" + "1,2\n" * 5 + "x\ry,3\n4,5\n")
    assert got.rows[5:] == [("x\ry", "3"), ("4", "5")]
    assert got.lines[5:] == [7, 9]


# ── ragged rows ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_row_has_blanks_and_is_said(read: Any) -> None:
    got = read("a,b,c\n1,2,3\n4\n5,6\n7,8,9\nTotal: 3\n")
    assert got.rows == [("1", "2", "3"), ("4", "", ""), ("5", "6", ""), ("7", "8", "9"), ("Total: 3", "", "")]
    assert got.widths == [3, 1, 2, 3, 1]
    assert got.odd == {"short_rows": 3}


def test_extra_blank_cells_are_accepted(read: Any) -> None:
    got = read('a,b\n1,2,,\n3,"4,5",""\n6,7\n')
    assert got.rows == [("1", "2"), ("3", "4,5"), ("6", "7")]
    assert not got.misread
    assert got.odd == {"extra_blanks": 2}


def test_a_row_with_extra_cells_is_misaligned_and_never_shifted(read: Any) -> None:
    got = read("a,b,c\n1,2,3\n4,Smith, John,5\n7,8,9\n")
    assert got.rows == [("1", "2", "3"), ("", "", ""), ("7", "8", "9")]
    assert got.misread[2].code == "row_misaligned"
    assert got.misread[2].cells == ("4", "Smith", " John", "5")
    assert "4 cells" in got.misread[2].detail


def test_blank_lines_are_no_rows(read: Any) -> None:
    got = read("a,b\n\n1,2\n\r\n\n3,4\n\n\n")
    assert (got.rows, got.lines) == ([("1", "2"), ("3", "4")], [3, 6])
    assert got.odd == {"blank_lines": 2}


def test_blank_lines_at_the_end_are_nothing_odd(read: Any) -> None:
    assert read("a,b\n1,2\n\n\n\n").odd == {}


def test_a_row_of_delimiters_is_a_row(read: Any) -> None:
    assert read("a,b,c\n1,2,3\n,,\n4,5,6\n").rows[1] == ("", "", "")


# ── quotes out of place ──────────────────────────────────────────────────────────────────────────────────────


def test_a_quote_inside_an_unquoted_cell_is_text(read: Any) -> None:
    got = read('a,b\n5\'11" tall,1\nx"y"z,2\n')
    assert got.rows == [("5'11\" tall", "1"), ('x"y"z', "2")]
    assert got.odd == {"stray_quotes": 2}


def test_text_after_a_closing_quote_keeps_every_character(read: Any) -> None:
    assert read('a,b\n"Bob" Smith,1\n"Lee, Ann" jr,2\n3,4\n').rows == [
        ('"Bob" Smith', "1"),
        ('"Lee, Ann" jr', "2"),
        ("3", "4"),
    ]


def test_quotes_that_were_not_doubled_are_read_as_meant(read: Any) -> None:
    got = read('a,b,c\n1,"he said "hi" twice, ok",x\n2,"two\nlines "and" quotes",y\n3,4,5\n')
    assert got.rows[0] == ("1", 'he said "hi" twice, ok', "x")
    assert got.rows[1] == ("2", 'two\nlines "and" quotes', "y")
    assert got.lines == [2, 3, 5]


def test_one_quote_too_many_in_a_blank_cell_leaves_the_others_as_they_are(read: Any) -> None:
    got = read('"a","b","c"\n"1","x",""\n"2","y","""\n"3","z","said ""hi"""\n"4","u",""\n')
    assert got.rows[1] == ("2", "y", '"')
    assert got.rows[2] == ("3", "z", 'said "hi"')
    assert len(got.rows) == 4


def test_single_quotes_are_found_where_cells_end_with_the_delimiter(read: Any) -> None:
    got = read("'a','b','c'\n'1','x',';,'\n'2','y',';,'\n'3','z',';,'\n")
    assert got.header == ("a", "b", "c")
    assert got.rows == [("1", "x", ";,"), ("2", "y", ";,"), ("3", "z", ";,")]


def test_a_row_parted_otherwise_is_set_aside_and_takes_no_row_below_with_it(read: Any) -> None:
    got = read(
        '"a","b","c"\n"1","x",""\n"2" "y" ""\n"3","z","two\nlines"\n"4","u","two\nlines"\n"5","v","two\nlines"\n'
    )
    assert (got.misread[2].code, got.misread[2].cells) == ("row_misaligned", ('"2" "y" ""',))
    assert [row[0] for row in got.rows] == ["1", "", "3", "4", "5"]


def test_days_at_the_beginning_of_lines_do_not_hide_that_blanks_part_them(read: Any) -> None:
    lines = [
        f'{n:02}.01.2026 1{n % 10}:00 {n} "Tea pot" "It is light, and it does not drip."'
        for n in range(1, 29)
    ]
    got = read("Day Hour Pieces Article Text\n" + "\n".join(lines) + "\n")
    assert got.header == ("Day", "Hour", "Pieces", "Article", "Text")
    assert got.rows[0] == ("01.01.2026", "11:00", "1", "Tea pot", "It is light, and it does not drip.")


def test_a_line_of_words_above_words_may_be_the_header_and_is_not_passed_over(
    read: Any, tmp_path: Path
) -> None:
    got = read("Name Town Street\nAnn,Ulm,Ring\nBob,Bonn,Weg\nCy,Kiel,Allee\nDora,Jena,Gasse\n")
    with pytest.raises(SourceError, match="Line 1 may be the header, parted by blanks"):
        refuse_doubts(tmp_path / "export.csv", got.source.oddities)


def test_a_quote_never_closed_does_not_swallow_the_rows_below(read: Any) -> None:
    rows = [f"{n},name {n},x" for n in range(60_000)]
    rows[17] = '17,"name 17,x'
    rows[40_000] = '40000,"Smith, Jo,x'
    got = read("id,name,c\n" + "\n".join(rows) + "\n")
    assert len(got.rows) == 60_000
    assert got.rows[17] == ("17", '"name 17', "x")
    assert got.misread[40_001].code == "row_misaligned"
    assert got.misread[40_001].cells == ("40000", '"Smith', " Jo", "x")
    assert got.rows[-1] == ("59999", "name 59999", "x")


def test_two_stray_quotes_far_apart_do_not_hide_the_rows_between(read: Any) -> None:
    rows = [f"{n},name {n},x" for n in range(500)]
    rows[100] = '100,name 100,"x'
    rows[400] = '400,name 400,"'
    got = read("id,name,c\n" + "\n".join(rows) + "\n")
    assert len(got.rows) == 500
    assert got.rows[250] == ("250", "name 250", "x")
    assert got.rows[100][2] == '"x'


def test_two_stray_quotes_near_each_other_hide_no_row(read: Any) -> None:
    got = read('a,b,c\n1,"x,y\n2,p,q\n3,r,s"\n4,t,u\n')
    assert [cells[0] for cells in got.all_cells()] == ["1", "2", "3", "4"]


def test_a_cell_of_many_lines_stays_one_cell(read: Any) -> None:
    note = "\n".join(f"line {n} of the note" for n in range(3000))
    got = read(f'id,note,c\n1,"{note}",x\n2,short,y\n')
    assert got.rows == [("1", note, "x"), ("2", "short", "y")]
    assert got.lines == [2, 3002]


def test_a_file_that_ends_inside_quotes_has_its_last_row_cut_off(read: Any) -> None:
    got = read('a,b,c\n1,2,3\n4,"Smith\nJo')
    assert got.rows == [("1", "2", "3"), ("", "", "")]
    assert got.misread[2].code == "row_cut_off"
    assert got.misread[2].cells == ("4", "Smith\nJo")


def test_a_cell_of_megabytes_is_not_believed(read: Any) -> None:
    got = read(b"a,b\n" + b"1,2\n" * 500 + b'1,"' + b"x\n" * 1_500_000 + b'"\n2,3\n')
    assert got.misread[501].code == "cell_too_long"
    assert got.rows[501] == ("2", "3")
    assert got.lines[500:] == [502, 1_500_503]


def test_a_backslash_before_a_quote_is_an_escape_where_the_file_uses_it_so(read: Any) -> None:
    got = read('a,b\n1,"say \\"hi, you\\" now"\n2,"C:\\\\x\\n"\n3,z\n')
    assert got.rows == [("1", 'say "hi, you" now'), ("2", "C:\\x\\n"), ("3", "z")]
    assert got.source.reading["escape"] == "backslash"


def test_an_escape_in_a_short_row_is_read_like_any_other(read: Any) -> None:
    got = read('a,b\n"\\\\"\n"\\","\n1,2\n', escape="backslash", delimiter=",")
    assert got.rows == [("\\", ""), ('",', ""), ("1", "2")]


def test_a_backslash_is_text_elsewhere(read: Any) -> None:
    assert read('a,b\n"C:\\dir\\",1\n"x ""y""",2\n').rows == [("C:\\dir\\", "1"), ('x "y"', "2")]


# ── encodings ────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = "name;city;note\nJosé;Köln;größer\nZoë;Málaga;“quoted” – €5\nRené;Zürich;naïve\n"


@pytest.mark.parametrize(
    ("encoding", "mark", "said"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", codecs.BOM_UTF8, "UTF-8 with BOM"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16 LE with BOM"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16 BE with BOM"),
        ("utf-16-le", b"", "UTF-16 LE"),
        ("utf-16-be", b"", "UTF-16 BE"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "UTF-32 LE with BOM"),
        ("cp1252", b"", "Windows-1252"),
    ],
)
def test_the_encoding_is_found(read: Any, encoding: str, mark: bytes, said: str) -> None:
    got = read(mark + NAMES.encode(encoding))
    assert got.header == ("name", "city", "note")
    assert got.rows[1] == ("Zoë", "Málaga", "“quoted” – €5")
    assert got.source.reading["encoding"] == said


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "name,city\nJosé,Köln\nBjörk,Malmö\n"),
        ("cp1251", "имя,город\nИван,Москва\nОльга,Тверь\n"),
        ("koi8_r", "имя,город\nИван Петров,Москва\nОльга,Тверь\n"),
        ("cp1250", "imię,miasto\nŁukasz,Kraków\nZażółć,gęślą jaźń\n"),
        ("cp1253", "όνομα,πόλη\nΓιώργος,Αθήνα\nΕλένη,Πάτρα\n"),
        ("mac_roman", "name,city\nJosé,Köln\nZoë,Zürich\nAndré,Málaga\n"),
        ("cp850", "name,city\nJosé,Köln\nZoë,Zürich\nAndré,Málaga\n"),
    ],
)
def test_older_encodings_are_told_by_their_words(read: Any, encoding: str, text: str) -> None:
    got = read(text.encode(encoding))
    expected = [tuple(line.split(",")) for line in text.splitlines()]
    assert [got.header, *got.rows] == expected


def test_one_accented_byte_far_down_an_ascii_file_decides_its_encoding(read: Any) -> None:
    got = read(b"name,city\n" + b"Ann,Oslo\n" * 200_000 + "José,Köln\n".encode("cp1252") + b"Bo,Rome\n")
    assert got.rows[-2:] == [("José", "Köln"), ("Bo", "Rome")]
    assert not got.misread


def test_a_utf8_file_that_turns_bad_loses_only_the_bad_rows(read: Any) -> None:
    good = "José,Köln\n".encode()
    got = read(b"name,city\n" + good * 150_000 + b"Ren\xe9,Paris\n" + good * 3)
    assert len(got.rows) == 150_004
    assert list(got.misread) == [150_001]
    assert got.misread[150_001].code == "row_undecodable"
    assert "0xE9" in got.misread[150_001].detail
    assert got.rows[-1] == ("José", "Köln")


def test_a_byte_that_the_named_encoding_does_not_know_marks_its_row(read: Any) -> None:
    got = read(b"a,b\nx,\x81\ny,\xe9\n", encoding="windows-1252")
    assert got.misread[1].code == "row_undecodable"
    assert got.rows[1] == ("y", "é")


def test_half_a_surrogate_pair_marks_its_row(read: Any) -> None:
    got = read(
        "a,b\n1,😀\n".encode("utf-16-le") + b"x\0,\0\x3d\xd8\n\0" + "2,y\n".encode("utf-16-le"),
        encoding="utf-16-le",
    )
    assert got.rows[0] == ("1", "😀")
    assert got.misread[2].code == "row_undecodable"
    assert got.rows[2] == ("2", "y")


def test_an_unknown_encoding_is_refused(read: Any) -> None:
    with pytest.raises(SourceError, match="klingon"):
        read("a,b\n", encoding="klingon")


# ── delimiters and headers ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "§", "^", "~", "\x1f", ", "])
def test_the_delimiter_is_found(read: Any, delimiter: str) -> None:
    lines = [
        ["Name", "Email", "Note"],
        ["Ann", "ann@x.de", '"a, b; c|d"'],
        ["Bob", "bob@x.de", '"x"'],
        ["Cy", "", '"2"'],
    ]
    got = read("".join(delimiter.join(line) + "\n" for line in lines))
    assert got.rows == [tuple(cell.strip('"') for cell in line) for line in lines[1:]]
    assert got.source.dialect.delimiter == delimiter


def test_a_delimiter_that_is_more_often_inside_quotes_is_still_found(read: Any) -> None:
    got = read("a;b\n" + '"x,y,z; 1,2";"p,q,r,s"\n' * 9)
    assert got.source.dialect.delimiter == ";"
    assert got.rows[0] == ("x,y,z; 1,2", "p,q,r,s")


def test_decimal_commas_do_not_make_the_comma_a_delimiter(read: Any) -> None:
    assert read("a;b\n1,5;2,5\n3,5;4,5\n").rows == [("1,5", "2,5"), ("3,5", "4,5")]


def test_a_file_of_one_column_has_no_delimiter(read: Any) -> None:
    got = read('Email\nann@x.de\n""\n"a ""b"""\n\x1f\n')
    assert got.rows == [("ann@x.de",), ("",), ('a "b"',), ("\x1f",)]
    assert read("Name\nLannister, Tyrion\nStark, Arya\n").rows == [("Lannister, Tyrion",), ("Stark, Arya",)]


def test_single_quotes_are_quotes_where_they_stand_around_cells(read: Any) -> None:
    assert read("a,b\n'x,y','z'\n'p','it''s'\n").rows == [("x,y", "z"), ("p", "it's")]
    assert read("a,b\nO'Brien,'s\nD'Arc,x\n").rows == [("O'Brien", "'s"), ("D'Arc", "x")]


def test_the_first_line_that_excel_writes_for_itself_is_obeyed(read: Any) -> None:
    got = read('sep=;\r\na;b\r\n1;"2;3"\r\n')
    assert (got.header, got.rows, got.lines) == (("a", "b"), [("1", "2;3")], [3])


@pytest.mark.parametrize(
    ("preamble", "line"),
    [
        ("", 1),
        ("Contacts\n\n", 3),
        ("Report, generated 2024-01-01\n\n", 3),
        ("Contacts,,\nExported 2024-01-01,,\n,,\n", 4),
        ("\n\n", 3),
    ],
)
def test_the_header_is_found_behind_a_preamble(read: Any, preamble: str, line: int) -> None:
    got = read(preamble + "Name,Email,Age\nAnn,a@x.de,3\nBob,b@x.de,4\nCy,c@x.de,5\n")
    assert got.header == ("Name", "Email", "Age")
    assert got.source.dialect.header_line == line
    assert got.lines == [line + 1, line + 2, line + 3]
    assert ("preamble" in got.odd) == (line > 1 and bool(preamble.strip()))


def test_a_file_that_may_begin_with_data_is_said_to(read: Any) -> None:
    assert read("2019,2020\n1,2\n").odd == {"header_like_data": 1}


@pytest.mark.parametrize(
    "text",
    [
        "1,ann@x.de,x\n2,bob@x.de,y\n",
        "Ann,2024-01-05\nBob,2024-02-07\n",
        "Ann,10001\nBob,10002\nCy,10003\n",
        "https://x.de/1;a\nhttps://x.de/2;b\n",
    ],
)
def test_a_file_without_a_header_keeps_its_first_row(read: Any, text: str) -> None:
    got = read(text)
    cells = [tuple(re.split("[,;]", line)) for line in text.split()]
    assert (got.rows, got.lines) == (cells, list(range(1, len(cells) + 1)))
    assert got.header == tuple(f"column {at}" for at in range(1, len(cells[0]) + 1))
    assert got.source.header_cells == ()
    assert got.odd == {"no_header": 1}
    with pytest.raises(SourceError, match="no header") as caught:
        refuse_doubts(got.source.path, got.source.oddities)
    assert "header_line: 0" in caught.value.fix


@pytest.mark.parametrize("text", ["Name,2019,2020\nAnn,1,2\nBob,3,4\n", "2024-01-05,2024-01-06\n1,2\n3,4\n"])
def test_a_header_of_years_or_days_is_a_header(read: Any, text: str) -> None:
    assert read(text).header == tuple(text.split("\n", maxsplit=1)[0].split(","))


def test_the_header_can_be_said_to_be_there_or_not(read: Any) -> None:
    got = read("Name,City\nAnn,Oslo\n", header_line=0)
    assert (got.header, got.rows) == (("column 1", "column 2"), [("Name", "City"), ("Ann", "Oslo")])
    assert (got.odd, got.source.reading["header_line"]) == ({}, "none")
    got = read("a@x.de,b@x.de\nc@x.de,d@x.de\n", header_line=1)
    assert (got.header, got.odd.get("no_header")) == (("a@x.de", "b@x.de"), None)


def test_names_of_several_header_lines_are_joined_and_said_once(read: Any) -> None:
    got = read("Who,,When,\nName,Email,Date,Time\nAnn,a@x.de,2024-01-05,10:30\nBob,b@x.de,2024-01-06,10:45\n")
    assert got.header == ("Who Name", "Email", "When Date", "Time")
    assert (len(got.rows), got.lines) == (2, [3, 4])
    got = read("Name,Email\nName,Email\nAnn,a@x.de\n")
    assert (got.header, got.source.header_cells) == (("Name", "Email"), ("Name Name", "Email Email"))
    assert (got.rows, got.lines) == ([("Ann", "a@x.de")], [3])


def test_a_header_that_is_parted_by_another_sign_than_the_rows_is_the_header(read: Any) -> None:
    rows = "".join(f"{n};name {n};{n}@x.de\n" for n in range(5))
    got = read("Id,Name,Email\n" + rows)
    assert (got.header, len(got.rows), got.odd) == (("Id", "Name", "Email"), 5, {})


PEOPLE = [
    [f"{n}", f"name {n}", f"user{n}@x.de", f"2024-01-{n:02d}", "" if n % 3 else "vip"] for n in range(10, 30)
]
NAMES_OF_PEOPLE = ["Id", "Name", "Email", "Date", "Note"]


@pytest.mark.parametrize("place", range(1, 5))
@pytest.mark.parametrize("wrong", ["missing", "one too many"])
def test_a_header_with_a_delimiter_missing_or_too_many_is_in_doubt(read: Any, place: int, wrong: str) -> None:
    names = list(NAMES_OF_PEOPLE)
    if wrong == "missing":
        names[place - 1 : place + 1] = ["".join(names[place - 1 : place + 1])]
    else:
        names.insert(place, "")
    got = read("".join(",".join(row) + "\n" for row in [names, *PEOPLE]))
    assert "header_misaligned" in got.odd
    with pytest.raises(SourceError, match="not clear which column"):
        refuse_doubts(got.source.path, got.source.oddities)


@pytest.mark.parametrize("row", range(5))
@pytest.mark.parametrize("place", range(1, 5))
def test_a_row_that_lacks_a_delimiter_is_never_shifted(read: Any, row: int, place: int) -> None:
    rows = [list(one) for one in PEOPLE]
    rows[row][place - 1 : place + 1] = ["".join(rows[row][place - 1 : place + 1])]
    got = read("".join(",".join(one) + "\n" for one in [NAMES_OF_PEOPLE, *rows]))
    laid_out = [one for number, one in zip(got.numbers, got.rows, strict=True) if number not in got.misread]
    assert laid_out == [
        tuple(one) for at, one in enumerate(PEOPLE) if at != row or row + 1 not in got.misread
    ]
    assert (row + 1 in got.misread) or place == 4  # then a blank note was all that was behind it


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("place", range(6))
def test_a_row_with_a_delimiter_too_many_is_never_shifted(read: Any, row: int, place: int) -> None:
    rows = [list(one) for one in PEOPLE]
    rows[row].insert(place, "")
    got = read("".join(",".join(one) + "\n" for one in [NAMES_OF_PEOPLE, *rows]))
    laid_out = [one for number, one in zip(got.numbers, got.rows, strict=True) if number not in got.misread]
    assert laid_out == [
        tuple(one) for at, one in enumerate(PEOPLE) if at != row or row + 1 not in got.misread
    ]
    assert (row + 1 in got.misread) or place >= 4  # a blank one more at the end moves nothing


def test_a_row_that_is_short_at_its_end_only_is_a_row(read: Any) -> None:
    header = "Id,Name,Email,City\n"
    rows = "".join(f"{n},name {n},user{n}@x.de,Oslo\n" for n in range(20))
    got = read(header + rows + "98,Eve,eve@x.de\n99,frank@x.de,Rome\n")
    assert got.rows[20] == ("98", "Eve", "eve@x.de", "")
    assert list(got.misread) == [22]
    assert (
        got.misread[22].detail == "3 cells where the header has 4, and an e-mail address in the place of Name"
    )


def test_a_row_that_is_the_header_once_more_is_no_contact(read: Any) -> None:
    got = read("Name,City\nAnn,Oslo\nName,City\nBob,Rome\nName,Citys\n", block=7)
    assert {number: bad.code for number, bad in got.misread.items()} == {2: "header_again"}
    assert got.misread[2].cells == ("Name", "City")
    assert got.rows[2:] == [("Bob", "Rome"), ("Name", "Citys")]


def test_a_quote_that_opens_in_one_cell_and_closes_in_another_lays_no_row_out(read: Any) -> None:
    got = read('a,b,c\n1,yes"Smith, Jo",\n2,x,y\n3,"Lee, Jo"no\n')
    assert [number in got.misread for number in got.numbers] == [True, False, True]


def test_one_quote_too_many_takes_no_row_apart(read: Any) -> None:
    got = read('a,b,c\n1,"yes,"Smith, Jo"\n2,"x,"two\nlines"\n3,""quoted, and more",z\n4,p,q\n')
    assert got.rows == [
        ("1", '"yes', "Smith, Jo"), ("2", '"x', "two\nlines"), ("3", '"quoted, and more', "z"), ("4", "p", "q"),
    ]  # fmt: skip
    assert got.lines == [2, 3, 5, 6]


@pytest.mark.parametrize("delimiter", ["||", "\t\t", "; ", "~^", "|~", ", "])
def test_a_delimiter_of_two_signs_is_found(read: Any, delimiter: str) -> None:
    lines = [["Name", "Email", "Age"], ["Ann", "a@x.de", "3"], ["Bob", "b@x.de", ""], ["Cy", "", "5"]]
    got = read("".join(delimiter.join(line) + "\n" for line in lines))
    assert (got.rows, got.source.dialect.delimiter) == ([tuple(line) for line in lines[1:]], delimiter)


def test_a_header_shorter_than_its_rows_is_still_the_header(read: Any) -> None:
    got = read("Name,Email,Age\nAnn,a@x.de,3,\nBob,b@x.de,4,\n")
    assert (got.header, got.rows) == (
        ("Name", "Email", "Age"),
        [("Ann", "a@x.de", "3"), ("Bob", "b@x.de", "4")],
    )


def test_blank_and_repeated_names_become_unique_and_are_said(read: Any) -> None:
    got = read("Email,Email,,Email (2), Email ,\n1,2,3,4,5,6\n")
    assert got.header == ("Email", "Email (3)", "column 3", "Email (2)", "Email (4)", "column 6")
    assert [oddity.code for oddity in got.source.oddities].count("header_repeated") == 2
    assert got.source.header_cells == ("Email", "Email", "", "Email (2)", " Email ", "")
    assert got.rows == [("1", "2", "3", "4", "5", "6")]


def test_a_header_cell_may_hold_a_newline_behind_a_byte_order_mark(read: Any) -> None:
    got = read(codecs.BOM_UTF8 + b'"Full\nname","Email"\r\nAnn,a@x.de\r\n')
    assert (got.header, got.lines) == (("Full\nname", "Email"), [3])


def test_a_header_without_rows_has_no_rows(read: Any) -> None:
    for text in ("a,b", "a,b\n", "a,b\r\n\r\n"):
        got = read(text)
        assert (got.header, got.rows, len(got.source.sha256)) == (("a", "b"), [], 64)


def test_settings_stand_above_what_is_found(read: Any) -> None:
    text = "x;y\nName,Ort;1\n'Jo,se\u00e9','2'\n"
    got = read(
        text.encode("cp850"), encoding="cp850", delimiter="comma", quote="'", header_line=2, escape="doubled"
    )
    assert (got.header, got.rows) == (("Name", "Ort;1"), [("Jo,seé", "2")])


def test_a_header_line_without_a_row_is_refused(read: Any) -> None:
    with pytest.raises(SourceError, match="line 9"):
        read("a,b\n1,2\n", header_line=9)


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"PK\x03\x04....xl/workbook.xml", "Excel workbook"),
        (b"PK\x03\x04....readme.txt", "zip archive"),
        (b"%PDF-1.4", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xd0\xcf\x11\xe0", "old Excel"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b'[{"a": 1}]', "JSON"),
        (bytes(range(256)) * 9, "binary"),
    ],
)
def test_a_file_of_another_kind_is_named(read: Any, data: bytes, looks: str) -> None:
    with pytest.raises(SourceError, match=looks) as caught:
        read(data)
    assert caught.value.fix


@pytest.mark.parametrize("data", [b"\n\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"  \n"])
def test_a_file_of_blank_lines_has_no_header(read: Any, data: bytes) -> None:
    with pytest.raises(SourceError, match="no header"):
        read(data)


def test_the_hash_is_of_the_raw_bytes(read: Any) -> None:
    data = NAMES.encode("utf-16")
    source = read(data).source
    assert (source.sha256, source.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_memory_is_bounded_by_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("id,name,note\n")
        file.writelines(f'{n},"name {n}",some text that is a little longer\n' for n in range(1_000_000))
    source = open_source(path, {})
    columns = rows = 0
    tracemalloc.start()
    try:
        for frame in source.frames():
            rows += len(frame)
            columns = max(columns, pa.total_allocated_bytes())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == 1_000_000
    assert peak < 14 * source.block
    assert columns < 12 * source.block


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────

CELLS = st.text(st.sampled_from("abé,;|\t\"'\\ \n\r0😀"), max_size=6)
CLEAN = {",": '"', ";": '"', "\t": '"', "|": '"', "§": '"', "^": "'"}


def written(table: list[list[str]], delimiter: str, quote: str, ending: str, draw: Any) -> str:
    """A table as text, by hand; quotes where they are needed, and at random."""
    lines = []
    for row in table:
        cells = []
        for cell in row:
            needed = any(sign in cell for sign in (delimiter, quote, "\n", "\r")) or row == [""]
            quoted = quote + cell.replace(quote, quote * 2) + quote
            cells.append(quoted if needed or draw(st.booleans()) else cell)
        lines.append(delimiter.join(cells))
    return ending.join(lines) + (ending if draw(st.booleans()) else "")


def lines_of(rows: list[list[str]]) -> list[int]:
    """The line on which each row after the first begins, counted from the table and not from the text."""
    line, lines = 1, []
    for row in rows:
        lines.append(line)
        line += 1 + sum(len(re.findall("\r\n|\n|\r", cell)) for cell in row)
    return lines[1:]


@MODEST
@given(st.data())
def test_any_table_in_a_named_dialect_comes_back_unchanged(read: Any, data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(sorted(CLEAN)))
    width = data.draw(st.integers(1, 4))
    table = [
        [f"c{n}" for n in range(width)],
        *data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)),
    ]
    text = written(table, delimiter, CLEAN[delimiter], data.draw(st.sampled_from(["\n", "\r\n"])), data.draw)
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]))
    got = read(
        text.encode(encoding), encoding=encoding, delimiter=delimiter, quote=CLEAN[delimiter], escape="doubled",
        header_line=1, block=data.draw(st.integers(1, 40)),
    )  # fmt: skip
    assert got.rows == [tuple(row) for row in table[1:]]
    assert got.lines == lines_of(table)
    assert not got.misread


WORDS = st.text(st.sampled_from("abcdeéöABC .-"), min_size=1, max_size=8).map(lambda text: f"N{text.strip()}")
NOTES = st.one_of(WORDS, st.just(""), st.text(st.sampled_from('xy,;|"\n'), min_size=1, max_size=6))


@MODEST
@given(st.data())
def test_contacts_in_a_random_dialect_come_back_with_nothing_named(read: Any, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(WORDS, WORDS, st.integers(0, 99999), NOTES), min_size=3, max_size=20))
    table = [["Record ID", "Name", "Email", "Note"]]
    table += [
        [f"{number:05d}", name, f"user{number}@{len(city)}.example", note]
        for name, city, number, note in rows
    ]
    delimiter = data.draw(st.sampled_from(",;\t|"))
    text = written(table, delimiter, '"', data.draw(st.sampled_from(["\n", "\r\n", "\r"])), data.draw)
    encoding = data.draw(
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
    )
    preamble = data.draw(st.sampled_from(["", "Contacts\n\n"])) if "\r" not in text else ""
    got = read((preamble + text).encode(encoding))
    assert got.header == tuple(table[0])
    assert got.rows == [tuple(row) for row in table[1:]]
    assert got.lines == [line + preamble.count("\n") for line in lines_of(table)]
    assert got.source.dialect.delimiter == delimiter


def test_returns_at_the_end_of_a_block_are_counted_once(read: Any) -> None:
    for block in range(1, 12):
        got = read('x,y\ra",1\r\r2,3\r\n4,5\r', encoding="utf-8", delimiter=",", header_line=1, block=block)
        assert (got.rows, got.lines) == ([('a"', "1"), ("2", "3"), ("4", "5")], [2, 4, 5])


GARBAGE = st.text(st.sampled_from('aaabb,,,"\n\n\r\\é\0'), max_size=60)


@settings(MODEST, max_examples=200)
@given(GARBAGE, st.sampled_from([(3, "doubled"), (2, "doubled"), (1, "doubled"), (2, "backslash")]))
def test_arrow_and_the_reading_of_each_row_by_itself_agree(
    read: Any, text: str, shape: tuple[int, str]
) -> None:
    data = ",".join("xyz"[: shape[0]]) + "\n" + text
    given_ = {
        "delimiter": "," if shape[0] > 1 else "none",
        "quote": '"',
        "encoding": "utf-8",
        "escape": shape[1],
        "header_line": 1,
    }
    quick, slow = read(data, **given_), read(data, fast=False, **given_)
    assert (quick.rows, quick.lines, quick.widths) == (slow.rows, slow.lines, slow.widths)
    assert quick.misread == slow.misread
    assert quick.source.oddities == slow.source.oddities


@settings(MODEST, max_examples=200)
@given(GARBAGE, st.integers(1, 30))
def test_where_a_block_ends_makes_no_difference(read: Any, text: str, block: int) -> None:
    given_ = {"delimiter": ",", "quote": '"', "encoding": "utf-8", "escape": "doubled", "header_line": 1}
    whole, parts = read("x,y\n" + text, **given_), read("x,y\n" + text, block=block, **given_)
    assert (whole.rows, whole.lines, whole.widths) == (parts.rows, parts.lines, parts.widths)
    assert [bad.cells for bad in whole.misread.values()] == [bad.cells for bad in parts.misread.values()]
    assert whole.source.oddities == parts.source.oddities


@settings(MODEST, max_examples=200)
@given(GARBAGE)
def test_no_letter_of_any_garbage_is_lost_or_doubled(read: Any, text: str) -> None:
    got = read("x,y\n" + text, delimiter=",", quote='"', escape="doubled", header_line=1, encoding="utf-8")
    letters = Counter(sign for sign in text if sign in "abé\\\0")
    assert (
        Counter(sign for cells in got.all_cells() for cell in cells for sign in cell if sign in "abé\\\0")
        == letters
    )
    assert got.lines == sorted(set(got.lines))


@settings(MODEST, max_examples=200)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('ab,"\n'), max_size=5), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_standard_library_writes_is_read_unchanged(read: Any, table: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["x", "y", "z"], *table])
    got = read(buffer.getvalue(), delimiter=",", quote='"', escape="doubled", header_line=1, encoding="utf-8")
    assert got.rows == [tuple(row) for row in table]


@settings(MODEST, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_rows_or_a_clear_error(read: Any, data: bytes) -> None:
    caught: list[SourceError] = []
    try:
        assert read(data).source.sha256 == hashlib.sha256(data).hexdigest()
    except SourceError as error:
        caught.append(error)
    assert all(error.fix for error in caught)


def test_an_unquoted_line_without_end_is_refused(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "LONGEST_ROW", 1 << 20)
    with pytest.raises(SourceError, match="longer than"):
        read(b"a,b\n1,2\n" + b"x" * 5_000_000, block=1 << 18)

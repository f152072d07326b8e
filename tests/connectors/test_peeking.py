from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.sources.csv_file import open_source
from connectors.sources.peeking import DISTINCT_LIMIT, peek, write_clean


def write(folder: Path, text: str) -> Path:
    path = folder / "in.csv"
    path.write_text(text, newline="")
    return path


def test_a_peek_says_how_the_file_is_read_and_what_its_columns_hold(tmp_path: Path) -> None:
    path = write(tmp_path, "Name;City;\nAnn;Oslo;\n\nBob; ;\nAnn;Rome;\n1;2;3;4\n")
    seen = peek(open_source(path, {}))
    assert (seen.rows, seen.size, seen.path) == (4, path.stat().st_size, path)
    assert (seen.reading["delimiter"], seen.reading["header_line"]) == ("semicolon (;)", 1)
    name, city, third = seen.columns
    assert (name.filled, name.share, name.distinct, name.samples) == (3, 0.75, 2, ("Ann", "Bob"))
    assert (city.filled, city.distinct, city.samples) == (2, 2, ("Oslo", "Rome"))
    assert (third.name, third.filled, third.samples) == ("column 3", 0, ())
    assert seen.misread == {"row_misaligned": 1}
    assert [(oddity.code, oddity.line) for oddity in seen.oddities] == [
        ("header_blank", 1), ("blank_lines", 3), ("row_misaligned", 6),
    ]  # fmt: skip


@pytest.mark.parametrize(("values", "more"), [(DISTINCT_LIMIT, False), (DISTINCT_LIMIT + 1, True)])
def test_different_values_are_counted_exactly_up_to_a_limit(tmp_path: Path, values: int, more: bool) -> None:
    path = write(tmp_path, "id,x\n" + "".join(f"n{n},1\n" for n in range(values)) * 2)
    column = peek(open_source(path, {})).columns[0]
    assert (column.distinct, column.more_distinct, len(column.samples)) == (DISTINCT_LIMIT, more, 5)


def test_a_peek_at_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    seen = peek(open_source(write(tmp_path, "a,b\n"), {}))
    assert (seen.rows, seen.columns[0].share) == (0, 0.0)


def test_clean_csv_has_the_rows_with_the_cells_they_have(tmp_path: Path) -> None:
    path = write(tmp_path, 'sep=;\n Email;;Email\n1;"a;""b""\nc"\nx;y;z;too;many\n5;6;7;;\n\n8;5" pipe;9\n')
    out = tmp_path / "out.csv"
    assert write_clean(open_source(path, {}), out) == 4
    assert list(csv.reader(io.StringIO(out.read_bytes().decode(), newline=""))) == [
        [" Email", "", "Email"],
        ["1", 'a;"b"\nc'],
        ["x", "y", "z", "too", "many"],
        ["5", "6", "7", "", ""],
        ["8", '5" pipe', "9"],
    ]
    assert b'\r\n1,"a;""b""\nc"\r\n' in out.read_bytes()


def test_clean_csv_read_again_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, "a|b|c\n1|x,y|2\n3||4\n5\n")
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    write_clean(open_source(path, {}), once)
    write_clean(open_source(once, {}), twice)
    assert once.read_bytes() == twice.read_bytes()


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n")
    with pytest.raises(SourceError, match="source itself"):
        write_clean(open_source(path, {}), path)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n")
    with pytest.raises(SourceError, match="cannot be written"):
        write_clean(open_source(path, {}), tmp_path / "nowhere" / "out.csv")

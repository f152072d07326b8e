"""failures.csv and failures.xlsx: safe to open, and nothing in them is lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from flows.repair import Repair
from flows.report import failures
from flows.report.failures import OWN_COLUMNS, TEXT, defuse, restored, write_csv, write_xlsx
from flows.report.returned import read_returned

RUN = "20251012-031205-kite"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n1", "  =1", '"=1', " '=1", "\u200b=1", "\xa0@x", "\uff1d1",
            "\ufeff=1", "=cmd|' /C calc'!A0", "`=1", "\x00=1"]  # fmt: skip
HARMLESS = [
    "",
    "a",
    "a=b",
    "1+1",
    " padded ",
    "ünï",
    "(1)",
    "#N/A",
    "00123",
    "1E5",
    'say "hi"',
    "a,b;c",
    "x\r\ny",
]

cell = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        *FORMULAS,
        *HARMLESS,
        "'",
        "''",
        "'=1",
        "_x0041_x0042_",
        "_x000D_",
        "<r>",
        "<r><t>x</t></r>",
        "_x0041\x00",
        "\ufeff",
    ]
)


@pytest.mark.parametrize("text", [*FORMULAS, "'", "'a"])
def test_what_may_run_is_defused(text: str) -> None:
    assert defuse(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_cannot_run_stays_as_it_is(text: str) -> None:
    assert defuse(text) == text


@given(st.text())
def test_defusing_is_taken_back_exactly(text: str) -> None:
    assert restored(pa.array([defuse(text)], TEXT)).to_pylist() == [text]


@pytest.mark.parametrize("text", ["'s-Hertogenbosch", "'", "'t Hooft"])
def test_an_apostrophe_that_a_person_typed_stays(text: str) -> None:
    assert restored(pa.array([text], TEXT)).to_pylist() == [text]


def _write(folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """A run of which every row was refused."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("a_run", Path(__file__).with_name("conftest.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outcomes = [(at + 1, at + 2, "k", "refused", "refused", "No.", "") for at in range(len(rows))]
    run: Path = module.write_run(folder, header, rows, outcomes)
    return run


tables = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(cell, min_size=width, max_size=width),
        st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=8),
    )
)
several = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@several
@given(tables)
@example((["", "", "=x"], [["a\rb", 'q"', "\x00"]]))
def test_every_cell_comes_back_from_the_csv(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]]
) -> None:
    header, rows = table
    folder = _write(tmp_path_factory.mktemp("run"), header, rows)
    with (folder / "failures.csv").open("wb") as file:
        write_csv(folder, RUN, file)
    repair = Repair.of_file(read_returned(folder / "failures.csv"), RUN, folder)
    (frame,) = repair.frames()
    assert list(repair.header) == header
    assert [list(cells) for cells in zip(*(c.to_pylist() for c in frame.cells.columns), strict=True)] == rows
    assert not repair.changed


@several
@given(tables)
@example((["<r><t>a</t></r>"], [["_x0041_x0042_"], ["<r><t>x</t></r>"], ["_x0041\x00"], ["\ufffe\uffff"]]))
def test_every_cell_is_text_in_the_workbook(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]]
) -> None:
    header, rows = table
    folder = _write(tmp_path_factory.mktemp("run"), header, rows)
    lines = _sheet(folder)
    assert [_value(one) for one in lines[0]] == [*header, *OWN_COLUMNS]
    for line, row in zip(lines[1:], rows, strict=True):
        assert [_value(one) for one in line[: len(row)]] == row
        assert {one.data_type for one in line if one.value is not None} == {"s"}


def _sheet(folder: Path) -> list[tuple[openpyxl.cell.Cell, ...]]:
    file = io.BytesIO()
    write_xlsx(folder, "r", file, created=datetime(2025, 10, 12, tzinfo=UTC), scratch=folder)
    return list(openpyxl.load_workbook(file).active.iter_rows())


def _value(found: openpyxl.cell.Cell) -> str:
    """openpyxl leaves a workbook's escapes (`_x000D_`) as they stand in the file; Excel and LibreOffice do not."""
    text: str = unescape(found.value or "")
    return text


def test_the_csv_is_what_excel_and_rfc_4180_expect(tmp_path: Path) -> None:
    folder = _write(tmp_path, ["a", 'b"c'], [["x,y", "two\nlines"]])
    file = io.BytesIO()
    write_csv(folder, "r1", file)
    lines = file.getvalue().decode()
    assert lines.startswith('\ufeffa,"b""c",_run,')
    assert lines.endswith("\r\n")
    assert '"x,y","two\nlines",r1,1,2,k,refused,refused,,No.,\r\n' in lines


@pytest.mark.parametrize("outcome", ["created", "unchanged", "filtered", "duplicate", "protected", "unsent"])
def test_a_warning_alone_puts_no_row_there(make_run: Callable[..., Path], outcome: str) -> None:
    problems = [(1, 2, "email_typo_domain", "warning", "a", "x", "m", "f")]
    folder = make_run(["a"], [["x"]], [(1, 2, "k", outcome, "", "", "")], problems)
    assert list(failures.failing(folder, "r")) == []


def test_a_cell_too_long_for_a_workbook_is_cut_and_says_so(tmp_path: Path) -> None:
    folder = _write(tmp_path, ["a", "b"], [["x" * 40_000, "😀" * 20_000]])
    first, second, *own = _sheet(folder)[1]
    assert first.value == "x" * 32_767
    assert second.value == "😀" * 16_383
    assert own[OWN_COLUMNS.index("_problem")].value == (
        "No. [2 cells were too long for a workbook; failures.csv has them whole]"
    )
    with (folder / "failures.csv").open("wb") as file:
        write_csv(folder, RUN, file)
    (frame,) = Repair.of_file(read_returned(folder / "failures.csv"), RUN, folder).frames()
    assert [column.to_pylist() for column in frame.cells.columns] == [["x" * 40_000], ["😀" * 20_000]]


def test_a_full_workbook_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "ROW_LIMIT", 4)
    lines = _sheet(_write(tmp_path, ["a"], [[str(at)] for at in range(7)]))
    assert [line[0].value for line in lines] == [
        "a",
        "0",
        "1",
        "2",
        "The workbook is full; failures.csv has all rows.",
    ]


def test_columns_beyond_a_workbook_are_only_in_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "COLUMN_LIMIT", 11)
    names, row = _sheet(_write(tmp_path, ["a", "b", "c", "d"], [["1", "2", "3", "4"]]))
    assert [one.value for one in names] == ["a", "b", *OWN_COLUMNS]
    assert row[9].value == "No. [2 columns are only in failures.csv]"


def test_a_misread_row_shows_its_cells_from_the_left(make_run: Callable[..., Path]) -> None:
    outcomes = [(row, row + 1, "", "invalid", "row_misaligned", "", "") for row in (1, 2, 3)]
    folder = make_run(["a", "b"], [["", ""]] * 3, outcomes, misread={1: ["1", "2", "3"], 3: ["only"]})
    (columns,) = failures.failing(folder, "r")
    assert [column.to_pylist() for column in columns[:2]] == [["1", "", "only"], ["2", "", ""]]


def test_parts_that_do_not_belong_together_are_refused(make_run: Callable[..., Path]) -> None:
    folder = make_run(
        ["a"], [["x"], ["y"]], [(2, 3, "", "invalid", "", "", ""), (1, 2, "", "invalid", "", "", "")]
    )
    with pytest.raises(ValueError, match="do not hold the same rows"):
        list(failures.failing(folder, "r"))


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for number in (100_000, 99_999, 2):
        (tmp_path / "spool" / f"part-{number:05d}.parquet").touch()
    assert [path.stem for path in failures.parts(tmp_path, "spool")] == [
        "part-00002",
        "part-99999",
        "part-100000",
    ]

"""A failures.xlsx that comes back: from the program that wrote it, from openpyxl, from LibreOffice."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from flows.report.failures import write_csv, write_xlsx
from flows.report.wear import worn
from mappings.engine.frame import Frame
from tests.flows.report.conftest import a_summary, write_run
from tests.flows.report.test_returned import RUN, repaired, texts

NASTY = [
    "=1+1", "'", "''", "'=1", "'s-Hertogenbosch", "+4915112345678", "-5", "@x", "00123", "0", "1234567890123456789", "1.50", "1e5", "12,50",
    "2025-03-04", "04/03/2025", "2025-03-04T10:30:00Z", "1/2", "10-12", "9:30", "true", "FALSE", "NULL", "#N/A", "a;b", "a,b", 'q"uote', "a\tb",
    "two\nlines", "two\r\nlines", " spaces ", "a\u00a0b", "\ufeffmark", "zero\u200bwidth", "Łukasz", "日本", "🎂", "<b>", "_x0041_", "x" * 300, "",
]  # fmt: skip
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(NASTY)
tables = st.integers(1, 3).flatmap(
    lambda width: st.tuples(
        st.lists(cells, min_size=width, max_size=width),
        st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5),
    )
)
several = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(
    folder: Path, names: Sequence[str], rows: Sequence[Sequence[str]], problems: Sequence[Sequence[Any]] = ()
) -> Path:
    """A run of which every row was refused, with its failures.csv and failures.xlsx."""
    outcomes = [(at + 1, at + 2, "k", "refused", "refused", "No.", "") for at in range(len(rows))]
    run = write_run(folder, names, rows, outcomes, problems, part_size=50)
    with (run / "failures.csv").open("wb") as file:
        write_csv(run, RUN, file)
    with (run / "failures.xlsx").open("wb") as file:
        write_xlsx(run, RUN, file, created=a_summary().started_at, scratch=run)
    return run


def edited(run: Path, edit: Callable[[Any], object]) -> Path:
    """The workbook, opened and saved by another program."""
    book = openpyxl.load_workbook(run / "failures.xlsx")
    edit(book.active)
    path = run / "saved.xlsx"
    book.save(path)
    return path


@several
@given(tables, st.booleans())
def test_every_cell_of_a_workbook_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]], again: bool
) -> None:
    names, rows = table
    run = refused(tmp_path_factory.mktemp("run"), names, rows)
    path = edited(run, lambda _: None) if again else run / "failures.xlsx"
    repair, frame = repaired(path, run)
    assert texts(frame) == rows
    assert not repair.changed
    assert repair.reading["delimiter"] == "workbook"


@several
@given(
    tables,
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=12).filter(
        lambda text: text[0] not in "='"
    ),
)
def test_what_is_typed_into_a_workbook_is_taken_as_typed(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]], typed: str
) -> None:
    names, rows = table
    run = refused(tmp_path_factory.mktemp("run"), names, rows)
    repair, frame = repaired(edited(run, lambda sheet: sheet.__setitem__("A2", typed)), run)
    before = rows[0][0]
    meant = before if worn(before, typed) else typed
    assert texts(frame) == [[meant, *rows[0][1:]], *rows[1:]]
    assert repair.changed.total() == (meant != before)


def test_typed_cells_are_read_as_a_person_typed_them(tmp_path: Path) -> None:
    rows = [["many", "?", "25/07/1980", "no", "x"], ["many", "?", "05/08/1981", "no", "x"]]
    run = refused(tmp_path / "run", ["score", "price", "birthday", "ok", "when"], rows)

    def typed(sheet: Any) -> None:
        sheet["A2"], sheet["B2"], sheet["C2"], sheet["D2"] = 17, 2.5, dt.date(1990, 12, 31), True
        sheet["E2"] = dt.datetime.fromisoformat("2025-03-04T10:30")
        sheet["C3"] = dt.date(1981, 8, 5)

    repair, frame = repaired(edited(run, typed), run)
    assert texts(frame) == [["17", "2.5", "31/12/1990", "TRUE", "2025-03-04 10:30:00"], rows[1]]
    assert repair.worn == {"birthday": 1}


def test_a_typed_day_counts_where_that_very_cell_was_to_be_corrected(tmp_path: Path) -> None:
    rows = [["31/12/1985", "31/12/1985"], ["03/04/1985", "1985-04-03"]]
    wrong = [
        (n, n + 1, "date_syntax", "error", "born", rows[n - 1][0], "no date", "Correct it.") for n in (1, 2)
    ]
    run = refused(tmp_path / "run", ["born", "since"], rows, wrong)

    def typed(sheet: Any) -> None:
        for cell in ("A2", "B2"):
            sheet[cell] = dt.date(1985, 12, 31)
        sheet["A3"] = dt.date(1985, 4, 3)

    repair, frame = repaired(edited(run, typed), run)
    assert texts(frame) == [["1985-12-31", "31/12/1985"], rows[1]]
    assert (repair.changed, repair.worn) == ({"born": 1}, {"born": 1, "since": 1})


def test_rows_deleted_and_sorted_and_columns_moved_in_a_workbook(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a", "b"], [[f"a{n}", f"b{n}"] for n in range(1, 6)])

    def worked_on(sheet: Any) -> None:
        sheet.delete_rows(3)
        sheet.delete_cols(1)
        sheet.insert_cols(1)
        sheet["A1"], sheet["A2"], sheet["B5"] = "seen", "ok", "B5"
        sheet.append(["", ""])

    repair, frame = repaired(edited(run, worked_on), run)
    assert frame.rows.tolist() == [1, 3, 4, 5]
    assert texts(frame) == [["a1", "b1"], ["a3", "b3"], ["a4", "b4"], ["a5", "B5"]]
    assert (repair.ignored, repair.missing) == (["seen"], ["a"])


def test_a_sheet_of_ones_own_is_left_alone_and_two_of_ours_are_refused(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a"], [["1"]])
    book = openpyxl.load_workbook(run / "failures.xlsx")
    book.create_sheet("notes", 0)["A1"] = "mine"
    book.save(run / "saved.xlsx")
    assert texts(repaired(run / "saved.xlsx", run)[1]) == [["1"]]
    book.copy_worksheet(book["failures"])
    book.save(run / "saved.xlsx")
    with pytest.raises(SourceError, match="the sheets 'failures' and 'failures Copy' both hold rows"):
        repaired(run / "saved.xlsx", run)
    del book["failures"], book["failures Copy"]
    book.save(run / "saved.xlsx")
    with pytest.raises(SourceError, match=r"is no failures.xlsx of muster"):
        repaired(run / "saved.xlsx", run)


def test_what_a_workbook_could_not_hold_is_as_it_was(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a", "b"], [["x" * 40_000, "1"]])
    repair, frame = repaired(edited(run, lambda sheet: sheet.__setitem__("B2", "2")), run)
    assert texts(frame) == [["x" * 40_000, "2"]]
    assert repair.changed == {"b": 1}


def converted(folder: Path, *conversions: tuple[Path, str, str]) -> None:
    """As LibreOffice converts files: each with the filter that reads it, if it is not said by its name, and the one that writes it."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        assert os.environ.get("CI") != "true", "LibreOffice is installed by .ci/run"
        pytest.skip("LibreOffice is not installed: apt-get install --no-install-recommends libreoffice-calc")
    for path, reads, into in conversions:
        out = folder / into.partition(":")[0] / f"of-{path.suffix[1:]}"
        out.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [office, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", *([f"--infilter={reads}"] if reads else []),
             "--convert-to", into, "--outdir", out, path],
            check=True, capture_output=True, timeout=200,
        )  # fmt: skip


def test_libreoffice_may_open_and_save_all_of_it(tmp_path: Path) -> None:
    rows = [[cell, f"p{at}@example.com", NASTY[-at]] for at, cell in enumerate(NASTY)]
    run = refused(tmp_path / "run", ["Any", "Email", "More, of it"], rows)
    converted(
        tmp_path,
        (run / "failures.xlsx", "", "csv:Text - txt - csv (StarCalc):59,34,ANSI,1"),
        (run / "failures.csv", "CSV:44,34,76,1,,1033,false,true", "xlsx"),
    )
    paths = sorted(tmp_path.glob("*/of-*/failures.*"))
    assert len(paths) == 2
    for path in paths:
        repair, frame = repaired(path, run)
        assert not repair.changed, (path, told(repair.changed, frame, rows))
        assert texts(frame) == rows, path
        assert repair.worn["Any"] >= 6, "it has made numbers, days and question marks of texts"


def told(changed: object, frame: Frame, rows: list[list[str]]) -> str:
    pairs = [
        (a, b)
        for was, now in zip(rows, texts(frame), strict=True)
        for a, b in zip(was, now, strict=True)
        if a != b
    ]
    return f"{changed}: {pairs}"

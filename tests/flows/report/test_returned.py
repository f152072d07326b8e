"""A failures.csv that comes back: every cell as it was meant, and what is no such file is refused by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from flows.repair import Repair
from flows.report.failures import OWN_COLUMNS, csv_header, csv_lines, failing, header, restored, write_csv
from flows.report.returned import read_returned
from flows.report.wear import worn
from mappings.engine.frame import Frame
from tests.flows.report.conftest import write_run

RUN = "20251012-031205-kite"
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "=1+1",
        "'",
        "''",
        "'=1",
        "'s-Hertogenbosch",
        "\ufeff=1",
        "a;b",
        "a,b",
        "a\tb",
        'q"',
        "x\r\ny",
        "\r",
        "\x00",
        "00123",
        "-1",
    ]
)
tables = st.integers(1, 3).flatmap(
    lambda width: st.tuples(
        st.lists(cells, min_size=width, max_size=width),
        st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=7),
    )
)
several = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(
    folder: Path, names: Sequence[str], rows: Sequence[Sequence[str]], **settings: dict[int, Sequence[str]]
) -> Path:
    """A run of which every row was refused, with its failures.csv."""
    outcomes = [(at + 1, at + 2, "k", "refused", "refused", "No.", "") for at in range(len(rows))]
    run = write_run(folder, names, rows, outcomes, **settings)  # type: ignore[arg-type]
    with (run / "failures.csv").open("wb") as file:
        write_csv(run, RUN, file)
    return run


def read(run: Path) -> list[list[str]]:
    with (run / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


def save(
    run: Path, lines: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8", quoting: int = 0
) -> Path:
    path = run / "saved.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(lines)  # type: ignore[arg-type]
    return path


def repaired(path: Path, run: Path) -> tuple[Repair, Frame]:
    repair = Repair.of_file(read_returned(path), RUN, run)
    (frame,) = repair.frames()
    return repair, frame


def texts(frame: Frame) -> list[list[str]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in frame.cells.columns), strict=True)]


@several
@given(
    tables,
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_saved_by_another_program_every_cell_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]], delimiter: str, encoding: str,
    quoting: int, bare: bool,
) -> None:  # fmt: skip
    names, rows = table
    run = refused(tmp_path_factory.mktemp("run"), names, rows)
    lines = read(run)
    if bare:  # the program has taken the apostrophes for its own
        lines = [
            [*[*names, *OWN_COLUMNS]],
            *([*row, *line[len(names) :]] for row, line in zip(rows, lines[1:], strict=True)),
        ]
    repair, frame = repaired(save(run, lines, delimiter, encoding, quoting), run)
    assert texts(frame) == rows
    assert not repair.changed
    assert frame.rows.tolist() == list(range(1, len(rows) + 1))
    assert frame.lines.tolist() == list(range(2, len(rows) + 2))


@several
@given(tables, cells, st.randoms(use_true_random=False))
@example((["a"], [["=1"]]), "'s-Hertogenbosch", None)
def test_what_a_person_typed_is_taken_as_typed_and_counted(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[str], list[list[str]]],
    typed: str,
    chance: object,
) -> None:
    names, rows = table
    run = refused(tmp_path_factory.mktemp("run"), names, rows)
    lines = read(run)
    at = chance.randrange(len(rows)) if chance is not None else 0  # type: ignore[attr-defined]
    written, before = lines[at + 1][0], rows[at][0]
    lines[at + 1][0] = typed
    repair, frame = repaired(save(run, lines), run)
    found = texts(frame)[at][0]
    if typed in (written, before) or worn(before, repaired_text(typed)):
        assert (found, repair.changed.total()) == (before, 0)
    else:
        assert found in (typed, typed.removeprefix("'"))
        assert repair.changed == ({names[0]: 1} if found != before else {})
        if not typed.startswith("'") or typed == "'s-Hertogenbosch":
            assert found == typed
    others = [row for index, row in enumerate(texts(frame)) if index != at]
    assert others == [row for index, row in enumerate(rows) if index != at]


def repaired_text(typed: str) -> str:
    """A typed text without the apostrophe that would have defused it."""
    return str(restored(pa.array([typed], pa.large_string()))[0].as_py())


def test_deleted_and_sorted_lines_keep_their_rows(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a"], [[f"c{n}"] for n in range(1, 9)])
    head, *lines = read(run)
    path = save(run, [head, lines[6], [""] * len(head), lines[1], lines[4], []])
    repair, frame = repaired(path, run)
    assert frame.rows.tolist() == [2, 5, 7]
    assert texts(frame) == [["c2"], ["c5"], ["c7"]]
    assert repair.rows == 3


def test_a_row_that_was_misread_still_is_until_somebody_corrects_it(tmp_path: Path) -> None:
    own = {1: ["1", "2", "3"], 3: ["x", "y", "z"]}
    run = refused(tmp_path / "run", ["a", "b"], [["", ""]] * 3, misread=own)
    lines = read(run)
    lines[3][1] = "why"
    repair, frame = repaired(save(run, lines), run)
    assert [(bad.at, bad.code, bad.cells) for bad in frame.misread] == [
        (0, "row_misaligned", ("1", "2", "3"))
    ]
    assert texts(frame) == [["", ""], ["", ""], ["x", "why"]]
    assert (frame.originals, repair.loose) == ((), 1)
    assert "not kept for later syncs" in " ".join(repair.said())
    assert repair.changed == {"b": 1}


def changed(at: int, name: str, text: str) -> Callable[[list[list[str]]], object]:
    return lambda lines: lines[at].__setitem__(1 + OWN_COLUMNS.index(name), text)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (changed(2, "_run", "20251013-031205-kite"), "line 3: this row is of the run 20251013-031205-kite"),
        (changed(2, "_run", "Ann"), "line 3: _run is not the name of a run"),
        (changed(2, "_run", ""), "line 3: it has no _run"),
        (changed(2, "_row", "1"), "line 3: row 1 stands here, and on line 2 as well"),
        (changed(3, "_row", "99"), f"line 4: the run {RUN} has no row 99"),
        (changed(3, "_row", "three"), "line 4: _row is no number of a row"),
        (changed(3, "_row", "0"), "line 4: _row is no number"),
        (changed(3, "_line", "3"), f"line 4: _line does not belong to row 3 of the run {RUN}"),
        (lambda lines: lines.__delitem__(slice(1, None)), "has no rows: there is nothing to retry"),
        (lambda lines: lines.__setitem__(2, lines[2][:4]), "line 3: it has 4 cells, and the header 10"),
        (lambda lines: lines[2].append("more"), "line 3: it has 11 cells, and the header 10"),
        (lambda lines: [line.pop(2) for line in lines], "line 1: the column _row is missing"),
        (lambda lines: [line.pop(1) for line in lines], "line 1: the column _run is missing"),
        (lambda lines: [line.append(line[2]) for line in lines], "line 1: the column _row stands there twice"),
        (lambda lines: [line.insert(0, "a") for line in lines], f"line 1: 2 columns are called 'a', and 1 in the run {RUN}"),
        (changed(3, "_row", "1,000"), "line 4: _row is no number of a row"),
    ],
)  # fmt: skip
def test_what_cannot_be_laid_beside_the_run_is_refused_by_its_line(
    tmp_path: Path, edit: Callable[[list[list[str]]], object], complaint: str
) -> None:
    run = refused(tmp_path / "run", ["a"], [["c1"], ["c2"], ["c3"]])
    lines = read(run)
    edit(lines)
    before = csv.field_size_limit()
    with pytest.raises(SourceError) as caught:
        repaired(save(run, lines), run)
    assert complaint in caught.value.what
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"Email,Name\r\nann@example.com,Ann\r\n", "is no failures.csv of muster"),
        (b"PK\x03\x04and so on", "cannot be read as a workbook"),
        (b"a," + ",".join(OWN_COLUMNS).encode() + b"\r\nx," + RUN.encode() + b",1,2,,,,,,\r\nM\x81ller," + RUN.encode() + b",2,3,,,,,,\r\n", "line 3: this is neither UTF-8 nor Windows-1252"),
        (b"a," + ",".join(OWN_COLUMNS).encode() + b'\r\n"x"y,' + RUN.encode() + b",1,2,,,,,,\r\n", "line 2: this is no row of a CSV file"),
    ],
)  # fmt: skip
def test_another_form_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_returned(path)
    assert complaint in caught.value.what


def test_a_row_that_needed_nobody_is_not_retried(tmp_path: Path) -> None:
    outcomes = [(1, 2, "k", "created", "", "", "c1"), (2, 3, "k", "refused", "", "", "")]
    run = write_run(tmp_path / "run", ["a"], [["c1"], ["c2"]], outcomes)
    lines = [csv_header([*header(run), *OWN_COLUMNS]), *map(bytes, map(csv_lines, failing(run, RUN)))]
    lines.append(f"c1,{RUN},1,2,,,,,,\r\n".encode())
    (run / "saved.csv").write_bytes(b"".join(lines))
    with pytest.raises(SourceError) as caught:
        repaired(run / "saved.csv", run)
    assert f"line 3: row 1 of the run {RUN} did not need a person" in caught.value.what


def test_blank_cells_that_a_program_left_out_at_the_end_are_blank(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a"], [["c1"]])
    head, line = read(run)
    _, frame = repaired(save(run, [head, line[:7]]), run)
    assert texts(frame) == [["c1"]]


def moved(lines: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[str]]:
    """The lines with these columns, in this order; those that are not there are new and hold something."""
    head = list(lines[0])
    return [
        list(names),
        *([line[head.index(name)] if name in head else "note" for name in names] for line in lines[1:]),
    ]


def test_columns_may_be_moved_added_and_taken_out(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a", "b", "c"], [["1", "x", "=1"], ["2", "y", ""], ["3", "z", "q"]])
    lines = moved(read(run), ["_row", "checked by", "c", "a", "_run", "", "_fix"])
    lines[2][2] = "why"
    repair, frame = repaired(save(run, lines), run)
    assert texts(frame) == [["1", "x", "=1"], ["2", "y", "why"], ["3", "z", "q"]]
    assert repair.changed == {"c": 1}
    assert (repair.ignored, repair.missing) == (["checked by"], ["b"])
    assert frame.lines.tolist() == [2, 3, 4]
    said = " ".join(repair.said())
    assert "the run has no such columns: checked by" in said
    assert "not in the file: b" in said


def test_columns_with_one_name_are_known_by_their_order_only(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a", "b", "a"], [["1", "x", "2"]])
    lines = read(run)
    lines[1][2] = "3"
    _, frame = repaired(save(run, lines), run)
    assert texts(frame) == [["1", "x", "3"]]
    kept = [[line[0], *line[2:]] for line in lines]
    _, frame = repaired(save(run, kept), run)
    assert texts(frame) == [["1", "x", "3"]]
    swapped = [[line[1], line[0], *line[2:]] for line in lines]
    with pytest.raises(SourceError, match="which is which is not certain"):
        repaired(save(run, swapped), run)
    alone = [line[1:] for line in lines]
    with pytest.raises(SourceError, match="1 columns are called 'a', and 2"):
        repaired(save(run, alone), run)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_other_encodings_are_read_and_windows_1252_is_said(tmp_path: Path, encoding: str) -> None:
    run = refused(tmp_path / "run", ["Name"], [["Müller"], ["Łukasz €"], ["Zoë"]])
    lines = read(run)
    lines[3][0] = "Zoé"
    text = "\r\n".join(";".join(line) for line in lines)
    path = run / "saved.csv"
    path.write_bytes(text.encode(encoding, "replace"))
    repair, frame = repaired(path, run)
    assert texts(frame) == [["Müller"], ["Łukasz €"], ["Zoé"]]
    assert repair.changed == {"Name": 1}
    assert any("as Windows-1252" in line for line in repair.said()) == (encoding == "cp1252")


def test_what_a_spreadsheet_program_did_to_cells_is_undone_and_counted(tmp_path: Path) -> None:
    before = ["00123", "4915112345678", "2025-03-04", "true", "a\u00a0b", "'s-Hertogenbosch", "12.50", "=1+1"]
    after = ["123", "4.91511E+12", "04.03.2025", "TRUE", "a b", "s-Hertogenbosch", "12.5", "#NAME?"]
    names = [f"c{at}" for at in range(len(before))]
    run = refused(tmp_path / "run", names, [before])
    lines = read(run)
    lines[1][: len(after)] = after
    path = save(run, lines)
    repair, frame = repaired(path, run)
    assert texts(frame) == [before]
    assert (repair.changed.total(), repair.worn.total()) == (0, len(before))
    assert "c0 1" in " ".join(repair.said())
    as_typed = Repair.of_file(read_returned(path), RUN, run, as_typed=True)
    (frame,) = as_typed.frames()
    assert texts(frame) == [after]


def test_a_cell_that_was_corrected_before_keeps_what_the_source_has(tmp_path: Path) -> None:
    run = refused(tmp_path / "run", ["a", "b"], [["B", "x"], ["c", "y"]])
    path = run / "spool" / "part-00001.parquet"
    table = pq.read_table(path)
    known = ['[[0, "A", true]]', '[[1, "w", true]]']
    pq.write_table(table.append_column("originals", pa.array(known, pa.string())), path)
    lines = read(run)
    lines[1][0], lines[2][0] = "C", "d"
    repair, frame = repaired(save(run, lines), run)
    found = [(one.at, one.column, one.text, one.kept) for one in frame.originals]
    assert found == [(0, 0, "A", False), (1, 0, "c", False), (1, 1, "w", True)]
    assert [(one.row, one.column, one.before, one.after) for one in repair.edits] == [
        (1, "a", "B", "C"),
        (2, "a", "c", "d"),
    ]

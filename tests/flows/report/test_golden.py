"""A run with some of everything, as it is written down."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from flows.report import Details, Summary, write_report
from flows.report.failures import OWN_COLUMNS
from flows.report.guard import Override
from flows.report.mapping_edited import MappingEdited
from flows.report.page import problem_groups

FILES = {"failures.csv", "failures.xlsx", "results.csv", "rows.parquet", "report.html", "summary.json"}
OWN = {"details.json", "spool", "outcomes", "problems"}
"""What is in the run's own folder only."""

HEADER = ["Email", "Name", "", "Plan", "Name"]
ROWS = [
    ["ada@example.com", "Ada", "", "Gold", "Lovelace"],
    ["nobody", "Zoë \u200b", "x", "Platin", "Ÿ"],
    ["", "", "", "", ""],
    ["grace@example.com", '=HYPERLINK("http://evil.example")', "", "Gold", "Hopper"],
    ["linus@gmial.com", "'quoted", "two\r\nlines", "Gold", "+46 70 123"],
    ["ken@example.com", "Ken", "", "", "Thompson"],
    ["dennis@example.com", "Dennis", "", "Silver", "Ritchie"],
    ["barbara@example.com", "Barbara", "", "Silver", "Liskov"],
]
MISREAD = {3: ["x@example.com", "too", "many", "cells", "in", "this"]}
OUTCOMES: list[tuple[Any, ...]] = [
    (1, 2, "ada@example.com", "created", "", "", "c-1"),
    (2, 3, "", "invalid", "email_syntax", "'nobody' is not an e-mail address", ""),
    (3, 4, "", "invalid", "row_misaligned", "The row has 6 cells", ""),
    (4, 5, "grace@example.com", "refused", "refused", "The destination refused it: Validation error", ""),
    (5, 6, "linus@gmial.com", "updated", "", "", "c-5"),
    (6, 7, "ken@example.com", "unknown", "no_clear_answer", "no answer within 30 s", ""),
    (7, 8, "dennis@example.com", "filtered", "", "where: Plan", ""),
    (8, 9, "barbara@example.com", "unsent", "", "limited", ""),
]
PROBLEMS: list[tuple[Any, ...]] = [
    (
        2,
        3,
        "email_syntax",
        "error",
        "Email",
        "nobody",
        "'nobody' is not an e-mail address.",
        "Correct Email.",
    ),
    (2, 3, "value_unknown", "error", "Plan", "Platin", "'Platin' is not known.", "Add a line for it."),
    (2, 3, "email_typo_domain", "warning", "Email", "nobody", "A warning.", "Look."),
    (3, 4, "row_misaligned", "error", "", "", "The row has 6 cells.", "Quote the cell."),
    (5, 6, "email_typo_domain", "warning", "Email", "linus@gmial.com", "Was gmail.com meant?", "Check it."),
]


@pytest.fixture
def run(make_run: Callable[..., Path]) -> Path:
    return make_run(HEADER, ROWS, OUTCOMES, PROBLEMS, misread=MISREAD)


@pytest.fixture
def summary(run: Path, make_summary: Callable[..., Summary]) -> Summary:
    return make_summary(
        source={"path": "exports/contacts.csv", "sha256": "b" * 64, "rows_read": 8},
        outcomes={"created": 1, "updated": 1, "filtered": 1, "invalid": 2, "refused": 1, "unknown": 1, "unsent": 1},
        status="limited",
        problems=problem_groups(run),
        previous={"run_id": "20251011-031205-heron", "compared": True, "new": 2, "known": 2, "solved": 3, "gone": 1},
        warnings={"email_typo_domain": 2},
        guards=[
            {"name": "changes", "count": 2, "share": 0.25, "limit_share": 0.5, "floor": 200, "tripped": False,
             "allowed": False},
            {"name": "invalid", "count": 2, "share": 0.25, "limit_share": 0.2, "floor": 1, "tripped": True,
             "allowed": True},
        ],
        overrides=["invalid"],
        override_details=[Override(name="invalid", what="guard", count=4, by="person")],
        mapping_edited=MappingEdited(since_run="20261119-181203-4f2a", added=["fields.city"], changed=["where"],
                                     look_at={"where": "other rows are left out"}),
        kept_differently={"first_name": 1},
        vanished=3,
        vanished_details={"people": 3, "absent": 2, "filtered": 1, "new": 1, "done_before": 2, "back": 1, "says": "stage is set to left"},
        requests={"sent": 9, "retried": 1, "throttled": 1, "p50_ms": 81.4, "p95_ms": 240},
        pace={"allowed_per_second": 99, "achieved_per_second": 4.5},
        consent={"protected": 0, "opted_out": 1},
        automations={"Welcome <mail>": 1},
        automation_reasons={"Welcome <mail>": {"created": 1}},
        exit_code=1,
    )  # fmt: skip


@pytest.fixture
def details(make_details: Callable[..., Details]) -> Details:
    return make_details(
        columns=[
            {"name": "Email", "use": "used", "into": ["email_address"], "filled": 7, "rows": 8},
            {"name": "Name", "use": "used", "into": ["first_name", "greeting"], "filled": 8, "rows": 8},
            {"name": "", "use": "ignored", "filled": 2, "rows": 8},
            {"name": "Plan", "use": "used", "into": ["plan"], "filled": 6, "rows": 8},
            {"name": "Name", "use": "unmapped", "filled": 8, "rows": 8},
        ],
        oddities=[
            {"line": 0, "message": "Two columns are named Name."},
            {"line": 1, "message": "A blank name."},
        ],
        reasons=[{"outcome": "filtered", "reason": "where: Plan", "count": 1}],
        pace_series=[(0, 4), (1, 5)],
        source_reading={"encoding": "UTF-8", "delimiter": "comma"},
        newcomers="SUBSCRIBED",
        changes=[{"tag": "first_name", "count": 1, "examples": [("", "Linus <1>")]}],
        kept_examples={"first_name": [("Zoë", "Zoe")]},
        new_rows=[2, 6],
    )


@pytest.fixture
def written(run: Path, summary: Summary, details: Details) -> Path:
    write_report(run, summary, details)
    return run


@pytest.mark.parametrize("name", ["summary.json", "failures.csv", "results.csv", "report.html"])
def test_the_file_is_as_before(written: Path, golden: Callable[[str, str], str], name: str) -> None:
    text = (written / name).read_bytes().decode()
    assert text == golden(name, text)


def written_lines(folder: Path) -> list[list[str]]:
    """The cells of failures.csv, without what defuses them."""
    with (folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return [[cell.removeprefix("'") for cell in line] for line in csv.reader(file, strict=True)]


def test_the_failures_are_the_rows_that_need_a_person(written: Path) -> None:
    header, *lines = written_lines(written)
    assert header == [*HEADER, *OWN_COLUMNS]
    own = [dict(zip(OWN_COLUMNS, line[len(HEADER) :], strict=True)) for line in lines]
    assert [(one["_row"], one["_outcome"]) for one in own] == [
        ("2", "invalid"), ("3", "invalid"), ("4", "refused"), ("6", "unknown"),
    ]  # fmt: skip
    first, _, refused, unknown = own
    assert (first["_code"], first["_column"]) == ("email_syntax | value_unknown", "Email | Plan")
    assert first["_fix"] == "Correct Email. | Add a line for it."
    assert [line[: len(HEADER)] for line in lines[:3]] == [ROWS[1], MISREAD[3][:5], ROWS[3]]
    assert (refused["_code"], refused["_problem"]) == (
        "refused",
        "The destination refused it: Validation error",
    )
    assert (unknown["_run"], unknown["_line"], unknown["_key"]) == (
        "20251012-031205-kite",
        "7",
        "ken@example.com",
    )


def test_the_workbook_holds_the_same_cells(written: Path) -> None:
    sheet = openpyxl.load_workbook(written / "failures.xlsx").active
    assert sheet.freeze_panes == "A2"
    lines = list(sheet.iter_rows())
    assert [cell.value or "" for cell in lines[0][:5]] == HEADER
    for line, cells in zip(lines[1:], written_lines(written)[1:], strict=True):
        assert [cell.value or "" for cell in line] == cells
        assert {cell.data_type for cell in line if cell.value} == {"s"}
        assert {cell.number_format for cell in line if cell.value} == {"@"}


def test_rows_parquet_holds_every_row_as_it_is(written: Path) -> None:
    table = pq.read_table(written / "rows.parquet")
    assert [tuple(row.values()) for row in table.to_pylist()] == OUTCOMES
    assert table.schema.metadata[b"run"] == b"20251012-031205-kite"


def test_only_the_owner_may_read_it(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o700
    assert {stat.S_IMODE((written / name).stat().st_mode) for name in (*FILES, "details.json")} == {0o600}


def test_nothing_else_is_left(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == FILES | OWN


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    written: Path, summary: Summary, details: Details, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (written / "failures.csv").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(written, summary, details)
    assert (written / "failures.csv").read_bytes() == before
    assert {path.name for path in written.iterdir()} == FILES | OWN


def test_it_can_go_into_another_folder(run: Path, summary: Summary, details: Details, tmp_path: Path) -> None:
    write_report(run, summary, details, into=tmp_path / "elsewhere")
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == FILES
    assert not (run / "summary.json").exists()


def test_a_folder_that_was_there_keeps_its_mode(
    run: Path, summary: Summary, details: Details, tmp_path: Path
) -> None:
    place = tmp_path / "shared"
    place.mkdir(mode=0o755)
    write_report(run, summary, details, into=place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_a_run_that_read_nothing_has_a_report_too(
    tmp_path: Path, make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> None:
    write_report(tmp_path / "run", make_summary(status="not_started", exit_code=2), make_details())
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["exit_code"] == 2
    assert len(written_lines(tmp_path / "run")) == 1
    assert pq.read_table(tmp_path / "run" / "rows.parquet").num_rows == 0


def test_the_groups_count_rows_and_show_the_first_ten(run: Path) -> None:
    groups = {(group.code, group.column): group for group in problem_groups(run)}
    assert groups["email_typo_domain", "Email"].rows == [2, 5]
    assert groups["email_typo_domain", "Email"].fix == "Look."
    assert [group.severity for group in problem_groups(run)] == ["error", "error", "error", "warning"]

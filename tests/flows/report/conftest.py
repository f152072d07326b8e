"""A run's folder, as the run writes it, small enough to read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.report.summary import Details, Outcomes, Summary

GOLDEN = Path(__file__).parent / "golden"

OUTCOME_NAMES = ("row", "line", "key", "outcome", "code", "reason", "contact_id")
PROBLEM_NAMES = ("row", "line", "code", "severity", "column", "value", "message", "fix")


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    kinds = [pa.int64() if name in ("row", "line") else pa.string() for name in names]
    columns = [[row[at] for row in rows] for at in range(len(names))]
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], names=list(names)
    )


def write_run(
    folder: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    outcomes: Sequence[Sequence[Any]],
    problems: Sequence[Sequence[Any]] = (),
    *,
    misread: Mapping[int, Sequence[str]] | None = None,
    part_size: int = 3,
) -> Path:
    """Rows are numbered from 1; `misread` holds the cells of rows (by number) that could not be laid out."""
    own = misread or {}
    for kind in ("spool", "outcomes", "problems"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(rows), part_size), 1):
        name = f"part-{number:05d}.parquet"
        part = rows[start : start + part_size]
        numbers = list(range(start + 1, start + len(part) + 1))
        spool = {
            str(at): pa.array(
                ["" if n in own else row[at] for n, row in zip(numbers, part, strict=True)], pa.string()
            )
            for at in range(len(header))
        }
        spool["row"] = pa.array(numbers, pa.int64())
        spool["line"] = pa.array([n + 1 for n in numbers], pa.int64())
        spool["cells"] = pa.array([own.get(n) for n in numbers], pa.list_(pa.string()))
        told = [json.dumps(["row_misaligned", "more"]) if n in own else None for n in numbers]
        spool["misread"] = pa.array(told, pa.string())
        table = pa.table(spool).replace_schema_metadata({"header": json.dumps(list(header))})
        pq.write_table(table, folder / "spool" / name)
        pq.write_table(
            _table(OUTCOME_NAMES, [one for one in outcomes if one[0] in numbers]), folder / "outcomes" / name
        )
        found = [one for one in problems if one[0] in numbers]
        if found:
            pq.write_table(_table(PROBLEM_NAMES, found), folder / "problems" / name)
    return folder


def a_summary(**changes: Any) -> Summary:
    known: dict[str, Any] = {
        "run_id": "20251012-031205-kite",
        "mapping": {"name": "hubspot-newsletter", "sha256": "a" * 64},
        "source": {"path": "exports/contacts.csv", "sha256": "b" * 64, "rows_read": 0},
        "destination": {"kind": "campaignlark", "account": "main", "base_url": "https://api.example.com/v1"},
        "started_at": datetime(2025, 10, 12, 3, 12, 5, tzinfo=UTC),
        "finished_at": datetime(2025, 10, 12, 3, 12, 46, tzinfo=UTC),
        "status": "finished",
        "outcomes": Outcomes(),
        "balanced": True,
        "exit_code": 0,
    }
    return Summary.model_validate(known | changes)


def some_details(**changes: Any) -> Details:
    return Details.model_validate(
        {"title": "HubSpot contacts", "mapping_path": "mappings/hubspot.yml"} | changes
    )


def expected(name: str, text: str) -> str:
    """The golden file's text; `MUSTER_WRITE_GOLDEN=1` writes it anew."""
    path = GOLDEN / name
    if os.environ.get("MUSTER_WRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return path.read_bytes().decode()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    def make(*args: Any, **settings: Any) -> Path:
        return write_run(tmp_path / "run", *args, **settings)

    return make


@pytest.fixture
def make_summary() -> Callable[..., Summary]:
    return a_summary


@pytest.fixture
def make_details() -> Callable[..., Details]:
    return some_details


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    return expected

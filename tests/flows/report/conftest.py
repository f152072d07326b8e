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

from flows.report.details import Details
from flows.report.outcomes import Outcomes
from flows.report.page import problem_groups, render
from flows.report.summary import Summary

GOLDEN = Path(__file__).parent / "golden"

CORPUS = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<style>@import '//evil.example';</style>",
    "<!--", "-->", "]]>", "<![CDATA[", "&lt;script&gt;", "&#x3c;script&#x3e;",
    "{{ 7 * 7 }}{% raw %}", "`<b>`", "\x00<script>", "\u202ereversed", "\u2028line", "<math><mtext></p><style><img>",
    "\ud7ff\ue000\ufdd0", "\uff1cscript\uff1e", "%3Cscript%3E", "<form action=//evil.example><input>",
]  # fmt: skip
"""Texts that would do something where a page took them for more than text."""

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


@pytest.fixture
def hostile(
    make_run: Callable[..., Path], make_summary: Callable[..., Summary], make_details: Callable[..., Details]
) -> Callable[..., str]:
    """A page on which everything that can be a text is this one; with more of them, lists have all of them."""

    def draw(*texts: str) -> str:
        text, size = "".join(texts), len(texts)
        numbered = list(enumerate(texts, 1))
        problems = [(row, row + 1, one, "error", one, one, one, one) for row, one in numbered]
        outcomes = [(row, row + 1, one, "invalid", one, one, one) for row, one in numbered]
        folder = make_run([text], [[one] for one in texts], outcomes, problems, part_size=size)
        numbers: dict[str, Any] = {"count": 1, "share": 1, "limit_share": 0.1, "floor": 0}
        summary = make_summary(
            run_id=text,
            mapping={"name": text, "sha256": text},
            source={"path": text, "sha256": text, "rows_read": size},
            destination={"kind": text, "account": text, "base_url": "https://example.com/" + text},
            outcomes={"invalid": size},
            problems=problem_groups(folder),
            guards=[{"name": text, **numbers, "tripped": True, "allowed": False}],
            overrides=[text],
            kept_differently=dict.fromkeys(texts, 1),
            automations=dict.fromkeys(texts, 1),
            status="guarded",
            exit_code=3,
        )
        details = make_details(
            title=text,
            mapping_path=text,
            columns=[{"name": one, "use": "used", "into": [one], "filled": 1, "rows": 1} for one in texts],
            oddities=[{"line": 1, "message": one} for one in texts],
            reasons=[{"outcome": "invalid", "reason": one, "count": 1} for one in texts],
            source_reading={text: text},
            newcomers=text,
            changes=[{"tag": one, "count": 1, "examples": [(one, one)]} for one in texts],
            kept_examples={one: [(one, one)] for one in texts},
            unseen=[{"field": one, "column": one, "value": one, "count": 1, "line": one} for one in texts],
            twice=[{"address": one, "ids": [one]} for one in texts],
        )
        return render(folder, summary, details)

    return draw

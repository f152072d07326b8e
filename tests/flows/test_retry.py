"""A retry: rows of a run, corrected in its failures.csv, go through the current mapping as the same rows' next attempt."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.errors import CannotStart, MappingError, SourceError
from flows.ledger import Ledger, open_database
from flows.options import Options
from flows.preview import preview
from flows.report.failures import OWN_COLUMNS
from flows.retry import open_retry
from flows.sync_run import SyncRun
from tests.flows.conftest import Desk, Ended, Listening, finish

Person = Callable[..., dict[str, str]]


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def save(path: Path, rows: Iterable[Mapping[str, str]], *, delimiter: str = ",", mark: bool = False) -> Path:
    """As a spreadsheet program saves it."""
    rows = list(rows)
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def edited(ended: Ended, **by_row: dict[str, str]) -> Path:
    """The run's failures.csv, copied, with cells changed: `r3={"Email": …}`."""
    rows = [{**row, **by_row.get(f"r{row['_row']}", {})} for row in lines(ended.folder / "failures.csv")]
    return save(ended.folder.parent.parent.parent / "fixed.csv", rows)


async def retry(
    file: Path,
    mapping: Path | None = None,
    meanwhile: Callable[[SyncRun, int], None] | None = None,
    **options: Any,
) -> Ended:
    found = open_retry(file, None if mapping is None else str(mapping))
    options["allow"] = frozenset(options.get("allow", ()))
    async with SyncRun(str(found.mapping), None, Options(**options), Listening(), found) as run:
        return await finish(run, meanwhile)


def ledger(desk: Desk) -> Ledger:
    return Ledger(open_database(desk.home))


async def test_what_a_person_corrected_lands_under_the_original_rows_numbers(
    desk: Desk, person: Person
) -> None:
    rows = [person(n) for n in range(1, 9)]
    rows[2]["Email"], rows[5]["Score"] = "p3 at example.com", "many"
    first = await desk.sync(desk.file(rows))
    assert first.outcomes == {"created": 6, "invalid": 2}
    again = await retry(edited(first, r3={"Email": "p3@example.com", "City": "Oslo"}, r6={"Score": "7"}))
    assert again.outcomes == {"created": 2}
    assert [(row["row"], row["line"], row["outcome"]) for row in again.rows] == [
        (3, 4, "created"),
        (6, 7, "created"),
    ]
    assert again.summary.follows == first.id
    assert again.exit_code == 0
    there = desk.contacts()
    assert there["p3@example.com"]["fields"]["city"] == "Oslo"
    assert there["p6@example.com"]["fields"]["score"] == 7
    known = ledger(desk)
    run = known.runs.get(again.id)
    assert run is not None
    assert (run.verb, run.follows) == ("retry", first.id)
    asked = known.database.ask("select row_number, attempt from intent where run = ? order by 1", (again.id,))
    assert asked == [(3, 2), (6, 2)]
    assert (
        known.database.ask("select row_number, attempt from answer where run = ? order by 1", (again.id,))
        == asked
    )
    said = " ".join(again.said)
    assert f"2 rows of the run {first.id}, attempt 2" in said
    assert "City 1" in said
    assert "Oslo" not in said
    known.close()

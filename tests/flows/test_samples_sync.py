"""Each sample ends as `sample_data/expected.json` says, row for row; that was counted without asking muster."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from conftest import Desk

DATA = Path(__file__).parents[2] / "sample_data"
EXPECTED: dict[str, Any] = json.loads((DATA / "expected.json").read_text("utf-8"))
MAPPINGS = {
    "hubspot_contacts.csv": "hubspot_to_campaignlark",
    "newsletter_signups.csv": "signups_to_campaignlark",
    "hostile.csv": "hostile_to_campaignlark",
}


@pytest.mark.parametrize("name", list(MAPPINGS))
async def test_a_sample_ends_as_it_is_said_to_and_a_second_run_sends_no_write(desk: Desk, name: str) -> None:
    wanted, mapping = EXPECTED[name], DATA.parent / "mappings" / f"{MAPPINGS[name]}.yml"
    planned = await desk.plan(None, mapping)
    ended = await desk.sync(None, mapping)
    rows, by_number = wanted["rows"], {row["row"]: row for row in ended.rows}

    assert ended.exit_code == 1, "some rows are invalid"
    assert ended.summary.source.rows_read == wanted["rows_read"]
    assert ended.summary.outcomes.model_dump() == wanted["outcomes"]
    assert +planned.outcomes == +Counter(wanted["outcomes"])
    assert ended.summary.warnings == wanted["warnings"]

    def numbers(outcome: str) -> list[int]:
        return [row["row"] for row in ended.rows if row["outcome"] == outcome]

    assert numbers("filtered") == rows["filtered"]
    winners = {
        str(row["row"]): int(row["reason"].split()[1]) for row in ended.rows if row["outcome"] == "duplicate"
    }
    assert winners == rows["duplicate"]
    found: dict[str, dict[str, list[str]]] = {"error": {}, "warning": {}}
    for path in sorted((ended.folder / "problems").glob("*.parquet")):
        for problem in pq.read_table(path).to_pylist():
            found[problem["severity"]].setdefault(str(problem["row"]), []).append(problem["code"])
    assert {row: sorted(codes) for row, codes in found["error"].items()} == {
        row: sorted(codes) for row, codes in rows["invalid"].items()
    }
    assert numbers("invalid") == sorted(int(row) for row in rows["invalid"])
    landed = {
        row: codes for row, codes in found["warning"].items() if by_number[int(row)]["outcome"] == "created"
    }
    assert landed == rows["warnings"]
    assert found["warning"] == rows["warnings"]
    errors: Counter[str] = Counter()
    for group in ended.summary.problems:
        if group.severity == "error":
            errors[group.code] += group.count
    assert errors == wanted["problems"]

    there = desk.contacts()
    assert set(there) == {row["key"] for row in ended.rows if row["outcome"] == "created"}
    assert [one["writes"] for one in there.values()] == [1] * wanted["outcomes"]["created"]
    out = [
        row["row"]
        for row in ended.rows
        if row["outcome"] == "created" and there[row["key"]]["status"] == "UNSUBSCRIBED"
    ]
    assert out == rows["opted_out"]
    assert {one["status"] for one in there.values()} == {"SUBSCRIBED", "UNSUBSCRIBED"}
    assert ended.summary.consent.opted_out == wanted["opted_out"]

    writes = desk.writes()
    again = await desk.sync(None, mapping)
    assert desk.writes() == writes
    assert again.outcomes == {
        ("unchanged" if outcome == "created" else outcome): count for outcome, count in ended.outcomes.items()
    }


async def test_the_three_samples_share_an_account_and_do_not_undo_each_other(desk: Desk) -> None:
    mappings = [DATA.parent / "mappings" / f"{name}.yml" for name in MAPPINGS.values()]
    for mapping in mappings:
        await desk.sync(None, mapping)
    there, writes = desk.server.contacts(), desk.writes()
    for mapping in mappings:
        ended = await desk.sync(None, mapping)
        assert ended.summary.outcomes.of("created", "updated") == 0
    assert desk.writes() == writes
    assert desk.server.contacts() == there

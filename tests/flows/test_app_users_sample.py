"""The sample of an app's users ends at Loops as `sample_data/expected.json` says, row for row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations.loops import Connector
from connectors.sandbox.serving import Running, running

if TYPE_CHECKING:
    from conftest import Desk, Ended

ROOT = Path(__file__).parents[2]
USERS = ROOT / "mappings" / "app_users_to_loops.yml"
WANTED: dict[str, Any] = json.loads((ROOT / "sample_data" / "expected.json").read_text("utf-8"))[
    "app_users.csv"
]
ALLOWED = {"allow": {"contact_added"}}


@pytest.fixture(scope="module")
def team() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def loops(desk: Desk, team: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with a Loops team where those are who are said to be there before."""
    team.reset()
    team.seed(WANTED["there"])
    desk.server = team
    monkeypatch.setenv("LOOPS_BASE_URL", team.url)
    monkeypatch.setenv("LOOPS_API_KEY", "sandbox-key")
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    return desk


def by_user_id(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one["fields"]["userId"]: one for one in desk.server.contacts() if one["fields"].get("userId")}


def with_outcome(ended: Ended, outcome: str) -> list[int]:
    return [row["row"] for row in ended.rows if row["outcome"] == outcome]


async def test_the_sample_ends_as_it_is_said_to_and_a_second_sync_writes_nothing(loops: Desk) -> None:
    planned = await loops.plan(None, USERS, **ALLOWED)
    ended = await loops.sync(None, USERS, **ALLOWED)
    assert ended.summary.outcomes.model_dump() == WANTED["outcomes"]
    assert +planned.outcomes == +Counter(WANTED["outcomes"])
    assert ended.summary.warnings == WANTED["warnings"]
    for outcome in ("filtered", "updated", "protected"):
        assert with_outcome(ended, outcome) == WANTED["rows"][outcome]
    assert with_outcome(ended, "invalid") == sorted(map(int, WANTED["rows"]["invalid"]))
    found: Counter[str] = Counter()
    for group in ended.summary.problems:
        if group.severity == "error":
            found[group.code] += group.count
    assert found == WANTED["problems"]

    there = loops.contacts()
    assert len(there) == len(WANTED["there"]) + WANTED["outcomes"]["created"]
    out = [
        row["row"]
        for row in ended.rows
        if row["outcome"] == "created" and there[row["key"]]["status"] == "UNSUBSCRIBED"
    ]
    assert out == WANTED["rows"]["opted_out"]

    before = loops.server.requests()["by_endpoint"].get("PUT /api/v1/contacts/update")
    again = await loops.sync(None, USERS, **ALLOWED)
    landed = WANTED["outcomes"]["created"] + WANTED["outcomes"]["updated"]
    assert again.outcomes["unchanged"] == landed
    assert loops.server.requests()["by_endpoint"].get("PUT /api/v1/contacts/update") == before


async def test_who_was_there_before_keeps_what_is_theirs(loops: Desk) -> None:
    await loops.sync(None, USERS, **ALLOWED)
    there, by_id = loops.contacts(), by_user_id(loops)
    moved = [one for one in WANTED["there"] if one["email_address"].startswith("old.")]
    assert len(moved) == 3
    for one in moved:
        assert one["email_address"] not in there
        assert by_id[one["fields"]["userId"]]["email_address"] == one["email_address"].removeprefix("old.")
    unsubscribed = [one for one in WANTED["there"] if one.get("status") == "UNSUBSCRIBED"]
    for one in unsubscribed:
        now = there[one["email_address"]]
        assert (now["status"], now["tags"], now["resubscribed"]) == ("UNSUBSCRIBED", [], 0)
    for one in [one for one in WANTED["there"] if one.get("tags")]:
        assert there[one["email_address"]]["tags"] == ["Newsletter"], "they left Events in the app"
    for one in [one for one in WANTED["there"] if one["fields"].get("firstName") == "Friend"]:
        assert there[one["email_address"]]["fields"]["userId"].startswith("usr_")
    for one in [one for one in WANTED["there"] if one["fields"].get("userId", "").startswith("usr_9000")]:
        assert there[one["email_address"]]["writes"] == 0

"""The contract of summary.json, and the verdict."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest

from flows.report import summary as module
from flows.report.summary import Summary, schema
from flows.report.verdict import verdict

KEYS = [
    "schema_version", "run_id", "mapping", "source", "destination", "started_at", "finished_at", "status", "outcomes",
    "balanced", "problems", "previous", "warnings", "guards", "overrides", "override_details",
    "mapping_edited", "kept_differently", "vanished", "vanished_details", "requests", "pace", "consent", "automations", "automation_reasons",
    "rehearsal", "interruptions", "accepted", "corrected", "exit_code", "follows", "undoes", "acts_on", "undoable",
]  # fmt: skip
OUTCOMES = [
    "created", "updated", "upserted", "unchanged", "filtered", "duplicate", "protected", "invalid", "refused", "failed",
    "unknown", "unsent",
]  # fmt: skip


def test_the_committed_schema_is_the_models() -> None:
    path = Path(module.__file__).with_name("summary.schema.json")
    if os.environ.get("MUSTER_WRITE_GOLDEN") == "1":
        path.write_text(schema(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == schema()


def test_the_keys_are_the_contract(make_summary: Callable[..., Summary]) -> None:
    written = json.loads(make_summary().to_json())
    assert list(written) == KEYS
    assert list(written["outcomes"]) == OUTCOMES
    assert set(written["requests"]) == {"sent", "retried", "throttled", "p50_ms", "p95_ms"}
    assert set(json.loads(schema())["required"]) == set(KEYS)


def test_a_summary_is_valid_by_its_schema(make_summary: Callable[..., Summary]) -> None:
    written = json.loads(make_summary(vanished=3, outcomes={"created": 4}).to_json())
    jsonschema.Draft202012Validator(json.loads(schema())).validate(written)
    assert Summary.model_validate(written) == make_summary(vanished=3, outcomes={"created": 4})


def test_an_outcome_that_is_not_one_is_refused(make_summary: Callable[..., Summary]) -> None:
    with pytest.raises(pydantic.ValidationError):
        make_summary(outcomes={"lost": 1})


def test_a_password_in_the_address_is_left_out(make_summary: Callable[..., Summary]) -> None:
    there = {"kind": "loops", "account": "main", "base_url": "https://me:secret@example.com:8443/api?x=1"}
    assert make_summary(destination=there).destination.base_url == "https://example.com:8443/api?x=1"


def _guard(name: str, *, tripped: bool = True, allowed: bool = False) -> dict[str, Any]:
    return {"name": name, "count": 540, "share": 0.54, "limit_share": 0.5, "floor": 200, "tripped": tripped,
            "allowed": allowed}  # fmt: skip


@pytest.mark.parametrize(
    ("read", "outcomes", "changes", "sentence"),
    [
        (1200, {"created": 1163, "invalid": 30, "failed": 7}, {},
         "1,163 of 1,200 rows are where they should be; 37 need a person."),
        (1200, {"unchanged": 1200}, {}, "All 1,200 rows are where they should be."),
        (1, {"created": 1}, {}, "The one row is where it should be."),
        (2, {"created": 1, "invalid": 1}, {}, "1 of 2 rows is where it should be; 1 needs a person."),
        (0, {}, {}, "The file has no rows, so there was nothing to send."),
        (1000, {"unsent": 1000}, {"status": "guarded", "guards": [_guard("changes"), _guard("invalid", tripped=False)]},
         "Stopped by the guard `changes` before anything was sent: 54% where 50% is the limit."),
        (1000, {"unsent": 990, "updated": 10}, {"status": "guarded", "guards": [_guard("changes")]},
         "Stopped by the guard `changes`: 54% where 50% is the limit."),
        (1000, {"unsent": 1000}, {"status": "guarded", "guards": [_guard("changes"), _guard("shrunk")]},
         ("Stopped by the guards `changes` and `shrunk` before anything was sent: "
          "54% where 50% is the limit and 54% where 50% is the limit.")),
        (0, {}, {"status": "guarded"}, "Stopped by a guard before anything was sent."),
        (100, {"created": 60, "refused": 1, "unsent": 39}, {"status": "interrupted"},
         ("Interrupted: 60 of 100 rows are where they should be, 1 needs a person and 39 were not sent. "
          "`muster resume` goes on from here.")),
        (100, {"created": 60, "invalid": 1, "unknown": 30, "unsent": 9}, {"status": "interrupted"},
         ("Interrupted: 60 of 100 rows are where they should be, 1 needs a person, 30 may have been sent and 9 were not sent. "
          "`muster resume` looks up those and goes on from here.")),
        (100, {"created": 99, "unknown": 1}, {}, "99 of 100 rows are where they should be; 1 needs a person."),
        (100, {"failed": 50, "unsent": 50}, {"status": "stopped"},
         ("Stopped: 0 of 100 rows are where they should be, 50 need a person "
          "and 50 were not sent. `muster resume` goes on from here.")),
        (100, {"created": 40, "unsent": 60}, {"status": "superseded"},
         "Superseded by another run: 40 of 100 rows are where they should be and 60 were not sent."),
        (10, {"created": 3, "unsent": 7}, {"status": "limited"},
         "Stopped at the limit you set: 3 of 10 rows are where they should be and 7 were not sent."),
        (10, {"created": 10}, {"status": "limited"}, "All 10 rows are where they should be."),
        (10, {"created": 8, "invalid": 2}, {"status": "planned"},
         "A plan, nothing was sent: 8 of 10 rows would end where they should be and 2 would need a person."),
        (10, {"created": 9}, {"balanced": False},
         ("This run does not balance: 10 rows were read, but 9 are accounted for. "
          "That is a bug in muster; please report it.")),
        (0, {}, {"status": "not_started"}, "The run could not start, and nothing was sent."),
    ],
)  # fmt: skip
def test_the_verdict_is_a_plain_sentence(
    make_summary: Callable[..., Summary],
    read: int,
    outcomes: dict[str, int],
    changes: dict[str, Any],
    sentence: str,
) -> None:
    source = {"path": "a.csv", "sha256": "", "rows_read": read}
    assert verdict(make_summary(source=source, outcomes=outcomes, **changes)) == sentence

"""The plan's page and wording: strangers' text is harmless, and what counts is on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.report.details import Comparison
from flows.report.plan_page import render
from flows.report.plan_summary import PlanSummary
from flows.report.wording import plan_verdict, planned_and_done
from tests.flows.report.test_page import CORPUS, TAGS, _Page

GUARD = {
    "name": "invalid", "count": 30, "share": 0.1, "limit_share": 0.2, "floor": 50, "tripped": False, "allowed": False,
    "near": 0.5, "asked": True, "says": "rows are invalid",
}  # fmt: skip


def a_plan(text: str = "Ann", **changes: Any) -> PlanSummary:
    known: dict[str, Any] = {
        "made_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        "title": text,
        "mapping": {"name": "people", "sha256": "a" * 64},
        "source": {"path": text, "sha256": "b" * 64, "rows_read": 13},
        "destination": {"kind": "campaignlark", "account": "main", "base_url": "https://api.example.com/v1"},
        "account_id": 1, "ledger": text, "ledger_new": True, "ledger_state": "",
        "options": {"limit": 10, "only": text},
        "outcomes": {"created": 2, "updated": 5, "unchanged": 4, "invalid": 1, "protected": 1},
        "reasons": [{"outcome": "protected", "reason": text, "count": 1}],
        "changes": {text: 3}, "examples": {text: [{"old": None, "new": text}, {"old": [text, "b"], "new": True}]},
        "stays": {"plan": 3}, "stays_examples": {"plan": [{"there": text, "source": "Free"}]},
        "emptied": {"city": 4},
        "tags": {"added": {text: 3}, "removed": {"old": 1}, "created": [text]}, "lists": {},
        "consent": {"protected": 1, "protected_reasons": {text: 1}, "opt_outs": 2, "newcomers": "SUBSCRIBED",
                    "new_contacts": {"SUBSCRIBED": 2}},
        "automations": {"TAG_ADDED": 3},
        "automation_reasons": {"TAG_ADDED": {"vip": 2, "crm": 1}},
        "permissions": [{"name": "contact_added", "count": 2, "says": "Up to 2 contacts are created there.", "by": "mapping"}],
        "mapping_edited": {"since_run": "r1", "added": ["fields.city"], "changed": ["where"], "look_at": {"where": "other rows are left out"}},
        "requests": {"planned": 9, "reading": 6, "by_call": {"POST /contacts/upsert": 9}, "per_second": 100.0,
                     "share_of_day": 0.002},
        "minutes": 0.1,
        "guards": [GUARD],
        "not_undoable": {"contacts_created": 2, "opt_outs": 2, "automations": 3, "values_set": 1},
        "problems": [{"code": "email_syntax", "severity": "error", "column": text, "count": 1, "rows": [3], "fix": text,
                      "example": text}],
        "oddities": [{"line": 3, "message": text}], "unmapped": [text], "question": text, "exit_code": 1,
    }  # fmt: skip
    return PlanSummary.model_validate(known | changes)


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_that_a_stranger_wrote_becomes_markup(text: str) -> None:
    page = _Page(render(a_plan(text)))
    plain = _Page(render(a_plan("Ann")))
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not page.comments
    assert not page.open
    assert [tag for tag, _ in page.tags if tag != "span"] == [tag for tag, _ in plain.tags if tag != "span"]
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "srcdoc")}, tag
        assert tag != "a" or str(attributes["href"]).startswith("#")


def test_the_page_shows_all_that_a_plan_says() -> None:
    text = " ".join("".join(_Page(render(a_plan())).text).split())
    for part in (
        "A sync would create 2 and change 5 of 13 rows; 1 needs a person.", "blank → Ann", "Ann, b → true",
        "Ann stays; the source has Free", "Values taken away city 4", "Tags that the sync creates Ann",
        "2 who may be mailed now", "SUBSCRIBED: 2", "at most TAG_ADDED 3: vip 2, crm 1", "2 created (the API deletes none)",
        "2 unsubscribed (they are subscribed again only where their number is typed)", "1 values set where there was none", "50% of the way",
        "To read the account first6", "0.2%", "new: nothing was delivered from here before", "--limit 10",
        "Allowed by the mapping contact_added: Up to 2 contacts are created there.",
        "since the run r1; added fields.city; changed where", "Look at where: other rows are left out.",
    ):  # fmt: skip
        assert part in text or part.replace(" ", "") in text.replace(" ", ""), part


def test_an_estimate_says_so_and_what_everybody_costs() -> None:
    plan = a_plan(
        estimated=True, sampled=500, lookup_all={"requests": 120000, "minutes": 20.0}, about=["created", "updated"]
    )  # fmt: skip
    text = "".join(_Page(render(plan)).text)
    assert "These figures are estimates" in text
    assert "500 of 120,000 contacts" in text
    assert "about 2" in text
    assert "create about 2 and change about 5" in plan_verdict(plan)


def test_a_guard_that_would_stop_the_sync_is_the_headline() -> None:
    plan = a_plan(guards=[GUARD | {"tripped": True, "near": 1.5}])
    assert plan_verdict(plan) == "A sync would stop before it sends anything: `invalid`."
    assert "--allow invalid" in render(plan)


def test_the_written_plan_reads_back_as_it_was() -> None:
    plan = a_plan("Zoë \u202e <b>")
    assert PlanSummary.model_validate_json(plan.to_json()) == plan


def test_planned_and_done_are_one_line_where_they_are_equal_and_a_list_where_not(
    make_run: Callable[..., Any], make_summary: Callable[..., Any], make_details: Callable[..., Any]
) -> None:
    from flows.report.page import render as render_report

    same = Comparison.model_validate({"outcomes": [{"outcome": "created", "planned": 3, "done": 3}]})
    other = Comparison.model_validate(
        {"plan": "2026-11-20 09:30 UTC", "outcomes": [{"outcome": "created", "planned": 3, "done": 2},
                                                      {"outcome": "updated", "planned": 0, "done": 1}]}
    )  # fmt: skip
    assert planned_and_done(same).startswith("As planned")
    assert (
        planned_and_done(other)
        == "planned / done: created 3 / 2, updated 0 / 1 (the plan of 2026-11-20 09:30 UTC)"
    )
    folder = make_run(["Email"], [], [])
    for comparison, expected in ((same, "As planned"), (other, "The plan of 2026-11-20 09:30 UTC")):
        page = render_report(folder, make_summary(), make_details(comparison=comparison))
        assert expected in page

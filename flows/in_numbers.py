"""A run in numbers, from its plan, its delivery and the ledger: what becomes `summary.json`."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.automations import by_name
from connectors.traffic import Traffic
from flows.came_to import CameTo
from flows.guards import Verdict
from flows.ledger import Stretch
from flows.report.guard import Guard, Override
from flows.report.outcomes import Outcomes
from flows.report.summary import Interruption, RehearsalFacts, Summary
from flows.run_facts import corrected_facts, limit_facts, most_frequent, whose

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["in_numbers"]


def in_numbers(run: SyncRun, ended: CameTo) -> Summary:
    """The run's summary, as of now."""
    stretches, tally = run.opened.ledger.stretches.of(run.id), run.delivery.tally
    return Summary.model_validate(
        {
            "run_id": run.id,
            "follows": run.follows or None,
            "undoes": run.undoes or None,
            "acts_on": run.acts_on,
            **whose(run),
            "started_at": run.started_at,
            "finished_at": dt.datetime.now(dt.UTC),
            "status": ended.status,
            "outcomes": Outcomes(**ended.balance),
            "balanced": ended.balanced,
            "exit_code": ended.exit_code,
            **_problems(run, ended),
            **_guards(run),
            "mapping_edited": run.edited,
            "kept_differently": dict(tally.kept),
            **_vanished(run),
            **_wire(run, stretches),
            "consent": {
                "protected": ended.balance["protected"],
                "opted_out": tally.opted_out,
                "subscribed_again": tally.opted_in,
            },
            "automations": by_name(tally.automations),
            "automation_reasons": most_frequent(tally.automations),
            "rehearsal": _rehearsal(run),
            "interruptions": _interruptions(stretches),
            "accepted": ended.accepted,
            "corrected": corrected_facts(run),
            "undoable": _undoable(run, ended.balance),
        }
    )


def _problems(run: SyncRun, ended: CameTo) -> dict[str, Any]:
    """The groups of problems as the previous run leaves them, and the warnings among them by code."""
    warnings: Counter[str] = Counter()
    for group in ended.groups:
        if group.severity == "warning":
            warnings[group.code] += group.count
    if run.plan.new_columns:
        warnings["column_new"] = len(run.plan.new_columns)
    return {
        "problems": ended.groups if ended.since is None else ended.since.groups,
        "previous": None if ended.since is None else ended.since.facts,
        "warnings": dict(warnings),
    }


def _guards(run: SyncRun) -> dict[str, Any]:
    """What the guards counted, and what was let pass."""
    overrides = _overrides(run)
    return {
        "guards": [
            Guard(
                name=v.name, count=v.count, share=v.share, limit_share=v.limit_share, floor=v.floor, tripped=v.tripped,
                allowed=v.allowed, **limit_facts(v),
            )
            for v in _verdicts(run)
        ],
        "overrides": sorted(one.name for one in overrides),
        "override_details": overrides,
    }  # fmt: skip


def _verdicts(run: SyncRun) -> list[Verdict]:
    """Those of the guards before the first request, and of the one that watches while it is sent."""
    return [*run.plan.guards, run.delivery.failures.verdict()]


def _overrides(run: SyncRun) -> list[Override]:
    """What was let pass or allowed by name; nothing of the latter where the run stopped before."""
    let_pass = [(v.name, v.count, v.let_pass) for v in _verdicts(run) if v.let_pass]
    found = [
        Override(name=name, what="guard", count=count, by=by, **_approved(run, name, by))  # type: ignore[arg-type]
        for name, count, by in let_pass
    ]
    permitted = [] if run.guarded else [one for one in run.permissions if one.by]
    return found + [Override(name=p.name, what="permission", count=p.count, by=p.by) for p in permitted]  # type: ignore[arg-type]


def _approved(run: SyncRun, name: str, by: str) -> dict[str, str]:
    """Who let a guard pass and why, where a person was asked for both."""
    options = run.options
    named = by == "person" and any(one.partition("=")[0] == name for one in options.allow)
    return {"who": options.who, "why": options.why} if named else {}


def _vanished(run: SyncRun) -> dict[str, Any]:
    """Who vanished from the source, where that was looked for."""
    facts = run.vanished.facts(run.plan.rows, run.plan.guards) if run.vanished is not None else None
    people = None if facts is None or facts.not_judged else facts.people
    return {"vanished": people, "vanished_details": facts}


def _undoable(run: SyncRun, balance: Counter[str]) -> dict[str, Any] | None:
    """What an undo could put back; None of an undo and of a rehearsal."""
    if run.undoes or run.options.rehearsal is not None:
        return None
    return {
        "updated": balance["updated"],
        "created": balance["created"],
        "deletes": run.opened.destination.deletes,
        "not_known": balance["upserted"],
        "opted_out": run.delivery.tally.opted_out,
    }


def _wire(run: SyncRun, stretches: list[Stretch]) -> dict[str, Any]:
    """What went over the wire, and how fast."""
    traffic = run.opened.destination.traffic
    busy = traffic.last_sent - traffic.first_sent
    return {
        "requests": {**_requests(stretches, traffic), **_percentiles(traffic.seconds)},
        "pace": {
            "allowed_per_second": run.opened.per_second,
            "achieved_per_second": round((traffic.sent - 1) / busy, 4) if busy > 0 else None,
        },
    }


def _requests(stretches: list[Stretch], traffic: Traffic) -> dict[str, int]:
    """Those of this stretch and of the ones before it."""
    before = stretches[:-1]
    return {
        name: getattr(traffic, name) + sum(getattr(one, name) for one in before)
        for name in ("sent", "retried", "throttled")
    }


def _percentiles(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50_ms": None, "p95_ms": None}
    low, high = np.percentile(np.array(seconds) * 1000, [50, 95])
    return {"p50_ms": round(float(low), 1), "p95_ms": round(float(high), 1)}


def _interruptions(stretches: list[Stretch]) -> list[Interruption]:
    """Between two stretches lies one; where the run has not been resumed yet, there is none after the last."""
    return [
        Interruption.model_validate(
            {
                "at": before.ended_at or before.began_at,
                "how": before.ending,
                "resumed_at": after.began_at,
                "answered": after.answers,
                "unclear": after.unclear,
            }
        )
        for before, after in itertools.pairwise(stretches)
    ]


def _rehearsal(run: SyncRun) -> RehearsalFacts | None:
    rehearsal = run.options.rehearsal
    if rehearsal is None:
        return None
    return RehearsalFacts(
        base_url=rehearsal.base_url,
        requests_read=rehearsal.requests,
        contacts_copied=rehearsal.copied,
        minutes=round(rehearsal.minutes(run.opened.destination.traffic.sent), 2),
        per_second=rehearsal.per_second,
        would_ask=" ".join([*(one.says for one in run.permissions if not one.by), run.question()]).strip(),
    )

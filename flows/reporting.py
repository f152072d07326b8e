"""From a run's ledger and parts to its summary and report."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.automations import by_name, by_reason
from connectors.base import Started
from connectors.errors import SourceError
from connectors.http import Traffic
from flows.accepted import AcceptedRows, accepted_rows, grouped, keep_accepted, needing
from flows.comparison import compared
from flows.copies.bringing import Brought, mark
from flows.depot import folder_of
from flows.guards import Verdict
from flows.inbox.fetched import shown_source
from flows.ledger import Stretch
from flows.listing_facts import facts_of, twice_of
from flows.outcomes import LIMITED, SUPERSEDED
from flows.own_ledger import own_ledger
from flows.report import Details, Summary, write_report
from flows.report.details import Column, Comparison, FieldChange, OddLine
from flows.report.guard import Guard, Override
from flows.report.outcomes import NEED_A_PERSON, Outcomes
from flows.report.page import problem_groups
from flows.report.problem_group import ProblemGroup
from flows.report.reasons import reasons
from flows.report.since import Previous, Since, Who, since
from flows.report.summary import Interruption, RehearsalFacts
from flows.report.unseen import unseen_values
from flows.told import columns_of
from flows.unsent import WHY_STOPPED

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["OTHERS", "Ending", "limit_facts", "most_frequent", "report"]

OTHERS = "(others)"
_REASONS = 50


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its summary, the details of its page, its state in the ledger; what came of its copies, None where there are none."""

    summary: Summary
    details: Details
    state: str
    copies: Brought | None = None


def report(run: SyncRun) -> Ending:
    """Every row's outcome, the balance, the exit code, and all files of the report."""
    opened, plan, why = run.opened, run.plan, run.why_stopped
    unsent = {"code": why or "not_tried", "reason": WHY_STOPPED.get(why, "not tried")}
    left = SUPERSEDED if run.closing else LIMITED
    balance = plan.books.finish(
        plan.roll, opened.ledger.answers, run.id, unsent, columns_of(opened.mapping), left, run.corrected_rows
    )
    lost = 0 if why else _not_tried(run)
    balanced = sum(balance.values()) == plan.rows and not lost
    accepted = _accepted(run)
    needs_person = sum(balance[name] for name in NEED_A_PERSON) - len(accepted.rows)
    exit_code, state, status = _verdict(why, balanced=balanced, needs_person=needs_person, run=run)
    groups = grouped(problem_groups(opened.folder), accepted)
    compared_with = _since(run, groups)
    warnings: Counter[str] = Counter()
    for group in groups:
        if group.severity == "warning":
            warnings[group.code] += group.count
    if plan.new_columns:
        warnings["column_new"] = len(plan.new_columns)
    traffic, tally = opened.destination.traffic, run.delivery.tally
    busy = traffic.last_sent - traffic.first_sent
    overrides = _overrides(run)
    stretches = opened.ledger.stretches.of(run.id)
    vanished = run.vanished.facts(plan.rows, plan.guards) if run.vanished is not None else None
    summary = Summary.model_validate(
        {
            "run_id": run.id,
            "follows": run.follows or None,
            "undoes": run.undoes or None,
            "undoable": None if run.undoes or run.options.rehearsal is not None else {
                "updated": balance["updated"], "created": balance["created"], "deletes": opened.destination.deletes,
                "not_known": balance["upserted"], "opted_out": tally.opted_out,
            },
            "mapping": {"name": opened.mapping.name, "sha256": opened.mapping.sha256},
            "source": {
                "path": shown_source(opened.source.path, opened.mapping.name, opened.mapping.source.inbox),
                "sha256": opened.source.sha256,
                "rows_read": plan.rows,
            },
            "destination": {
                "kind": opened.account.kind, "account": opened.account.name, "base_url": opened.base_url,
            },
            "started_at": run.started_at,
            "finished_at": dt.datetime.now(dt.UTC),
            "status": status,
            "outcomes": Outcomes(**balance),
            "balanced": balanced,
            "problems": groups if compared_with is None else compared_with.groups,
            "previous": None if compared_with is None else compared_with.facts,
            "warnings": dict(warnings),
            "guards": [
                Guard(name=v.name, count=v.count, share=v.share, limit_share=v.limit_share, floor=v.floor,
                      tripped=v.tripped, allowed=v.allowed, **limit_facts(v))
                for v in _verdicts(run)
            ],
            "overrides": sorted(one.name for one in overrides),
            "override_details": overrides,
            "mapping_edited": run.edited,
            "kept_differently": dict(tally.kept),
            "vanished": None if vanished is None or vanished.not_judged else vanished.people,
            "vanished_details": vanished,
            "acts_on": run.acts_on,
            "requests": {**_requests(stretches, traffic), **_percentiles(traffic.seconds)},
            "pace": {
                "allowed_per_second": opened.per_second,
                "achieved_per_second": round((traffic.sent - 1) / busy, 4) if busy > 0 else None,
            },
            "consent": {
                "protected": balance["protected"], "opted_out": tally.opted_out, "subscribed_again": tally.opted_in,
            },
            "rehearsal": _rehearsal(run),
            "interruptions": _interruptions(stretches),
            "accepted": len(accepted.rows),
            "corrected": {
                "cells": run.corrected.total(), "rows": len(run.corrected_rows), "columns": dict(run.corrected.most_common()),
            },
            "automations": by_name(tally.automations),
            "automation_reasons": most_frequent(tally.automations),
            "exit_code": exit_code,
        }
    )  # fmt: skip
    details = _details(run, None if run.resume is not None else compared(run, balance), compared_with)
    write_report(opened.folder, summary, details)
    if run.is_registered:
        mark(opened.folder, opened.mapping, run.id)
    if run.options.report_dir is not None:
        write_report(opened.folder, summary, details, into=run.options.report_dir)
    return Ending(summary, details, state)


def _accepted(run: SyncRun) -> AcceptedRows:
    """The rows that nobody has to look at again; noted in the run's folder and in the ledger."""
    opened, rehearsal = run.opened, run.options.rehearsal
    account, acceptances = opened.account.id, opened.ledger.acceptances
    with contextlib.ExitStack() as stack:
        if rehearsal is not None:
            own = stack.enter_context(own_ledger(rehearsal, opened.account.kind, opened.account.name))
            if own is None:
                return AcceptedRows()
            acceptances, account = own[0].acceptances, own[1]
        found = accepted_rows(
            opened.folder, opened.mapping, lambda: needing(opened.folder), acceptances, account
        )
    if found.rows:
        keep_accepted(opened.folder, found)
    if found.rows and rehearsal is None:
        acceptances.seen(account, opened.mapping.name, found.which, run.id)
    return found


def _verdicts(run: SyncRun) -> list[Verdict]:
    """Those of the guards before the first request, and of the one that watches while it is sent."""
    return [*run.plan.guards, run.delivery.failures.verdict()]


def limit_facts(verdict: Verdict) -> dict[str, Any]:
    """Whose a guard's limit is, and what was named to pass it."""
    return {
        "limit_of": "mapping" if verdict.own else "default",
        "typed": verdict.typed,
        "allowed_count": verdict.allowed_count,
    }


def most_frequent(started: Started) -> dict[str, dict[str, int]]:
    """The reasons of each automation: the most frequent ones, and how often it is any other."""
    found = by_reason(started)
    for name, counts in found.items():
        others = sum(list(counts.values())[_REASONS:])
        if others:
            found[name] = dict(list(counts.items())[:_REASONS]) | {OTHERS: others}
    return found


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


def _not_tried(run: SyncRun) -> int:
    """Rows that nothing stopped and nobody tried: there must be none."""
    tried = run.opened.ledger.answers.intended(run.id)
    return len(run.plan.roll.to_send()) + run.answered_before - tried


def _verdict(why: str, *, balanced: bool, needs_person: int, run: SyncRun) -> tuple[int, str, str]:
    """Exit code, the run's state in the ledger, and the summary's status."""
    if not balanced:
        return 4, "failed", "finished"
    if run.closing and not why:
        return 3, "superseded", "superseded"
    if why == "interrupted":
        return 130, "interrupted", "interrupted"
    if why == "guarded":
        return 3, "guarded", "guarded"
    if why:
        return 3, "stopped", "stopped"
    options = run.options
    limited = options.limit is not None or options.only is not None or options.opt_outs_only
    status = "limited" if limited else "finished"
    if run.plan.tripped:  # a rehearsal: the sync would have been stopped
        return 3, "guarded", status
    state = "limited" if limited else "needs_review" if needs_person else "completed"
    return (1 if needs_person else 0), state, status


def _requests(stretches: list[Stretch], traffic: Traffic) -> dict[str, int]:
    """Those of this stretch and of the ones before it."""
    before = stretches[:-1]
    return {
        name: getattr(traffic, name) + sum(getattr(one, name) for one in before)
        for name in ("sent", "retried", "throttled")
    }


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


def _percentiles(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50_ms": None, "p95_ms": None}
    low, high = np.percentile(np.array(seconds) * 1000, [50, 95])
    return {"p50_ms": round(float(low), 1), "p95_ms": round(float(high), 1)}


def _since(run: SyncRun, groups: list[ProblemGroup]) -> Since | None:
    """Compared with the last complete run, of a retry with the run that it follows; None where there is none."""
    opened, runs = run.opened, run.opened.ledger.runs
    deltas = not run.follows and opened.mapping.source.files == "deltas"
    if run.options.rehearsal is not None or run.parts or deltas:
        return None
    before = (
        runs.get(run.follows) if run.follows else runs.last_complete(opened.account.id, opened.mapping.name)
    )
    if (
        before is None or dt.datetime.fromisoformat(before.started_at) >= run.started_at
    ):  # a run that was resumed when a later one had ended
        return None
    mapping = opened.mapping
    who = Who(mapping.person or "", tuple(mapping.fields[mapping.key].columns()))
    folder = Path(before.folder)
    with contextlib.suppress(SourceError):  # where it is not reached, that is said as of one that is gone
        folder = folder_of(before)
    return since(opened.folder, Previous(before.id, folder, whole=not run.follows), who, groups)


def _changes(run: SyncRun) -> list[FieldChange]:
    """By merge tag, the most frequent first."""
    delivery = run.delivery
    if run.resume is not None:
        delivery.seen.recall(run.opened.ledger.answers, run.id)
    return [
        FieldChange(tag=tag, count=count, examples=delivery.seen.changes.get(tag, []))
        for tag, count in delivery.tally.changed.most_common()
    ]


def _details(run: SyncRun, comparison: Comparison | None, compared_with: Since | None) -> Details:
    opened, plan, traffic = run.opened, run.plan, run.opened.destination.traffic
    uses = opened.application.uses()
    columns = [
        Column(name=use.name, use=use.use, into=list(use.into), filled=filled, rows=plan.rows)  # type: ignore[arg-type]
        for use, filled in zip(uses, plan.filled, strict=True)
    ]
    new = [
        OddLine(line=0, message=f"The column '{name}' is new, and nothing is taken from it yet.")
        for name in plan.new_columns
    ]
    last = max(traffic.answered_at, default=-1)
    return Details(
        title=opened.mapping.title or opened.mapping.name,
        mapping_path=opened.mapping.file,
        columns=columns,
        oddities=[*new, *(OddLine(line=odd.line, message=odd.message) for odd in opened.source.oddities)],
        reasons=reasons(opened.folder),
        pace_series=[(second, traffic.answered_at.get(second, 0)) for second in range(last + 1)],
        source_reading={name: str(value) for name, value in opened.source.reading.items()},
        newcomers=opened.destination.rules.newcomers if opened.destination.mails_people else "",
        unseen=unseen_values(opened.folder, opened.mapping, opened.schema),
        comparison=comparison,
        listing=facts_of(run.knowledge.survey if run.knowledge is not None else None),
        twice=twice_of(run.knowledge.survey if run.knowledge is not None else None),
        changes=_changes(run),
        kept_examples=run.delivery.seen.kept,
        new_rows=None if compared_with is None else compared_with.new_rows,
    )

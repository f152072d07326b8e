"""From a prepared run and its preview to the plan's summary."""

from __future__ import annotations

import dataclasses
from typing import Any

from flows.accepted import grouped
from flows.guards import Verdict
from flows.listing_facts import facts_of, twice_of
from flows.options import Options
from flows.preview import Preview, accepted_in
from flows.report.outcomes import Outcomes
from flows.report.page import examples, problem_groups
from flows.report.plan_summary import PlanSummary
from flows.report.unseen import unseen_values
from flows.report.vanished import VanishedFacts
from flows.run_facts import corrected_facts, limit_facts, most_frequent, whose
from flows.sync_run import SyncRun
from flows.told import columns_of, told
from mappings.engine.problems.codes import CODES

__all__ = ["chosen", "ledger_state", "summed_up"]

_DAY_SECONDS = 86_400
_RUNS_LOOKED_AT = 200
_TWICE_SHOWN = 100
_ROWS_SHOWN = 10
_REASONS_SHOWN = 40


def summed_up(run: SyncRun, found: Preview, *, exit_code: int) -> PlanSummary:
    """The plan in numbers and examples."""
    opened, plan = run.opened, run.plan
    survey = run.knowledge.survey if run.knowledge is not None else None
    file_warnings = sum(
        count for (code, _), count in found.wrong.items() if CODES[code].severity == "warning"
    )
    return PlanSummary.model_validate(
        {
            "made_at": run.started_at,
            "title": opened.mapping.title or opened.mapping.name,
            **whose(run),
            **_held_against(run),
            **_looked_up(run, found),
            "outcomes": Outcomes(**found.outcomes),
            "reasons": [
                {"outcome": outcome, "reason": reason, "count": count}
                for (outcome, reason), count in found.reasons.most_common(_REASONS_SHOWN)
            ],
            **_written(run, found),
            "consent": _consent(run, found),
            "automations": dict(found.automations),
            "automation_reasons": most_frequent(found.started),
            "permissions": [dataclasses.asdict(one) for one in run.permissions],
            "mapping_edited": run.edited,
            **_costs(run, found),
            "vanished": _vanished(run, found),
            "listing": facts_of(survey),
            "twice": twice_of(survey, _TWICE_SHOWN),
            "guards": [_guard(verdict) for verdict in plan.guards],
            "not_undoable": _not_undoable(run, found),
            "problems": _problems(run, found),
            "accepted": found.accepted,
            "corrected": corrected_facts(run),
            "unseen": unseen_values(opened.folder, opened.mapping, opened.schema),
            "warnings": plan.warnings + file_warnings,
            "oddities": [{"line": odd.line, "message": odd.message} for odd in opened.source.oddities],
            "unmapped": [use.name for use in opened.application.uses() if use.use == "unmapped"],
            "question": run.question(),
            "exit_code": exit_code,
        }
    )


def _held_against(run: SyncRun) -> dict[str, Any]:
    """What a sync that carries out this plan compares with what is there by then."""
    ledger = run.opened.ledger
    return {
        "account_id": run.opened.account.id,
        "ledger": ledger.database.shown,
        "ledger_new": ledger.database.new,
        "ledger_state": ledger_state(run),
        "options": chosen(run.options),
    }


def _looked_up(run: SyncRun, found: Preview) -> dict[str, Any]:
    """Of how many contacts it is known how they are there, and what it would take to know it of all."""
    everybody = None
    if found.sampled is not None:
        minutes = round(found.lookups / run.opened.per_second / 60, 2)
        everybody = {"requests": found.lookups, "minutes": minutes}
    return {
        "estimated": found.sampled is not None,
        "sampled": found.sampled,
        "lookup_all": everybody,
        "about": list(found.estimated),
    }


def _written(run: SyncRun, found: Preview) -> dict[str, Any]:
    """What would be other than before there: fields with examples, tags, lists."""
    return {
        "changes": _ranked(found.changed),
        "examples": {
            tag: [{"old": old, "new": new} for old, new in pairs] for tag, pairs in found.changes.items()
        },
        "stays": _ranked(found.stayed),
        "stays_examples": {
            tag: [{"there": there, "source": source} for there, source in pairs]
            for tag, pairs in found.stays.items()
        },
        "emptied": _ranked(found.emptied),
        "tags": {
            "added": _ranked(found.tags),
            "removed": _ranked(found.tags_off),
            "created": run.opened.destination.missing_tags(list(found.tags)),
        },
        "lists": {"added": _ranked(found.lists), "removed": _ranked(found.lists_off)},
    }


def _consent(run: SyncRun, found: Preview) -> dict[str, Any]:
    """Who is left alone and why, and who would be mailed no more, or again."""
    destination = run.opened.destination
    return {
        "protected": found.outcomes["protected"],
        "protected_reasons": {
            reason: count for (outcome, reason), count in found.reasons.items() if outcome == "protected"
        },
        "opt_outs": found.opt_outs,
        "opt_ins": found.opt_ins,
        "newcomers": destination.rules.newcomers if destination.mails_people else "",
        "new_contacts": dict(found.newcomers),
    }


def _costs(run: SyncRun, found: Preview) -> dict[str, Any]:
    """Requests and minutes at this account's pace."""
    per_second, total = run.opened.per_second, found.requests + found.reading
    return {
        "requests": {
            "planned": found.requests,
            "reading": found.reading,
            "by_call": dict(found.calls),
            "per_second": per_second,
            "share_of_day": round(total / (per_second * _DAY_SECONDS), 6),
        },
        "minutes": round(found.seconds / 60, 2),
    }


def _not_undoable(run: SyncRun, found: Preview) -> dict[str, int]:
    """How much of it an undo could not put back."""
    opened = run.opened
    return {
        "contacts_created": 0 if opened.destination.deletes else found.outcomes["created"],
        "opt_outs": found.opt_outs,
        "automations": found.automations.total(),
        "values_set": found.filled if "blank_clear" in opened.schema.refuses else 0,
        "not_looked_up": found.outcomes["upserted"],
    }


def chosen(options: Options) -> dict[str, Any]:
    """The options that say which contacts are meant."""
    return {
        "limit": options.limit,
        "only": options.only,
        "resend": options.resend,
        "opt_outs_only": options.opt_outs_only,
        "allow": sorted(options.allow),
        "no_corrections": not options.corrections,
    }


def ledger_state(run: SyncRun) -> str:
    """The last run to end, or one at work, that may have changed what the ledger knows of the account; '' where none has."""
    ledger, account = run.opened.ledger, run.opened.account.id
    others = [one for one in ledger.runs.last(_RUNS_LOOKED_AT) if one.account == account and one.id != run.id]
    changed = [
        one
        for one in others  # one that a guard or a plan stopped before it sent changes nothing
        if one.state != "guarded" and (one.summary or ledger.answers.intended(one.id))
    ]
    last = max(changed, key=lambda one: one.finished_at or "running", default=None)
    return "" if last is None else f"{last.id} {last.state}"


def _ranked(counts: Any) -> dict[str, int]:
    """The largest counts first; what is none is left out."""
    return {name: count for name, count in counts.most_common() if count}


def _guard(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name, "count": verdict.count, "share": verdict.share, "limit_share": verdict.limit_share,
        "floor": verdict.floor, "tripped": verdict.tripped, "allowed": verdict.allowed, "near": verdict.near,
        "asked": verdict.asked, "says": verdict.says, **limit_facts(verdict),
    }  # fmt: skip


def _vanished(run: SyncRun, found: Preview) -> VanishedFacts | None:
    """Who vanished, and what the run that does something about it would come to."""
    if run.vanished is None:
        return None
    facts = run.vanished.facts(run.plan.rows, run.plan.guards)
    if found.vanished is None:
        return facts
    would = {"requests": found.vanished.requests, "automations": _ranked(found.vanished.automations)}
    return facts.model_copy(update=would)


def _problems(run: SyncRun, found: Preview) -> list[dict[str, Any]]:
    """Problems by code and column, each with what is wrong with the first of its rows; those of the file first."""
    first = examples(run.opened.folder)
    groups = []
    for group in grouped(problem_groups(run.opened.folder), accepted_in(run)):
        shown = first.get((group.code, group.severity, group.column))
        groups.append({**group.model_dump(), "example": shown[0].message if shown else ""})
    columns = columns_of(run.opened.mapping)
    for (code, tag), count in found.wrong.most_common():
        rows = found.wrong_rows[code, tag]
        row, value, detail = rows[0]
        problem = told((code, tag, value, detail), row=row, line=0, columns=columns)
        groups.append(
            {
                "code": code, "severity": problem.severity, "column": problem.column, "count": count,
                "rows": [number for number, _, _ in rows[:_ROWS_SHOWN]], "fix": problem.fix, "example": problem.message,
            }
        )  # fmt: skip
    return sorted(groups, key=lambda group: group["severity"] != "error")

"""A plan as a page: one file to read offline, in the style of the report's page."""

from __future__ import annotations

from typing import Any

from flows.report.balance import balance_parts
from flows.report.details import Reason
from flows.report.outcomes import NEED_A_PERSON
from flows.report.page import GUARDS
from flows.report.plan_summary import PlanGuard, PlanSummary
from flows.report.text import drawn_by
from flows.report.wording import (
    allowed_too_few,
    as_text,
    automations,
    duration,
    guard_limit,
    guard_near,
    listed_there,
    not_undoable,
    plan_verdict,
    repaired,
    twice_there,
    what_opens,
)

__all__ = ["render"]

MEANINGS = {
    "created": "New there.",
    "updated": "There already; what has changed is sent.",
    "upserted": "Sent; the destination does not tell whether the contact is new.",
    "unchanged": "Nothing to send: the destination has exactly this, or was given it before.",
    "filtered": "Left out on purpose, because the mapping says so.",
    "duplicate": "Has the same key as another row, and that one is sent.",
    "protected": "Left alone, for the sake of the person.",
    "invalid": "Breaks a rule that is checked beforehand; not sent.",
    "refused": "The destination does not say who that is; not sent.",
    "failed": "Cannot be sent.",
    "unknown": "Nothing tells what would become of it.",
    "unsent": "Left for another time.",
}

_REASONS, _PROBLEMS, _NAMES = 5, 100, 200


def render(plan: PlanSummary) -> str:
    """The page of a plan. It holds examples of people's values."""
    return drawn_by("plan_page.html.j2").render(
        plan=plan,
        verdict=plan_verdict(plan),
        tone=_tone(plan),
        about="about " if plan.estimated else "",
        **balance_parts(plan.outcomes) | {"meanings": MEANINGS},
        reasons=_reasons(plan.reasons),
        changes=_examples(plan.changes, {t: [(c.old, c.new) for c in found] for t, found in plan.examples.items()}),
        stays=_examples(plan.stays, {t: [(s.there, s.source) for s in found] for t, found in plan.stays_examples.items()}),
        names=[
            (title, counts)
            for title, counts in (
                ("Tags added", plan.tags.added), ("Tags taken away", plan.tags.removed),
                ("Lists joined", plan.lists.added), ("Lists left", plan.lists.removed), ("Values taken away", plan.emptied),
            )
            if counts
        ],
        names_shown=_NAMES,
        lost=not_undoable(plan),
        repaired=repaired(plan),
        automations=automations(plan.automations, plan.automation_reasons, "about " if plan.estimated else ""),
        takes=duration(plan.minutes),
        listing=listed_there(plan.listing) if plan.listing is not None else "",
        there_twice=twice_there(plan.listing.twice) if plan.listing is not None else "",
        lookup_all=duration(plan.lookup_all.minutes) if plan.lookup_all is not None else "",
        guards=[(guard, GUARDS.get(guard.name, guard.name), guard_limit(guard), _guard(guard)) for guard in plan.guards],
        opening=[(guard, what_opens(guard), allowed_too_few(guard)) for guard in plan.tripped],
        problems=plan.problems[:_PROBLEMS],
        unseen=plan.unseen,
        more_problems=max(0, len(plan.problems) - _PROBLEMS),
        chosen={name: value for name, value in plan.options.model_dump().items() if value or value == ""},
    )  # fmt: skip


def _tone(plan: PlanSummary) -> tuple[str, str]:
    """The colour of the verdict, and the word that says the same."""
    if plan.tripped:
        return "bad", "Plan: a guard stops it"
    if plan.not_allowed:
        return "look", "Plan: needs a permission"
    if plan.outcomes.of(*NEED_A_PERSON) > plan.accepted:
        return "look", "Plan: needs a person"
    return "fine", "Plan"


def _guard(guard: PlanGuard) -> tuple[str, str]:
    if guard.tripped:
        return ("look", "! trips, and is allowed") if guard.allowed else ("bad", "✗ stops the sync")
    return ("quiet" if not guard.asked else "fine"), guard_near(guard)


def _examples(counts: dict[str, int], pairs: dict[str, list[tuple[Any, Any]]]) -> list[Any]:
    """Merge tag, contacts, and pairs of values as texts; '' is blank."""
    return [
        (tag, count, [tuple(map(as_text, pair)) for pair in pairs.get(tag, [])])
        for tag, count in counts.items()
    ]


def _reasons(reasons: list[Reason]) -> dict[str, list[Reason]]:
    """For each outcome its most frequent reasons."""
    found: dict[str, list[Reason]] = {}
    for reason in reasons:
        if len(found.setdefault(reason.outcome, [])) < _REASONS:
            found[reason.outcome].append(reason)
    return found

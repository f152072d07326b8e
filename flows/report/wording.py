"""How a plan is worded, on its page and in a terminal alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.report.details import Comparison, ListingFacts
from flows.report.guard import Guard
from flows.report.outcomes import NEED_A_PERSON
from flows.report.plan_summary import PlanGuard, PlanSummary
from flows.report.summary import Interruption, Summary

__all__ = [
    "allowed_too_few",
    "as_text",
    "automations",
    "duration",
    "guard_limit",
    "guard_near",
    "interrupted",
    "listed_there",
    "not_undoable",
    "pace",
    "planned_and_done",
    "rehearsed",
    "repaired",
    "short",
    "since_then",
    "twice_there",
    "undone",
    "what_opens",
]

_LONGEST, _REASONS = 40, 8


def duration(minutes: float) -> str:
    """Minutes as people say them.

    >>> duration(0.005), duration(0.3), duration(12.4), duration(150)
    ('about 1 second', 'about 18 seconds', 'about 12 minutes', 'about 2.5 hours')
    """
    if minutes < 1.5:
        seconds = max(1, round(minutes * 60))
        return f"about {seconds} second{'s' if seconds > 1 else ''}"
    return f"about {minutes:.0f} minutes" if minutes < 120 else f"about {minutes / 60:.1f} hours"


def pace(per_second: float) -> str:
    """A rate as people say it: per second, or per minute where that is no whole number.

    >>> pace(100.0), pace(2.5), pace(40 / 60), pace(0.66)
    ('100 a second', '2.5 a second', '40 a minute', '39.6 a minute')
    """
    return f"{per_second:g} a second" if per_second >= 1 else f"{round(per_second * 60, 1):g} a minute"


def listed_there(listing: ListingFacts) -> str:
    """How many contacts there are, and what was read of them.

    >>> listed_there(ListingFacts(contacts=1000, pages=20, read=6, hours_old=3.2))
    '1,000 there on 20 pages; 6 were read, and the list of about 3.2 hours ago tells of the others'
    >>> listed_there(ListingFacts(contacts=60, pages=2, read=2, why="no list of them is kept yet"))
    '60 there; all 2 pages were read, because no list of them is kept yet'
    """
    there = f"{listing.contacts:,} there"
    if listing.hours_old is not None:
        ago = duration(listing.hours_old * 60)
        return f"{there} on {listing.pages:,} pages; {listing.read:,} were read, and the list of {ago} ago tells of the others"
    pages = f"all {listing.pages:,} pages were" if listing.pages > 1 else "the one page was"
    return f"{there}; {pages} read" + (f", because {listing.why}" if listing.why else "")


def twice_there(count: int) -> str:
    """That addresses have several contacts there, and what to do; '' for none.

    >>> twice_there(1)
    '1 address has several contacts there, and muster changes none of them. Leave one of each in its app.'
    """
    if not count:
        return ""
    have = "address has" if count == 1 else "addresses have"
    return f"{count:,} {have} several contacts there, and muster changes none of them. Leave one of each in its app."


def plan_verdict(plan: PlanSummary) -> str:
    """The plan in one sentence, or two where somebody has to do something."""
    outcomes, about = plan.outcomes, "about " if plan.estimated else ""
    if plan.tripped:
        names = " and ".join(f"`{guard.name}`" for guard in plan.tripped)
        return f"A sync would stop before it sends anything: {names}."
    if plan.not_allowed:
        names = " and ".join(f"`{one.name}`" for one in plan.not_allowed)
        return f"A sync would not begin: {names} has to be allowed by name first."
    if not plan.source.rows_read:
        return "The file has no rows, so there is nothing to send."
    parts = [
        f"{verb} {about}{outcomes.of(*names):,}"
        for verb, names in (("create", ("created",)), ("change", ("updated", "upserted")))
        if outcomes.of(*names)
    ]
    would = (
        f"A sync would {' and '.join(parts)} of {plan.source.rows_read:,} rows"
        if parts
        else "A sync would change nothing"
    )
    look = outcomes.of(*NEED_A_PERSON) - plan.accepted
    return would + (f"; {look:,} {'needs' if look == 1 else 'need'} a person." if look else ".")


def as_text(value: Any) -> str:
    """A value as the destination has it, as a text; '' where it is blank.

    >>> as_text(True), as_text(None), as_text(["a", "b"])
    ('true', '', 'a, b')
    """
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def short(value: Any) -> str:
    """A value as an example shows it.

    >>> short(None), short(["a", "b"]), short(7)
    ('(blank)', 'a, b', '7')
    """
    text = as_text(value) or "(blank)"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def automations(
    counts: dict[str, int], reasons: Mapping[str, dict[str, int]] | None = None, about: str = ""
) -> list[str]:
    """Which may start, how often at most and why: a line each.

    >>> automations({"FIELD_UPDATED": 37, "TAG_ADDED": 3}, {"FIELD_UPDATED": {"city": 20, "plan": 17}})
    ['at most FIELD_UPDATED 37: city 20, plan 17', 'at most TAG_ADDED 3']
    """
    lines = []
    for name, count in counts.items():
        if count:
            why = (reasons or {}).get(name, {})
            shown = ", ".join(f"{reason} {about}{times:,}" for reason, times in list(why.items())[:_REASONS])
            more = len(why) - _REASONS
            shown += f" and {more} more" if more > 0 else ""
            most = about or "at most "  # a sample may miss who would start more
            lines.append(f"{most}{name} {count:,}" + (f": {shown}" if shown else ""))
    return lines or ["none that muster knows of"]


def not_undoable(plan: PlanSummary) -> list[str]:
    """What no later run can put back, each with its count; nothing where there is none."""
    lost, about = plan.not_undoable, "about " if plan.estimated else ""
    said = (
        (lost.contacts_created, "created", "the API deletes none"),
        (lost.opt_outs, "unsubscribed", "they are subscribed again only where their number is typed"),
        (lost.automations, "automations started at most", "what they send is sent"),
        (lost.values_set, "values set where there was none", "the API empties none"),
        (
            lost.not_looked_up,
            "sent without a look-up",
            "how they were is not known; undo: full under destination: looks",
        ),
    )
    return [f"{about}{count:,} {what} ({why})" for count, what, why in said if count]


def undone(summary: Summary) -> list[str]:
    """What has to be known after an undo; nothing of another run."""
    if summary.undoes is None:
        return []
    if summary.status == "guarded":
        return [
            "Nothing was put back yet. With --allow resubscribes=0 all else is, and nobody is subscribed again."
        ]
    return [
        "Mails that were sent and automations that were started are not taken back.",
        "What was put back counts as delivered no more: the next sync delivers it again where the source still says so. Correct the source first.",
    ]


def guard_limit(guard: Guard) -> str:
    """When a guard trips, and where that is not the default.

    >>> guard_limit(Guard(name="changes", count=3, share=0.1, limit_share=0.8, floor=200, tripped=False, allowed=False, limit_of="mapping"))
    'above 80%, from 200 on, as the mapping says'
    """
    own = ", as the mapping says" if guard.limit_of == "mapping" else ""
    if guard.typed:
        return f"until their number is typed{own}"
    if guard.name == "empty_source":
        return "when there is no row"
    return f"above {guard.limit_share * 100:g}%, from {guard.floor:,} on{own}"


def what_opens(guard: Guard) -> str:
    """The words that let a guard pass that has tripped.

    >>> what_opens(Guard(name="opt_outs", count=37, share=0.1, limit_share=0, floor=1, tripped=True, allowed=False, typed=True))
    '--allow opt_outs=37'
    """
    exact = guard.typed or guard.allowed_count is not None
    return f"--allow {guard.name}" + (f"={guard.count}" if exact else "")


def allowed_too_few(guard: Guard) -> str:
    """That another number was named than the one counted; '' where none was."""
    if guard.allowed_count is None:
        return ""
    named = (
        f"the number {guard.allowed_count:,} was named"
        if guard.typed
        else f"{guard.allowed_count:,} are allowed"
    )
    return f"{guard.count:,} are counted, and {named}."


def guard_near(guard: PlanGuard) -> str:
    """How near the guard is.

    >>> guard_near(PlanGuard(name="invalid", count=25, share=0.5, limit_share=0.2, floor=50, tripped=False, allowed=False,
    ...                      near=0.5, asked=True, says="rows are invalid"))
    '50% of the way'
    """
    if not guard.asked:
        return "not on a first run"
    if guard.tripped:
        return "trips, and is allowed" if guard.allowed else "TRIPS"
    return f"{min(guard.near, 1):.0%} of the way" if guard.count else "not near"


def planned_and_done(comparison: Comparison) -> str:
    """One sentence where it went as planned, else what differs."""
    plan = f"the plan of {comparison.plan}" if comparison.plan else ""
    if not comparison.differing:
        whose = f"those of {plan}" if plan else "those that were decided before anything was sent"
        return f"As planned: the outcomes are {whose}."
    pairs = ", ".join(f"{one.outcome} {one.planned:,} / {one.done:,}" for one in comparison.differing)
    about = ", an estimate" if comparison.estimated else ""
    return f"planned / done: {pairs}" + (f" ({plan}{about})" if plan else "")


def since_then(summary: Summary) -> str:
    """What is new and what is solved since the previous run, in a sentence; '' where there was none."""
    then = summary.previous
    if then is None:
        return ""
    if not then.compared:
        return f"What is new cannot be told: the folder of the previous run {then.run_id} is gone."
    parts = [
        (then.new, "newly needs a person", "newly need a person"),
        (then.known, "needed one before, too", "needed one before, too"),
        (then.solved, "is solved", "are solved"),
        (then.gone, "is not in the source any more", "are not in the source any more"),
    ]
    said = [f"{count:,} {one if count == 1 else more}" for count, one, more in parts if count]
    if not said:
        return f"As in the run {then.run_id} before, no row needs a person."
    return f"Compared with the run {then.run_id} before, of the rows with errors: {', '.join(said)}."


def rehearsed(summary: Summary) -> list[str]:
    """What has to be known of a rehearsal, a sentence each; none of a run that was none."""
    facts = summary.rehearsal
    if facts is None:
        return []
    people = (
        "Nobody was there before, so that every row was a newcomer, and what was delivered earlier did not count."
        if facts.contacts_copied is None
        else f"{facts.contacts_copied:,} contacts of the account were there before; what was delivered earlier did not count."
    )
    asked = f"A sync would ask first: {facts.would_ask}" if facts.would_ask else ""
    return [
        f"This was a rehearsal. {facts.base_url} was only read ({facts.requests_read:,} requests); everything else went into a sandbox with its fields, tags and lists.",
        people,
        f"At the account's own pace of {pace(facts.per_second)} these {summary.requests.sent:,} requests would take {duration(facts.minutes)}.",
        *filter(None, [asked]),
    ]


def repaired(summary: Summary | PlanSummary) -> list[str]:
    """What a person did about rows before and what still holds, a sentence each: corrected cells, accepted problems."""
    said = []
    if summary.corrected.cells:
        columns = ", ".join(f"{name} {count:,}" for name, count in summary.corrected.columns.items())
        cells = f"{summary.corrected.cells:,} cell{'s' if summary.corrected.cells > 1 else ''}"
        rows = f"{summary.corrected.rows:,} row{'s' if summary.corrected.rows > 1 else ''}"
        said.append(
            f"{cells} of {rows} corrected as retries have corrected them before: {columns}. muster corrections lists them."
        )
    if summary.accepted:
        rows = (
            "1 row has a problem that was"
            if summary.accepted == 1
            else f"{summary.accepted:,} rows have problems that were"
        )
        said.append(f"{rows} accepted. muster accept --list shows what.")
    return said


def interrupted(summary: Summary) -> list[str]:
    """A sentence for each interruption of a run that was resumed."""
    return [_interruption(one) for one in summary.interruptions]


def _interruption(one: Interruption) -> str:
    answered = f"{one.answered:,} {'row' if one.answered == 1 else 'rows'} had an answer and {'was' if one.answered == 1 else 'were'} not sent again"
    unclear = (
        f"; {one.unclear:,} that may have been sent {'was' if one.unclear == 1 else 'were'} settled first"
        if one.unclear
        else ""
    )
    how = {"interrupted": "Interrupted", "stopped": "Stopped", "failed": "Ended by an error"}.get(
        one.how, "Cut off"
    )
    return f"{how} {one.at:%Y-%m-%d %H:%M:%S} UTC, resumed {one.resumed_at:%Y-%m-%d %H:%M:%S} UTC: {answered}{unclear}."

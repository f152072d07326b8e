"""What a plan looks like in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.showing import balance, console_for_people, problem_lines
from flows.report.plan_summary import Names, PlanGuard, PlanSummary
from flows.report.text import percent
from flows.report.vanished import vanished_said
from flows.report.wording import (
    allowed_too_few,
    automations,
    duration,
    guard_limit,
    guard_near,
    listed_there,
    not_undoable,
    pace,
    repaired,
    short,
    twice_there,
    what_opens,
)
from mappings.engine.complaints import listed, visible

__all__ = ["show_plan"]

_BY = {"mapping": "mapping", "person": "person", "earlier": "person, for this version of the mapping"}
_TOP, _REASONS, _NAMES, _EXAMPLES = 6, 5, 8, 2
_HOW = "To try it with a few first: the same command with sync and --limit 10."


def show_plan(plan: PlanSummary, written: list[Path], how: str = _HOW) -> None:
    """What a sync would do: the balance, the changes, requests, consent, automations, guards, what cannot be undone."""
    console = console_for_people()
    console.print()
    console.print("A plan; nothing was written there.", style="bold")
    if plan.estimated and plan.lookup_all is not None:
        console.print(
            f"The figures marked about are estimates from a sample of {plan.sampled:,} of {plan.lookup_all.requests:,} contacts. "
            f"--lookup all looks up everybody: {plan.lookup_all.requests:,} requests, {duration(plan.lookup_all.minutes)}.",
            soft_wrap=False,
        )
    console.print()
    balance(console, plan.outcomes.model_dump(), plan.source.rows_read, about=plan.about)
    for reason in [one for one in plan.reasons if one.outcome != "protected"][:_REASONS]:
        console.print(_plain(f"  {reason.count:,} {reason.outcome}: {reason.reason}", "dim"))
    _changes(console, plan)
    errors = [problem for problem in plan.problems if problem.severity == "error"]
    problem_lines(
        console, [(p.count, p.code, p.column, p.rows, p.example, p.fix) for p in errors[:_TOP]], plan.unseen
    )
    if len(errors) > _TOP:
        console.print(
            f"\n… and {len(errors) - _TOP} more kinds of problems: with --page PLAN.html you see all of them"
        )
    console.print()
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in _facts(plan):
        facts.add_row(name, _plain(text))
    console.print(facts)
    _guards(console, plan)
    if written:
        console.print()
    for path in written:
        console.print(_plain(f"written  {path}"), soft_wrap=True)
    if plan.requests.planned and not plan.tripped:
        console.print(f"\n{how}", style="dim")


def _changes(console: Console, plan: PlanSummary) -> None:
    for title, counts, pairs, words in (
        ("what changes there", plan.changes,
         {tag: [(c.old, c.new) for c in found] for tag, found in plan.examples.items()}, "{} → {}"),
        ("changed by hand there and left", plan.stays,
         {tag: [(s.there, s.source) for s in found] for tag, found in plan.stays_examples.items()},
         "{} stays; the source has {}"),
    ):  # fmt: skip
        if not counts:
            continue
        table = Table(
            box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style=""
        )
        table.add_column("merge tag")
        table.add_column("contacts", justify="right")
        table.add_column("for example", overflow="fold")
        for tag, count in counts.items():
            shown = [words.format(short(old), short(new)) for old, new in pairs.get(tag, [])[:_EXAMPLES]]
            table.add_row(_plain(tag), _about(plan, count), _plain("\n".join(shown)))
        console.print()
        console.print(table)


def _facts(plan: PlanSummary) -> list[tuple[str, str]]:
    """What is said of a plan in a line each: its name and the sentence."""
    consent, requests, about = plan.consent, plan.requests, "about " if plan.estimated else ""
    said = [("tags", _names(plan.tags, about)), ("lists", _names(plan.lists, about))]
    if plan.emptied:
        said.append(("emptied", f"values taken away: {_counts(plan.emptied, about)}"))
    reading = f" and {requests.reading:,} to read the account" if requests.reading else ""
    share = f"{percent(requests.share_of_day)} of what a day allows"
    takes = f"{duration(plan.minutes)} at {pace(requests.per_second)}"
    if plan.listing is not None:
        said.append(("contacts", listed_there(plan.listing)))
        said.append(("there twice", twice_there(plan.listing.twice)))
    said.append(("requests", f"{about}{requests.planned:,} for the contacts{reading}: {takes}, {share}"))
    said.append(("automations", "\n".join(automations(plan.automations, plan.automation_reasons, about))))
    news = ", ".join(f"{about}{count:,} new as {status}" for status, count in consent.new_contacts.items())
    news = news or (
        "a guard stops before" if plan.tripped else f"nobody new (they would be {consent.newcomers})"
    )
    again = f"{about}{consent.opt_ins:,} to be subscribed again; " if consent.opt_ins else ""
    mailed = f"{about}{consent.opt_outs:,} to be unsubscribed; {again}{news}"
    said.append(("consent", mailed if consent.newcomers else "this destination mails nobody"))
    if consent.protected:
        why = "; ".join(f"{about}{count:,} {reason}" for reason, count in consent.protected_reasons.items())
        said.append(("protected", f"{about}{consent.protected:,} left alone for the person's sake: {why}"))
    said.append(("vanished", "\n".join(vanished_said(plan.vanished, plan=True))))
    lost = not_undoable(plan)
    if lost:
        said.append(("no undo", "\n".join(lost)))
    warned = [f"{p.count:,} × {p.code}" for p in plan.problems if p.severity == "warning"]
    if warned:
        said.append(("warnings", ", ".join(warned[:_NAMES]) + (", …" if len(warned) > _NAMES else "")))
    said += [
        ("allowed", f"{one.name}, by the {_BY[one.by]}: {one.says}") for one in plan.permissions if one.by
    ]
    said += [
        ("to allow", f"{one.says} A terminal asks to type {one.name}; elsewhere: --allow {one.name}")
        for one in plan.not_allowed
    ]
    if plan.question:
        said.append(("asks", f"{plan.question} Elsewhere than at a terminal: --yes"))
    said += [("repaired", one) for one in repaired(plan)]
    if plan.unmapped:
        names = ", ".join(name or "(no name)" for name in plan.unmapped)
        said.append(("columns", f"not used and not ignored: {names}"))
    return [(name, text) for name, text in said if text]


def _names(names: Names, about: str) -> str:
    parts = [f"added: {_counts(names.added, about)}"] if names.added else []
    parts += [f"taken away: {_counts(names.removed, about)}"] if names.removed else []
    parts += [f"created by the sync: {listed(names.created, _NAMES)}"] if names.created else []
    return "; ".join(parts)


def _counts(counts: dict[str, int], about: str) -> str:
    """Names with how many contacts each: the first few, and how many more there are."""
    shown = ", ".join(f"{name} {about}{count:,}" for name, count in list(counts.items())[:_NAMES])
    return shown + (f" and {len(counts) - _NAMES} more" if len(counts) > _NAMES else "")


def _guards(console: Console, plan: PlanSummary) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("guard")
    table.add_column("counted", justify="right")
    table.add_column("trips", overflow="fold")
    table.add_column("how near")
    for guard in plan.guards:
        style = "bold red" if guard.tripped and not guard.allowed else "dim" if not guard.asked else ""
        empty = guard.name == "empty_source"
        counted = f"{guard.count:,}" if empty else f"{guard.count:,} ({percent(guard.share)})"
        table.add_row(
            guard.name, counted if guard.asked else "", guard_limit(guard), guard_near(guard), style=style
        )
    console.print()
    console.print(table)
    for guard in plan.tripped:
        said = f"guard {guard.name}: {_counted(guard)}. {allowed_too_few(guard)}".rstrip()
        console.print(_plain(f"\n{said.removesuffix('.')}", "bold red"))
        console.print(
            _plain(
                f"  Look at the file and the mapping. If this is right: {what_opens(guard)}, with which a plan shows the rest.",
                "dim",
            )
        )


def _counted(guard: PlanGuard) -> str:
    return guard.says if guard.name == "empty_source" else f"{guard.count:,} {guard.says}"


def _about(plan: PlanSummary, count: int) -> str:
    return f"about {count:,}" if plan.estimated else f"{count:,}"


def _plain(text: str, style: str = "") -> Text:
    """A stranger's text: no markup, nothing that speaks to the terminal."""
    return Text(visible(text), style=style)

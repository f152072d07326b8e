"""What a finished run or a plan looks like in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.preview import Preview
from flows.report.summary import NEED_A_PERSON, Summary, verdict
from flows.roll import OUTCOMES
from flows.sync_run import SyncRun
from mappings.engine.complaints import visible

__all__ = ["console_for_people", "show_plan", "show_summary"]

_MEANS = {
    "created": "new there",
    "updated": "changed there",
    "upserted": "there now; its API does not say whether it is new",
    "unchanged": "already there exactly so; nothing sent",
    "filtered": "left out by the mapping",
    "duplicate": "another row with the same key is sent",
    "protected": "left alone for the person's sake",
    "invalid": "breaks a rule; not sent",
    "refused": "the destination said no",
    "failed": "tried, and not applied",
    "unknown": "sent, and no clear answer",
    "unsent": "not tried",
}
_TOP = 6


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would exit with 1, which means that rows need a person."""
        raise BrokenPipeError


def console_for_people() -> Console:
    console = _Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 160  # nothing is cut where nobody can widen the window
    return console


def _balance(console: Console, outcomes: dict[str, int], rows: int) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    for name in OUTCOMES:
        if outcomes.get(name):
            style = "bold red" if name in NEED_A_PERSON else ""
            table.add_row(f"{outcomes[name]:,}", f"[{style}]{name}[/]" if style else name, _MEANS[name])
    table.add_row(f"{sum(outcomes.values()):,}", "in all", f"{rows:,} rows read", style="bold")
    console.print(table)


def show_summary(summary: Summary, folder: Path) -> None:
    """The verdict, the balance, the top problems with their fixes, and where the report is."""
    console = console_for_people()
    console.print()
    console.print(verdict(summary), style="bold", markup=False)
    console.print()
    _balance(console, summary.outcomes.model_dump(), summary.source.rows_read)
    errors = [problem for problem in summary.problems if problem.severity == "error"]
    for problem in errors[:_TOP]:
        where = f" in {problem.column}" if problem.column else ""
        rows = "row " if problem.count == 1 else "rows "
        rows += ", ".join(map(str, problem.rows[:5])) + (", …" if problem.count > 5 else "")
        console.print(f"\n{problem.count:,} × {problem.code}{where} ({rows})", markup=False)
        console.print(f"  {problem.fix}", style="dim", markup=False)
    if len(errors) > _TOP:
        console.print(f"\n… and {len(errors) - _TOP} more kinds of problems, all in the report", markup=False)
    if summary.warnings:
        said = ", ".join(f"{count:,} × {code}" for code, count in summary.warnings.items())
        console.print(f"\nwarnings: {said}", markup=False)
    _guards(
        console, [(g.name, g.count, g.share, g.limit_share, g.allowed) for g in summary.guards if g.tripped]
    )
    if summary.overrides:
        console.print(f"\nguards passed on purpose: {', '.join(summary.overrides)}", markup=False)
    console.print(f"\nreport    {folder / 'report.html'}", markup=False, soft_wrap=True)
    if any(summary.outcomes.of(name) for name in NEED_A_PERSON):
        console.print(f"failures  {folder / 'failures.xlsx'}", markup=False, soft_wrap=True)


def _guards(console: Console, tripped: list[tuple[str, int, float, float, bool]]) -> None:
    from flows.guards import GUARDS  # noqa: PLC0415 - light

    says = {guard.name: guard.says for guard in GUARDS}
    for name, count, share, limit, allowed in tripped:
        if not allowed:
            what = (
                says[name]
                if name == "empty_source"
                else f"{count:,} {says[name]} ({share:.0%}; the limit is {limit:.0%})"
            )
            console.print(f"\nguard {name}: {what}", style="bold red", markup=False)
            console.print(
                f"  Look at the file and the mapping. If this is right: --allow {name}",
                style="dim",
                markup=False,
            )


def show_plan(run: SyncRun, found: Preview) -> None:
    """What a sync would do: the balance, the changes, requests and minutes, automations, consent, guards."""
    console = console_for_people()
    opened, plan = run.opened, run.plan
    console.print()
    console.print("A plan; nothing was written there.", style="bold")
    console.print()
    _balance(console, dict(found.outcomes), plan.rows)
    for (outcome, reason), count in found.reasons.most_common(5):
        console.print(f"  {count:,} {outcome}: {reason}", style="dim", markup=False)
    changed = [(tag, count) for tag, count in found.changed.most_common() if count]
    if changed:
        table = Table(
            box=None, pad_edge=False, padding=(0, 2, 0, 0), title="what changes there", title_justify="left"
        )
        table.add_column("merge tag")
        table.add_column("contacts", justify="right")
        table.add_column("for example")
        for tag, count in changed:
            old, new = found.changes[tag][0]
            table.add_row(tag, f"{count:,}", f"{_short(old)} → {_short(new)}")
        console.print()
        console.print(table)
    problems = _problems(run)
    if problems:
        console.print()
    for count, column, code, example in problems[:_TOP]:
        console.print(
            f"{count:,} × {code} in {column or 'the row'}, such as: {visible(example)}", markup=False
        )
    minutes = found.seconds / 60
    console.print(
        f"\nrequests     {found.requests:,}, about {_time(minutes)} at {opened.per_second:g} a second",
        markup=False,
    )
    automations = ", ".join(f"{name} {count:,}" for name, count in found.automations.items()) or "none"
    console.print(f"automations  at most: {automations}", markup=False)
    newcomers = opened.destination.rules.newcomers
    console.print(
        f"consent      {found.opt_outs:,} to be unsubscribed; new contacts come in as {newcomers}",
        markup=False,
    )
    near = [(v.name, v.count, v.share, v.limit_share, v.allowed) for v in plan.guards if v.tripped]
    if near:
        _guards(console, near)
    else:
        shares = ", ".join(
            f"{v.name} {v.share:.0%} of {v.limit_share:.0%}" for v in plan.guards if v.asked and v.limit_share
        )
        console.print(f"guards       none trips ({shares})", markup=False)
    if run.question():
        console.print(f"asks         {run.question()} Elsewhere than at a terminal: --yes", markup=False)
    unmapped = [use.name for use in opened.application.uses() if use.use == "unmapped"]
    if unmapped:
        console.print(
            f"columns      not used and not ignored: {', '.join(name or '(no name)' for name in unmapped)}",
            markup=False,
        )
    if found.requests and not near:
        console.print("\nTo try it with a few first: the same command with sync and --limit 10.", style="dim")


def _problems(run: SyncRun) -> list[tuple[int, str, str, str]]:
    """Errors by code and column: count, column, code, and what is wrong with the first of them."""
    from flows.report.page import examples, problem_groups  # noqa: PLC0415 - reads the run's parts

    first = examples(run.opened.folder)
    found = []
    for group in problem_groups(run.opened.folder):
        if group.severity == "error":
            shown = first.get((group.code, group.severity, group.column))
            found.append((group.count, group.column, group.code, shown[0].message if shown else ""))
    return found


def _time(minutes: float) -> str:
    if minutes < 1.5:
        return f"{minutes * 60:.0f} seconds"
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def _short(value: object) -> str:
    text = (
        "(blank)" if value in (None, "", []) else ", ".join(value) if isinstance(value, list) else str(value)
    )
    return text if len(text) <= 40 else text[:39] + "…"

"""What a finished run looks like in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.report.details import Comparison, Reason, UnseenValue
from flows.report.guard import Guard, Override
from flows.report.outcomes import NEED_A_PERSON
from flows.report.summary import Summary
from flows.report.text import percent
from flows.report.vanished import VANISHED_FILE, vanished_said
from flows.report.verdict import verdict
from flows.report.wording import (
    allowed_too_few,
    guard_limit,
    interrupted,
    planned_and_done,
    rehearsed,
    repaired,
    since_then,
    twice_there,
    what_opens,
)
from flows.report.writing import TWICE_FILE
from flows.roll import OUTCOMES
from mappings.engine.complaints import visible
from mappings.engine.problems.codes import CODES

__all__ = ["balance", "console_for_people", "problem_lines", "show_summary"]

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
_BY = {
    "mapping": "by the mapping",
    "person": "by whoever started the run",
    "earlier": "earlier, for this version of the mapping",
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


def balance(
    console: Console,
    outcomes: dict[str, int],
    rows: int,
    *,
    about: Sequence[str] = (),
) -> None:
    """The outcomes that there are, and their sum. `about` are those that are estimates."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    for name in OUTCOMES:
        if outcomes.get(name):
            style = "bold red" if name in NEED_A_PERSON else ""
            count = f"about {outcomes[name]:,}" if name in about else f"{outcomes[name]:,}"
            table.add_row(count, f"[{style}]{name}[/]" if style else name, _MEANS[name])
    table.add_row(f"{sum(outcomes.values()):,}", "in all", f"{rows:,} rows read", style="bold")
    console.print(table)


def show_summary(
    summary: Summary,
    folder: Path,
    comparison: Comparison | None = None,
    unseen: Sequence[UnseenValue] = (),
    reasons: Sequence[Reason] = (),
    link: str = "",
) -> None:
    """The verdict, the balance, why people were left alone, planned and done, the top problems with their fixes, and where the report is.

    `link` is where people without a shell open it, '' where they do not.
    """
    console = console_for_people()
    console.print()
    console.print(verdict(summary), style="bold", markup=False)
    console.print()
    balance(console, summary.outcomes.model_dump(), summary.source.rows_read)
    for reason in [one for one in reasons if one.outcome == "protected"][:_TOP]:
        said = f"  {reason.count:,} {reason.outcome}: {reason.reason}"
        console.print(visible(said), style="dim", markup=False)
    if comparison is not None:
        console.print(f"\n{planned_and_done(comparison)}", markup=False)
    if since := since_then(summary):
        console.print(f"\n{since}", markup=False)
    errors = [
        one for one in summary.problems if one.severity == "error" and one.state not in ("accepted", "solved")
    ]
    problem_lines(console, [(p.count, p.code, p.column, p.rows, "", p.fix) for p in errors], unseen)
    if len(errors) > _TOP:
        console.print(f"\n… and {len(errors) - _TOP} more kinds of problems, all in the report", markup=False)
    incidents = [one for one in summary.problems if one.severity == "warning" and _is_incident(one.code)]
    problem_lines(console, [(p.count, p.code, p.column, p.rows, "", p.fix) for p in incidents])
    if summary.warnings:
        said = ", ".join(f"{count:,} × {code}" for code, count in summary.warnings.items())
        console.print(f"\nwarnings: {said}", markup=False)
    vanished = vanished_said(summary.vanished_details)
    for said in (*vanished, *repaired(summary), *interrupted(summary), *rehearsed(summary)):
        console.print(f"\n{visible(said)}", markup=False)
    if (folder / VANISHED_FILE).exists():
        console.print(f"vanished  {folder / VANISHED_FILE}", markup=False, soft_wrap=True)
    if (folder / TWICE_FILE).exists():
        count = len((folder / TWICE_FILE).read_bytes().splitlines()) - 1
        said = f"{twice_there(count)} All of them: {folder / TWICE_FILE}"
        console.print(f"\n{said}", markup=False, soft_wrap=True)
    _guards(console, summary.guards)
    if summary.override_details:
        console.print(f"\nallowed: {', '.join(map(_override, summary.override_details))}", markup=False)
    console.print(f"\nreport    {folder / 'report.html'}", markup=False, soft_wrap=True)
    if any(summary.outcomes.of(name) for name in NEED_A_PERSON):
        console.print(f"failures  {folder / 'failures.xlsx'}", markup=False, soft_wrap=True)
    if link:
        console.print(f"shared    {link}", markup=False, soft_wrap=True)


def _is_incident(code: str) -> bool:
    """Whether something happened at the destination that somebody has to look at there."""
    return code in CODES and CODES[code].who == "account"


def problem_lines(
    console: Console,
    problems: Sequence[tuple[int, str, str, Sequence[int], str, str]],
    unseen: Sequence[UnseenValue] = (),
) -> None:
    """The first kinds of problems: how many rows, code, column, first rows, an example of what is wrong, what to do.

    Of values that are in no table the lines to add are listed.
    """
    for count, code, column, numbers, example, fix in problems[:_TOP]:
        where = f" in {column}" if column else ""
        rows = "row " if count == 1 else "rows "
        rows += ", ".join(map(str, numbers[:5])) + (", …" if count > 5 else "")
        console.print(visible(f"\n{count:,} × {code}{where} ({rows})"), markup=False)
        for line in (example, fix):
            if line:
                console.print(f"  {visible(line)}", style="dim", markup=False)
        mine = [one for one in unseen if code == "value_unknown" and one.column == column]
        for one in mine[:_TOP]:
            rows = f"{one.count:,} row" + ("s" if one.count > 1 else "")
            console.print(f"    {visible(one.line)}   ({one.field}, {rows})", markup=False)
        if len(mine) > _TOP:
            console.print(f"    … and {len(mine) - _TOP} more", markup=False)


def _override(one: Override) -> str:
    whose = f"{one.who}: {one.why}" if one.who else _BY[one.by]
    return f"{one.name} {one.count:,} ({whose})"


def _guards(console: Console, guards: Sequence[Guard]) -> None:
    from flows.guards import GUARDS, VANISHED  # noqa: PLC0415 - light

    says = {guard.name: guard.says for guard in (*GUARDS, VANISHED)}
    for guard in guards:
        if (
            not guard.tripped or guard.allowed or guard.name not in says
        ):  # the failure limit has said it itself
            continue
        what = says[guard.name]
        if guard.typed:
            what = f"{guard.count:,} {what}; {guard_limit(guard)}"
        elif guard.name != "empty_source":
            own = ", as the mapping says" if guard.limit_of == "mapping" else ""
            limit = f"the limit is {percent(guard.limit_share)}{own}"
            what = f"{guard.count:,} {what} ({percent(guard.share)}; {limit})"
        console.print(
            f"\nguard {guard.name}: {what}. {allowed_too_few(guard)}".rstrip(". "),
            style="bold red",
            markup=False,
        )
        console.print(
            f"  Look at the file and the mapping. If this is right: {what_opens(guard)}",
            style="dim",
            markup=False,
        )

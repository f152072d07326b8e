"""The report's page: one file to read offline, on a phone or on paper.

Everything on it that comes from a file, a mapping or a destination is a stranger's text: it is escaped, what cannot
be seen in it is named, it is cut at a length, and a policy in the page forbids everything but its own style and script.
The script (page.js) searches, filters and sorts the rows that stand there; without it all of them can be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.report.balance import MEANINGS, PARTS, SHARES, balance_parts, bar
from flows.report.details import Details, Reason, UnseenValue
from flows.report.failures import parts
from flows.report.guard import Guard
from flows.report.pace_line import pace_line
from flows.report.problem_group import ProblemGroup
from flows.report.summary import Summary
from flows.report.text import TEXT_SHOWN, VALUE_SHOWN, drawn_by, percent, shown, value
from flows.report.troubled import TroubledRow, troubled_rows
from flows.report.vanished import vanished_said
from flows.report.verdict import verdict
from flows.report.wording import (
    allowed_too_few,
    guard_limit,
    interrupted,
    listed_there,
    planned_and_done,
    rehearsed,
    repaired,
    since_then,
    twice_there,
)
from mappings.engine.problems.codes import CODES

__all__ = [
    "MEANINGS",
    "PARTS",
    "SHARES",
    "Example",
    "Masking",
    "balance_parts",
    "bar",
    "examples",
    "pace_line",
    "percent",
    "problem_groups",
    "render",
    "shown",
    "value",
]

GUARDS = {
    "changes": "contacts that would change",
    "opt_outs": "people who would be unsubscribed",
    "opt-outs": "people who would be unsubscribed",
    "resubscribes": "people who opted out and would be subscribed again",
    "invalid": "rows that break a rule",
    "shrunk": "rows fewer than last time",
    "vanished": "people who are no longer in the source",
}

ALLOWED_BY = {
    "mapping": "by the mapping",
    "person": "by whoever started the run",
    "earlier": "by a person earlier, for this version of the mapping",
}

WHO = {
    "data": "whoever keeps the list: the cells are corrected",
    "mapping": "whoever keeps the mapping: it gets another line",
    "retried": "nobody: the next sync tries these rows again by itself, muster retry now",
    "retry": "whoever looks after the account: when it is mended there, the rows are sent again as they are",
    "account": "whoever looks after the account at the destination",
}
"""Who acts on a kind of problem, and how."""

GROUPS_SHOWN, EXAMPLES_SHOWN, REASONS_SHOWN, LINES_SHOWN, COLUMNS_SHOWN = 200, 3, 5, 100, 500
ROWS_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Example:
    """One problem of one row as the page shows it; `length` is that of the whole value."""

    row: int
    line: int
    value: str
    length: int
    message: str


Group = tuple[str, str, str]
"""Code, severity and column of a problem."""


# ---- problems, from the parts


def problem_groups(folder: Path) -> list[ProblemGroup]:
    """The problems of a run by code and column, for `Summary.problems`; errors first, then the most frequent.

    `count` counts rows, so a row with two unknown tags counts once.
    """
    counts: dict[Group, int] = {}
    firsts: dict[Group, tuple[list[int], str]] = {}
    for path in parts(folder, "problems"):
        found = _in_order(pq.read_table(path, columns=["row", "code", "severity", "column", "fix"]))
        once = found.group_by(["code", "severity", "column", "row"], use_threads=False)
        by_row = once.aggregate([("at", "min")]).sort_by("row")
        grouped = by_row.group_by(["code", "severity", "column"], use_threads=False)
        of_group = grouped.aggregate([("row", "count"), ("row", "list"), ("at_min", "min")])
        fixes = found["fix"].take(of_group["at_min_min"]).to_pylist()
        ten = pc.list_slice(of_group["row_list"], 0, 10).to_pylist()
        for group, count, rows, fix in zip(
            _groups(of_group), of_group["row_count"].to_pylist(), ten, fixes, strict=True
        ):
            counts[group] = counts.get(group, 0) + count
            before, first_fix = firsts.get(group, ([], fix))
            firsts[group] = ([*before, *rows][:10], first_fix)
    names = ("code", "severity", "column")
    groups = [
        ProblemGroup.model_validate(
            {**dict(zip(names, group, strict=True)), "count": count, "rows": rows, "fix": fix}
        )
        for group, count in counts.items()
        for rows, fix in [firsts[group]]
    ]
    return _sorted(groups)


def examples(folder: Path) -> dict[Group, list[Example]]:
    """Up to three problems of each group, with different values where there are."""
    different: dict[Group, list[Example]] = {}
    first: dict[Group, list[Example]] = {}
    for path in parts(folder, "problems"):
        names = ["row", "line", "code", "severity", "column", "value", "message"]
        found = _in_order(pq.read_table(path, columns=names))
        by_value = found.group_by(["code", "severity", "column", "value"], use_threads=False)
        values = by_value.aggregate([("at", "min")]).rename_columns({"at_min": "at"})
        for known, among in ((different, values), (first, found)):
            grouped = among.group_by(["code", "severity", "column"], use_threads=False)
            of_group = grouped.aggregate([("at", "list")])
            places = pc.list_slice(of_group["at_list"], 0, EXAMPLES_SHOWN)
            shown = iter(_examples(found.take(pc.list_flatten(places))))
            for group, length in zip(
                _groups(of_group), pc.list_value_length(places).to_pylist(), strict=True
            ):
                known.setdefault(group, []).extend(next(shown) for _ in range(length))
    return {group: _choice(different[group], first[group]) for group in first}


def _in_order(found: pa.Table) -> pa.Table:
    """The problems by row, with their place `at`."""
    found = found.take(pc.sort_indices(found["row"]))
    return found.append_column("at", pa.array(np.arange(len(found))))


def _groups(table: pa.Table) -> Iterable[Group]:
    return zip(*(table[name].to_pylist() for name in ("code", "severity", "column")), strict=True)


def _examples(found: pa.Table) -> Iterable[Example]:
    found = found.append_column("length", pc.utf8_length(found["value"]))
    for name, limit in (("value", VALUE_SHOWN), ("message", TEXT_SHOWN)):
        cut = pc.utf8_slice_codeunits(found[name], 0, limit)
        found = found.set_column(found.column_names.index(name), name, cut)
    columns = (found[name].to_pylist() for name in ("row", "line", "value", "length", "message"))
    return (Example(*one) for one in zip(*columns, strict=True))


def _choice(different: Sequence[Example], first: Sequence[Example]) -> list[Example]:
    chosen = list({(one.value, one.length): one for one in reversed(different)}.values())[::-1][
        :EXAMPLES_SHOWN
    ]
    more = [one for one in first if one not in chosen]
    return sorted([*chosen, *more][:EXAMPLES_SHOWN], key=lambda one: one.row)


def _sorted(groups: Iterable[ProblemGroup]) -> list[ProblemGroup]:
    return sorted(
        groups, key=lambda group: (group.severity != "error", -group.count, group.code, group.column)
    )


# ---- the page


class Masking(Protocol):
    """What makes the copy of a page that is fit for strangers: see flows.report.masking."""

    def column(self, name: str) -> str:
        """A column's name, replaced where it may be somebody's."""
        ...

    def example(self, code: str, column: str, example: Example) -> Example:
        """With what stands in a cell replaced."""
        ...

    def row(self, row: TroubledRow) -> TroubledRow:
        """With what stands in its cells, and who it is, replaced."""
        ...


def render(folder: Path, summary: Summary, details: Details, masking: Masking | None = None) -> str:
    """The page of a run; examples and rows are read from the run's `folder`, everything else is given.

    With a `masking` these two go through it; whoever asks for that gives a summary and details that are masked.
    """
    groups = [group for group in _sorted(summary.problems) if group.state != "solved"]
    drawn = groups[:GROUPS_SHOWN]
    found = examples(folder) if drawn else {}
    need = summary.needing + summary.unclear  # all that stand in failures.csv
    rows = troubled_rows(folder, ROWS_SHOWN) if need and not details.plan_only else []
    if masking is not None:
        found = {
            (code, severity, masking.column(column)): [masking.example(code, column, one) for one in some]
            for (code, severity, column), some in found.items()
        }
        rows = [masking.row(row) for row in rows]
    places = {
        (group.code, group.column): at for at, group in enumerate(drawn, 1) if group.severity == "error"
    }
    return drawn_by("page.html.j2").render(
        summary=summary,
        details=details,
        masked=masking is not None,
        verdict=verdict(summary),
        tone=_tone(summary, details),
        since=since_then(summary),
        **balance_parts(summary.outcomes),
        reasons=_reasons(details.reasons),
        problems=[
            (group, found.get((group.code, group.severity, group.column), []), WHO[_who(group)])
            for group in drawn
        ],
        more_groups=len(groups) - len(drawn),
        acts=_acts(drawn),
        solved=[group for group in summary.problems if group.state == "solved"],
        need=need,
        troubled=rows,
        new_rows=None if details.new_rows is None else frozenset(details.new_rows),
        places=places,
        guards=[
            (
                guard,
                GUARDS.get(guard.name, guard.name),
                guard_limit(guard),
                _guard(guard, rehearsal=summary.rehearsal is not None),
            )
            for guard in summary.guards
        ],
        overrides=[
            (one, f"by {one.who}: {one.why}" if one.who else ALLOWED_BY[one.by])
            for one in summary.override_details
        ],
        edited=summary.mapping_edited,
        pace=pace_line(details.pace_series, summary.pace.allowed_per_second) if details.pace_series else None,
        columns=details.columns[:COLUMNS_SHOWN],
        oddities=details.oddities[:LINES_SHOWN],
        unseen=_by_column(details.unseen),
        took=_took(summary),
        rehearsed=rehearsed(summary),
        repaired=[*repaired(summary), *vanished_said(summary.vanished_details)],
        interrupted=interrupted(summary),
        listing=listed_there(details.listing) if details.listing is not None else "",
        there_twice=twice_there(len(details.twice)),
        as_planned=planned_and_done(details.comparison) if details.comparison is not None else "",
    )


def _tone(summary: Summary, details: Details) -> tuple[str, str]:
    """The colour of the verdict, and the word that says the same."""
    if not summary.balanced or summary.exit_code == 4:
        return "bad", "Does not balance"
    if summary.status in ("guarded", "stopped", "not_started"):
        return "bad", "Stopped"
    if summary.status == "interrupted":
        return "look", "Interrupted"
    kind = "Plan" if details.plan_only else "Rehearsal" if summary.rehearsal is not None else ""
    if summary.rehearsal is not None and summary.exit_code == 3:
        return "bad", "Rehearsal: a sync would be stopped"
    if summary.needing:
        return "look", f"{kind}: needs a person" if kind else "Needs a person"
    return "fine", kind or "Done"


def _who(group: ProblemGroup) -> str:
    return CODES[group.code].who if group.code in CODES else "data"


def _acts(groups: Sequence[ProblemGroup]) -> dict[str, list[tuple[int, ProblemGroup]]]:
    """The kinds of errors by who acts on them, each with its place on the page."""
    found: dict[str, list[tuple[int, ProblemGroup]]] = {}
    for at, group in enumerate(groups, 1):
        if group.severity == "error" and group.state != "accepted":
            found.setdefault(_who(group), []).append((at, group))
    return {who: found[who] for who in WHO if who in found}


def _guard(guard: Guard, *, rehearsal: bool) -> tuple[str, str]:
    if not guard.tripped:
        return "fine", "✓ not tripped"
    if guard.allowed:
        return "look", "! tripped, and allowed"
    return "bad", f"✗ {'stops a sync' if rehearsal else 'stopped the run'}. {allowed_too_few(guard)}".rstrip(
        ". "
    )


def _reasons(reasons: Sequence[Reason]) -> dict[str, tuple[list[Reason], int]]:
    """For each outcome its most frequent reasons, and how many rows have another."""
    by_outcome: dict[str, list[Reason]] = {}
    for reason in sorted(reasons, key=lambda reason: -reason.count):
        by_outcome.setdefault(reason.outcome, []).append(reason)
    return {
        outcome: (known[:REASONS_SHOWN], sum(reason.count for reason in known[REASONS_SHOWN:]))
        for outcome, known in by_outcome.items()
    }


def _by_column(unseen: Sequence[UnseenValue]) -> dict[str, list[UnseenValue]]:
    found: dict[str, list[UnseenValue]] = defaultdict(list)
    for one in unseen:
        found[one.column].append(one)
    return found


def _took(summary: Summary) -> str:
    if summary.finished_at is None:
        return ""
    seconds = max(0, round((summary.finished_at - summary.started_at).total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    said = [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (hours + minutes > 0) + [f"{seconds} s"]
    return " ".join(said)

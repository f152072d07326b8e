"""A run in a few lines of Markdown, for a chat or a pull request. It is given a masked summary, and says nothing of a person."""

from __future__ import annotations

import re

from flows.report.problem_group import ProblemGroup
from flows.report.summary import Summary
from flows.report.text import shown
from flows.report.verdict import verdict
from flows.report.wording import guard_limit, interrupted, pace, since_then

__all__ = ["as_markdown"]

_KINDS = 20
_SPECIAL = re.compile(r"([\\`*_\[\]<>#!|~@]|:(?=//)|(?<=www)\.)")


def as_markdown(summary: Summary) -> str:
    """Verdict, balance, problems with their fixes, guards that tripped, and how fast it went."""
    errors = [group for group in summary.problems if group.severity == "error" and group.state != "solved"]
    parts = [
        f"**{_ticked(verdict(summary))}**",
        _plain(since_then(summary)),
        _about(summary),
        _balance(summary),
        _problems(errors),
        _warnings(summary),
        *(_plain(said) for said in interrupted(summary)),
        *(
            f"Guard `{guard.name}`: {guard.count:,} counted, trips {_plain(guard_limit(guard))}."
            for guard in summary.guards
            if guard.tripped
        ),
        _requests(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(summary: Summary) -> str:
    there = summary.destination
    ended = summary.finished_at or summary.started_at
    return (
        f"Mapping `{summary.mapping.name}` to {_plain(there.kind)}, {_plain(there.account)}; run `{summary.run_id}`, "
        f"{ended:%Y-%m-%d %H:%M} UTC, exit code {summary.exit_code}"
    )


def _balance(summary: Summary) -> str:
    lines = ["| outcome | rows |", "|---|---:|"]
    lines += [f"| {name} | {count:,} |" for name, count in summary.outcomes.model_dump().items() if count]
    return "\n".join([*lines, f"| **rows read** | **{summary.source.rows_read:,}** |"])


def _problems(groups: list[ProblemGroup]) -> str:
    if not groups:
        return ""
    lines = ["| problem | column | rows | what to do |", "|---|---|---:|---|"]
    lines += [_problem(group) for group in groups[:_KINDS]]
    more = len(groups) - _KINDS
    return "\n".join(lines) + (f"\n\n… and {more:,} more kinds of problems." if more > 0 else "")


def _problem(group: ProblemGroup) -> str:
    news = "" if not group.new else f" ({group.new:,} new)"
    return f"| `{group.code}` | {_plain(group.column)} | {group.count:,}{news} | {_plain(group.fix)} |"


def _warnings(summary: Summary) -> str:
    said = ", ".join(f"{count:,} × `{code}`" for code, count in summary.warnings.items())
    return f"Warnings: {said}." if said else ""


def _requests(summary: Summary) -> str:
    requests, reached = summary.requests, summary.pace.achieved_per_second
    said = f"{requests.sent:,} requests, {requests.retried:,} sent again, {requests.throttled:,} asked to slow down"
    return said + (f"; {pace(round(reached, 1))}." if reached else ".")


def _plain(text: str) -> str:
    r"""A text that Markdown takes as it is: nothing in it is a link, a mention or a line's end.

    >>> _plain("a|b @ops <b>")
    'a\\|b \\@ops \\<b\\>'
    """
    return _SPECIAL.sub(r"\\\1", shown(text))


def _ticked(text: str) -> str:
    """What stands between backticks stays code."""
    pieces = text.split("`")
    return "".join(f"`{piece}`" if at % 2 else _plain(piece) for at, piece in enumerate(pieces))

"""What is told of a mapping: how it stands, counts, the most frequent problem; never anything of a person.

It is drawn from what muster and the mapping say: states, codes, columns that the mapping names, numbers. A file's name, a value or
an error's own words may be somebody's, and are not in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["PHRASES", "Alert", "Top", "as_json", "as_text", "title"]

SCHEMA_VERSION = "1"
PHRASES = {
    "completed": "went well",
    "recovered": "is well again",
    "needs_review": "needs a person",
    "stopped": "was stopped",
    "failed": "could not do its work",
    "interrupted": "was interrupted",
    "no_file": "got no file",
    "fix_refused": "got a fix that cannot be used",
    "test": "reaches you",
}
"""How a mapping stands, after its name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Top:
    """The problem that most rows have. `column` is '' where the mapping does not name it."""

    code: str
    column: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Alert:
    """How a mapping stands. `account` is KIND-NAME, '' where the mapping could not be read; times are ISO 8601, UTC.

    `before` is what the receiver was told last, '' for nothing, and `since` when that or this began. `cause` are codes: the guards that
    tripped, or why it was stopped or could not start. `outcomes` are all twelve, none where no row was read. `report` is where people open the report,
    `not_copied` the files that are missing there.
    """

    state: str
    mapping: str
    sentence: str
    at: str
    account: str = ""
    cause: tuple[str, ...] = ()
    before: str = ""
    since: str = ""
    run_id: str = ""
    exit_code: int | None = None
    rows_read: int | None = None
    need_a_person: int | None = None
    outcomes: Mapping[str, int] | None = None
    top: Top | None = None
    report: str = ""
    not_copied: tuple[str, ...] = ()


def title(alert: Alert) -> str:
    """A subject.

    >>> title(Alert("needs_review", "signups", "37 of 40 rows are where they should be; 3 need a person.", at=""))
    'muster: signups needs a person'
    """
    return f"muster: {alert.mapping} {PHRASES[alert.state]}"


def as_text(alert: Alert) -> str:
    """For people, without the title.

    >>> print(as_text(Alert("needs_review", "signups", "1 row needs a person.", at="", before="completed", run_id="r1", rows_read=40,
    ...     outcomes={"created": 39, "invalid": 1, "failed": 0}, top=Top("email_syntax", "Email", 1), report="/runs/r1/report.html")))
    1 row needs a person.
    Most rows: email_syntax in Email, 1
    40 rows: created 39, invalid 1
    run r1, report /runs/r1/report.html
    """
    lines = [alert.sentence]
    if alert.top is not None:
        where = f" in {alert.top.column}" if alert.top.column else ""
        lines.append(f"Most rows: {alert.top.code}{where}, {alert.top.count:,}")
    if alert.outcomes is not None and alert.rows_read:
        counts = ", ".join(f"{name} {count:,}" for name, count in alert.outcomes.items() if count)
        lines.append(f"{alert.rows_read:,} row{'s' if alert.rows_read > 1 else ''}: {counts}")
    if alert.state == "recovered" and alert.before:
        lines.append(f"Before: {alert.before.replace('_', ' ')}, since {_minute(alert.since)}")
    place = [f"run {alert.run_id}" if alert.run_id else "", f"report {alert.report}" if alert.report else ""]
    lines.append(", ".join(filter(None, place)))
    if alert.not_copied:
        lines.append(
            f"Not copied to where reports: says: {', '.join(alert.not_copied)}. The next run tries again; its output says why."
        )
    return "\n".join(filter(None, lines))


def as_json(alert: Alert) -> dict[str, Any]:
    """For a web address: every key is always there, null where nothing is known. `text` is for chats that show it."""
    kind, _, account = alert.account.partition("-")
    return {
        "schema_version": SCHEMA_VERSION,
        "text": f"{title(alert)}\n{as_text(alert)}",
        "mapping": alert.mapping,
        "destination": {"kind": kind, "account": account} if kind else None,
        "state": alert.state,
        "before": alert.before or None,
        "since": alert.since or None,
        "at": alert.at,
        "cause": list(alert.cause),
        "sentence": alert.sentence,
        "run_id": alert.run_id or None,
        "exit_code": alert.exit_code,
        "rows_read": alert.rows_read,
        "need_a_person": alert.need_a_person,
        "outcomes": None if alert.outcomes is None else dict(alert.outcomes),
        "top_problem": None
        if alert.top is None
        else {"code": alert.top.code, "column": alert.top.column or None, "count": alert.top.count},
        "report": alert.report or None,
        "not_copied": list(alert.not_copied),
    }


def _minute(at: str) -> str:
    """To the minute.

    >>> _minute("2026-11-26T19:06:11.123456Z")
    '2026-11-26 19:06 UTC'
    """
    return f"{at[:10]} {at[11:16]} UTC"

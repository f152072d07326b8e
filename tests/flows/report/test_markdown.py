"""A run in a few lines of Markdown."""

from __future__ import annotations

from flows.report.markdown import as_markdown
from tests.flows.report.conftest import a_summary

EXPECTED = """\
**3 of 5 rows are where they should be; 2 need a person.**

Compared with the run r0 before, of the rows with errors: 1 newly needs a person, 1 needed one before, too.

Mapping `hubspot-newsletter` to campaignlark, main; run `20251012-031205-kite`, 2025-10-12 03:12 UTC, exit code 1

| outcome | rows |
|---|---:|
| created | 3 |
| invalid | 2 |
| **rows read** | **5** |

| problem | column | rows | what to do |
|---|---|---:|---|
| `email_syntax` | E\\|Mail \\@here | 2 (1 new) | Correct it. |

Warnings: 1 × `email_typo_domain`.

9 requests, 1 sent again, 2 asked to slow down; 4.5 a second.
"""


def test_a_run_is_said_in_a_few_lines() -> None:
    group = {
        "code": "email_syntax",
        "severity": "error",
        "column": "E|Mail @here",
        "count": 2,
        "new": 1,
        "rows": [2, 3],
        "fix": "Correct it.",
    }
    solved = {**group, "state": "solved", "column": "Other"}
    summary = a_summary(
        source={"path": "qx.csv", "sha256": "", "rows_read": 5},
        outcomes={"created": 3, "invalid": 2},
        problems=[group, solved],
        previous={"run_id": "r0", "compared": True, "new": 1, "known": 1},
        warnings={"email_typo_domain": 1},
        requests={"sent": 9, "retried": 1, "throttled": 2},
        pace={"achieved_per_second": 4.49},
        exit_code=1,
    )  # fmt: skip
    assert as_markdown(summary) == EXPECTED


def test_a_run_that_a_guard_stopped_names_it() -> None:
    guard = {
        "name": "changes",
        "count": 540,
        "share": 0.54,
        "limit_share": 0.5,
        "floor": 200,
        "tripped": True,
        "allowed": False,
    }
    said = as_markdown(a_summary(status="guarded", guards=[guard], outcomes={"unsent": 1000}, exit_code=3))
    assert "Stopped by the guard `changes`" in said
    assert "Guard `changes`: 540 counted, trips above 50%, from 200 on." in said
    assert "| problem |" not in said


def test_nothing_in_a_column_s_name_is_markdown() -> None:
    group = {
        "code": "x",
        "severity": "error",
        "column": "[a](http://evil.example) <b> `c` @ops\n# d",
        "count": 1,
        "rows": [1],
        "fix": "![x](y)",
    }
    said = as_markdown(a_summary(problems=[group], outcomes={"invalid": 1}))
    [line] = [line for line in said.splitlines() if "evil" in line]
    assert "\\[a\\](http\\://evil" in line
    assert "\\<b\\>" in line
    assert "\\@ops⟨line break⟩\\# d" in line
    assert "\\!\\[x\\](y)" in line

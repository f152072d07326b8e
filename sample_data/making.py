"""Makes the sample files, and counts what a first sync of each has to report.

    python -m sample_data.making

writes the CSV files, `expected.json` and `README.md` beside this module, each time the same bytes. The totals
are counted here from what was planted; neither the mappings nor the connectors are asked, so that they can be held
against these numbers.

A sample file is a module here with a `SAMPLE`: see sample_data/sample.py. None needs more than the standard library.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sample_data import app_users, crm_exports, employees, hostile, hubspot, signups, unsubscribed
from sample_data.stories import Row

__all__ = ["OUTCOMES", "SAMPLES", "made", "main"]

HERE = Path(__file__).parent
OUTCOMES = (
    "created",
    "updated",
    "upserted",
    "unchanged",
    "filtered",
    "duplicate",
    "protected",
    "invalid",
    "refused",
    "failed",
    "unknown",
    "unsent",
)
SAMPLES = (
    hubspot.SAMPLE,
    signups.SAMPLE,
    hostile.SAMPLE,
    employees.SAMPLE,
    app_users.SAMPLE,
    unsubscribed.SAMPLE,
)


def made() -> dict[str, bytes]:
    """Every file's name and bytes."""
    files: dict[str, bytes] = {}
    expected: dict[str, dict[str, Any]] = {}
    rows: dict[str, list[Row]] = {}
    for sample in SAMPLES:
        rows[sample.name] = sample.rows()
        files[sample.name] = sample.bytes(rows[sample.name])
        expected[sample.name] = settled(rows[sample.name], creates=sample.creates)
    files["expected.json"] = expected_text(expected).encode()
    files["README.md"] = readme(expected, rows).encode()
    files |= crm_exports.made()
    return files


def settled(rows: Sequence[Row], *, creates: bool = True) -> dict[str, Any]:
    """What a first sync has to report of these rows, into an account where nobody is but those of `there`.

    `creates` is false where the mapping only updates: then whoever would be created is filtered.
    Filtered comes before invalid, invalid before duplicate, and the last of several good rows wins. Problems are
    those of invalid rows, warnings those of the rows that arrive. Whoever opted out in any of their rows has.
    """
    winners = {
        row.key: row.number for row in rows if row.key and not row.twist.filtered and not row.twist.codes
    }
    left_out = [row.number for row in rows if row.twist.filtered]
    bad = [row for row in rows if row.twist.codes and not row.twist.filtered]
    good = [row for row in rows if not row.twist.codes and not row.twist.filtered]
    created = winners if creates else {}
    left_out = sorted([*left_out, *(number for key, number in winners.items() if key not in created)])
    opted = {row.key for row in rows if row.twist.opted_out and row.key}
    landed = Counter(row.twist.outcome for row in good if created.get(row.key) == row.number)
    there = [row.twist.there(row.cells) for row in rows if row.twist.there is not None]
    outcomes = (
        dict.fromkeys(OUTCOMES, 0)
        | landed
        | {
            "filtered": len(left_out),
            "duplicate": len(good) - len(winners),
            "invalid": len(bad),
        }
    )
    if sum(outcomes.values()) != len(rows):
        raise AssertionError("the planted outcomes do not add up")
    warnings = Counter(code for row in good if winners[row.key] == row.number for code in row.twist.warnings)
    return {
        "rows_read": len(rows),
        "outcomes": outcomes,
        "warnings": dict(sorted(warnings.items())),
        "problems": dict(sorted(Counter(code for row in bad for code in row.twist.codes).items())),
        "opted_out": len(opted & created.keys()),
        "opted_out_not_sent": len(opted - created.keys()),
        **({"there": there} if there else {}),
        "rows": {
            "filtered": left_out,
            "duplicate": {
                str(row.number): winners[row.key] for row in good if winners[row.key] != row.number
            },
            "invalid": {str(row.number): sorted(row.twist.codes) for row in bad},
            "warnings": {str(row.number): sorted(row.twist.warnings) for row in good if row.twist.warnings},
            "opted_out": sorted(winners[key] for key in opted & created.keys()),
            **{
                name: [
                    row.number for row in good if winners[row.key] == row.number and row.twist.outcome == name
                ]
                for name in ("updated", "protected")
                if landed[name]
            },
        },
    }


def expected_text(expected: dict[str, dict[str, Any]]) -> str:
    """JSON with one line for each number or list, so that a change can be read."""

    def told_of(totals: dict[str, Any]) -> str:
        lines = [
            f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in totals.items() if name != "rows"
        ]
        rows = [f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in totals["rows"].items()]
        return "{\n" + ",\n".join([*lines, '    "rows": {\n' + ",\n".join(rows) + "\n    }"]) + "\n  }"

    return (
        "{\n"
        + ",\n".join(f"  {json.dumps(name)}: {told_of(totals)}" for name, totals in expected.items())
        + "\n}\n"
    )


def readme(expected: dict[str, dict[str, Any]], rows: dict[str, list[Row]]) -> str:
    """README.md: the totals of each file, then its traps with their rows."""
    shown = ("created", "updated", "filtered", "duplicate", "protected", "invalid")
    lines = [
        "# Sample data",
        "",
        "Five files to try muster with. All people in them are made up: the addresses are at example.com, .org and .net",
        "(four misspelled mail providers apart), the telephone numbers from ranges kept free for fiction.",
        "",
        "This page, the files and `expected.json` are written by `python -m sample_data.making`. Change that, not these.",
        "",
        "## Expected totals",
        "",
        "Of a first sync into an empty account; of `app_users.csv`, into one where the contacts of `there` are. All other",
        "outcomes are 0.",
        "",
        "| file | mapping | rows read | " + " | ".join(shown) + " | warnings | opted out |",
        "|---|---|---|" + "---|" * (len(shown) + 2),
    ]
    for sample in SAMPLES:
        totals = expected[sample.name]
        counts = [totals["outcomes"][name] for name in shown]
        numbers = [totals["rows_read"], *counts, sum(totals["warnings"].values()), totals["opted_out"]]
        lines.append(f"| `{sample.name}` | `{sample.mapping}` | " + " | ".join(map(str, numbers)) + " |")
    lines += [
        "",
        "How they are counted, also in `expected.json`:",
        "",
        "- Filtered comes before invalid, invalid before duplicate. Of several good rows with one address the last wins.",
        "- `problems` are the errors of invalid rows, `warnings` those of rows that are created, or would be if the mapping created anybody. A row may have several.",
        "- `there` are contacts that are there before the sync, as a sandbox is told of them.",
        "- `opted_out` counts contacts that are created as opted out, because any row with their address says so;",
        "  `opted_out_not_sent` counts addresses that opted out and have no row that could be sent.",
        "- `rows` has the numbers of the rows: from 1, without the header and what stands before it. Under `duplicate`",
        "  each has the row that won.",
        "- The totals are counted from what was planted, without asking muster.",
        "",
    ]
    for sample in SAMPLES:
        totals = expected[sample.name]
        lines += [f"## {sample.name}", "", sample.about, "", "| trap | expected | rows |", "|---|---|---|"]
        for trap in sample.traps():
            numbers = [row.number for row in rows[sample.name] if row.trap == trap.title]
            first = ", ".join(map(str, numbers[:16])) + (
                f" … ({len(numbers)} in all)" if len(numbers) > 16 else ""
            )
            lines.append(f"| {trap.title} | {trap.expect} | {first} |")
        for word in ("problems", "warnings"):
            lines += ["", f"| {word} | count |", "|---|---|"]
            lines += [f"| `{code}` | {count} |" for code, count in totals[word].items()]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Writes the files beside this module."""
    for name, content in made().items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()

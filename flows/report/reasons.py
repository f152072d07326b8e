"""Why rows have the outcome they have: what became of a run, counted from the parts in its folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.report.details import Reason

__all__ = ["OTHER_ROW", "codes", "reasons"]

OTHER_ROW = "another row has"
"""What stands in a reason where a single row's names the other one."""
_MOST = 40


def reasons(folder: Path) -> list[Reason]:
    """The commonest first; names of other rows are left out of it."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted((folder / "outcomes").glob("part-*.parquet")):
        table = pq.read_table(path, columns=["outcome", "code", "reason"])
        plain = pc.replace_substring_regex(table["reason"].combine_chunks(), r"row \d+ has", OTHER_ROW)
        grouped = (
            table.set_column(2, "reason", plain)
            .group_by(["outcome", "reason"])
            .aggregate([("code", "count")])
        )
        for entry in grouped.to_pylist():
            if entry["reason"]:
                counts[entry["outcome"], entry["reason"]] += entry["code_count"]
    return [
        Reason(outcome=outcome, reason=reason, count=count)
        for (outcome, reason), count in counts.most_common(_MOST)
    ]


def codes(folder: Path) -> list[tuple[str, str, int]]:
    """Outcome, code and how many rows have them, the commonest first: the reasons without anybody's words."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted((folder / "outcomes").glob("part-*.parquet")):
        table = pq.read_table(path, columns=["outcome", "code"])
        grouped = table.group_by(["outcome", "code"]).aggregate([([], "count_all")])
        for entry in grouped.to_pylist():
            if entry["code"]:
                counts[entry["outcome"], entry["code"]] += entry["count_all"]
    return [(outcome, code, count) for (outcome, code), count in counts.most_common(_MOST)]

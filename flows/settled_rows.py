"""Rows of a run that its retries have settled."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.parquet as pq

from flows.depot import folder_of
from flows.ledger.runs import Run
from flows.report.failures import parts
from flows.report.outcomes import NEED_A_PERSON

__all__ = ["settled_rows"]

_OPEN = {*NEED_A_PERSON, "unsent"}


def settled_rows(retries: Sequence[Run]) -> set[int]:
    """The numbers of the rows that some of the retries brought to where they should be."""
    settled: set[int] = set()
    for retry in retries:
        for path in parts(folder_of(retry), "outcomes"):
            table = pq.read_table(path, columns=["row", "outcome"])
            rows = zip(table["row"].to_pylist(), table["outcome"].to_pylist(), strict=True)
            settled.update(row for row, outcome in rows if outcome not in _OPEN)
    return settled

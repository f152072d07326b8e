"""The mapping's own check of rows while they are edited: the current mapping, against the destination's fields as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from flows.options import Options
from flows.report.details import UnseenValue
from flows.report.unseen import unseen_values
from flows.retry import Retry
from flows.review.rows import ReviewRow
from flows.sync_run import SyncRun
from mappings.engine.applying import Application
from mappings.engine.frame import Frame
from mappings.engine.problems.problem import Problem

__all__ = ["Check"]


class Check:
    """Rows through an `Application`. Nothing is written, here or there."""

    def __init__(self, application: Application) -> None:
        self._application = application

    @classmethod
    async def opened(cls, retry: Retry) -> Check:
        """With the mapping as a retry would read it now. Raises CannotStart, as the retry would."""
        options = Options(verb="plan")
        async with SyncRun(str(retry.mapping), None, options, retry=retry) as run:
            await run.open()
            return cls(run.opened.application)

    def problems(self, rows: Sequence[ReviewRow]) -> dict[int, list[Problem]]:
        """By row what is wrong with it, errors and warnings, in the order of the mapping's fields. Rows that could not be laid out are left out."""
        mine = sorted((one for one in rows if not one.misread), key=lambda one: one.row)
        found: dict[int, list[Problem]] = {one.row: [] for one in mine}
        if not mine:
            return found
        header = self._application.header
        columns = [pa.array([one.cells[at] for one in mine], pa.string()) for at in range(len(header))]
        frame = Frame(
            cells=pa.Table.from_arrays(columns, list(header)),
            rows=np.array([one.row for one in mine], np.int64),
            lines=np.array([one.line for one in mine], np.int64),
        )
        for problem in self._application.apply(frame).problems:
            found[problem.row].append(problem)
        return found

    def unseen(self, folder: Path) -> list[UnseenValue]:
        """Values that several of the run's rows share and that the mapping's tables lack, each with the line to add."""
        found = unseen_values(folder, self._application.mapping, self._application.schema)
        return [one for one in found if one.count > 1]

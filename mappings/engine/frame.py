"""A frame: some thousand rows of a source, as columns of text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Frame", "Misread"]


@dataclass(frozen=True, slots=True)
class Misread:
    """A row that could not be laid out under the header without guessing.

    `at` is the row's position in its frame (from 0). `cells` are the cells as they were read, however
    many there are; the frame's own columns hold blanks for that row, so that nothing is shifted.
    `code` is a problem code (see `mappings.engine.problems`), `detail` fills its message.
    """

    at: int
    code: str
    detail: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows as columns.

    `cells`: one `string` column without nulls for each source column, named by the header.
    `rows`: int64, the number of each data row, from 1.
    `lines`: int64, the physical line on which each row starts, from 1.
    `misread`: the rows that could not be laid out, in order of `at`.
    """

    cells: pa.Table
    rows: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    misread: tuple[Misread, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: npt.NDArray[np.int64]) -> Frame:
        """The rows at `positions` (ascending), as a frame of their own."""
        where = {int(position): index for index, position in enumerate(positions)}
        return Frame(
            cells=self.cells.take(pa.array(positions)),
            rows=self.rows[positions],
            lines=self.lines[positions],
            misread=tuple(
                Misread(where[bad.at], bad.code, bad.detail, bad.cells)
                for bad in self.misread
                if bad.at in where
            ),
        )

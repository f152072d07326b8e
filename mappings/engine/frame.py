"""A frame: some thousand rows of a source, as columns of text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Frame", "Misread", "Original"]


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
class Original:
    """A cell that is not as the source has it, because somebody corrected it.

    `at` is the row's position in its frame and `column` the column's in the header, both from 0; `text` is what the source
    has. `kept` says that the correction was one kept from an earlier retry, and not made for this run.
    """

    at: int
    column: int
    text: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows as columns.

    `cells`: one `string` column without nulls for each source column, named by the header.
    `rows`: int64, the number of each data row, from 1.
    `lines`: int64, the physical line on which each row starts, from 1.
    `misread`: the rows that could not be laid out, in order of `at`.
    `originals`: what the source has in cells that were corrected, in order of `at`.
    """

    cells: pa.Table
    rows: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    misread: tuple[Misread, ...] = ()
    originals: tuple[Original, ...] = ()

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
            originals=tuple(replace(one, at=where[one.at]) for one in self.originals if one.at in where),
        )

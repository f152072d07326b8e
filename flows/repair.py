"""A repair: rows of a run that a person sends back, laid beside the rows as the run read them.

It is the source of a retry. Its frames hold the original rows' numbers and lines, in their order and with gaps.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from flows.report.failures import defuse, defused, header, parts, restored, shown_cells
from flows.report.returned import Returned
from flows.report.summary import NEED_A_PERSON
from mappings.engine.complaints import visible
from mappings.engine.frame import Frame, Misread

__all__ = ["Repair"]

_FRAME_ROWS = 1 << 16
_AGAIN = "Take failures.csv from that run's folder again, and change only the source's columns."

Numbers = npt.NDArray[np.int64]


class Repair:
    """The rows that came back; see connectors.base.Source. `changed` counts by column the cells that a person changed."""

    def __init__(self, returned: Returned, run_id: str, folder: Path) -> None:
        """Lays the rows beside those in the run's `folder`. Raises SourceError where they are not rows of that run."""
        self.path = returned.path
        self.run_id = run_id
        self.header = header(folder)
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = returned.sha256
        self.size = returned.path.stat().st_size
        self.rows = len(returned)
        self.changed: Counter[str] = Counter()
        self.reading: Mapping[str, Any] = {"retry of": run_id, "delimiter": returned.delimiter}
        if not self.header:
            raise SourceError(
                f"{self.path} is of the run {run_id}, whose rows are not kept any more in {folder}.",
                "Correct them in the source, and start the sync again.",
            )
        self._compare_headers(returned.header)
        self._pieces = list(self._laid_out(returned, folder))

    def frames(self) -> Iterator[Frame]:
        """The rows as they are to be mapped. A row that could not be laid out, and that nobody touched, still cannot be."""
        waiting: list[Frame] = []
        for piece in self._pieces:
            waiting.append(piece)
            if sum(map(len, waiting)) >= _FRAME_ROWS:
                yield _one(waiting)
                waiting = []
        if waiting:
            yield _one(waiting)

    def told(self) -> str:
        """What a person changed, in numbers."""
        if not self.changed:
            return "nothing was changed; the rows are sent as they were"
        said = ", ".join(
            f"{visible(name) or '(no name)'} {count:,}" for name, count in self.changed.most_common()
        )
        return f"{said} (cells, by column)"

    def _compare_headers(self, found: Sequence[str]) -> None:
        for at, name in enumerate(self.header):
            mine = found[at] if at < len(found) else None
            # a byte order mark that was text before is none any more once a program has saved it as the file's first character
            if mine not in (name, defuse(name), name.removeprefix("\ufeff") if at == 0 else name):
                is_now = "is missing" if mine is None else f"is '{visible(mine)}'"
                raise SourceError(
                    f"{self.path}, line 1: column {at + 1} {is_now}; in the run {self.run_id} it is '{visible(name)}'.",
                    _AGAIN,
                )
        if len(found) > len(self.header):
            raise SourceError(
                f"{self.path}, line 1: the run {self.run_id} has no column '{visible(found[len(self.header)])}'.",
                _AGAIN,
            )

    def _laid_out(self, returned: Returned, folder: Path) -> Iterator[Frame]:
        """The rows, a piece for each of the run's parts that has some of them."""
        rows = returned.rows
        done = 0
        for path in parts(folder, "outcomes"):
            known = pq.read_table(path, columns=["row", "line", "outcome"])
            numbers = np.asarray(known["row"])
            if not len(numbers):
                continue
            end = int(np.searchsorted(rows, numbers[-1], side="right"))
            if end == done:
                continue
            mine = slice(done, end)
            at = np.searchsorted(numbers, rows[mine])
            refuse = functools.partial(self._refuse, returned, mine)
            refuse(numbers[at] == rows[mine], "the run {run} has no row {row}")
            same_line = np.asarray(known["line"])[at] == returned.row_lines[mine]
            refuse(same_line, "_line does not belong to row {row} of the run {run}")
            outcomes = known["outcome"].combine_chunks().take(pa.array(at))
            needed = pc.is_in(outcomes, value_set=pa.array(NEED_A_PERSON, outcomes.type))
            refuse(np.asarray(needed), "row {row} of the run {run} did not need a person")
            yield self._piece(returned, pq.read_table(folder / "spool" / path.name), at, mine)
            done = end
        none = np.zeros(len(rows) - done, bool)
        self._refuse(returned, slice(done, len(rows)), none, "the run {run} has no row {row}")

    def _refuse(self, returned: Returned, mine: slice, right: npt.NDArray[np.bool_], what: str) -> None:
        wrong = np.flatnonzero(~right)
        if len(wrong):
            at = mine.start + int(wrong[0])
            said = what.format(row=returned.rows[at], run=self.run_id)
            raise SourceError(f"{self.path}, line {returned.lines[at]}: {said}.", _AGAIN)

    def _piece(self, returned: Returned, spool: pa.Table, at: Numbers, mine: slice) -> Frame:
        kept = spool.take(pa.array(at))
        shown = shown_cells(kept, len(self.header))
        columns, touched = [], np.zeros(len(kept), bool)
        for index, before in enumerate(shown):
            cells, changed = _settled(returned.cells[index].slice(mine.start, len(kept)), before)
            columns.append(cells)
            touched |= changed
            if changed.any():
                self.changed[self.header[index]] += int(changed.sum())
        misread = [bad for bad in _misread(kept) if not touched[bad.at]]
        blank = np.zeros(len(kept), bool)
        blank[[bad.at for bad in misread]] = True
        if misread:  # as it was read: nothing stands under a column where it may not belong
            columns = [pc.if_else(pa.array(blank), "", column) for column in columns]
        return Frame(
            cells=pa.Table.from_arrays([column.cast(pa.string()) for column in columns], list(self.header)),
            rows=returned.rows[mine],
            lines=returned.row_lines[mine],
            misread=tuple(misread),
        )


def _settled(returned: pa.Array, before: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """A column as it is meant, and which of its cells were changed.

    Where a cell is what muster wrote, or what the source had, it is as it was: spreadsheet programs may take away the
    apostrophe that defuses a cell. Only another text is a person's.
    """
    as_it_was = pc.or_(pc.equal(returned, defused(before)), pc.equal(returned, before))
    cells = pc.if_else(as_it_was, before, restored(returned))
    return cells, np.asarray(pc.not_equal(cells, before))


def _misread(spool: pa.Table) -> Iterator[Misread]:
    for at, code in enumerate(spool["misread"].to_pylist()):
        if code is not None:
            name, detail = json.loads(code)
            yield Misread(at, name, detail, tuple(spool["cells"][at].as_py()))


def _one(pieces: Sequence[Frame]) -> Frame:
    if len(pieces) == 1:
        return pieces[0]
    misread, before = [], 0
    for piece in pieces:
        misread += [Misread(before + bad.at, bad.code, bad.detail, bad.cells) for bad in piece.misread]
        before += len(piece)
    return Frame(
        cells=pa.concat_tables(piece.cells for piece in pieces).combine_chunks(),
        rows=np.concatenate([piece.rows for piece in pieces]),
        lines=np.concatenate([piece.lines for piece in pieces]),
        misread=tuple(misread),
    )

"""A repair: rows of a run that are sent again, laid beside the rows as the run read them.

It is the source of a retry. Its frames hold the original rows' numbers and lines, in their order and with gaps.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from flows.ledger import Edit
from flows.report.failures import defuse, defused, header, parts, restored, shown_cells
from flows.report.outcomes import NEED_A_PERSON
from flows.report.returned import Returned
from flows.report.wear import is_one_day, remade, styled
from flows.spool import originals_of
from mappings.engine.cleaning import clean, clean_text
from mappings.engine.complaints import visible
from mappings.engine.frame import Frame, Misread, Original

__all__ = ["Repair"]

_FRAME_ROWS = 1 << 16
_AGAIN = "Take failures.csv from that run's folder again, and change only the source's columns."
_NAMES_SHOWN = 8

Numbers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Repair:
    """The rows to be sent again; see connectors.base.Source.

    `changed` counts by column the cells that a person changed (`edits` are they), `worn` those that a spreadsheet program has and that are taken
    as they were, `origin` is where they were edited (`csv`, `workbook` or `page`); `ignored` and `missing` are columns of the file that the run does not have, and the other way round.
    """

    def __init__(self, path: Path, run_id: str, folder: Path) -> None:
        self.path = path
        self.run_id = run_id
        self.header = header(folder)
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self.size = 0
        self.rows = 0
        self.changed: Counter[str] = Counter()
        self.worn: Counter[str] = Counter()
        self.ignored: list[str] = []
        self.missing: list[str] = []
        self.left_out = 0
        self.loose = 0
        """Changed cells of rows that could not be laid out."""
        self.edits: list[Edit] = []
        self.origin = "csv"
        self.reading: Mapping[str, Any] = {"retry of": run_id}
        self._pieces: list[Frame] = []
        self._as_typed = False
        self._places: list[int | None] = []
        if not self.header:
            raise SourceError(
                f"The rows of the run {run_id} are not kept any more in {folder}.",
                "Correct them in the source, and start the sync again.",
            )

    @classmethod
    def of_file(cls, returned: Returned, run_id: str, folder: Path, *, as_typed: bool = False) -> Self:
        """Rows as they came back in a file; with `as_typed` also what a spreadsheet program has made of their cells.

        Raises SourceError where they are not rows of the run whose `folder` it is.
        """
        repair = cls(returned.path, run_id, folder)
        repair.sha256, repair.size, repair.rows = returned.sha256, returned.path.stat().st_size, len(returned)
        repair.reading = {"retry of": run_id, "delimiter": returned.form, "encoding": returned.encoding}
        repair.origin = "workbook" if returned.form == "workbook" else "csv"
        repair._as_typed = as_typed
        repair._places = repair._matched(returned)
        repair._pieces = list(repair._laid_out(returned, folder))
        return repair

    @classmethod
    def of_run(cls, run_id: str, folder: Path, settled: Collection[int] = ()) -> Self:
        """All rows of the run that need a person, as the run read them, but those that are `settled`. Raises SourceError."""
        repair = cls(folder, run_id, folder)
        repair._pieces = list(repair._stored(folder, np.array(sorted(settled), np.int64)))
        repair.rows = sum(map(len, repair._pieces))
        if not repair.rows:
            raise SourceError(
                f"No row of the run {run_id} needs a person"
                + (": its retries have settled all of them." if repair.left_out else "."),
                "There is nothing to retry.",
            )
        numbers = [piece.rows.tobytes() for piece in repair._pieces]
        repair.sha256 = hashlib.sha256(b"".join([run_id.encode(), *numbers])).hexdigest()
        return repair

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
        return f"{_counted(self.changed)} (cells, by column)"

    def said(self) -> list[str]:
        """What else has to be known of the file, a line each: how it was read, and what of it was not taken."""
        lines = []
        if self.reading.get("encoding") == "Windows-1252":
            lines.append(
                "read      as Windows-1252, because it is not UTF-8. Letters that Windows-1252 lacks are taken from the run's rows."
            )
        if self.worn:
            lines.append(
                f"as before {_counted(self.worn)} (cells, by column): they differ only as spreadsheet programs change cells, such as "
                "00123 to 123, and are taken as they were. If they are meant: --as-typed."
            )
        if self.ignored:
            lines.append(f"ignored   the run has no such columns: {_named(self.ignored)}")
        if self.missing:
            lines.append(f"as before columns that are not in the file: {_named(self.missing)}")
        if self.loose:
            cells = f"{self.loose:,} changed cell{'s' if self.loose > 1 else ''}"
            lines.append(
                f"once      {cells} of rows that could not be laid out: sent, and not kept for later syncs. Correct the source."
            )
        if self.left_out:
            rows = f"{self.left_out:,} row{'s' if self.left_out > 1 else ''}"
            lines.append(f"settled   {rows} by earlier retries, and not sent again")
        return lines

    # ---- which column is which

    def _matched(self, returned: Returned) -> list[int | None]:
        """Where each of the run's columns stands in the file; none where it does not. Raises SourceError where that is not certain."""
        own = [{clean_text(name), clean_text(defuse(name))} for name in self.header]
        names = [clean_text(name) for name in returned.header]
        if len(names) == len(own) and all(name in mine for name, mine in zip(names, own, strict=True)):
            return list(range(len(own)))  # as it was written
        group: dict[str, int] = {}
        of_header = []
        for name in self.header:
            at = group.setdefault(clean_text(name), len(group))
            group.setdefault(clean_text(defuse(name)), at)
            of_header.append(at)
        blank = [not name.strip() for name in returned.header]
        # columns that hold nothing, not even a name, are nobody's
        bare = [empty and _is_blank(cells) for empty, cells in zip(blank, returned.cells, strict=True)]
        of_file = [None if empty else group.get(name) for empty, name in zip(bare, names, strict=True)]
        found = [at for at in of_file if at is not None]
        in_order = found == [at for at in of_header if at in found]
        places: list[int | None] = [None] * len(self.header)
        for at in range(len(group)):
            mine = [index for index, one in enumerate(of_header) if one == at]
            there = [index for index, one in enumerate(of_file) if one == at]
            if not in_order and there and (len(mine) > 1 or len(there) > 1):
                name = visible(self.header[mine[0]]) or "(no name)"
                raise SourceError(
                    f"{self.path}, line 1: {len(there)} columns are called '{name}', and {len(mine)} in the run {self.run_id}: "
                    "which is which is not certain.",
                    "Give a column that you added another name, and leave these where they were.",
                )
            if there:
                for index, place in zip(mine, there, strict=True):
                    places[index] = place
        self.ignored = [
            name
            for name, at, empty in zip(returned.header, of_file, blank, strict=True)
            if at is None and not empty
        ]
        self.missing = [name for name, place in zip(self.header, places, strict=True) if place is None]
        return places

    # ---- the rows

    def _stored(self, folder: Path, settled: Numbers) -> Iterator[Frame]:
        for path in parts(folder, "outcomes"):
            known = pq.read_table(path, columns=["row", "outcome"])
            needed = pc.is_in(known["outcome"], value_set=pa.array(NEED_A_PERSON, known["outcome"].type))
            open_still = ~np.isin(np.asarray(known["row"]), settled)
            chosen = np.asarray(needed) & open_still
            self.left_out += int((np.asarray(needed) & ~open_still).sum())
            if chosen.any():
                spool = pq.read_table(folder / "spool" / path.name).filter(pa.array(chosen))
                names = [str(index) for index in range(len(self.header))]
                yield Frame(
                    cells=spool.select(names).rename_columns(list(self.header)).combine_chunks(),
                    rows=np.asarray(spool["row"]),
                    lines=np.asarray(spool["line"]),
                    misread=tuple(_misread(spool)),
                    originals=originals_of(spool),
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
            lines = returned.row_lines[mine]
            same_line = (lines == 0) | (np.asarray(known["line"])[at] == lines)
            refuse(same_line, "_line does not belong to row {row} of the run {run}")
            outcomes = known["outcome"].combine_chunks().take(pa.array(at))
            needed = pc.is_in(outcomes, value_set=pa.array(NEED_A_PERSON, outcomes.type))
            refuse(np.asarray(needed), "row {row} of the run {run} did not need a person")
            spool = pq.read_table(folder / "spool" / path.name)
            yield self._piece(returned, spool, at, mine, _wanted(folder / "problems" / path.name))
            done = end
        none = np.zeros(len(rows) - done, bool)
        self._refuse(returned, slice(done, len(rows)), none, "the run {run} has no row {row}")

    def _refuse(self, returned: Returned, mine: slice, right: Bools, what: str) -> None:
        wrong = np.flatnonzero(~right)
        if len(wrong):
            at = mine.start + int(wrong[0])
            said = what.format(row=returned.rows[at], run=self.run_id)
            raise SourceError(f"{self.path}, line {returned.lines[at]}: {said}.", _AGAIN)

    def _piece(
        self, returned: Returned, spool: pa.Table, at: Numbers, mine: slice, wanted: Mapping[str, set[int]]
    ) -> Frame:
        kept = spool.take(pa.array(at))
        shown = shown_cells(kept, len(self.header))
        columns, touched = [], np.zeros(len(kept), bool)
        edits: dict[tuple[int, int], str] = {}
        for index, before in enumerate(shown):
            place = self._places[index]
            if place is None:
                columns.append(before)
                continue
            cells = returned.cells[place].slice(mine.start, len(kept))
            asked = wanted.get(self.header[index], set())
            cells, changed = self._settled(
                cells, before, returned, place, mine.start, self.header[index], asked
            )
            columns.append(cells)
            touched |= changed
            for row in np.flatnonzero(changed).tolist():
                edits[row, index] = before[row].as_py()
                number = int(returned.rows[mine.start + row])
                self.edits.append(Edit(number, self.header[index], edits[row, index], cells[row].as_py()))
            if changed.any():
                self.changed[self.header[index]] += int(changed.sum())
        laid_out = {bad.at for bad in _misread(kept)}  # which cell of theirs is the source's nobody knows
        self.loose += sum(at in laid_out for at, _ in edits)
        misread = [bad for bad in _misread(kept) if not touched[bad.at]]
        blank = np.zeros(len(kept), bool)
        blank[[bad.at for bad in misread]] = True
        if misread:  # as it was read: nothing stands under a column where it may not belong
            columns = [pc.if_else(pa.array(blank), "", column) for column in columns]
        return Frame(
            cells=pa.Table.from_arrays([column.cast(pa.string()) for column in columns], list(self.header)),
            rows=returned.rows[mine],
            lines=np.asarray(kept["line"]),
            misread=tuple(misread),
            originals=_originals(originals_of(kept), edits, laid_out),
        )

    def _settled(
        self,
        cells: pa.Array,
        before: pa.Array,
        returned: Returned,
        place: int,
        start: int,
        name: str,
        asked: set[int],
    ) -> tuple[pa.Array, Bools]:
        """A column as it is meant, and which of its cells were changed.

        Where a cell is what muster wrote, or what the source had, it is as it was: spreadsheet programs may take away the
        apostrophe that defuses a cell. What they make of a cell otherwise is not meant either; only another text is a person's.
        Of the rows in `asked` this very cell was to be corrected: there a typed day counts, if there is no doubt which.
        """
        as_it_was = pc.or_(pc.equal(cells, defused(before)), pc.equal(cells, before))
        meant = pc.if_else(as_it_was, before, restored(cells))
        changed = np.asarray(pc.not_equal(meant, before)).copy()
        if self._as_typed or not changed.any():
            return meant, changed
        texts, others = meant.to_pylist(), None
        alike = np.asarray(pc.equal(clean(meant.cast(pa.string())), clean(before.cast(pa.string()))))
        for at in np.flatnonzero(changed).tolist():
            was, row = before[at].as_py(), int(returned.rows[start + at])
            typed = row in returned.typed[place]
            meant_so = typed and row in asked and is_one_day(was)
            if alike[at] or (not meant_so and remade(was, texts[at], typed=typed, legacy=returned.legacy)):
                texts[at] = was
                changed[at] = False
                self.worn[name] += 1
            elif typed:
                if others is None:  # those that are right show how it is written there
                    mine = returned.rows[start : start + len(before)].tolist()
                    others = [
                        cell for cell, n in zip(before.to_pylist(), mine, strict=True) if n not in asked
                    ]
                texts[at] = styled(texts[at], others)
        return pa.array(texts, meant.type), changed


def _wanted(path: Path) -> dict[str, set[int]]:
    """By column the rows in which something is wrong with its cell."""
    found: dict[str, set[int]] = {}
    if path.exists():
        table = pq.read_table(path, columns=["row", "column", "severity"])
        table = table.filter(pc.equal(table["severity"], "error"))
        for row, column in zip(table["row"].to_pylist(), table["column"].to_pylist(), strict=True):
            for name in {column, *(column or "").split(" / ")}:
                found.setdefault(name, set()).add(row)
    return found


def _originals(
    carried: Sequence[Original], edits: Mapping[tuple[int, int], str], laid_out: Collection[int]
) -> tuple[Original, ...]:
    """What the source has in the cells that are not as it has them: from this file, and from corrections before."""
    known = {(one.at, one.column): one for one in carried}
    for (at, column), text in edits.items():
        if at not in laid_out:
            one = known.get((at, column), Original(at, column, text))
            known[at, column] = replace(one, kept=False)
    return tuple(known[place] for place in sorted(known))


def _misread(spool: pa.Table) -> Iterator[Misread]:
    for at, code in enumerate(spool["misread"].to_pylist()):
        if code is not None:
            name, detail = json.loads(code)
            yield Misread(at, name, detail, tuple(spool["cells"][at].as_py()))


def _one(pieces: Sequence[Frame]) -> Frame:
    if len(pieces) == 1:
        return pieces[0]
    misread, originals, before = [], [], 0
    for piece in pieces:
        misread += [Misread(before + bad.at, bad.code, bad.detail, bad.cells) for bad in piece.misread]
        originals += [replace(one, at=before + one.at) for one in piece.originals]
        before += len(piece)
    return Frame(
        cells=pa.concat_tables(piece.cells for piece in pieces).combine_chunks(),
        rows=np.concatenate([piece.rows for piece in pieces]),
        lines=np.concatenate([piece.lines for piece in pieces]),
        misread=tuple(misread),
        originals=tuple(originals),
    )


def _is_blank(cells: pa.Array) -> bool:
    return not pc.any(pc.not_equal(cells, "")).as_py()


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{visible(name) or '(no name)'} {count:,}" for name, count in counts.most_common())


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name) or "(no name)" for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")

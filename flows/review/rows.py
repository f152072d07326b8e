"""The rows under review: each with its cells as the run read them and as a person has them now, grouped by what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import SourceError
from flows.report.failures import failing, header
from flows.report.troubled import Trouble, troubled_rows
from mappings.engine.cleaning import clean_text

__all__ = ["MOST", "Group", "ReviewRow", "Rows"]

MOST = 5000
"""So many rows are reviewed at once; a run with more has its first ones on the page."""


@dataclass(slots=True)
class ReviewRow:
    """A row by its number and line. `before` are its cells in the order of the header, `cells` the same as they are now."""

    row: int
    line: int
    key: str
    outcome: str
    troubles: tuple[Trouble, ...]
    before: tuple[str, ...]
    cells: list[str] = field(default_factory=list)
    dropped: bool = False

    def __post_init__(self) -> None:
        self.cells = self.cells or list(self.before)

    @property
    def edited(self) -> bool:
        return tuple(self.cells) != self.before

    @property
    def misread(self) -> bool:
        """Whether it could not be laid out, and nobody has touched it: it still cannot be."""
        codes = {one.code for one in self.troubles}
        return not self.edited and any(code.startswith("row_") or code == "cell_too_long" for code in codes)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows with the same problem. `places` are the columns in question, by their position in the header."""

    code: str
    column: str
    places: tuple[int, ...]
    rows: tuple[int, ...]


class Rows:
    """Those of a run's `folder` that need a person, but the `settled` ones and those that were accepted. Raises SourceError for none."""

    def __init__(self, folder: Path, run_id: str, settled: Collection[int]) -> None:
        self.header = header(folder)
        if not self.header:
            raise SourceError(
                f"The rows of the run {run_id} are not kept any more in {folder}.",
                "Correct them in the source, and start the sync again.",
            )
        found = [one for one in troubled_rows(folder, MOST + len(settled) + 1) if one.row not in settled]
        self.more = len(found) > MOST
        troubled = {one.row: one for one in found[:MOST]}
        width = len(self.header)
        self._rows: dict[int, ReviewRow] = {}
        for part in failing(folder, run_id):
            numbers = [int(number) for number in part[width + 1].to_pylist()]
            mine = [at for at, number in enumerate(numbers) if number in troubled]
            columns = [column.take(mine).to_pylist() for column in part[:width]]
            for place, at in enumerate(mine):
                one = troubled[numbers[at]]
                cells = tuple(column[place] for column in columns)
                self._rows[one.row] = ReviewRow(one.row, one.line, one.key, one.outcome, one.troubles, cells)
        if not self._rows:
            raise SourceError(
                f"No row of the run {run_id} needs a person any more.", "There is nothing to review."
            )
        self.groups = self._grouped()

    def __getitem__(self, row: int) -> ReviewRow:
        return self._rows[row]

    def __contains__(self, row: object) -> bool:
        return row in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def kept(self) -> list[ReviewRow]:
        """Those that would be sent, by their numbers."""
        return [one for _, one in sorted(self._rows.items()) if not one.dropped]

    def places(self, column: str) -> tuple[int, ...]:
        """Where the columns stand that a problem names: one, or several with ` / ` between them."""
        names = [clean_text(name) for name in self.header]
        for wanted in ([column], column.split(" / ")):
            found = tuple(at for at, name in enumerate(names) if name in {clean_text(one) for one in wanted})
            if found and column:
                return found
        return ()

    def replace(self, rows: Sequence[int], place: int, value: str, by: str) -> int:
        """Puts `by` where a cell is `value`, in all these rows; how many were changed. Blanks around and case make no difference."""
        wanted = clean_text(value).casefold()
        changed = 0
        for one in (self._rows[row] for row in rows):
            if clean_text(one.cells[place]).casefold() == wanted and one.cells[place] != by:
                one.cells[place] = by
                changed += 1
        return changed

    def drop(self, rows: Sequence[int], *, dropped: bool) -> int:
        """Leaves rows out, or takes them in again; how many."""
        mine = [one for one in (self._rows[row] for row in rows) if one.dropped != dropped]
        for one in mine:
            one.dropped = dropped
        return len(mine)

    def _grouped(self) -> list[Group]:
        """The largest first."""
        rows: dict[tuple[str, str], list[int]] = {}
        for one in self._rows.values():
            for code, column in dict.fromkeys((trouble.code, trouble.column) for trouble in one.troubles):
                rows.setdefault((code, column or ""), []).append(one.row)
        found = [
            Group(code, column, self.places(column), tuple(sorted(mine)))
            for (code, column), mine in rows.items()
        ]
        return sorted(found, key=lambda group: (-len(group.rows), group.code, group.column))

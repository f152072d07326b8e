"""What is odd about the rows of a file, summed up over its blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Oddity
from connectors.sources.tables import Parsed

__all__ = ["Tally"]

NOTES: Mapping[str, tuple[str, str]] = {
    "blank_lines": ("blank line stands between rows; it is no row", "blank lines stand between rows; they are no rows"),
    "short_rows": ("row has fewer cells than the header; the missing ones are blank", "rows have fewer cells than the header; the missing ones are blank"),
    "extra_blanks": ("row has more cells than the header, all of them blank", "rows have more cells than the header, all of them blank"),
    "stray_quotes": ("row has a quote out of its place, which was read as text", "rows have a quote out of its place, which was read as text"),
    "nul_bytes": ("row holds NUL bytes, which were kept", "rows hold NUL bytes, which were kept"),
    "row_misaligned": ("row has too few or too many cells to tell which column each belongs to, and was set aside", "rows have too few or too many cells to tell which column each belongs to, and were set aside"),
    "header_again": ("row is the header once more; another table may begin there", "rows are the header once more; other tables may begin there"),
    "row_cut_off": ("row is cut off: the file ends inside it", "rows are cut off: the file ends inside them"),
    "row_undecodable": ("row holds bytes that are no text in this encoding", "rows hold bytes that are no text in this encoding"),
    "row_unreadable": ("row cannot be read and was set aside", "rows cannot be read and were set aside"),
    "cell_too_long": ("row has a cell that is too long to be believed", "rows have a cell that is too long to be believed"),
}  # fmt: skip


class Tally:
    """Sums up what is odd over the blocks."""

    def __init__(self) -> None:
        self._notes: dict[str, tuple[int, int]] = {}
        self._late = (0, 0)
        self._rows = False

    def then(self, later: Tally) -> None:
        """Adds what is odd about the blocks that follow."""
        if later._rows:
            self._count("blank_lines", *self._late)
            self._late, self._rows = (0, 0), True
        for code, (count, line) in later._notes.items():
            self._count(code, count, line)
        if later._late[0]:
            self._late = (self._late[0] + later._late[0], self._late[1] or later._late[1])

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return {"notes": self._notes, "late": self._late, "rows": self._rows}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Tally:
        """As it was written."""
        tally = cls()
        tally._notes = {code: (count, line) for code, (count, line) in written["notes"].items()}
        tally._late = (written["late"][0], written["late"][1])
        tally._rows = written["rows"]
        return tally

    def add(self, block: Parsed) -> None:
        """Counts a block's oddities; blank lines at the end of the file are none."""
        if len(block.lines):
            self._count("blank_lines", *self._late)
            self._late, self._rows = (0, 0), True
        self._count("blank_lines", *block.blanks)
        if block.late[0]:
            self._late = (self._late[0] + block.late[0], self._late[1] or block.late[1])
        for code, (count, line) in block.notes.items():
            self._count(code, count, line)

    def _count(self, code: str, count: int, line: int) -> None:
        if count:
            before, first = self._notes.get(code, (0, line))
            self._notes[code] = (before + count, first)

    def oddities(self) -> list[Oddity]:
        """One for each kind, by the line where it was first seen."""
        return [
            Oddity(
                code,
                f"{count:,} {NOTES[code][count > 1]}; {'the first ' if count > 1 else ''}on line {line}.",
                line,
            )
            for code, (count, line) in sorted(self._notes.items(), key=lambda note: (note[1][1], note[0]))
        ]

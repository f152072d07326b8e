"""The intake: frames are mapped and put where the first pass keeps what it makes of them, in a run's process or a shard's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.compute as pc

from connectors.errors import SourceError
from flows.forgotten import Blocked, blanked, marked, without
from flows.keys import Keys
from flows.outcomes import Books
from flows.roll import Rows
from flows.shards.enrolled import Enrols
from flows.spool import Spool
from mappings.engine.applying import Application
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped

__all__ = ["Intake", "keys_in"]


def keys_in(folder: Path, application: Application) -> Keys:
    """Where the keys of rows are spilled that a mapping makes."""
    return Keys(
        folder, ages=application.mapping.duplicates.keep == "newest", persons=application.tells_persons
    )


class Intake:
    """`filled` are the cells that are not blank, by column; `warnings` how many there are. Raises OSError when the disk is full."""

    def __init__(
        self,
        application: Application,
        blocked: Blocked | None,
        spool: Spool,
        roll: Enrols,
        keys: Keys,
        books: Books,
        *,
        spools: bool = True,
    ) -> None:
        """`blocked` finds the rows of people who were forgotten; without `spools` the rows are in the spool already."""
        self._application = application
        self._blocked = blocked
        self._spool = spool
        self._roll = roll
        self._keys = keys
        self._books = books
        self._spools = spools
        self.filled = [0] * len(spool.header)
        self.warnings = 0

    def take(
        self,
        frames: Iterator[Frame],
        advance: Callable[[int], None],
        stop: Callable[[], bool],
        seen: Callable[[Frame, Mapped], None] = lambda _frame, _mapped: None,
    ) -> None:
        """All frames, in order. `stop` is asked after each, `seen` is given each when its rows are enrolled. Raises SourceError."""
        for read in _ahead(frames):
            seen(*self._enter(read))
            advance(len(read))
            if stop():
                raise SourceError("Interrupted while the file was read; nothing was sent.", "")

    def _enter(self, read: Frame) -> tuple[Frame, Mapped]:
        frame, mapped, forgotten = self._mapped(read)
        if self._spools:
            self._spool.add(frame)
        self._roll.read(mapped.rows, mapped.kept, mapped.invalid)
        self._roll.forget(forgotten)
        if mapped.consented is not None and mapped.consented_by is not None:
            self._roll.consent(mapped.rows, mapped.consented, mapped.consented_by)
        self._keys.add(mapped)
        self._books.begin(mapped)
        for index, column in enumerate(frame.cells.columns):
            self.filled[index] += pc.sum(pc.not_equal(column, "")).as_py() or 0
        self.warnings += sum(problem.severity == "warning" for problem in mapped.problems)
        return frame, mapped

    def _mapped(self, frame: Frame) -> tuple[Frame, Mapped, Rows]:
        """The frame as it is kept, what the mapping makes of it, and the numbers of the rows of which nothing is kept."""
        apply = self._application.apply
        gone = marked(frame)
        mapped = apply(without(frame))
        if self._blocked is not None and (more := self._blocked.rows(frame, mapped) & ~gone).any():
            gone |= more
            frame = blanked(frame, gone)
            mapped = apply(without(frame))
        numbers = frame.rows[gone]
        if len(numbers):  # a blank row is not their mistake
            theirs = set(numbers.tolist())
            mapped.problems = [problem for problem in mapped.problems if problem.row not in theirs]
        return frame, mapped, numbers


def _ahead(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The same frames, the next one being read while this one is mapped."""
    with ThreadPoolExecutor(1, "reading") as reader:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame

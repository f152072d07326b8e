"""Gathering: a source is divided, a crew maps its shards, and what they made is put together as if one had read it all.

Shards end in any order and are taken in the order of the file, so that parts, row numbers and all that is counted are those
of a single reader. The rows of one key meet in the spilled keys, as ever.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import SourceError
from connectors.sources.bookmarks import Divisible, Shard
from connectors.sources.tally import Tally
from flows.corrected import Corrected
from flows.keys import Keys
from flows.outcomes import Books
from flows.roll import Roll
from flows.shards.brief import Brief, written_shards
from flows.shards.crew import Crew
from flows.shards.enrolled import enrol
from flows.shards.piece import BRIEF, Manifest, asking, found, is_wrong, raise_wrong
from flows.spool import Spool
from flows.watching import Watcher

__all__ = ["FOLDER", "Shards", "gathered"]

FOLDER = "shards"
_TRIES = 3
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Shards:
    """A source that is read by several: `shard_bytes` each, mapped as the `brief` says. `source` is what the run reads, corrected or not."""

    source: Divisible
    corrected: Corrected | None
    brief: Brief
    crew: Crew
    shard_bytes: int


def gathered(
    shards: Shards,
    folder: Path,
    spool: Spool,
    roll: Roll,
    keys: Keys,
    books: Books,
    watcher: Watcher,
    stop: Callable[[], bool],
) -> tuple[list[int], int]:
    """Divides, has it mapped, and fills all of these; the filled cells by column, and how many warnings there are.

    Raises SourceError (that of the first shard where something is wrong), OSError when the disk is full.
    """
    place = folder / FOLDER
    shutil.rmtree(place, ignore_errors=True)  # what an earlier stretch of the run has left
    place.mkdir(mode=0o700)
    gathering = _Gathering(shards, place, spool, roll, keys, books, watcher)
    try:
        gathering.all(stop)
    finally:
        shards.crew.close()
        shutil.rmtree(place, ignore_errors=True)
    return gathering.filled, gathering.warnings


class _Gathering:
    def __init__(
        self,
        shards: Shards,
        place: Path,
        spool: Spool,
        roll: Roll,
        keys: Keys,
        books: Books,
        watcher: Watcher,
    ) -> None:
        self._shards, self._place, self._crew = shards, place, shards.crew
        self._spool, self._roll, self._keys, self._books = spool, roll, keys, books
        self._watcher = watcher
        self._tallies: dict[int, Tally] = {}
        self._tries: Counter[int] = Counter()
        self._mapped: dict[int, tuple[Path, Manifest]] = {}
        self._wrong: set[int] = set()
        self._taken = 0
        self.filled = [0] * len(spool.header)
        self.warnings = 0

    def all(self, stop: Callable[[], bool]) -> None:
        source = self._shards.source
        (self._place / BRIEF).write_bytes(self._shards.brief.written())
        self._crew.begin(self._place)
        count = 0
        for count, shards in enumerate(_parts(source, self._shards.shard_bytes), start=1):
            asking(self._place, count).write_bytes(written_shards(shards))
            self._give(count)
            self._collect(0, stop)
        while self._taken < count:
            self._collect(_LOOK_SECONDS, stop)
        source.note(self._tallies)
        if self._shards.corrected is not None:
            self._shards.corrected.follow()

    def _give(self, number: int) -> None:
        self._tries[number] += 1
        if self._tries[number] > _TRIES:
            raise SourceError(
                f"The part {number} of the file was begun {_TRIES} times, and whoever mapped it never came to its end.",
                "There may be too little memory for so many at once: try --shards 1.",
            )
        self._crew.give(number)

    def _collect(self, seconds: float, stop: Callable[[], bool]) -> None:
        for number in self._crew.ended(seconds):
            there = found(self._place, number)
            if there is not None:
                self._mapped[number] = there
            elif is_wrong(self._place, number):
                self._wrong.add(number)
            else:  # whoever worked at it died
                self._give(number)
        while self._taken + 1 in self._mapped:
            self._take(*self._mapped.pop(self._taken + 1))
        if self._taken + 1 in self._wrong:
            raise_wrong(self._place, self._taken + 1)
        if stop():
            raise SourceError("Interrupted while the file was read; nothing was sent.", "")

    def _take(self, piece: Path, manifest: Manifest) -> None:
        for number, (first, last) in enumerate(manifest.parts, start=1):
            self._spool.adopt(piece / "spool" / f"part-{number:05d}.parquet", first, last)
            self._keys.adopt(piece / "keys" / f"keys-{number:05d}.arrow")
            name = f"part-{number:05d}"
            self._books.adopt(
                piece / "begun" / f"{name}.arrow", piece / "problems" / f"{name}.parquet", first, last
            )
            self._watcher.advance(last - first + 1)
        enrol(piece / "roll.arrow", self._roll)
        for file, tally in manifest.tallies:
            self._tallies.setdefault(file, Tally()).then(Tally.read(tally))
        self.filled = [ours + theirs for ours, theirs in zip(self.filled, manifest.filled, strict=True)]
        self.warnings += manifest.warnings
        if self._shards.corrected is not None:
            self._shards.corrected.applied.update(manifest.applied)
            self._shards.corrected.otherwise.update(manifest.otherwise)
        shutil.rmtree(piece, ignore_errors=True)
        self._taken += 1


def _parts(source: Divisible, part_bytes: int) -> Iterator[tuple[Shard, ...]]:
    """The shards, those of small files together: about so many bytes at once."""
    held: list[Shard] = []
    for shard in source.divided(part_bytes):
        held.append(shard)
        if sum(one.size for one in held) >= part_bytes:
            yield tuple(held)
            held = []
    if held:
        yield tuple(held)

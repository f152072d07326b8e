"""Several files as one source: their rows one after the other, their columns matched by names, and a column that names the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.base import Oddity, Source, SourceFacts
from connectors.errors import SourceError
from connectors.sources.bookmarks import Divided, Divisible, Shard
from connectors.sources.tally import Tally
from connectors.sources.wrapped import named_as
from mappings.engine.complaints import listed
from mappings.engine.frame import Frame

__all__ = ["FILE", "Compared", "One", "Several"]

FILE = "_file"
"""The column that holds each row's file."""


@dataclass(frozen=True, slots=True)
class One:
    """One of the files: its name as people know it, its source, the columns that its name gives, and the hash that it has to have."""

    name: str
    source: Source
    columns: Mapping[str, str]
    sha256: str = ""


@dataclass(slots=True)
class Compared:
    """One of the files beside the first: the columns that it lacks, and those that only it has of both; its rows, when it was read."""

    name: str
    lacks: tuple[str, ...]
    more: tuple[str, ...]
    rows: int = 0


class Several:
    """The files in the order given; see connectors.base.Source.

    `line` is the row's line in its own file; `compared` says how the files compare. `sha256` is that of the archive that they came from, or of their names and hashes.
    """

    def __init__(self, path: Path, ones: Sequence[One], *, sha256: str = "", size: int = 0) -> None:
        """Raises SourceError where two files have no column in common."""
        first = ones[0]
        self.path = path
        self.sha256 = sha256 or _hash_of(ones)
        self.size = size or sum(one.source.size for one in ones)
        self.oddities: list[Oddity] = []
        self._ones = ones
        self._own = tuple(dict.fromkeys(name for one in ones for name in one.source.header))
        self._added = {name: _free(name, self._own) for name in (FILE, *first.columns)}
        self.header = (*self._own, *self._added.values())
        self.reading: Mapping[str, Any] = {"files": len(ones), **first.source.reading}
        self.facts = _facts([one.source.facts for one in ones])
        self.compared = [self._compared(one) for one in ones]

    def _compared(self, one: One) -> Compared:
        """Says whether a file has other columns than the first."""
        first = self._ones[0]
        here, there = set(one.source.header), set(first.source.header)
        if one is not first and not here & there:
            raise SourceError(
                f"{one.name} has no column in common with {first.name}: it has {listed(one.source.header)}.",
                "Take it out of the pattern, or read it with a mapping of its own.",
            )
        lacks = tuple(name for name in first.source.header if name not in here)
        more = tuple(name for name in one.source.header if name not in there)
        said = [f"lacks {listed(lacks)}, which are blank for its rows"] if lacks else []
        said += [f"also has {listed(more)}"] if more else []
        if said:
            self.oddities.append(
                Oddity("other_columns", f"{one.name} {' and '.join(said)}; compared with {first.name}.")
            )
        return Compared(one.name, lacks, more)

    def frames(self) -> Iterator[Frame]:
        """Frames of each file in turn, under the numbers of the whole. Raises SourceError, with the file's name."""
        before = 0
        for one, told in zip(self._ones, self.compared, strict=True):
            told.rows = 0
            with named_as(one.source.path, one.name):
                for frame in one.source.frames():
                    yield self._placed(frame, one, before)
                    told.rows += len(frame)
            before += told.rows
            _refuse_another(one)
            self._note(one)

    def files(self) -> tuple[Divided, ...]:
        """See bookmarks.Divisible."""
        found = [
            replace(file, name=one.name, columns=one.columns)
            for one in self._ones
            if isinstance(one.source, Divisible)
            for file in one.source.files()
        ]
        return tuple(found) if len(found) == len(self._ones) else ()

    def divided(self, shard_bytes: int) -> Iterator[Shard]:
        """See bookmarks.Divisible: no shard is in two files."""
        number = before = 0
        for at, one in enumerate(self._ones):
            rows = 0
            with named_as(one.source.path, one.name):
                for shard in _divisible(one).divided(shard_bytes):
                    number, rows = number + 1, rows + shard.rows
                    yield replace(shard, number=number, file=at, before=before)
            _refuse_another(one)
            before += rows

    def frames_of(self, shard: Shard, tally: Tally) -> Iterator[Frame]:
        """See bookmarks.Divisible."""
        one = self._ones[shard.file]
        with named_as(one.source.path, one.name):
            for frame in _divisible(one).frames_of(shard, tally):
                yield self._placed(frame, one, shard.before)

    def note(self, tallies: Mapping[int, Tally]) -> None:
        """See bookmarks.Divisible."""
        for at, one in enumerate(self._ones):
            _divisible(one).note({0: tallies[at]} if at in tallies else {})
            self._note(one)

    def _note(self, one: One) -> None:
        self.oddities += [replace(odd, message=f"{one.name}: {odd.message}") for odd in one.source.oddities]

    def _placed(self, frame: Frame, one: One, before: int) -> Frame:
        there = set(one.source.header)
        blank = pa.chunked_array([pa.array([""] * len(frame), pa.string())])
        columns = [frame.cells.column(name) if name in there else blank for name in self._own]
        columns += [
            pa.chunked_array([pa.array([text] * len(frame), pa.string())])
            for text in (one.name, *one.columns.values())
        ]
        return Frame(
            cells=pa.table(columns, names=list(self.header)),
            rows=frame.rows + before,
            lines=frame.lines,
            misread=tuple(replace(bad, detail=f"{bad.detail} (in {one.name})") for bad in frame.misread),
        )


def _divisible(one: One) -> Divisible:
    assert isinstance(one.source, Divisible)  # noqa: S101 - else it has no files
    return one.source


def _refuse_another(one: One) -> None:
    """Raises SourceError where what was read is another file than it was when it was found."""
    if one.sha256 and one.sha256 != one.source.sha256:
        raise SourceError(
            f"{one.name} was changed while it was read.", "Sync it again, when nobody writes to it any more."
        )


def _hash_of(ones: Sequence[One]) -> str:
    texts = (f"{one.name}\0{one.sha256}\n" for one in ones)
    return hashlib.sha256("".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name


def _facts(each: Sequence[SourceFacts]) -> SourceFacts:
    """What is known of any of them; the person and the separator are the first one's."""
    return replace(
        each[0],
        consents={name: way for facts in each for name, way in facts.consents.items()},
        meanings={name: meaning for facts in each for name, meaning in facts.meanings.items()},
        formats={name: format_ for facts in each for name, format_ in facts.formats.items()},
    )

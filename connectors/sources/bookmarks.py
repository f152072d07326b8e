"""Where a reader of a file stands between two blocks, so that another one goes on there and reads exactly what it would have read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from connectors.base import Oddity
from connectors.sources.dialect import Dialect
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame

__all__ = ["Bookmark", "Divided", "Divisible", "Shard"]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in a file: `at` bytes of it were read, the next row has the number `row` and begins on `line`.

    `held` is UTF-8 that was read and is no whole row yet; `undecoded`, `decoder` and `joining` are what the recoder
    holds back (see `stream.Recoder`); `skip` bytes of UTF-8 stand before the first row.
    """

    at: int
    row: int
    line: int
    held: bytes = b""
    undecoded: bytes = b""
    decoder: int = 0
    joining: bytes = b""
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """A contiguous range of a file, numbered from 1: from `begin` to the byte `until`, None for the end of the file.

    `size` is how many bytes it has, `rows` how many rows; `check` is a quick hash of its bytes. Of several files it is in the one with
    the place `file`, before which there are `before` rows in others.
    """

    number: int
    begin: Bookmark
    until: int | None
    size: int
    rows: int
    check: str
    file: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Divided:
    """A file as it is read where a shard of it is: `block` bytes at once. `name` and `columns` are those of `several.One`."""

    path: Path
    dialect: Dialect
    block: int
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Divisible(Protocol):
    """A source whose rows can be read by several, each a shard or more."""

    path: Path
    size: int
    sha256: str
    oddities: list[Oddity]

    def files(self) -> tuple[Divided, ...]:
        """The files that it is read from, in order; none where one of them cannot be divided."""
        ...

    def divided(self, shard_bytes: int) -> Iterator[Shard]:
        """Shards of about so many bytes or what a file has, in order, each as soon as its end is found; `sha256` and `size` are complete after the last.

        Raises SourceError, as `frames()` does.
        """
        ...

    def frames_of(self, shard: Shard, tally: Tally) -> Iterator[Frame]:
        """The frames that `frames()` would give of it; what is odd is summed up. Raises SourceError where it is not the file that was divided."""
        ...

    def note(self, tallies: Mapping[int, Tally]) -> None:
        """All was read: what is odd about the rows of each file, by its place, is in `oddities` then."""
        ...

"""Where a reader of a file stands between two blocks, so that another one goes on there and reads exactly what it would have read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from connectors.base import Oddity
from connectors.sources.dialect import Dialect
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame

__all__ = ["Bookmark", "Divisible", "Shard"]


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
    """A contiguous range of a source, numbered from 1: from `begin` to the byte `until`, None for the end of the file.

    `rows` is how many rows it has; `check` is a quick hash of its bytes.
    """

    number: int
    begin: Bookmark
    until: int | None
    rows: int
    check: str


@runtime_checkable
class Divisible(Protocol):
    """A source whose rows can be read by several, each a shard."""

    path: Path
    size: int
    sha256: str
    oddities: list[Oddity]
    dialect: Dialect
    block: int

    def divided(self, shard_bytes: int) -> Iterator[Shard]:
        """Shards of about so many bytes, in order, each as soon as its end is found; `sha256` and `size` are complete after the last.

        Raises SourceError, as `frames()` does.
        """
        ...

    def frames_of(self, shard: Shard, tally: Tally) -> Iterator[Frame]:
        """The frames that `frames()` would give of it; what is odd is summed up. Raises SourceError where it is not the file that was divided."""
        ...

"""What a source and a destination are, and what flows lends them.

A source is a module `connectors.sources.KIND` with a function `open_source(path, settings)`; a destination is
a module `connectors.destinations.KIND` with a class `Connector`. The file's name is the kind; nothing is
registered by hand. Outside packages plug in through the entry points `muster.sources` and
`muster.destinations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mappings.engine.frame import Frame

__all__ = ["Oddity", "Source", "SourceFacts"]


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something about the file that a person should know, such as blank header names. `line` from 1, 0: the file."""

    code: str
    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a kind of export is known to hold, whatever the file: HubSpot's opt-out column, its list separator, …"""

    opt_out_columns: tuple[str, ...] = ()
    person_column: str = ""
    list_separator: str = ";"


class Source(Protocol):
    """A file being read. `frames()` is called once; `oddities` and `sha256` are complete after it."""

    path: Path
    header: tuple[str, ...]
    facts: SourceFacts
    oddities: list[Oddity]
    sha256: str
    size: int
    reading: Mapping[str, Any]
    """How it is read, as a person would say it: encoding, delimiter, quote, header line, line endings."""

    def frames(self) -> Iterator[Frame]:
        """Frames in the order of the file. Raises SourceError when the file can be read no further."""
        ...

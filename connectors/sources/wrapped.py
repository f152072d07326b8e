"""A source whose file is not the one that was named: unpacked, fetched, or one of several.

It is known by the file that was named: its path, hash and size are that file's, and messages name it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.base import Oddity, Source, SourceFacts
from connectors.errors import SourceError
from mappings.engine.frame import Frame

__all__ = ["Widths", "Wrapped", "named_as", "with_widths"]

Widths = npt.NDArray[np.int64]


class Wrapped:
    """`inner` reads the real file; `kept` is what keeps it there. See connectors.base.Source."""

    def __init__(
        self,
        inner: Source,
        path: Path,
        sha256: str,
        size: int,
        *,
        shown: str,
        kept: object,
        told: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.sha256 = sha256
        self.size = size
        self.header = inner.header
        self.header_cells: tuple[str, ...] = getattr(inner, "header_cells", inner.header)
        self.facts: SourceFacts = inner.facts
        self.reading: Mapping[str, Any] = {**told, **inner.reading}
        self.oddities: list[Oddity] = inner.oddities
        self.compared: list[Any] = getattr(inner, "compared", [])
        self._inner = inner
        self._shown = shown
        self._kept = kept

    def frames(self) -> Iterator[Frame]:
        """Those of the real file. Raises SourceError."""
        for frame, _ in self.frames_and_widths():
            yield frame

    def frames_and_widths(self) -> Iterator[tuple[Frame, Widths]]:
        """Each frame with the number of cells that each of its rows has in the file."""
        with named_as(self._inner.path, self._shown):
            yield from with_widths(self._inner)


def with_widths(source: Source) -> Iterator[tuple[Frame, Widths]]:
    """A source that knows how many cells its rows had says so; of others each row has all columns."""
    known = getattr(source, "frames_and_widths", None)
    if known is not None:
        yield from known()
        return
    for frame in source.frames():
        yield frame, np.full(len(frame), len(source.header), np.int64)


@contextlib.contextmanager
def named_as(path: Path, shown: str) -> Iterator[None]:
    """What is said of the file at `path` is said of the one that a person knows."""
    try:
        yield
    except SourceError as error:
        raise SourceError(error.what.replace(str(path), shown), error.fix.replace(str(path), shown)) from None

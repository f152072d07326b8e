"""A source whose cells are corrected as retries have corrected them before, as long as it still has what was corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Oddity, Source, SourceFacts
from flows.ledger import Correction
from flows.whose import owners, places_of, replaced, whose
from mappings.engine.cleaning import clean_text
from mappings.engine.document import Mapping as Document
from mappings.engine.frame import Frame, Original

__all__ = ["Corrected"]


class Corrected:
    """The rows of a source, corrected; see connectors.base.Source. Each frame tells what the source has there.

    `applied` are person and column of the corrections that met their value, `otherwise` of those that met another one;
    they are complete when all frames were read.
    """

    def __init__(self, source: Source, mapping: Document, corrections: Sequence[Correction]) -> None:
        self.source = source
        self.corrections = tuple(corrections)
        self.path: Path = source.path
        self.header = source.header
        self.facts: SourceFacts = source.facts
        self.reading: Mapping[str, Any] = source.reading
        self.oddities: list[Oddity] = source.oddities
        self.sha256, self.size = source.sha256, source.size
        self._owners = places_of(owners(mapping), source.header)
        self._by_person: dict[str, list[tuple[int, Correction]]] = {}
        for one in corrections:
            for place in places_of((one.column,), source.header):
                self._by_person.setdefault(one.person, []).append((place, one))
        self._people = pa.array(list(self._by_person), pa.string())
        self.applied: set[tuple[str, str]] = set()
        self.otherwise: set[tuple[str, str]] = set()

    def frames(self) -> Iterator[Frame]:
        """The source's frames with corrected cells."""
        for frame in self.source.frames():
            yield self._corrected(frame)
        self.follow()

    def follow(self) -> None:
        """The source was read to its end, here or by others: what is known of it by now."""
        self.oddities, self.sha256, self.size = self.source.oddities, self.source.sha256, self.source.size

    def outdated(self) -> set[tuple[str, str]]:
        """Person and column of the corrections of which the source has another value now."""
        return self.otherwise - self.applied

    def _corrected(self, frame: Frame) -> Frame:
        found = pc.index_in(whose(frame, self._owners), value_set=self._people)
        rows = np.flatnonzero(np.asarray(pc.is_valid(found)))
        if not len(rows):
            return frame
        unread = {bad.at for bad in frame.misread}
        corrected: list[Original] = []
        originals: list[Original] = []
        for at in [at for at in rows.tolist() if at not in unread]:
            for place, one in self._by_person[self._people[found[at].as_py()].as_py()]:
                cell = frame.cells.column(place)[at].as_py()
                if clean_text(cell) != clean_text(one.original):
                    self.otherwise.add((one.person, one.column))
                    continue
                self.applied.add((one.person, one.column))
                corrected.append(Original(at, place, one.corrected))
                originals.append(Original(at, place, cell, kept=True))
        cells = frame.cells
        for place in sorted(Counter(one.column for one in corrected)):
            column = cells.column(place).combine_chunks()
            mine = replaced(column, [one for one in corrected if one.column == place])
            cells = cells.set_column(place, cells.field(place), mine)
        return replace(frame, cells=cells, originals=tuple(originals))

"""Rows of people who asked to be forgotten: nothing of them is kept, and nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.ledger import Forgotten, Ledger
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.whose import places_of
from mappings.engine.document import Mapping
from mappings.engine.frame import Frame, Misread
from mappings.engine.mapped import Bools, Mapped

__all__ = ["CODE", "Blocked", "blanked", "blocked_by", "marked", "without"]

CODE = "forgotten"
"""What a row is marked with in the spool whose cells were taken out."""


class Blocked:
    """Finds the rows of a source that are of somebody who was forgotten. `keys` are the merge tags that may be a key."""

    def __init__(
        self, forgotten: Forgotten, mapping: Mapping, header: Sequence[str], keys: Sequence[str]
    ) -> None:
        self._forgotten = forgotten
        self._hashes = forgotten.hashes()
        if self._hashes:
            forgotten.mac("", "")  # from here on the ledger may be closed
        self._mapping = mapping.name
        places = {("fields", tag) for tag in (*keys, mapping.key)} | {("person",)}
        said = [
            name for name, used in mapping.columns().items() if places.intersection(at[:2] for at in used)
        ]
        self._columns = sorted(places_of(said, header))

    def rows(self, frame: Frame, mapped: Mapped) -> Bools:
        """Which rows they are: by the cells that say who somebody is, as they stand and as they are mapped."""
        found = np.zeros(len(frame), bool)
        if not self._hashes:
            return found
        for column in (mapped.key, mapped.person, *(frame.cells.column(index) for index in self._columns)):
            texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            known = [text for text in pc.unique(texts).to_pylist() if text and self._holds(text)]
            if known:
                found |= np.asarray(pc.is_in(texts, value_set=pa.array(known, texts.type)))
        return found

    def _holds(self, text: str) -> bool:
        return self._forgotten.mac(self._mapping, text) in self._hashes


def blocked_by(
    ledger: Ledger, home: Path | None, mapping: Mapping, header: Sequence[str], keys: Sequence[str]
) -> Blocked:
    """By a ledger, or by the one in `home`: a rehearsal has one of its own, and heeds whom the account's has forgotten."""
    if home is None or not there_is_a_ledger(home):
        return Blocked(ledger.forgotten, mapping, header, keys)
    own = open_ledger(home)
    try:
        return Blocked(own.forgotten, mapping, header, keys)
    finally:
        own.close()


def blanked(frame: Frame, rows: Bools) -> Frame:
    """The frame without anything that these rows say; they are marked, so that whoever reads the spool knows."""
    cells = [pc.if_else(pa.array(rows), pa.scalar("", column.type), column) for column in frame.cells.columns]
    misread = [bad for bad in frame.misread if not rows[bad.at]]
    misread += [Misread(int(at), CODE, "", ()) for at in np.flatnonzero(rows)]
    return replace(
        frame,
        cells=pa.Table.from_arrays(cells, frame.cells.column_names),
        misread=tuple(sorted(misread, key=lambda bad: bad.at)),
        originals=tuple(one for one in frame.originals if not rows[one.at]),
    )


def marked(frame: Frame) -> Bools:
    """The rows of a frame that are marked already."""
    found = np.zeros(len(frame), bool)
    found[[bad.at for bad in frame.misread if bad.code == CODE]] = True
    return found


def without(frame: Frame) -> Frame:
    """The frame as it can be mapped: a row that is marked is a blank one."""
    if not any(bad.code == CODE for bad in frame.misread):
        return frame
    return replace(frame, misread=tuple(bad for bad in frame.misread if bad.code != CODE))

"""Whose a row is, as its source writes it: the person id where the mapping names one, else the cell that the key comes from.

So that a row is known again in a later export, also where a correction has changed that very cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean, clean_text
from mappings.engine.document import Mapping
from mappings.engine.frame import Frame, Original

__all__ = ["BESIDE", "owners", "places_of", "replaced", "whose"]

BESIDE = " / "
"""What stands between the cells where a key comes from several columns."""


def owners(mapping: Mapping) -> tuple[str, ...]:
    """The columns that say whose a row is."""
    return (mapping.person,) if mapping.person is not None else mapping.fields[mapping.key].columns()


def places_of(names: Sequence[str], header: Sequence[str]) -> tuple[int, ...]:
    """Where columns stand in a header; those that are not there are left out."""
    at: dict[str, int] = {}
    for index, name in enumerate(header):
        at.setdefault(clean_text(name), index)
    return tuple(at[clean_text(name)] for name in names if clean_text(name) in at)


def whose(frame: Frame, places: Sequence[int]) -> pa.Array:
    """Whose each row is, cleaned; '' where its source does not say."""
    columns = [clean(_as_in_the_source(frame, place)) for place in places]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    said = [BESIDE.join(filter(None, cells)) for cells in rows] if columns else [""] * len(frame)
    return pa.array(said, pa.string())


def _as_in_the_source(frame: Frame, place: int) -> pa.Array:
    column = frame.cells.column(place).combine_chunks().cast(pa.string())
    mine = [one for one in frame.originals if one.column == place]
    return replaced(column, mine) if mine else column


def replaced(column: pa.Array, cells: Sequence[Original]) -> pa.Array:
    """The column with the texts of these cells, which are in order of their rows."""
    mask = np.zeros(len(column), bool)
    mask[[one.at for one in cells]] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array([one.text for one in cells], pa.string()))

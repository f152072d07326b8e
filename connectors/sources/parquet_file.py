"""Parquet files, read batch by batch. `line` is the row's number: there are no lines.

Days and times are ISO 8601, with their zone where they have one; a struct becomes columns with a dot, a list of plain values one
text with semicolons, everything deeper JSON; what is null, or no number (NaN), is blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from connectors.sources.cells import json_text, value_text
from connectors.sources.headers import unique_names
from connectors.sources.row_source import FRAME_CELLS, FRAME_ROWS, check_columns, unchanged_hash
from connectors.sources.settling import LONG_CELL
from mappings.engine.frame import Frame, Misread

__all__ = ["FORMAT", "SETTINGS", "ParquetSource", "open_source", "recognises"]

FORMAT = "a Parquet file"
SETTINGS: tuple[str, ...] = ()


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 - others look further
    """Whether it begins as one, encrypted or not."""
    return head.startswith((b"PAR1", b"PARE"))


def open_source(path: Path, settings: Mapping[str, Any]) -> ParquetSource:  # noqa: ARG001 - it has none
    """The Parquet file at `path`. Raises SourceError."""
    return ParquetSource(path)


def _damaged(path: Path) -> SourceError:
    return SourceError(
        f"{path} cannot be read as Parquet: it is damaged, encrypted, or its end is missing.",
        "Copy or export it again.",
    )


class ParquetSource:
    """A Parquet file being read; see connectors.base.Source."""

    def __init__(self, path: Path) -> None:
        """Raises SourceError."""
        self.path = path
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self._before = path.stat()
        self.size = self._before.st_size
        try:
            with pq.ParquetFile(path) as file:
                schema: pa.Schema = file.schema_arrow
                self.header_cells = tuple(name for field in schema for name in _names(field.name, field.type))
                groups = file.num_row_groups
        except (pa.ArrowException, OSError, MemoryError):
            raise _damaged(path) from None
        check_columns(path, len(self.header_cells))
        if not self.header_cells:
            raise SourceError(f"{path} has no columns.", "Export it again.")
        self.header = unique_names(self.header_cells, 0, self.oddities)
        self.reading: Mapping[str, Any] = {"format": "Parquet", "row_groups": groups}

    def frames(self) -> Iterator[Frame]:
        """Frames of at most 65,536 rows, fewer where there are many columns. Raises SourceError."""
        number, most = 1, max(1, min(FRAME_ROWS, FRAME_CELLS // len(self.header)))
        long = binary = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=most):
                    texts: list[pa.Array] = []
                    for column in batch.columns:
                        binary += pa.types.is_binary(column.type) and number == 1
                        texts += _texts(column)
                    frame = _frame(texts, self.header, number)
                    long += len(frame.misread)
                    number += len(frame)
                    yield frame
        except (pa.ArrowException, OSError, MemoryError, OverflowError, ValueError, KeyError):
            raise _damaged(self.path) from None
        self.sha256 = unchanged_hash(self.path, self._before)
        if long:
            what = "rows have" if long > 1 else "row has"
            self.oddities.append(
                Oddity("cell_too_long", f"{long:,} {what} a cell that is too long to be believed.")
            )
        if binary:
            what = "columns hold" if binary > 1 else "column holds"
            self.oddities.append(
                Oddity(
                    "binary", f"{binary} {what} bytes; what is no UTF-8 text is read as hexadecimal digits."
                )
            )


def _frame(texts: list[pa.Array], header: tuple[str, ...], number: int) -> Frame:
    count = len(texts[0])
    misread = []
    lengths = np.max([pc.binary_length(text).to_numpy() for text in texts], axis=0, initial=0)
    places = np.flatnonzero(lengths > LONG_CELL)
    if len(places):
        keep = np.ones(count, bool)
        keep[places] = False
        for place in places.tolist():
            cells = tuple(text[place].as_py()[:1000] for text in texts)
            misread.append(Misread(place, "cell_too_long", f"{lengths[place]:,} bytes", cells))
        texts = [pc.if_else(pa.array(keep), text, "") for text in texts]
    rows = np.arange(number, number + count, dtype=np.int64)
    return Frame(pa.table(texts, names=list(header)), rows, rows.copy(), tuple(misread))


def _names(name: str, type_: pa.DataType) -> Iterator[str]:
    """The columns that a field becomes."""
    if not pa.types.is_struct(type_) or not type_.num_fields:
        yield name
        return
    for inside in type_:
        yield from _names(f"{name}.{inside.name}", inside.type)


def _texts(column: pa.Array) -> Iterator[pa.Array]:
    """The same of its cells, as texts."""
    if not pa.types.is_struct(column.type) or not column.type.num_fields:
        yield _text(column)
        return
    for inside in column.flatten():
        yield from _texts(inside)


def _text(column: pa.Array) -> pa.Array:
    types, type_ = pa.types, column.type
    if types.is_dictionary(type_):
        return _text(column.dictionary_decode())
    if types.is_integer(type_) or types.is_string(type_) or types.is_large_string(type_) or types.is_boolean(type_) or types.is_date32(type_):  # fmt: skip
        return pc.fill_null(column.cast(pa.string()), "")
    if types.is_null(type_):
        return pa.array([""] * len(column), pa.string())
    if types.is_timestamp(type_):
        column = column.cast(pa.timestamp("us", type_.tz), safe=False)
    if types.is_time(type_):
        column = column.cast(pa.time64("us"), safe=False)
    return pa.array(map(_spoken(type_), column.to_pylist()), pa.string())


def _spoken(type_: pa.DataType) -> Callable[[Any], str]:
    """How a value of this type is written."""
    if pa.types.is_float32(type_):  # as it was meant, and not with the digits that 64 bits show
        return lambda value: "" if value is None else value_text(float(str(np.float32(value))))
    if pa.types.is_map(type_):
        return lambda value: "" if value is None else json_text(value)
    return value_text

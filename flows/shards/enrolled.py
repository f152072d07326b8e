"""What the roll is told while a shard is mapped, kept in a file: the run's own roll is told it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.roll import Roll, Rows

__all__ = ["Enrolled", "Enrols", "enrol"]

_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("kept", pa.bool_()),
        ("invalid", pa.bool_()),
        ("forgotten", pa.bool_()),
        ("consented", pa.int64()),
        ("consented_by", pa.int64()),
    ]
)
"""The last two are null where no consents are followed."""


class Enrols(Protocol):
    """What the first pass tells of the rows of a frame; see flows.roll.Roll."""

    def read(self, rows: Rows, kept: npt.NDArray[np.bool_], invalid: npt.NDArray[np.bool_]) -> None: ...
    def forget(self, rows: Rows) -> None: ...
    def consent(self, rows: Rows, first: Rows, last: Rows) -> None: ...


class Enrolled:
    """Writes the file: a batch for each frame. Used inside `with`; raises OSError when the disk is full."""

    def __init__(self, path: Path) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, _SCHEMA)
        self._rows: list[pa.Array] = []
        self._gone: Rows = np.empty(0, np.int64)
        self._consents: list[pa.Array] = []

    def read(self, rows: Rows, kept: npt.NDArray[np.bool_], invalid: npt.NDArray[np.bool_]) -> None:
        self._write()
        self._rows = [pa.array(rows), pa.array(kept), pa.array(invalid)]

    def forget(self, rows: Rows) -> None:
        self._gone = rows

    def consent(self, rows: Rows, first: Rows, last: Rows) -> None:  # noqa: ARG002 - as the roll is told
        self._consents = [pa.array(first), pa.array(last)]

    def _write(self) -> None:
        if not self._rows:
            return
        size = len(self._rows[0])
        gone = pa.array(np.isin(self._rows[0].to_numpy(), self._gone))
        consents = self._consents or [pa.nulls(size, pa.int64())] * 2
        self._writer.write_batch(pa.record_batch([*self._rows, gone, *consents], schema=_SCHEMA))
        self._rows, self._consents, self._gone = [], [], np.empty(0, np.int64)

    def close(self) -> None:
        """Everything is written when this returns."""
        self._write()
        self._writer.close()
        self._sink.close()


def enrol(path: Path, roll: Roll) -> None:
    """Tells the roll what stands in a file."""
    with pa.OSFile(str(path), "rb") as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            rows, kept, invalid, gone = (
                batch.column(at).to_numpy(zero_copy_only=False).copy() for at in range(4)
            )
            roll.read(rows, kept, invalid)
            roll.forget(rows[gone])
            if not batch.column(4).null_count:
                roll.consent(rows, batch.column(4).to_numpy().copy(), batch.column(5).to_numpy().copy())

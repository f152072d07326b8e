"""The keys of a source: hashes, fingerprints and texts, spilled to disk in the order of their hashes.

Pass 1 keeps of each row only this. Each frame is a file of its own, sorted by hash, so that the rows of one
of the 256 partitions are a slice of it; memory is bounded by the frame, and all rows of a key meet in one
partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from flows.ledger.pages import PAGES, key_hash
from mappings.engine.mapped import Mapped

__all__ = ["Keys", "Partition", "key_hash", "with_consent"]

_MAPPED_ANEW = 16
_OPTED_OUT = 0x9E3779B97F4A7C15
_SCHEMA = pa.schema(
    [
        ("hash", pa.uint64()),
        ("print", pa.uint64()),
        ("row", pa.int64()),
        ("eligible", pa.bool_()),
        ("out", pa.bool_()),
        ("key", pa.string()),
    ]
)


def with_consent(prints: npt.NDArray[np.uint64], opted_out: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """The fingerprints with the consent of all rows of their key in them."""
    return np.where(opted_out, prints ^ np.uint64(_OPTED_OUT), prints)


@dataclass(frozen=True, slots=True)
class Partition:
    """All rows whose keys share a first byte, in the order of hash, then row."""

    hashes: npt.NDArray[np.uint64]
    prints: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.bool_]
    opted_out: npt.NDArray[np.bool_]
    keys: pa.Array

    def __len__(self) -> int:
        return len(self.hashes)


class Keys:
    """The spilled keys of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files: list[tuple[Path, npt.NDArray[np.int64]]] = []
        self._open: list[pa.RecordBatch] = []

    def add(self, mapped: Mapped) -> None:
        """The rows of a frame that have a usable key, whatever else is wrong with them."""
        usable = np.asarray(pc.not_equal(mapped.key, ""))
        at = np.flatnonzero(usable)
        keys = mapped.key.take(pa.array(at))
        digest = xxhash.xxh3_64_intdigest
        hashes = np.fromiter((digest(key) for key in keys.cast(pa.binary()).to_pylist()), np.uint64, len(at))
        order = np.argsort(hashes, kind="stable")
        at, hashes = at[order], hashes[order]
        batch = pa.record_batch(
            [
                pa.array(hashes),
                pa.array(mapped.content[at]),
                pa.array(mapped.rows[at]),
                pa.array((mapped.kept & ~mapped.invalid)[at]),
                pa.array(mapped.opted_out[at]),
                keys.take(pa.array(order)),
            ],
            schema=_SCHEMA,
        )
        path = self._folder / f"keys-{len(self._files) + 1:05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_batch(batch)
        bounds = np.searchsorted(hashes >> np.uint64(56), np.arange(PAGES + 1, dtype=np.uint64))
        self._files.append((path, bounds.astype(np.int64)))

    def partition(self, number: int) -> Partition:
        """All rows of a partition. The files are mapped, not loaded, and anew now and then: pages once read count as memory."""
        if number % _MAPPED_ANEW == 0:
            self._open.clear()
        if not self._open:
            for path, _ in self._files:
                reader = pa.ipc.open_file(pa.memory_map(str(path)))
                self._open.append(reader.get_batch(0))
        slices = [
            batch.slice(int(bounds[number]), int(bounds[number + 1] - bounds[number]))
            for batch, (_, bounds) in zip(self._open, self._files, strict=True)
        ]
        columns = [
            pa.concat_arrays([part.column(index) for part in slices]) if slices else pa.array([], field.type)
            for index, field in enumerate(_SCHEMA)
        ]
        hashes = columns[0].to_numpy()
        order = np.argsort(hashes, kind="stable") if len(slices) > 1 else np.arange(len(hashes))
        return Partition(
            hashes=hashes[order],
            prints=columns[1].to_numpy()[order],
            rows=columns[2].to_numpy()[order],
            eligible=columns[3].to_numpy(zero_copy_only=False)[order],
            opted_out=columns[4].to_numpy(zero_copy_only=False)[order],
            keys=columns[5].take(pa.array(order)) if len(slices) > 1 else columns[5],
        )

    def close(self) -> None:
        """Removes the spilled files."""
        self._open.clear()
        for path, _ in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()

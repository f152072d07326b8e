"""A spill: columns kept on disk in the order of a hash, and read back a partition at a time.

Each batch is a file of its own, sorted by hash, so that the rows of one of the 256 partitions are a slice of it;
memory is bounded by the batch, and all rows of a hash meet in one partition.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from flows.ledger.pages import PAGES

__all__ = ["Spill", "hashes_of", "together"]

Hashes = npt.NDArray[np.uint64]
_MAPPED_ANEW = 16


def hashes_of(texts: pa.Array) -> Hashes:
    """The 64-bit hash of each text, as `key_hash` gives it."""
    digest = xxhash.xxh3_64_intdigest
    return np.fromiter((digest(text) for text in texts.cast(pa.binary()).to_pylist()), np.uint64, len(texts))


class Spill:
    """Batches of one schema, whose first column is the hash (uint64)."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._folder = folder
        self._name = name
        self._schema = schema
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files: list[tuple[Path, npt.NDArray[np.int64]]] = []
        self._open: list[pa.RecordBatch] = []

    def add(self, hashes: Hashes, columns: list[pa.Array]) -> None:
        """A batch in the order of its hashes. Raises OSError when the disk is full."""
        batch = pa.record_batch([pa.array(hashes), *columns], schema=self._schema)
        path = self._folder / f"{self._name}-{len(self._files) + 1:05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
            writer.write_batch(batch)
        self._files.append((path, _bounds(hashes)))

    def adopt(self, path: Path) -> None:
        """Takes a batch that another process wrote; it is moved."""
        mine = self._folder / f"{self._name}-{len(self._files) + 1:05d}.arrow"
        path.replace(mine)
        with pa.memory_map(str(mine)) as source:
            hashes = pa.ipc.open_file(source).get_batch(0).column(0).to_numpy()
            self._files.append((mine, _bounds(hashes)))

    def partition(self, number: int) -> list[pa.Array]:
        """The columns of a partition, in the order of hash, then of coming.

        The files are mapped, not loaded, and anew now and then: pages once read count as memory.
        """
        if number % _MAPPED_ANEW == 0:
            self._open.clear()
        if not self._open:
            for path, _ in self._files:
                self._open.append(pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0))
        slices = [
            batch.slice(int(bounds[number]), int(bounds[number + 1] - bounds[number]))
            for batch, (_, bounds) in zip(self._open, self._files, strict=True)
        ]
        columns = [
            pa.concat_arrays([part.column(index) for part in slices]) if slices else pa.array([], field.type)
            for index, field in enumerate(self._schema)
        ]
        if len(slices) < 2:
            return columns
        order = np.argsort(columns[0].to_numpy(), kind="stable")
        return [_taken(column, order) for column in columns]

    def close(self) -> None:
        """Removes the files."""
        self._open.clear()
        for path, _ in self._files:
            path.unlink(missing_ok=True)
        self._files.clear()


def _bounds(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Where each partition begins in a batch, and where the last one ends."""
    bounds = np.searchsorted(hashes >> np.uint64(56), np.arange(PAGES + 1, dtype=np.uint64))
    return bounds.astype(np.int64)


def _taken(column: pa.Array, order: npt.NDArray[np.int64]) -> pa.Array:
    if pa.types.is_string(column.type):
        return column.take(pa.array(order))
    return pa.array(column.to_numpy(zero_copy_only=False)[order])  # numpy is twice as quick with numbers


def together(
    hashes: Hashes, texts: pa.Array, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.bool_]]:
    """Where each text begins, of texts in the order of their hashes; and the order in which equal ones stand together.

    The order is None where they do already: where no two texts share a hash.
    """
    first = np.ones(len(hashes), bool)
    first[1:] = hashes[1:] != hashes[:-1]
    same = np.flatnonzero(~first)
    if pc.all(pc.equal(texts.take(pa.array(same)), texts.take(pa.array(same - 1)))).as_py() is not False:
        return None, first
    every = texts.to_pylist()  # rare, so that it may take its time
    order = np.array(sorted(range(len(hashes)), key=lambda i: (int(hashes[i]), every[i], int(rows[i]))))
    first[1:] = [every[i] != every[before] for before, i in pairwise(order)]
    return order, first

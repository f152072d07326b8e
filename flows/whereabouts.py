"""Whereabouts: under which addresses the persons of a file stand, asked while the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from flows.ledger.pages import key_hash

__all__ = ["Whereabouts"]

_SCHEMA = pa.schema(
    [("hash", pa.uint64()), ("row", pa.int64()), ("person", pa.string()), ("key", pa.string())]
)


class Whereabouts:
    """A file of the persons' hashes, in order, with the texts: mapped, and only what is asked for is read.

    Filtered rows are not in it: nobody moves because of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: pa.ipc.RecordBatchFileReader | None = pa.ipc.open_file(pa.memory_map(str(path)))

    @staticmethod
    @contextmanager
    def written(path: Path) -> Iterator[Callable[[list[pa.Array]], None]]:
        """Takes the columns of each of the 256 partitions in turn. Raises OSError when the disk is full."""
        try:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
                path.chmod(0o600)
                yield lambda columns: writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def elsewhere(self, person: str, key: str) -> list[tuple[int, str]]:
        """The rows of a person under other addresses than this one, with those addresses."""
        if self._file is None:
            return []
        wanted = key_hash(person)
        part = self._file.get_batch(wanted >> 56)
        hashes, rows, persons, keys = part.columns
        begin, end = (
            int(np.searchsorted(hashes.to_numpy(), np.uint64(wanted), side)) for side in ("left", "right")
        )
        return [
            (rows[at].as_py(), keys[at].as_py())
            for at in range(begin, end)
            if persons[at].as_py() == person and keys[at].as_py() != key
        ]

    def close(self) -> None:
        """Removes the file."""
        self._file = None
        self._path.unlink(missing_ok=True)

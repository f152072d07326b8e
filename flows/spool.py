"""The spool: the source's rows as they were read, in the run's folder, for the second pass and for later."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import SourceError
from mappings.engine.frame import Frame, Misread, Original

__all__ = ["Spool", "originals_of"]

_EXTRA = [
    ("row", pa.int64()),
    ("line", pa.int64()),
    ("cells", pa.list_(pa.string())),
    ("misread", pa.string()),
    ("originals", pa.string()),
]
"""`originals` is JSON, what the source has in the row's cells that were corrected: [[column, text, kept], …]."""


class Spool:
    """Parquet parts, one for each frame, written beside the mapping by a thread of its own."""

    def __init__(self, folder: Path, header: Sequence[str]) -> None:
        self.folder = folder
        self.header = tuple(header)
        self._rows: list[tuple[int, int]] = []
        self._writer: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fields = [(str(index), pa.string()) for index in range(len(self.header))]
        metadata = {"header": json.dumps(self.header, ensure_ascii=False)}
        self._schema = pa.schema([*fields, *_EXTRA], metadata=metadata)

    @classmethod
    def kept(cls, folder: Path) -> Spool:
        """The spool that a run left behind. Raises SourceError where it is not there, or not whole."""
        paths = sorted(folder.glob("part-*.parquet"))
        try:
            spool = cls(folder, cls.header_of(pq.read_schema(paths[0])))
            for path in paths:
                rows = pq.read_table(path, columns=["row"], use_threads=False)["row"]
                spool._rows.append((rows[0].as_py(), rows[-1].as_py()))
        except (OSError, IndexError, KeyError, ValueError, pa.ArrowException):
            raise SourceError(
                f"The rows of the run are not kept any more in {folder}.",
                "Sync the source again; what landed is not sent again.",
            ) from None
        return spool

    @staticmethod
    def header_of(schema: pa.Schema) -> tuple[str, ...]:
        """The source's header, from the schema of one of the parts."""
        return tuple(json.loads((schema.metadata or {})[b"header"]))

    def add(self, frame: Frame) -> None:
        """Takes a frame. The one before is on the disk when this returns; raises OSError if it is not."""
        if not len(frame):
            return
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "spool")
        self._settle()
        self._rows.append((int(frame.rows[0]), int(frame.rows[-1])))
        self._pending = self._writer.submit(self._write, len(self._rows), frame)

    def adopt(self, path: Path, first: int, last: int) -> None:
        """Takes a part that another process wrote, with the rows that follow; it is moved."""
        self._rows.append((first, last))
        path.replace(self.folder / f"part-{len(self._rows):05d}.parquet")

    def _write(self, number: int, frame: Frame) -> None:
        cells: list[list[str] | None] = [None] * len(frame) if frame.misread else []
        codes: list[str | None] = [None] * len(frame) if frame.misread else []
        for bad in frame.misread:
            cells[bad.at] = list(bad.cells)
            codes[bad.at] = json.dumps([bad.code, bad.detail], ensure_ascii=False)
        size = len(frame)
        table = pa.Table.from_arrays(
            [
                *frame.cells.columns,
                pa.array(frame.rows),
                pa.array(frame.lines),
                pa.array(cells, pa.list_(pa.string())) if cells else pa.nulls(size, pa.list_(pa.string())),
                pa.array(codes, pa.string()) if codes else pa.nulls(size, pa.string()),
                _written(frame.originals, size),
            ],
            schema=self._schema,
        )
        path = self.folder / f"part-{number:05d}.parquet"
        pq.write_table(table, path, compression="lz4", use_dictionary=False, write_statistics=False)
        path.chmod(0o600)

    def _settle(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def close(self) -> None:
        """Everything is on the disk when this returns."""
        self._settle()
        if self._writer is not None:
            self._writer.shutdown()
            self._writer = None

    def make_durable(self) -> None:
        """Also the power may go now: whoever resumes the run finds all rows. Raises OSError."""
        for path in [*self.folder.glob("part-*.parquet"), self.folder, self.folder.parent]:
            opened = os.open(path, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)

    def parts(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and last row of each part."""
        for number, (first, last) in enumerate(self._rows, start=1):
            yield number, first, last

    def frame(self, number: int) -> Frame:
        """A part, as it was read."""
        table = pq.read_table(self.folder / f"part-{number:05d}.parquet", use_threads=False)
        codes = table["misread"]
        misread = []
        if codes.null_count < len(codes):
            for at, (code, cells) in enumerate(
                zip(codes.to_pylist(), table["cells"].to_pylist(), strict=True)
            ):
                if code is not None:
                    name, detail = json.loads(code)
                    misread.append(Misread(at, name, detail, tuple(cells)))
        names = [str(index) for index in range(len(self.header))]
        return Frame(
            cells=table.select(names),
            rows=np.asarray(table["row"]),
            lines=np.asarray(table["line"]),
            misread=tuple(misread),
            originals=originals_of(table),
        )


def originals_of(table: pa.Table) -> tuple[Original, ...]:
    """What the source has in corrected cells, of a part or some of its rows; earlier versions of muster kept nothing of it."""
    if "originals" not in table.column_names or table["originals"].null_count == len(table):
        return ()
    return tuple(
        Original(at, column, text, kept)
        for at, written in enumerate(table["originals"].to_pylist())
        if written is not None
        for column, text, kept in json.loads(written)
    )


def _written(originals: Sequence[Original], size: int) -> pa.Array:
    if not originals:
        return pa.nulls(size, pa.string())
    by_row: dict[int, list[tuple[int, str, bool]]] = {}
    for one in originals:
        by_row.setdefault(one.at, []).append((one.column, one.text, one.kept))
    rows = [json.dumps(by_row[at], ensure_ascii=False) if at in by_row else None for at in range(size)]
    return pa.array(rows, pa.string())

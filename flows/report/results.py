"""What became of every row: `results.csv` for people, `rows.parquet` for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from flows.report.details import Twice
from flows.report.failures import csv_header, csv_lines, parts

__all__ = ["SCHEMA", "write_csv", "write_parquet", "write_twice"]

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("key", pa.string()),
        ("outcome", pa.string()),
        ("code", pa.string()),
        ("reason", pa.string()),
        ("contact_id", pa.string()),
    ]
)


def write_csv(folder: Path, file: BinaryIO) -> None:
    """Writes `results.csv`. Cells are defused as in `failures.csv`; `rows.parquet` has them as they are."""
    file.write(csv_header(SCHEMA.names))
    for path in parts(folder, "outcomes"):
        table = pq.read_table(path, columns=SCHEMA.names)
        file.write(csv_lines([column.cast(pa.large_string()).combine_chunks() for column in table.columns]))


def write_twice(twice: Sequence[Twice], file: BinaryIO) -> None:
    """Writes `twice_there.csv`: addresses with several contacts at the destination, and their ids there."""
    file.write(csv_header(["address", "ids"]))
    columns = [[one.address for one in twice], [" ".join(one.ids) for one in twice]]
    file.write(csv_lines([pa.array(column, pa.large_string()) for column in columns]))


def write_parquet(folder: Path, run_id: str, file: BinaryIO) -> None:
    """Writes `rows.parquet`: the parts of `outcomes` in one file, the run's id in its metadata."""
    with pq.ParquetWriter(file, SCHEMA.with_metadata({"run": run_id}), compression="zstd") as writer:
        for path in parts(folder, "outcomes"):
            writer.write_table(pq.read_table(path, columns=SCHEMA.names).cast(writer.schema))

"""How fast a file is read as text with the number and the line of each row: muster beside pyarrow, DuckDB, pandas and csv.

    python benchmarks/reading.py [--rows 1000000] [--rounds 3] [--install]

Everyone reads the same file of a million contacts (twelve columns, 130 MB), in turn, each in a process of its own, and
has to find as many rows and the same last cell. Every cell is text. muster gives rows and physical lines, finds out
how the file is written, hashes it and looks at every quote; the others are told nothing more than that all is text.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contacts
from measuring import PEERS, data_folder, machine, median, peak_memory, peers, run, shown, table

Read = Callable[[str], tuple[int, str]]


def muster(path: str) -> tuple[int, str]:
    from connectors.sources.csv_file import open_source  # noqa: PLC0415 - one reader for each process

    rows, last = 0, ""
    for frame in open_source(Path(path), {}).frames():
        rows += len(frame)
        assert len(frame.lines) == len(frame.rows) == len(frame)
        last = frame.cells.column(frame.cells.num_columns - 1)[-1].as_py()
    return rows, last


def pyarrow(path: str) -> tuple[int, str]:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.csv as arrow_csv  # noqa: PLC0415 - as above

    header = Path(path).open(encoding="utf-8").readline().rstrip("\r\n").split(",")  # noqa: SIM115 - ends at once
    types = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
    )
    rows, last = 0, ""
    for batch in arrow_csv.open_csv(path, arrow_csv.ReadOptions(block_size=1 << 24), convert_options=types):
        rows += batch.num_rows
        last = batch.column(batch.num_columns - 1)[-1].as_py()
    return rows, last


def duckdb(path: str) -> tuple[int, str]:
    import duckdb as db  # type: ignore[import-not-found]  # noqa: PLC0415 - of the peers' environment

    base = (
        db.connect()
    )  # a table of its own in memory: what costs least there, as rows of Python's cost most of all
    base.execute(f"create table read as from read_csv('{path}', all_varchar = true)")
    rows = base.execute("select count(*) from read").fetchall()[0][0]
    return rows, base.execute("select * from read order by rowid desc limit 1").fetchall()[0][-1] or ""


def pandas(path: str) -> tuple[int, str]:
    import pandas as pd  # noqa: PLC0415 - as above

    rows, last = 0, ""
    for frame in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=65_536):
        rows += len(frame)
        last = frame.iloc[-1, -1]
    return rows, last


def dict_reader(path: str) -> tuple[int, str]:
    import csv  # noqa: PLC0415 - as above

    rows, row = 0, {"": ""}
    with Path(path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):  # noqa: B007 - the last one is looked at
            rows += 1
    return rows, list(row.values())[-1]


READERS: dict[str, Read] = {
    "muster": muster,
    "pyarrow": pyarrow,
    "duckdb": duckdb,
    "pandas": pandas,
    "csv.DictReader": dict_reader,
}
OWN = {"muster", "pyarrow", "csv.DictReader"}
"""Who runs in muster's environment; the others have one of their own, see peers/install.py."""


def once(name: str, path: str) -> dict[str, Any]:
    began = time.perf_counter()
    rows, last = READERS[name](path)
    return {"seconds": time.perf_counter() - began, "peak": peak_memory(), "rows": rows, "last": last}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--install", action="store_true", help="install the peers first")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        sys.stdout.write(json.dumps(once(*chosen.once)) + "\n")
        return
    peers(chosen)
    file = contacts.write(data_folder() / f"contacts-{chosen.rows}.csv", rows=chosen.rows)
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in READERS}
    for number in range(1, chosen.rounds + 1):
        print(f"round {number} of {chosen.rounds}", file=sys.stderr)
        for name, found in said.items():
            python = sys.executable if name in OWN else PEERS / "bin" / "python"
            found.append(run([python, __file__, "--once", name, file]).said)
    if len({(one["rows"], one["last"]) for found in said.values() for one in found}) != 1:
        sys.exit("not the same rows")
    lines = []
    for name, found in said.items():
        ratios = [one["seconds"] / own["seconds"] for one, own in zip(found, said["muster"], strict=True)]
        spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(
            (
                name,
                shown(median([one["seconds"] for one in found])),
                spread,
                shown(median([one["peak"] for one in found]), ".0f"),
            )
        )
    print(
        f"\nReading {chosen.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB, medians of {chosen.rounds}; {machine()}\n"
    )
    print(table(("who", "seconds", "times muster's", "peak MB"), lines))


if __name__ == "__main__":
    main()

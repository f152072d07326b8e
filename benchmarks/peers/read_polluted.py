"""Peers read files and write what they found as JSON lines: `read_polluted.py READER < names > rows`.

READER is pandas, duckdb or sniffer (Python's own). Nothing is declared but that all is text.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path


def pandas(path: str) -> list[list[str]]:
    import pandas as pd  # noqa: PLC0415 - one peer at a time

    frame = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, sep=None, engine="python")
    rows = frame.astype(object).where(frame.notna(), "").to_numpy().tolist()
    return [[str(cell) for cell in row] for row in rows]


def duckdb(path: str) -> list[list[str]]:
    import duckdb as db  # noqa: PLC0415 - as above

    found = db.sql(f"from read_csv('{path}', all_varchar = true, ignore_errors = false)")
    return [found.columns, *([cell or "" for cell in row] for row in found.fetchall())]


def sniffer(path: str) -> list[list[str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    dialect = csv.Sniffer().sniff(text[:100_000])
    return [row for row in csv.reader(io.StringIO(text, newline=""), dialect) if row]


if __name__ == "__main__":
    csv.field_size_limit(1 << 24)
    reader = {"pandas": pandas, "duckdb": duckdb, "sniffer": sniffer}[sys.argv[1]]
    for name in sys.stdin.read().splitlines():
        try:
            rows = reader(name)
        except Exception:  # noqa: BLE001 - whatever a peer raises, it gave up on this file
            rows = None
        print(json.dumps(rows))

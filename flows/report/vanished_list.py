"""`vanished.csv`: who vanished from a complete source, a line for each of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from flows.report import page
from flows.report.details import Details
from flows.report.failures import csv_header, csv_lines, restored
from flows.report.summary import Summary
from flows.report.vanished import VANISHED_FILE
from flows.report.writing import whole

__all__ = ["COLUMNS", "draw_again", "without", "write_vanished"]

COLUMNS = ("key", "person", "since", "reason", "done", "last_run")
"""`since` is when a run missed them first, in UTC; `reason` absent or filtered; `done` the run that did something for them, or
blank; `last_run` the one that delivered them last."""


def write_vanished(folder: Path, lines: Sequence[Sequence[str]]) -> None:
    """Writes the file, a line for each sequence in the order of `COLUMNS`. Cells are defused as in `failures.csv`. Raises OSError."""
    columns = list(zip(*lines, strict=True)) or [()] * len(COLUMNS)
    with whole(folder / VANISHED_FILE) as file:
        file.write(csv_header(COLUMNS))
        file.write(csv_lines([pa.array(column, pa.large_string()) for column in columns]))


def without(folder: Path, texts: Collection[str]) -> None:
    """Takes out the lines of a person, known by their addresses in lower case and their ids."""
    path = folder / VANISHED_FILE
    if not path.exists():
        return
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))[1:]
    if not rows:
        return
    bare = [restored(pa.array(column, pa.large_string())).to_pylist() for column in zip(*rows, strict=True)]
    lines = list(zip(*bare, strict=True))
    kept = [line for line in lines if not ({line[0], line[0].lower(), line[1]} & set(texts))]
    if len(kept) < len(lines):
        write_vanished(folder, kept)


def draw_again(folder: Path, into: Path, summary: Summary, details: Details) -> None:
    """Draws the page of a run once more `into` a folder, with a summary that says more by now. Raises OSError."""
    with whole(into / "report.html") as file:
        file.write(page.render(folder, summary, details).encode())
    with whole(into / "summary.json") as file:
        file.write(summary.to_json().encode())

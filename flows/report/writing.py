"""Puts the report into the run's folder, each file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flows.report import failures, page, results
from flows.report.summary import Details, Summary

__all__ = ["DETAILS_FILE", "TWICE_FILE", "whole", "write_report"]

TWICE_FILE = "twice_there.csv"
DETAILS_FILE = "details.json"
"""What the page shows beside the summary, so that it can be drawn anew."""


def write_report(folder: Path, summary: Summary, details: Details, *, into: Path | None = None) -> None:
    """Draws the report from the run's `folder` and writes it there, or `into` another folder.

    The files are `failures.csv`, `failures.xlsx`, `results.csv`, `rows.parquet`, `report.html`, where addresses have
    several contacts there `twice_there.csv` and, last, so that whoever waits for it finds the others, `summary.json`. Only their owner may read them. Raises OSError.
    """
    place = into or folder
    if not place.exists():
        place.mkdir(mode=0o700, parents=True)
    if into is None:
        place.chmod(0o700)
    with whole(place / "failures.csv") as file:
        failures.write_csv(folder, summary.run_id, file)
    with (
        tempfile.TemporaryDirectory(prefix=".report-", dir=place) as scratch,
        whole(place / "failures.xlsx") as file,
    ):
        created = summary.finished_at or summary.started_at
        failures.write_xlsx(folder, summary.run_id, file, created=created, scratch=Path(scratch))
    with whole(place / "results.csv") as file:
        results.write_csv(folder, file)
    with whole(place / "rows.parquet") as file:
        results.write_parquet(folder, summary.run_id, file)
    if details.twice:
        with whole(place / TWICE_FILE) as file:
            results.write_twice(details.twice, file)
    if into is None:
        with whole(place / DETAILS_FILE) as file:
            file.write(details.model_dump_json().encode())
    with whole(place / "report.html") as file:
        file.write(page.render(folder, summary, details).encode())
    with whole(place / "summary.json") as file:
        file.write(summary.to_json().encode())


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once it is complete and on the disk. Only its owner may read it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Puts the report into the run's folder, each file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from flows.report import failures, page, results
from flows.report.details import Details
from flows.report.masking import Mask
from flows.report.reasons import codes
from flows.report.summary import Summary

__all__ = ["DETAILS_FILE", "TWICE_FILE", "details_of", "whole", "write_masked", "write_report"]

TWICE_FILE = "twice_there.csv"
DETAILS_FILE = "details.json"
"""What only the page shows, so that it can be drawn again; in the run's own folder only."""


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
            file.write(details.model_dump_json().encode("utf-8", "replace"))
    with whole(place / "report.html") as file:
        file.write(page.render(folder, summary, details).encode())
    with whole(place / "summary.json") as file:
        file.write(summary.to_json().encode())


def details_of(folder: Path, summary: Summary) -> Details:
    """What the page of a run shows beside the summary; nearly nothing of a run of an earlier version, which kept none."""
    try:
        return Details.model_validate_json((folder / DETAILS_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return Details(title=summary.mapping.name, mapping_path="")


def write_masked(folder: Path, summary: Summary, mask: Mask, into: Path) -> None:
    """Draws the page from the run's `folder` again, with its summary, as a copy for others. Raises OSError."""
    known = details_of(folder, summary)
    masked = mask.summary(summary)
    details = mask.details(known, masked, codes(folder))
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole(into / "report.html") as file:
        file.write(page.render(folder, masked, details, mask).encode())
    with whole(into / "summary.json") as file:
        file.write(masked.to_json().encode())


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

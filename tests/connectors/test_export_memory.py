"""The memory that every kind of export takes is that of a few frames, however large the file; where it is not, the limit is said.

Frames are small here, so that files of many frames are written and read quickly. What Python and numpy take is counted by `tracemalloc`, what Arrow takes by a pool of its own.
"""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from connectors.errors import SourceError
from connectors.kinds import source_module
from connectors.sources import csv_file, salesforce_weekly_export, sheet_facts
from mappings.engine.frame import Frame
from tests.connectors.test_export_kinds import ARCHIVES, EVERY, KINDS, plain_rows, sample_of

ROWS = 1024
FEW, MANY = 10, 40
MARGIN = 8
"""Frames by which the larger file may take more: how many blocks are read and parsed at once differs from run to run."""
GROWN = ("Contact", "Lead", "subscribed", "unsubscribed", "cleaned")
"""Members of archives that hold people, by the beginning of their names."""
_POOLS: list[pa.MemoryPool] = []
"""Arrow's arrays outlive a test where somebody caches them, and a pool must outlive its arrays."""


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "FRAME_ROWS", ROWS)


@dataclass(frozen=True)
class Taken:
    """Bytes at the worst moment, those of the largest frame, and how many rows and frames there were."""

    most: int
    frame: int
    rows: int
    frames: int


def as_text(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def pieces(rows: list[list[str]], count: int) -> Iterator[bytes]:
    """A table of about so many rows: the header, and the rows again and again."""
    header, *body = rows
    yield as_text([header])
    again = as_text(body)
    for _ in range(-(-count // len(body))):
        yield again


def large(folder: Path, kind: str, frames: int) -> Path:
    """A file of that kind with the rows of so many frames, made from its sample and written piece by piece."""
    path = folder / f"{frames}.export"
    if kind in KINDS:
        with path.open("wb") as file:
            file.writelines(pieces(plain_rows(sample_of(kind))[: 1 + 200], frames * ROWS))
        return path
    with zipfile.ZipFile(sample_of(kind)) as sample, zipfile.ZipFile(path, "w") as archive:
        grown = [name for name in sample.namelist() if name.startswith(GROWN)]
        for name in sample.namelist():
            rows = list(csv.reader(io.StringIO(sample.read(name).decode("utf-8-sig"), newline="")))
            with archive.open(name, "w") as member:
                member.writelines(
                    pieces(rows, frames * ROWS // len(grown)) if name in grown else [as_text(rows)]
                )
    return path


def taken(kind: str, path: Path, *, keeps: bool = False) -> Taken:
    """What the file's reading takes, from opening to its last frame; `keeps` is somebody who lets no frame go."""
    pool = pa.proxy_memory_pool(pa.system_memory_pool())
    _POOLS.append(pool)
    usual = pa.default_memory_pool()
    kept: list[Frame] = []
    frame = rows = count = 0
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        for one in source_module(kind).open_source(path, {}).frames():
            frame, rows, count = max(frame, one.cells.nbytes), rows + len(one), count + 1
            kept += [one] if keeps else []
        return Taken(tracemalloc.get_traced_memory()[1] + pool.max_memory(), frame, rows, count)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


@pytest.mark.parametrize("kind", EVERY)
def test_memory_is_bounded_by_the_frame(kind: str, tmp_path: Path) -> None:
    small = taken(kind, large(tmp_path, kind, FEW))
    big = taken(kind, large(tmp_path, kind, MANY))
    assert big.rows > 3.5 * small.rows
    assert big.rows >= 20 * ROWS
    assert big.frames >= 20
    assert big.most < small.most + MARGIN * big.frame


def test_whoever_keeps_frames_is_seen(tmp_path: Path) -> None:
    """The test above can fail."""
    kind = "zoho_export"
    small = taken(kind, large(tmp_path, kind, FEW), keeps=True)
    big = taken(kind, large(tmp_path, kind, MANY), keeps=True)
    assert big.most > small.most + 2 * MARGIN * big.frame


@pytest.mark.parametrize("kind", [*KINDS, "mailchimp_export"])
def test_a_workbook_which_is_in_memory_as_a_whole_has_a_limit_that_is_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = source_module(kind).EXPORT.signs[0]
    path = tmp_path / "export.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for row in range(30):
            sheet.write_row(row, 0, header if row == 0 else ["x"] * len(header))
    monkeypatch.setattr(sheet_facts, "MOST_CELLS", 30 * len(header) - 1)
    with pytest.raises(SourceError, match=f"an area of more than {30 * len(header) - 1} cells") as caught:
        source_module(kind).open_source(path, {})
    assert "export it as CSV, which may have any size" in caught.value.fix


def test_salesforce_s_accounts_which_are_in_memory_have_a_limit_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "salesforce_weekly_export" in ARCHIVES
    path = large(tmp_path, "salesforce_weekly_export", 1)
    monkeypatch.setattr(salesforce_weekly_export, "MOST_ACCOUNTS", 1 << 20)
    salesforce_weekly_export.open_source(path, {})
    with zipfile.ZipFile(path, "a") as archive, archive.open("WE_2/Account.csv", "w") as member:
        member.writelines(pieces([["Id", "Name"], ["001Qx00004100007AAB", "Example Ltd"]], 40_000))
    with pytest.raises(SourceError, match=r"the accounts in WE_2/Account\.csv take more than 1 MB") as caught:
        salesforce_weekly_export.open_source(path, {})
    assert str(path) in caught.value.what
    assert "kind: salesforce_data_loader" in caught.value.fix

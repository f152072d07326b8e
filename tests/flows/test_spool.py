"""The spool gives back what it was given, frame by frame."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.spool import Spool
from mappings.engine.frame import Frame, Misread

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "\x00", "\n", '"', "\x1f", "NA"]
)
HEADER = ("Email", "Notes", "Notes", "", 'Ünïcode; ["x"]')


@st.composite
def frames(draw: st.DrawFn) -> list[Frame]:
    found, row, line = [], 1, 2
    for size in draw(st.lists(st.integers(0, 5), max_size=4)):
        columns = [draw(st.lists(TEXT, min_size=size, max_size=size)) for _ in HEADER]
        lines = []
        for _ in range(size):
            lines.append(line)
            line += draw(st.integers(1, 3))
        misread = []
        for at in draw(st.sets(st.integers(0, size - 1))) if size else ():
            cells = tuple(draw(st.lists(TEXT, min_size=1, max_size=9)))
            misread.append(
                Misread(at, draw(st.sampled_from(["row_misaligned", "row_broken"])), draw(TEXT), cells)
            )
            for column in columns:
                column[at] = ""
        found.append(
            Frame(
                cells=pa.Table.from_arrays(
                    [pa.array(column, pa.string()) for column in columns], names=list(HEADER)
                ),
                rows=np.arange(row, row + size),
                lines=np.array(lines, np.int64),
                misread=tuple(sorted(misread, key=lambda bad: bad.at)),
            )
        )
        row += size
    return found


@given(frames())
@settings(max_examples=60, deadline=None)
def test_what_was_put_in_comes_out_again_with_its_rows_lines_and_misread_rows(
    given_frames: list[Frame],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool", HEADER)
        for frame in given_frames:
            spool.add(frame)
        spool.close()
        filled = [frame for frame in given_frames if len(frame)]
        parts = list(spool.parts())
        assert parts == [
            (number, int(frame.rows[0]), int(frame.rows[-1])) for number, frame in enumerate(filled, start=1)
        ]
        for (number, _, _), frame in zip(parts, filled, strict=True):
            again = spool.frame(number)
            assert [column.to_pylist() for column in again.cells.columns] == [
                column.to_pylist() for column in frame.cells.columns
            ]
            assert again.rows.tolist() == frame.rows.tolist()
            assert again.lines.tolist() == frame.lines.tolist()
            assert again.misread == frame.misread


def one(email: str) -> Frame:
    return Frame(pa.table({"Email": pa.array([email], pa.string())}), np.array([1]), np.array([2]))


def test_only_the_owner_can_read_the_parts(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "run" / "spool", ("Email",))
    spool.add(one("a@example.com"))
    spool.close()
    [part] = (tmp_path / "run" / "spool").iterdir()
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert stat.S_IMODE(part.parent.stat().st_mode) == 0o700


def test_a_part_that_cannot_be_written_is_said_at_the_next_step(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", ("Email",))
    (tmp_path / "spool").rmdir()
    (tmp_path / "spool").touch()
    spool.add(one("a@example.com"))
    with pytest.raises(OSError, match="spool"):
        spool.close()
    spool.close()

"""A file in shards: whoever reads one reads what the reader of the whole file reads there, to the row and the line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources import csv_file
from connectors.sources.bookmarks import Divisible, Shard
from connectors.sources.csv_file import CsvSource, open_source
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame

MODEST = settings(
    max_examples=70, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)  # fmt: skip


@dataclass
class Seen:
    """What was read: cells, row, line and what is misread of each row, and what is odd about the file."""

    rows: list[tuple[Any, ...]]
    oddities: list[Oddity]
    sha256: str


def rows_of(frame: Frame) -> list[tuple[Any, ...]]:
    bad = {one.at: (one.code, one.detail, one.cells) for one in frame.misread}
    cells = zip(*(column.to_pylist() for column in frame.cells.columns), strict=True)
    return [
        (row, line, texts, bad.get(at))
        for at, (row, line, texts) in enumerate(
            zip(frame.rows.tolist(), frame.lines.tolist(), cells, strict=True)
        )
    ]


def whole(path: Path, block: int, **reading: Any) -> Seen:
    source = opened(path, block, **reading)
    rows = [row for frame in source.frames() for row in rows_of(frame)]
    return Seen(rows, source.oddities, source.sha256)


def in_shards(path: Path, block: int, shard_bytes: int, **reading: Any) -> tuple[Seen, list[Shard]]:
    """Each shard is read by a reader of its own, the last one first; what is odd travels as JSON."""
    source = opened(path, block, **reading)
    shards = list(source.divided(shard_bytes))
    found: dict[int, tuple[list[Any], Tally]] = {}
    for shard in reversed(shards):
        tally = Tally()
        reader = CsvSource(path, source.dialect, source.block)
        rows = [row for frame in reader.frames_of(shard, tally) for row in rows_of(frame)]
        found[shard.number] = rows, Tally.read(json.loads(json.dumps(tally.written())))
    every, rows = Tally(), []
    for number in sorted(found):
        rows += found[number][0]
        every.then(found[number][1])
    return Seen(rows, source.oddities + every.oddities(), source.sha256), shards


def opened(path: Path, block: int, **reading: Any) -> CsvSource:
    source = open_source(path, reading)
    source.block = block or source.block
    return source


CELLS = st.text(st.sampled_from('ab1é, ;"\n\r'), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=25)
GARBAGE = st.text(st.sampled_from('aab,,"\n\n\r\\é\0'), max_size=120)


def quoted(table: list[list[str]], end: str) -> str:
    """Rows with as many cells as they have, quoted where they must be."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text

    return "".join(",".join(map(cell, row)) + end for row in table)


@settings(MODEST)
@given(
    TABLES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be"]),
    st.integers(3, 80), st.integers(1, 200),
)  # fmt: skip
def test_any_table_is_read_alike_in_any_shards_whatever_its_line_ends_and_encoding(
    tmp_path: Path, table: list[list[str]], end: str, encoding: str, block: int, shard_bytes: int
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(("x,y,z" + end + quoted(table, end)).encode(encoding))
    reading = {"delimiter": ",", "quote": '"', "escape": "doubled", "header_line": 1, "encoding": encoding}
    seen, _ = in_shards(path, block, shard_bytes, **reading)
    assert seen == whole(path, block, **reading)


@settings(MODEST)
@given(GARBAGE, st.integers(3, 60), st.integers(1, 120), st.sampled_from(["doubled", "backslash"]))
def test_any_garbage_is_read_alike_in_any_shards(
    tmp_path: Path, text: str, block: int, shard_bytes: int, escape: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(("x,y\n" + text).encode())
    reading = {"delimiter": ",", "quote": '"', "escape": escape, "header_line": 1, "encoding": "utf-8"}
    seen, _ = in_shards(path, block, shard_bytes, **reading)
    assert seen == whole(path, block, **reading)


@settings(MODEST, max_examples=25)
@given(
    st.lists(st.sampled_from(["a§b", "§", "é", "c\n", '"§"\n', "\n"]), max_size=40), st.integers(3, 40), st.sampled_from(["§", "||", "~^"])
)  # fmt: skip
def test_a_delimiter_of_two_bytes_is_never_cut_in_two(
    tmp_path: Path, parts: list[str], block: int, sign: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(("x§y\n" + "".join(parts)).replace("§", sign).encode())
    reading = {"delimiter": sign, "quote": '"', "escape": "doubled", "header_line": 1, "encoding": "utf-8"}
    seen, _ = in_shards(path, block, 1, **reading)
    assert seen == whole(path, block, **reading)


def test_rows_over_a_hundred_lines_that_are_rows_themselves_are_counted_as_these(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    stray = 'a,"open\n' + "1,2\n" * 300 + 'b,c"\n'
    path.write_bytes(("x,y\n" + (stray + "3,4\n" * 50) * 6).encode())
    seen, shards = in_shards(path, 2000, 2000)
    assert seen == whole(path, 2000)
    assert len(shards) > 3


def test_shards_are_contiguous_and_about_as_large_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("x,y\n" + "".join(f'{n},"a\nb"\n' for n in range(5000)), "utf-8")
    source = opened(path, 1000)
    assert isinstance(source, Divisible)
    shards = list(source.divided(10_000))
    assert [one.number for one in shards] == list(range(1, len(shards) + 1))
    assert [one.until for one in shards[:-1]] == [one.begin.at for one in shards[1:]]
    assert [one.begin.row for one in shards] == [
        1 + sum(other.rows for other in shards[:at]) for at in range(len(shards))
    ]
    assert sum(one.rows for one in shards) == 5000
    sizes = [(one.until or source.size) - one.begin.at for one in shards]
    assert all(10_000 <= size <= 11_000 for size in sizes[:-1])
    assert shards[-1].until is None


def test_a_shard_of_a_file_that_was_written_to_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("x,y\n" + "".join(f"{n},abc\n" for n in range(1000)), "utf-8")
    source = opened(path, 1000)
    first, second, *_ = source.divided(3000)
    content = bytearray(path.read_bytes())
    content[second.begin.at + 200 : second.begin.at + 201] = b"Z"
    path.write_bytes(content)
    list(source.frames_of(first, Tally()))
    with pytest.raises(SourceError, match="is another file than it was"):
        list(source.frames_of(second, Tally()))
    path.write_bytes(content[: second.begin.at + 50])
    with pytest.raises(SourceError, match="is another file than it was"):
        list(source.frames_of(second, Tally()))


def test_a_row_that_is_too_long_is_refused_with_its_line_before_any_shard_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "LONGEST_ROW", 1 << 16)
    path = tmp_path / "export.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 5000 + b"x" * 500_000)
    with pytest.raises(SourceError, match="the row on line 5002 is longer") as alone:
        whole(path, 4096)
    with pytest.raises(SourceError) as divided:
        list(opened(path, 4096).divided(10_000))
    assert str(divided.value) == str(alone.value)

"""Parquet files as text: every type as a person would write it, batch by batch."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.sources import parquet_file
from connectors.sources.opening import format_of, open_table
from tests.connectors.reading import Seen, read, spoiled


def of(tmp_path: Path, columns: dict[str, pa.Array], **how: Any) -> Seen:
    path = tmp_path / "people"
    pq.write_table(pa.table(columns), path, **how)
    assert format_of(path) == "parquet_file"
    return read(path)


NOON = dt.datetime(2025, 3, 4, 12, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array(["Zoë", None]), ["Zoë", ""]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([2**63 - 1, None]), ["9223372036854775807", ""]),
        (pa.array([3.0, 0.1 + 0.2, float("nan"), None]), ["3", "0.3", "", ""]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([Decimal("1.50"), None]), ["1.50", ""]),
        (pa.array([dt.date(2025, 3, 4), None]), ["2025-03-04", ""]),
        (pa.array([dt.date(2025, 3, 4)], pa.date64()), ["2025-03-04"]),
        (pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("ns")), ["2025-03-04 12:00:30", ""]),
        (pa.array([NOON], pa.timestamp("ms", "Europe/Rome")), ["2025-03-04 13:00:30+01:00"]),
        (pa.array([dt.time(7, 30)], pa.time32("s")), ["07:30:00"]),
        (pa.array([b"Ann", b"\xff", None]), ["Ann", "ff", ""]),
        (pa.array([["a", "b"], [], None]), ["a;b", "", ""]),
        (pa.array([[1.5, 2.0]]), ["1.5;2"]),
        (pa.array([[{"a": 1, "d": dt.date(2025, 3, 4)}], None]), ['[{"a": 1, "d": "2025-03-04"}]', ""]),
        (pa.array([None, None]), ["", ""]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['[["k", 1]]']),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)  # fmt: skip
def test_each_type_is_written_as_a_person_would(tmp_path: Path, column: pa.Array, texts: list[str]) -> None:
    found = of(tmp_path, {"a": column})
    assert [row[0] for row in found.rows] == texts
    assert found.lines == list(range(1, len(texts) + 1))


def test_structs_become_columns_and_a_blank_one_is_blank(tmp_path: Path) -> None:
    found = of(tmp_path, {
        "Email": pa.array(["a@x.de", "b@x.de"]),
        "Address": pa.array([{"City": "Rome", "Geo": {"Lat": 1}}, None]),
    })  # fmt: skip
    assert found.header == ("Email", "Address.City", "Address.Geo.Lat")
    assert found.rows == [["a@x.de", "Rome", "1"], ["b@x.de", "", ""]]
    data = found.source.path.read_bytes()
    assert (found.source.sha256, found.source.size) == (hashlib.sha256(data).hexdigest(), len(data))


def test_it_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "FRAME_ROWS", 300)
    path = tmp_path / "long"
    pq.write_table(pa.table({"n": range(1000)}), path, row_group_size=400)
    sizes = [len(frame) for frame in open_table(path, {}).frames()]
    assert max(sizes) <= 300
    assert sum(sizes) == 1000
    assert [int(row[0]) for row in read(path).rows] == list(range(1000))


def test_a_cell_that_is_too_long_is_set_aside(tmp_path: Path) -> None:
    found = of(tmp_path, {"Email": pa.array(["a@x.de", "b@x.de"]), "Note": pa.array(["x" * (2 << 20), "y"])})
    assert found.rows == [["", ""], ["b@x.de", "y"]]
    [bad] = found.misread
    assert (bad.code, len(bad.cells[1])) == ("cell_too_long", 1000)


def test_settings_of_others_and_damage_are_said(tmp_path: Path) -> None:
    path = tmp_path / "people"
    pq.write_table(pa.table({"a": ["b"]}), path)
    with pytest.raises(SourceError, match="delimiter: says nothing about a Parquet file"):
        open_table(path, {"delimiter": ","})
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        open_table(path, {})


def test_a_spoiled_file_ends_in_rows_or_in_an_error(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    pq.write_table(pa.table({"a": ["x", "y"] * 50, "b": [{"c": NOON}] * 100, "d": [[1], None] * 50}), path)
    whole = path.read_bytes()
    for data in spoiled(whole, 200, seed=11):
        path.write_bytes(data)
        with contextlib.suppress(SourceError):
            read(path)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=9),
    st.sampled_from(["zstd", "gzip", "none"]),
)
def test_a_table_of_texts_comes_back_unchanged(tmp_path: Path, cells: list[list[str]], how: str) -> None:
    columns = {name: pa.array([row[at] for row in cells]) for at, name in enumerate("ab")}
    assert of(tmp_path, columns, compression=how).rows == cells

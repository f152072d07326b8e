"""What the tests of all formats do: read a source to its end, and spoil files."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.base import Source
from connectors.sources.opening import open_table
from mappings.engine.frame import Misread


@dataclass
class Seen:
    """A source that was read; `rows` are lists of texts, misread ones blank."""

    source: Source
    rows: list[list[str]]
    lines: list[int]
    misread: list[Misread]

    @property
    def header(self) -> tuple[str, ...]:
        return self.source.header

    @property
    def odd(self) -> dict[str, str]:
        return {oddity.code: oddity.message for oddity in self.source.oddities}


def read(path: Path, settings: Mapping[str, Any] | None = None) -> Seen:
    return seen(open_table(path, settings or {}))


def seen(source: Source) -> Seen:
    """Reads it, and holds each frame to what a frame is."""
    found = Seen(source, [], [], [])
    for frame in source.frames():
        assert frame.cells.column_names == list(source.header)
        assert all(column.type == pa.string() and not column.null_count for column in frame.cells.columns)
        assert frame.rows.tolist() == list(range(len(found.rows) + 1, len(found.rows) + len(frame) + 1))
        assert len(frame.lines) == frame.cells.num_rows == len(frame)
        found.rows += [list(row.values()) for row in frame.cells.to_pylist()]
        found.lines += frame.lines.tolist()
        found.misread += frame.misread
    return found


def spoiled(data: bytes, many: int, seed: int = 1) -> Iterator[bytes]:
    """The file cut off, or with some of its bits turned."""
    dice = random.Random(seed)  # noqa: S311 - not cryptography
    for _ in range(many):
        wrong = bytearray(data)
        if dice.random() < 0.3:
            del wrong[dice.randrange(1, len(wrong)) :]
        else:
            for _ in range(dice.choice((1, 1, 3, 20))):
                wrong[dice.randrange(len(wrong))] ^= 1 << dice.randrange(8)
        yield bytes(wrong)

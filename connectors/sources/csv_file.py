"""CSV files as they come: everything is text, and each row keeps its number, its line and its own cells.

A file is read in blocks (`stream`) that end where a row ends (`splitting`), and Arrow parses the block (`parsing`).
Rows where something is odd (a quote out of place, too few or too many cells, bytes that are no text) are read one
by one (`rows`), settled (`settling`), and put back into the block in canonical form (`building`), so that Arrow
parses them too and no row is shifted, lost or doubled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from connectors.sources import finding
from connectors.sources.bookmarks import Bookmark, Divided, Shard
from connectors.sources.dialect import Dialect, detect
from connectors.sources.headers import unique_names
from connectors.sources.parsing import count_rows, parse
from connectors.sources.settling import LONGEST_ROW
from connectors.sources.splitting import Ints, Split, split_rows
from connectors.sources.stream import Stream
from connectors.sources.tables import Layout, Parsed
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame, Misread

__all__ = ["FORMAT", "SETTINGS", "CsvSource", "open_source"]

FORMAT = "a CSV file"
SETTINGS = ("encoding", "delimiter", "quote", "escape", "header_line")

FRAME_ROWS = 1 << 16


def open_source(path: Path, settings: Mapping[str, Any]) -> CsvSource:
    """The CSV file at `path`. `encoding`, `delimiter`, `quote`, `escape` (doubled, backslash) and `header_line`
    (0: there is none) in `settings` stand above what is found. Raises SourceError.
    """
    finding.readable(path)
    dialect = detect(path, settings)
    if len(dialect.names) > MOST_COLUMNS:
        raise SourceError(
            f"{path} has more than {MOST_COLUMNS:,} columns.",
            "Look at its first line: it may be written with another delimiter, or on its side.",
        )
    return CsvSource(path, dialect)


MOST_COLUMNS = 5_000


class CsvSource:
    """A CSV file being read; see connectors.base.Source."""

    def __init__(self, path: Path, dialect: Dialect, block: int = 0) -> None:
        """Nothing is read before `frames()`. `block` is how many bytes are read at once, where that is known."""
        self.path = path
        self.dialect = dialect
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = list(dialect.oddities)
        self.sha256 = ""
        self.size = path.stat().st_size
        self.header_cells = dialect.header
        """The header as the file has it, repeated and blank names included; nothing where it has none."""
        self.header = unique_names(dialect.names, dialect.header_line, self.oddities)
        self.reading: Mapping[str, Any] = dialect.spoken()
        self._fast = True
        self.block = block or min(max(FRAME_ROWS * dialect.row_bytes, 1 << 17), 1 << 24)

    def frames(self) -> Iterator[Frame]:
        """Frames of about 65,536 rows. Raises SourceError when the file can be read no further."""
        for frame, _ in self.frames_and_widths():
            yield frame

    def frames_and_widths(self) -> Iterator[tuple[Frame, Ints]]:
        """Each frame with the number of cells that each of its rows has in the file."""
        tally = Tally()
        stream = Stream(self.path, self.dialect, self.block)
        yield from self._numbered(stream, self._start(), tally)
        self.sha256, self.size = stream.sha256, stream.size
        self.oddities += tally.oddities()

    def files(self) -> tuple[Divided, ...]:
        """See bookmarks.Divisible."""
        return (Divided(self.path, self.dialect, self.block),)

    def divided(self, shard_bytes: int) -> Iterator[Shard]:
        """See bookmarks.Divisible: rows are split as ever, and not parsed."""
        stream = Stream(self.path, self.dialect, self.block)
        layout = self._layout()
        begin = self._start()
        number = rows = 0
        for data, split, following in self._split(stream, begin):
            rows += count_rows(data, split, layout)
            if following is not None and stream.size - begin.at >= shard_bytes:
                number += 1
                yield Shard(number, begin, following.at, following.at - begin.at, rows, stream.cut())
                begin, rows = replace(following, row=begin.row + rows), 0
        yield Shard(number + 1, begin, None, stream.size - begin.at, rows, stream.cut())
        self.sha256, self.size = stream.sha256, stream.size

    def frames_of(self, shard: Shard, tally: Tally) -> Iterator[Frame]:
        """See bookmarks.Divisible."""
        stream = Stream(self.path, self.dialect, self.block, shard.begin, shard.until)
        rows = 0
        for frame, _ in self._numbered(stream, shard.begin, tally):
            rows += len(frame)
            yield frame
        if stream.cut() != shard.check or rows != shard.rows:
            raise SourceError(
                f"{self.path} is another file than it was when its reading began.",
                "Sync it again, when nobody writes to it any more.",
            )

    def note(self, tallies: Mapping[int, Tally]) -> None:
        """See bookmarks.Divisible."""
        for tally in tallies.values():
            self.oddities += tally.oddities()

    def _start(self) -> Bookmark:
        return Bookmark(0, 1, self.dialect.first_line, skip=self.dialect.begins)

    def _layout(self) -> Layout:
        return Layout(self.header, self.dialect.syntax, self.dialect, self._fast)

    def _numbered(self, stream: Stream, begin: Bookmark, tally: Tally) -> Iterator[tuple[Frame, Ints]]:
        row = begin.row
        for block in self._blocks(stream, begin):
            tally.add(block)
            for frame, widths in _cut(block, row):
                row += len(frame)
                yield frame, widths

    def _blocks(self, stream: Stream, begin: Bookmark) -> Iterator[Parsed]:
        """Rows are split here, in order; two blocks at a time are parsed beside it."""
        layout = self._layout()
        pending: deque[Future[Parsed]] = deque()
        pool = ThreadPoolExecutor(2, thread_name_prefix="muster-csv")
        try:
            for data, split, _ in self._split(stream, begin):
                if len(split.starts) or split.late[0]:
                    pending.append(pool.submit(parse, data, split, layout))
                while len(pending) > 2:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _split(self, stream: Stream, begin: Bookmark) -> Iterator[tuple[bytes, Split, Bookmark | None]]:
        """Each block with its rows, and where the next one begins; that bookmark's `row` is not counted. None after the last."""
        syntax = self.dialect.syntax
        tail, line, skip = begin.held, begin.line, begin.skip
        try:
            for text, final in stream:
                if skip:
                    cut = min(skip, len(text))
                    data, skip = tail + text[cut:], skip - cut
                else:
                    data = tail + text if tail else text
                # what a return means shows only in what follows it
                held = b"" if final else data[len(data.rstrip(b"\r")) :]
                data = data.removesuffix(held)
                split = split_rows(data, syntax, len(self.header), line, final=final)
                tail, line = data[split.used :] + held, split.next_line
                following = None if final else Bookmark(stream.size, 0, line, tail, *stream.decoding(), skip)
                yield data, split, following
                if len(tail) > LONGEST_ROW:
                    raise SourceError(
                        f"{self.path}: the row on line {line} is longer than {LONGEST_ROW >> 20} MB.",
                        "Look at that line; the file may be damaged, or no CSV file.",
                    )
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read further: {error.strerror}.", "Copy it to a local disk."
            ) from None
        finally:
            stream.close()


def _cut(block: Parsed, row: int) -> Iterator[tuple[Frame, Ints]]:
    """A block as frames; most are one."""
    count = len(block.lines)
    size = FRAME_ROWS if count > FRAME_ROWS * 3 // 2 else max(count, 1)
    for begin in range(0, count, size):
        end = min(begin + size, count)
        frame = Frame(
            cells=block.cells.slice(begin, end - begin),
            rows=np.arange(row + begin, row + end, dtype=np.int64),
            lines=block.lines[begin:end],
            misread=tuple(
                Misread(bad.at - begin, bad.code, bad.detail, bad.cells)
                for bad in block.misread
                if begin <= bad.at < end
            ),
        )
        yield frame, block.widths[begin:end]

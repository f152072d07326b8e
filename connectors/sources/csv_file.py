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
from pathlib import Path
from typing import Any

import numpy as np

from connectors.base import Oddity, SourceFacts
from connectors.errors import SourceError
from connectors.sources import finding
from connectors.sources.dialect import Dialect, detect
from connectors.sources.headers import unique_names
from connectors.sources.parsing import parse
from connectors.sources.settling import LONGEST_ROW
from connectors.sources.splitting import Ints, split_rows
from connectors.sources.stream import Stream
from connectors.sources.tables import Layout, Parsed
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame, Misread

__all__ = ["CsvSource", "open_source"]

FRAME_ROWS = 1 << 16


def open_source(path: Path, settings: Mapping[str, Any]) -> CsvSource:
    """The CSV file at `path`. `encoding`, `delimiter`, `quote`, `escape` (doubled, backslash) and `header_line`
    in `settings` stand above what is found. Raises SourceError.
    """
    finding.readable(path)
    dialect = detect(path, settings)
    if len(dialect.header) > MOST_COLUMNS:
        raise SourceError(
            f"{path} has more than {MOST_COLUMNS:,} columns.",
            "Look at its first line: it may be written with another delimiter, or on its side.",
        )
    return CsvSource(path, dialect)


MOST_COLUMNS = 5_000


class CsvSource:
    """A CSV file being read; see connectors.base.Source."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        """Nothing is read before `frames()`."""
        self.path = path
        self.dialect = dialect
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = list(dialect.oddities)
        self.sha256 = ""
        self.size = path.stat().st_size
        self.header_cells = dialect.header
        """The header as the file has it, repeated and blank names included."""
        self.header = unique_names(dialect.header, dialect.header_line, self.oddities)
        self.reading: Mapping[str, Any] = dialect.spoken()
        self._fast = True
        self._block = min(max(FRAME_ROWS * dialect.row_bytes, 1 << 17), 1 << 24)

    def frames(self) -> Iterator[Frame]:
        """Frames of about 65,536 rows. Raises SourceError when the file can be read no further."""
        for frame, _ in self.frames_and_widths():
            yield frame

    def frames_and_widths(self) -> Iterator[tuple[Frame, Ints]]:
        """Each frame with the number of cells that each of its rows has in the file."""
        tally = Tally()
        row = 1
        for block in self._blocks():
            tally.add(block)
            for frame, widths in _cut(block, row):
                row += len(frame)
                yield frame, widths
        self.oddities += tally.oddities()

    def _blocks(self) -> Iterator[Parsed]:
        """Rows are split here, in order; two blocks at a time are parsed beside it."""
        dialect, syntax = self.dialect, self.dialect.syntax
        layout = Layout(self.header, syntax, dialect, self._fast)
        stream = Stream(self.path, dialect, self._block)
        tail, line, skip = b"", dialect.first_line, dialect.begins
        pending: deque[Future[Parsed]] = deque()
        pool = ThreadPoolExecutor(2, thread_name_prefix="muster-csv")
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
                if len(split.starts) or split.late[0]:
                    pending.append(pool.submit(parse, data, split, layout))
                if len(tail) > LONGEST_ROW:
                    raise SourceError(
                        f"{self.path}: the row on line {line} is longer than {LONGEST_ROW >> 20} MB.",
                        "Look at that line; the file may be damaged, or no CSV file.",
                    )
                while len(pending) > 2:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
            self.sha256, self.size = stream.sha256, stream.size
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read further: {error.strerror}.", "Copy it to a local disk."
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
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

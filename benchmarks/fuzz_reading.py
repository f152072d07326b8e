"""Files that nobody should have to read: each must end in rows or in a clear error, in bounded time and memory.

    python benchmarks/fuzz_reading.py [--files 50000] [--seed 1] [--keep FOLDER]

Half of the files are clean tables in random dialects and encodings with bytes put in, taken out, turned or doubled; the
others are random bytes and random text that looks like CSV. Every eighth is read twice, once in blocks of its usual
size and once in tiny ones; both must agree. A traceback, more than --seconds for one file, or memory that grows by more than
--megabytes over all files ends it with 1; the file stays in --keep.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from measuring import ROOT, peak_memory

sys.path.insert(0, str(ROOT))

from polluted.pollutions import Style
from polluted.tables import TABLES

from connectors.errors import SourceError
from connectors.sources.csv_file import open_source

SIGNS = [
    b",",
    b";",
    b"\t",
    b"|",
    b'"',
    b"'",
    b"\n",
    b"\r\n",
    b"\r",
    b"\\",
    b"\0",
    b"\xff",
    b"\xc3",
    b" ",
    b"a",
    b"1",
    b"@x.de",
    b'""',
    b"=",
    b"\x1f",
]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "mac_roman", "cp932")


class TooSlow(Exception):  # noqa: N818 - it is what happened
    """A file took longer than it may."""


def mutated(chance: random.Random) -> bytes:
    """A clean table in a random dialect, with some bytes changed."""
    table = chance.choice(list(TABLES.values()))[: chance.randint(1, 12)]
    style = Style(
        chance.choice([",", ";", "\t", "|", "||", ": ", "~"]),
        chance.choice('""\''),
        ending=chance.choice(["\n", "\r\n", "\r"]),
    )
    data = bytearray(style.text(table).encode(chance.choice(ENCODINGS), "replace"))
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(data) + 1)
        what = chance.random()
        if what < 0.4:
            data[at:at] = chance.choice(SIGNS) * chance.choice([1, 1, 1, 2, 30])
        elif what < 0.6:
            del data[at : at + chance.randint(1, 20)]
        elif what < 0.8 and at < len(data):
            data[at] = chance.randrange(256)
        else:
            data[at:at] = data[chance.randrange(len(data) + 1) :][: chance.randint(1, 200)]
    return bytes(data)


def made_up(chance: random.Random) -> bytes:
    """Random bytes, or signs that CSV is made of in random order."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randint(1, 400))
    return b"".join(chance.choice(SIGNS) for _ in range(chance.randint(1, 300)))


def read(path: Path, block: int) -> list[Any]:
    """Rows, lines and what is misread, as `peek` and a sync get them. Raises SourceError."""
    source = open_source(path, {})
    source.block = block or source.block
    found: list[Any] = [source.header]
    for frame in source.frames():
        rows = list(zip(*(column.to_pylist() for column in frame.cells.columns), strict=True))
        found += [*zip(rows, frame.lines.tolist(), strict=True)]
        found += [(int(frame.rows[bad.at]), bad.code, bad.cells) for bad in frame.misread]
    return sorted(map(repr, found))


def outcome(path: Path, *, twice: bool) -> str:
    """`rows`, or `refused`. Raises whatever a reader should never raise."""
    try:
        whole = read(path, 0)
    except SourceError as error:
        if not (error.what and error.fix):
            raise AssertionError(f"an error without what to do: {error}") from None
        return "refused"
    if twice and whole != read(path, 17):
        raise AssertionError("rows differ with where blocks end")
    return "rows"


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow


def fuzz(files: int, seed: int, folder: Path, seconds: int = 20) -> Counter[str]:
    """Reads so many files, made from `seed`, one after the other in `folder`; counts how they ended."""
    chance = random.Random(seed)
    path = folder / "fuzzed.csv"
    signal.signal(signal.SIGALRM, _alarm)
    ended: Counter[str] = Counter()
    for number in range(files):
        path.write_bytes(mutated(chance) if chance.random() < 0.5 else made_up(chance))
        signal.alarm(seconds)
        try:
            ended[outcome(path, twice=number % 8 == 0)] += 1
        finally:
            signal.alarm(0)
    return ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="a folder for the file that went wrong")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fuzz(100, chosen.seed, chosen.keep or Path(folder))
        before = peak_memory()
        try:
            ended = fuzz(chosen.files, chosen.seed, chosen.keep or Path(folder), chosen.seconds)
        except Exception:
            print(f"seed {chosen.seed}: a file ended in neither rows nor a clear error", file=sys.stderr)
            raise
    grown = peak_memory() - before
    print(
        f"{chosen.files:,} files: {ended['rows']:,} ended in rows, {ended['refused']:,} in a clear error; "
        f"{time.perf_counter() - began:.0f} s, peak memory {before:.0f} + {grown:.0f} MB"
    )
    if grown > chosen.megabytes:
        sys.exit("memory grew")


if __name__ == "__main__":
    main()

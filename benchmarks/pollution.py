"""How well polluted CSV files are read with nothing declared: muster beside pandas, DuckDB and Python's Sniffer.

`python benchmarks/pollution.py [--worst 20] [--peers pandas duckdb sniffer] [--table NAME]`: one line for each reader, one for each
family of pollutions. The first part is comparable with Pollock's scores (out of 10), the second is what Pollock leaves out. Under
"silent" stands in how many files muster laid a row out otherwise than it was meant, without a word: neither is the row set aside,
nor the file refused.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from measuring import HERE, PEERS, ROOT

sys.path.insert(0, str(ROOT))

from polluted.pollutions import QUOTED, Polluted, also, extra_quotes, pollock
from polluted.scores import scored, weighted
from polluted.tables import TABLES

from connectors.errors import SourceError
from connectors.sources.csv_file import open_source
from connectors.sources.headers import refuse_doubts
from flows.cli.peek import command

Files = dict[Path, Polluted]


def made(folder: Path, only: str | None) -> tuple[Files, Files]:
    """Writes the files: those of Pollock's pollutions, and the others."""
    sets: tuple[Files, Files] = ({}, {})
    for table_name, table in TABLES.items():
        if only in {None, table_name}:
            for files, polluted in (
                (sets[0], [*pollock(table), *extra_quotes(table)]),
                (sets[1], [*also(table)]),
            ):
                for one in polluted:
                    path = folder / f"{table_name}-{one.name}.csv"
                    path.write_bytes(one.content)
                    files[path] = one
        if only in {None, table_name} and table_name == "contacts":
            for one in (*pollock(table, QUOTED), *extra_quotes(table, QUOTED)):
                path = folder / f"{table_name}-quoted-{one.name}.csv"
                path.write_bytes(one.content)
                sets[0][path] = one
    return sets


def is_silent(path: Path, meant: list[list[str]]) -> bool:
    """Whether a row is laid out otherwise than it is meant, and nothing says so."""
    try:
        source = open_source(path, {})
        refuse_doubts(path, source.oddities)
    except SourceError:
        return False
    width = len(source.header)
    laid_out: Counter[tuple[str, ...]] = Counter()
    aside = 0
    for frame in source.frames():
        bad = {one.at for one in frame.misread}
        rows = zip(*(column.to_pylist() for column in frame.cells.columns), strict=True)
        laid_out.update(row for at, row in enumerate(rows) if at not in bad)
        aside += len(bad)
    wanted = Counter(tuple([*row, *[""] * width][: max(width, len(row))]) for row in meant[1:])
    return bool(laid_out - wanted) or (wanted - laid_out).total() > aside


def muster(files: Files) -> list[list[list[str]] | None]:
    """The rows that `muster peek FILE --to-csv OUT` writes."""
    found: list[list[list[str]] | None] = []
    for path in files:
        out = path.with_suffix(".out")
        out.unlink(missing_ok=True)
        with (
            contextlib.suppress(SourceError),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            command.main([str(path), "--to-csv", str(out)], standalone_mode=False, prog_name="muster peek")
        if out.exists():
            with out.open(encoding="utf-8", newline="") as file:
                found.append(list(csv.reader(file)))
        else:
            found.append(None)
    return found


def peer(name: str, files: Files) -> list[list[list[str]] | None]:
    ran = subprocess.run(
        [PEERS / "bin" / "python", HERE / "peers" / "read_polluted.py", name],
        input="\n".join(map(str, files)), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in ran.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worst", type=int, default=0, help="show muster's worst files")
    parser.add_argument("--peers", nargs="*", default=["pandas", "duckdb", "sniffer"])
    parser.add_argument("--table", choices=sorted(TABLES))
    chosen = parser.parse_args()
    csv.field_size_limit(1 << 24)
    with tempfile.TemporaryDirectory() as folder:
        for title, files in zip(
            ("Pollock's pollutions", "other pollutions"), made(Path(folder), chosen.table), strict=True
        ):
            report(title, files, chosen.peers, chosen.worst)


def _asked(one: Polluted) -> bool:
    """Of a second table Pollock wants no row, and a file of no bytes has none."""
    return bool(one.expected) and one.family != "multitable"


def report(title: str, files: Files, peers: list[str], worst: int) -> None:
    """Prints each reader's average, and below it what each family scored."""
    by_reader: dict[str, dict[str, list[float]]] = {}
    totals: list[tuple[float, str]] = []
    for reader in ("muster", *peers):
        rows = muster(files) if reader == "muster" else peer(reader, files)
        families: dict[str, list[float]] = defaultdict(list)
        for (path, one), found in zip(files.items(), rows, strict=True):
            total = sum(scored(one.expected, found))
            families[one.family].append(total)
            if reader == "muster":
                totals.append((total, path.name))
        by_reader[reader] = families
    print(f"\n{title}: {len(files):,} files")
    for reader, families in by_reader.items():
        every = [score for scores in families.values() for score in scores]
        known = f"   weighted {weighted(families):6.3f}" if "source" in families else ""
        print(f"  {reader:<10} simple {sum(every) / len(every):6.3f}{known}")
    silent = Counter(
        one.family for path, one in files.items() if _asked(one) and is_silent(path, one.expected)
    )
    print(f"\n  {'':<30}{'files':>6}" + "".join(f"{reader:>9}" for reader in by_reader) + f"{'silent':>9}")
    for family in by_reader["muster"]:
        count = len(by_reader["muster"][family])
        means = (sum(families[family]) / count for families in by_reader.values())
        print(
            f"  {family:<30}{count:>6}" + "".join(f"{mean:>9.3f}" for mean in means) + f"{silent[family]:>9}"
        )
    for total, name in sorted(totals)[:worst]:
        print(f"  {total:6.3f} {name}")


if __name__ == "__main__":
    main()

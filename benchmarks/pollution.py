"""How well polluted CSV files are read with nothing declared: muster beside pandas, DuckDB and Python's Sniffer.

`python benchmarks/pollution.py [--worst 20] [--peers pandas duckdb sniffer] [--table NAME]`: one line for each reader, one for each
family of pollutions. The first part is comparable with Pollock's scores (out of 10), the second is what Pollock leaves out.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from measuring import HERE, PEERS, ROOT

sys.path.insert(0, str(ROOT))

from polluted.pollutions import Polluted, also, extra_quotes, pollock
from polluted.scores import scored, weighted
from polluted.tables import TABLES

from connectors.errors import SourceError
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
    return sets


def muster(files: Files) -> list[list[list[str]] | None]:
    """The rows that `muster peek FILE --to-csv OUT` writes."""
    found: list[list[list[str]] | None] = []
    for path in files:
        out = path.with_suffix(".out")
        out.unlink(missing_ok=True)
        with contextlib.suppress(SourceError):
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
    print(f"\n  {'':<30}{'files':>6}" + "".join(f"{reader:>9}" for reader in by_reader))
    for family in by_reader["muster"]:
        count = len(by_reader["muster"][family])
        means = (sum(families[family]) / count for families in by_reader.values())
        print(f"  {family:<30}{count:>6}" + "".join(f"{mean:>9.3f}" for mean in means))
    for total, name in sorted(totals)[:worst]:
        print(f"  {total:6.3f} {name}")


if __name__ == "__main__":
    main()

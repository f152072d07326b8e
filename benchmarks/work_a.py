"""Work A: a million contacts read, mapped, validated, deduplicated, compared, every row's outcome on the disk.

    python benchmarks/work_a.py [--rows 1000000] [--rounds 3] [--install]
    python benchmarks/work_a.py --rows 10000000 --memory      muster alone: how memory grows with rows

muster compares with a ledger that holds the same contacts, so nothing is to be sent; dlt reads, maps, validates
and hands over in batches to a sink that does nothing. In turn, on the same file; the clock runs from opening the
file to the last outcome, without interpreter and imports.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import contacts
from measuring import HERE, Ran, data_folder, machine, median, peers, run, shown, table

SIDE = HERE / "muster_work_a.py"


def muster(what: str, file: Path, home: Path) -> Ran:
    return run([sys.executable, SIDE, what, file, home])


def in_turn(rows: int, rounds: int, commands: Path) -> None:
    file = contacts.write(data_folder() / f"contacts-{rows}.csv", rows=rows)
    first, again, peer = [], [], []
    with tempfile.TemporaryDirectory(dir=data_folder()) as folder:
        full, empty = Path(folder, "full"), Path(folder, "empty")
        muster("fill", file, full)
        quiet = {"DLT_DATA_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}", file=sys.stderr)
            again.append(muster("again", file, full).said)
            peer.append(
                run([commands / "python", HERE / "peers" / "dlt_work_a.py", file, folder], extra=quiet).said
            )
            first.append(muster("first", file, empty).said)
    if again[0]["balance"].get("unchanged") != peer[0]["contacts"]:
        sys.exit(
            f"not the same work: {again[0]['balance']} here, {peer[0]['contacts']} contacts handed over by dlt"
        )
    sides = (
        ("muster, nothing changed", again),
        (f"dlt {peer[0]['version']}", peer),
        ("muster, first run", first),
    )
    lines = []
    for name, said in sides:
        ratios = [
            ours["seconds"] and theirs["seconds"] / ours["seconds"]
            for ours, theirs in zip(said, peer, strict=True)
        ]
        lines.append(
            (
                name,
                shown(median([one["seconds"] for one in said])),
                shown(median([one["processor"] for one in said])),
                shown(median([one["peak"] for one in said]), ".0f"),
                shown(median([one["imported"] for one in said]), ".0f"),
                f"{shown(median(ratios), '.1f')} ({min(ratios):.1f} to {max(ratios):.1f})",
            )
        )
    print(
        f"\nWork A: {rows:,} rows, {file.stat().st_size / 1e6:.0f} MB, medians of {rounds} rounds; {machine()}\n"
    )
    print(table(("who", "seconds", "processor s", "peak MB", "of it imports", "times dlt's speed"), lines))
    print(
        "\nBalance: " + ", ".join(f"{name} {count:,}" for name, count in sorted(again[0]["balance"].items()))
    )
    print(
        "\nStages of muster, in seconds; what threads do side by side is in the rest as less than nothing\n"
    )
    names = sorted(again[0]["stages"], key=lambda name: -again[0]["stages"][name])
    stages = [
        (
            name,
            shown(median([one["stages"].get(name, 0.0) for one in again])),
            shown(median([one["stages"].get(name, 0.0) for one in first])),
        )
        for name in names
    ]
    print(table(("stage", "nothing changed", "first run"), stages))


def memory(rows: int) -> None:
    """muster alone, at half of the rows and at all of them."""
    found = []
    for size in (rows // 2, rows):
        file = contacts.write(data_folder() / f"contacts-{size}.csv", rows=size)
        with tempfile.TemporaryDirectory(dir=data_folder()) as folder:
            muster("fill", file, Path(folder))
            found.append(muster("again", file, Path(folder)).said)
    print(f"\nMemory of muster's process, nothing changed; {machine()}\n")
    lines = [
        (
            f"{one['rows']:,}",
            shown(one["seconds"]),
            shown(one["peak"], ".0f"),
            shown(one["peak_reading"], ".0f"),
            shown(one["imported"], ".0f"),
        )
        for one in found
    ]
    print(table(("rows", "seconds", "peak MB", "peak when all was read", "imports alone"), lines))
    small, large = found
    growth = (large["peak"] - small["peak"]) * 2**20 / (large["rows"] - small["rows"])
    print(f"\nGrowth: {growth:.0f} bytes a row")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="muster alone: how memory grows with rows")
    parser.add_argument("--install", action="store_true", help="install the peers first")
    arguments = parser.parse_args()
    if arguments.memory:
        memory(arguments.rows)
    else:
        in_turn(arguments.rows, arguments.rounds, peers(arguments))


if __name__ == "__main__":
    main()

"""Work B: 20,000 contacts, one request each, to a server that answers at once.

    python benchmarks/work_b.py [--contacts 20000] [--rounds 5] [--install]

In turn, the same contacts to the same server in a process of its own: muster's run without Prefect, drt's
`rest_api` destination. The server keeps the clock, from the first request to the last; muster's ends later, when
the last answer is in the ledger and on the disk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contacts
from measuring import HERE, data_folder, machine, median, peers, run, shown, table


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The instant server; where it is."""
    command = [sys.executable, HERE / "instant_server.py"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)


def asked(base: str, path: str, method: str) -> dict[str, Any]:
    request = urllib.request.Request(base + path, method=method)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(response)
    return found


def muster(file: Path, folder: Path, base: str) -> dict[str, Any]:
    asked(base, "/-/reset", "POST")
    ran = run([sys.executable, HERE / "muster_work_b.py", file, folder / "muster-home", f"{base}/v1"])
    counts, said = asked(base, "/-/counts", "GET"), ran.said
    if said["answers"] != counts["contacts"] or said["kept_differently"] or said["stopped"]:
        sys.exit(f"muster did not do the work: {said}, {counts}")
    return {
        **counts,
        "end": said["durable"],
        "processor": ran.processor(counts["first"], said["durable"]),
        "peak": said["peak"],
    }


def drt(file: Path, folder: Path, base: str, commands: Path) -> dict[str, Any]:
    project, home = folder / "drt", folder / "drt-home"
    shutil.copytree(HERE / "peers" / "drt_work_b", project)
    (home / ".drt").mkdir(parents=True)
    (project / "profiles.yml").rename(home / ".drt" / "profiles.yml")
    sync = project / "syncs" / "contacts.yml"
    sync.write_text(sync.read_text().replace("http://127.0.0.1:PORT", base))
    (project / "contacts.csv").symlink_to(file)
    asked(base, "/-/reset", "POST")
    ran = run([commands / "drt", "run"], cwd=project, extra={"HOME": str(home)})
    counts = asked(base, "/-/counts", "GET")
    return {
        **counts,
        "end": counts["last"],
        "processor": ran.processor(counts["first"], counts["last"]),
        "peak": None,
    }


def in_turn(number_of: int, rounds: int, commands: Path) -> None:
    file = contacts.write(data_folder() / f"usable-{number_of}.csv", usable=number_of)
    ours, theirs = [], []
    with server() as base:
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=data_folder()) as folder:
                ours.append(muster(file, Path(folder), base))
                theirs.append(drt(file, Path(folder), base, commands))
    for one in (*ours, *theirs):
        if one["contacts"] != number_of or one["upserts"] != number_of:
            sys.exit(f"not the same work: {one}")
    version = run([commands / "python", "-c", "import drt; print(drt.__version__)"]).said["text"].strip()
    lines = []
    for name, side in (("muster, answers durable", ours), (f"drt {version}", theirs)):
        rates = [number_of / (one["end"] - one["first"]) for one in side]
        alone = [number_of / (one["last"] - one["first"]) for one in side]
        used = [one["processor"] and 1000 * one["processor"] / number_of for one in side]
        ratios = [
            (other["end"] - other["first"]) / (one["end"] - one["first"])
            for one, other in zip(side, theirs, strict=True)
        ]
        lines.append(
            (
                name,
                shown(median(rates), ",.0f"),
                shown(median(alone), ",.0f"),
                shown(median(used), ".3f"),
                f"{shown(median(ratios), '.2f')} ({min(ratios):.2f} to {max(ratios):.2f})",
            )
        )
    print(f"\nWork B: {number_of:,} contacts, one request each, medians of {rounds} rounds; {machine()}\n")
    print(table(("who", "contacts/s", "first to last request", "CPU ms each", "times drt's speed"), lines))
    print(
        f"\nRequests besides: muster {ours[0]['requests'] - ours[0]['upserts']}, drt {theirs[0]['requests'] - theirs[0]['upserts']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--install", action="store_true", help="install the peers first")
    arguments = parser.parse_args()
    in_turn(arguments.contacts, arguments.rounds, peers(arguments))


if __name__ == "__main__":
    main()

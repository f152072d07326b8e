"""The long storm.

    python -m tests.storm [--seed N] [--kills N] [--destination campaignlark|loops|corporate_merch] [--rows N]

prints its figures; exit code 1 when anything is lost, wrong, there twice or sent twice without a reason, with the contacts and the seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from connectors.sandbox.serving import running
from tests.storm.attempts import Attempts, Runner
from tests.storm.places import PLACES
from tests.storm.storm import Figures, Storm

_SHOWN = 20


def main() -> int:
    given = _options().parse_args()
    place, began = PLACES[given.destination], time.monotonic()
    print(
        f"storm over {place.kind}, seed {given.seed}: at least {given.kills} kills, a fault for a third of all requests",
        flush=True,
    )

    def progress(figures: Figures) -> None:
        bad = f", {len(figures.failures)} FAILURES" if figures.failures else ""
        print(
            f"{time.monotonic() - began:6.0f} s  {figures.kills:4} kills, {figures.runs:4} runs, {figures.attempts:4} attempts{bad}",
            flush=True,
        )

    with (
        tempfile.TemporaryDirectory(prefix="storm-") as name,
        running(place.kind, rate=0, **place.settings) as server,
    ):
        folder = Path(name)
        with Runner() as runner:
            attempts = Attempts.at(runner, folder, server)
            storm = Storm(place, server, attempts, folder, seed=given.seed, rows=given.rows, say=progress)
            figures = storm.blow(given.kills)
    _show(figures, given.seed, time.monotonic() - began)
    for said in figures.failures[:_SHOWN]:
        print(f"FAILED, seed {given.seed}: {said}", file=sys.stderr)
    if len(figures.failures) > _SHOWN:
        print(f"FAILED, seed {given.seed}: and {len(figures.failures) - _SHOWN} more", file=sys.stderr)
    return 1 if figures.failures else 0


def _show(figures: Figures, seed: int, seconds: float) -> None:
    faults = ", ".join(f"{kind} {count:,}" for kind, count in sorted(figures.faults.items()))
    moments = ", ".join(f"{name} {count}" for name, count in figures.moments.items())
    print(f"seed          {seed}")
    print(f"kills         {figures.kills} ({moments})")
    print(f"runs          {figures.runs} in {figures.attempts} attempts")
    print(f"faults        {figures.faults.total():,}: {faults}")
    print(f"contacts      {figures.contacts:,}, written {figures.writes:,} times")
    print(f"lost          {len(figures.lost)}")
    print(f"wrong         {len(figures.wrong)}")
    print(f"duplicates    {len(figures.duplicates)}")
    print(
        f"sent twice    {figures.twice_by_kills} because of kills (at most {figures.in_flight} in flight, {figures.most_in_flight} at one kill);"
        f" {figures.extra} writes more than it takes in all, for {figures.unclear:,} without a clear answer;"
        f" {len(figures.again)} without a reason"
    )
    print(f"seconds       {seconds:.0f}", flush=True)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.storm",
        description="Kills muster's runner in the worst weather, and checks everything.",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--destination", choices=sorted(PLACES), default="campaignlark")
    parser.add_argument("--rows", type=int, default=60, help="in a file, at most about")
    return parser


if __name__ == "__main__":
    sys.exit(main())

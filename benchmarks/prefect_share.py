"""How much of a sync's time is Prefect's: 100,000 contacts through the flow, and past it, in turn.

    python benchmarks/prefect_share.py [--contacts 100000] [--rounds 3] [--batch 250] [--seconds 15]

Both sides send the same contacts to a server that answers at once, as fast as they can: at an account's rate Prefect's share of
the time is smaller still, since its work stays the same and the rest takes longer. The clock runs from the first batch to the report.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import contacts
from measuring import HERE, data_folder, machine, median, run, shown, table
from work_b import asked, server


def one(file: Path, base: str, words: list[str], number_of: int) -> dict[str, Any]:
    asked(base, "/-/reset", "POST")
    with tempfile.TemporaryDirectory(dir=data_folder()) as home:
        said = run([sys.executable, HERE / "muster_prefect.py", file, home, f"{base}/v1", *words]).said
    if said["stopped"] or said["outcomes"]["created"] != number_of:
        sys.exit(f"it did not do the work: {said}")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=250, help="contacts in a batch")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long a task takes batches; 0: a task for each batch")  # fmt: skip
    parser.add_argument("--share", type=float, default=0.05, help="the most of the time that Prefect may take")  # fmt: skip
    given = parser.parse_args()
    file = contacts.write(data_folder() / f"usable-{given.contacts}.csv", usable=given.contacts)
    words = ["--batch", str(given.batch), "--seconds", str(given.seconds)]
    through, past = [], []
    with server() as base:
        for number in range(1, given.rounds + 1):
            print(f"round {number} of {given.rounds}", file=sys.stderr)
            through.append(one(file, base, words, given.contacts))
            past.append(one(file, base, [*words, "--plain"], given.contacts))
    shares = [ran["seen"].get("prefect", 0) / max(1, sum(ran["seen"].values())) for ran in through]
    lines = [
        (name, shown(median([ran["seconds"] for ran in side]), ",.1f"),
         shown(median([1000 * ran["processor"] / given.contacts for ran in side]), ".3f"), str(side[0]["tasks"]), part)
        for name, side, part in (
            ("through Prefect", through, f"{median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"), ("past it", past, "-"),
        )
    ]  # fmt: skip
    ratios = [with_it["seconds"] / without["seconds"] - 1 for with_it, without in zip(through, past, strict=True)]  # fmt: skip
    work = [(a["processor"] - b["processor"]) / a["processor"] for a, b in zip(through, past, strict=True)]
    rest = [1000 * sum(ran["beside"].get(name, 0.0) for name in ("GlobalEventLoopThread", "EventsWorkerThread")) / given.contacts for ran in through]  # fmt: skip
    print(f"\nPrefect's share: {given.contacts:,} contacts, batches of {given.batch}, medians of {given.rounds} rounds; {machine()}\n")  # fmt: skip
    print(table(("muster", "seconds", "CPU ms a contact", "tasks", "Prefect's code runs"), lines))
    print(
        f"\nThrough it takes longer by {median(ratios):+.1%} ({min(ratios):+.1%} to {max(ratios):+.1%}), with {median(work):+.1%} of its processor "
        f"time; Prefect's own threads beside: {median(rest):.4f} ms a contact."
    )  # fmt: skip
    good = (median(shares) or 0.0) < given.share
    print("It is within its share." if good else f"It takes more than {given.share:.0%}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

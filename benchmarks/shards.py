"""The first pass in shards, against the same in one process, in turn on the same file.

    python benchmarks/shards.py [--rows 1000000] [--shards 4] [--rounds 3]

The clock runs from opening the file until the plan stands: read, mapped, spooled, keys met and compared with an empty ledger. The time
in which processes are started is in it. Both plans have to be the same. "peak MB" is that of the largest process; "processor s" that of all.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import contacts
from measuring import HERE, data_folder, machine, median, peak_memory, run, shown, table


def one_pass(file: Path, shards: int) -> None:
    """One pass in this process, and its line of JSON."""
    from muster_work_a import SCHEMA  # noqa: PLC0415 - only in the process that is measured

    from flows.ledger import Ledger, open_database  # noqa: PLC0415 - as above
    from flows.opening import load_mapping, make_application, open_source_of  # noqa: PLC0415 - as above
    from flows.plan import count_states, make_plan  # noqa: PLC0415 - as above
    from flows.shards.dividing import shards_of  # noqa: PLC0415 - as above
    from flows.watching import Silent  # noqa: PLC0415 - as above

    home = Path(tempfile.mkdtemp(dir=data_folder()))
    ledger = Ledger(open_database(home))
    mapping_path = HERE / "work_a.yml"
    mapping = load_mapping(mapping_path)
    began = time.perf_counter()
    source = open_source_of(mapping, mapping_path, str(file))
    application = make_application(mapping, SCHEMA, source.header)
    found = shards_of(source, application, home, ("email_address",), shards)
    plan = make_plan(
        source, application, home, lambda number: ledger.pages.page(1, mapping.name, number), Silent(), shards=found
    )  # fmt: skip
    seconds = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    said = {
        "seconds": seconds,
        "processor": sum(one.ru_utime + one.ru_stime for one in used),
        "peak": max(peak_memory(), used[1].ru_maxrss / 1024),
        "plan": [count_states(plan), plan.filled, plan.warnings, source.sha256],
    }
    ledger.close()
    shutil.rmtree(home)
    sys.stdout.write(json.dumps(said) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pass", dest="file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file is not None:
        one_pass(arguments.file, arguments.shards)
        return
    file = contacts.write(data_folder() / f"contacts-{arguments.rows}.csv", rows=arguments.rows)
    alone, divided = [], []
    for number in range(1, arguments.rounds + 1):
        print(f"round {number} of {arguments.rounds}", file=sys.stderr)
        for found, shards in ((alone, 1), (divided, arguments.shards)):
            found.append(run([sys.executable, __file__, "--pass", file, "--shards", str(shards)]).said)
    if any(one["plan"] != alone[0]["plan"] for one in alone + divided):
        sys.exit("not the same plan")
    lines = [
        (
            name,
            shown(median([one["seconds"] for one in said])),
            shown(median([one["processor"] for one in said])),
            shown(median([one["peak"] for one in said]), ".0f"),
        )
        for name, said in (("one process", alone), (f"{arguments.shards} shards", divided))
    ]
    ratios = [one["seconds"] / other["seconds"] for one, other in zip(alone, divided, strict=True)]
    print(
        f"\nFirst pass: {arguments.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB, medians of {arguments.rounds}; {machine()}\n"
    )
    print(table(("who", "seconds", "processor s", "peak MB"), lines))
    print(
        f"\nIn shards {median(ratios):.2f} times as quick ({min(ratios):.2f} to {max(ratios):.2f}); the same plan"
    )


if __name__ == "__main__":
    main()

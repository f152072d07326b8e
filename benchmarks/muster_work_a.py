"""muster's side of Work A, in a process of its own: `muster_work_a.py first|fill|again FILE HOME`.

`first` runs against an empty ledger and delivers nothing; `fill` does the same and then files everything as
delivered, which is not timed; `again` runs against that ledger. Each says a line of JSON. `--profile PATH` writes cProfile's figures.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import functools
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import email_validator  # noqa: F401 - what is imported late is imported before the clock starts
import numpy as np
import pandas as pd  # noqa: F401 - as above
import phonenumbers  # noqa: F401 - as above
import pyarrow as pa
from measuring import HERE, peak_memory

import flows.plan
from connectors.sources.csv_file import CsvSource
from flows.keys import Keys, key_hash, with_consent
from flows.ledger import Account, Ledger
from flows.ledger.opening import open_ledger
from flows.ledger.pages import PAGES
from flows.opening import load_mapping, make_application, open_source_of
from flows.outcomes import Books
from flows.plan import Plan, make_plan
from flows.spool import Spool
from flows.watching import Silent
from mappings.engine.applying import Application
from mappings.engine.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field("email_address", "Email Address", "email", required=True, immutable=True),
        Field("first_name", "First name", "text"),
        Field("last_name", "Last name", "text"),
        Field("phone", "Phone", "text"),
        Field("birthday", "Birthday", "datetime", form="rfc3339"),
        Field("company", "Company", "text"),
    )
)


class Stages:
    """Seconds by stage, and the peak of memory when all was read.

    Stages of other threads run beside those of the main thread; then the rest is less than nothing.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.peak_reading = 0.0

    def time(self, owner: Any, name: str, stage: str) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[stage] += time.perf_counter() - began

        setattr(owner, name, timed)

    def time_frames(self) -> None:
        frames = CsvSource.frames

        def timed(source: CsvSource) -> Iterator[Any]:
            following = frames(source)
            while True:
                began = time.perf_counter()
                frame = next(following, None)
                self.seconds["reading"] += time.perf_counter() - began
                if frame is None:
                    return
                yield frame

        CsvSource.frames = timed  # type: ignore[method-assign]

    def everywhere(self) -> None:
        self.time_frames()
        self.time(Application, "apply", "mapping")
        self.time(Spool, "add", "spooling")
        self.time(Spool, "close", "spooling")
        self.time(Keys, "add", "keys, spilled")
        self.time(Keys, "partition", "keys, read back")
        self.time(flows.plan, "match", "matching")
        self.time(Books, "begin", "books, begun")
        self.time(Books, "finish", "books, finished")


def first_pass(
    path: Path, ledger: Ledger, account: Account, folder: Path, stages: Stages
) -> tuple[Plan, Counter[str]]:
    """What is timed: from opening the file to the outcome of its last row."""
    mapping_path = HERE / "work_a.yml"
    mapping = load_mapping(mapping_path)
    source = open_source_of(mapping, mapping_path, str(path))
    application = make_application(mapping, SCHEMA, source.header)

    def page(number: int) -> Any:
        if number == 0:
            stages.peak_reading = peak_memory()
        began = time.perf_counter()
        found = ledger.pages.page(account.id, mapping.name, number)
        stages.seconds["pages of the ledger"] += time.perf_counter() - began
        return found

    plan = make_plan(source, application, folder, page, Silent())
    balance = plan.books.finish(
        plan.roll, ledger.answers, "benchmark", {"code": "not_tried", "reason": "not tried"}, {}
    )
    return plan, balance


def fill(plan: Plan, ledger: Ledger, account: Account) -> None:
    """Files everything that would be sent as delivered. A page at a time; the rows are mapped once more."""
    wanted = plan.roll.to_send()
    hashes, prints, keys = [], [], []
    for number, first, last in plan.spool.parts():
        rows = wanted[slice(*np.searchsorted(wanted, [first, last + 1]))]
        mapped = plan.application.apply(plan.spool.frame(number).take(rows - first))
        prints.append(with_consent(mapped.content, plan.roll.opted_out[rows - 1]))
        keys.append(mapped.key)
        hashes.append(np.fromiter(map(key_hash, mapped.key.to_pylist()), np.uint64, len(rows)))
    every, all_prints, all_keys = np.concatenate(hashes), np.concatenate(prints), pa.concat_arrays(keys)
    order = np.argsort(every)
    bounds = np.searchsorted(every[order] >> np.uint64(56), np.arange(PAGES + 1, dtype=np.uint64))
    for number in range(PAGES):
        at = order[bounds[number] : bounds[number + 1]]
        entries = zip(
            every[at].tolist(), all_prints[at].tolist(), all_keys.take(pa.array(at)).to_pylist(), strict=True
        )
        ledger.pages.put(account.id, plan.application.mapping.name, entries)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("first", "fill", "again"))
    parser.add_argument("file", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    stages = Stages()
    stages.everywhere()
    imported = peak_memory()
    ledger = open_ledger(arguments.home)
    account = ledger.accounts.seen("campaignlark", "main", "http://127.0.0.1", "benchmark")
    folder = Path(tempfile.mkdtemp(dir=arguments.home))
    profile = cProfile.Profile() if arguments.profile else contextlib.nullcontext()
    began, used = time.perf_counter(), time.process_time()
    with profile:
        plan, balance = first_pass(arguments.file, ledger, account, folder, stages)
    seconds, processor, peak = time.perf_counter() - began, time.process_time() - used, peak_memory()
    if arguments.profile:
        profile.dump_stats(arguments.profile)
    if sum(balance.values()) != plan.rows:
        raise SystemExit(f"the balance is {dict(balance)}, and there are {plan.rows} rows")
    stages.seconds["the rest"] = seconds - sum(stages.seconds.values())
    said: dict[str, Any] = {
        "seconds": seconds,
        "processor": processor,
        "peak": peak,
        "imported": imported,
        "peak_reading": stages.peak_reading,
        "rows": plan.rows,
        "balance": dict(balance),
        "stages": dict(stages.seconds),
    }
    if arguments.what == "fill":
        fill(plan, ledger, account)
    shutil.rmtree(folder)
    ledger.close()
    print(json.dumps(said))


if __name__ == "__main__":
    main()

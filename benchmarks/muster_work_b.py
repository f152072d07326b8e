"""muster's side of Work B, in a process of its own: `muster_work_b.py FILE HOME BASE_URL`, which says a line of JSON.

The whole run as `muster sync` makes it, without Prefect, at a rate that does not slow it down. The clock that
counts ends when the last answer is in the ledger. `--profile PATH` writes cProfile's figures of the delivery.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import json
import os
import time
from pathlib import Path
from typing import Any

from measuring import HERE, peak_memory

from connectors.destinations.campaignlark import Connector
from flows.pipeline import deliver_all
from flows.sync_run import SyncRun


async def whole_run(file: Path, profile: Any) -> dict[str, Any]:
    async with SyncRun(str(HERE / "work_b.yml"), str(file)) as run:
        await run.open()
        await run.prepare()
        assert run.knowledge is not None
        assert run.knowledge.surveyed
        began = time.monotonic()
        with profile:
            await deliver_all(run, run.delivery.deliver)
        durable = time.monotonic()
        peak = peak_memory()
        opened = run.opened
        [(answers,)] = opened.ledger.database.ask("select count(*) from answer where run = ?", (run.id,))
        await run.finish()
        assert run.ending is not None
        return {
            "began": began,
            "durable": durable,
            "peak": peak,
            "answers": answers,
            "kept_differently": dict(run.delivery.tally.kept),
            "stopped": run.delivery.stopped,
            "outcomes": run.ending.summary.outcomes.model_dump(),
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("base_url")
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    os.environ |= {
        "MUSTER_HOME": str(arguments.home),
        "CAMPAIGNLARK_BASE_URL": arguments.base_url,
        "CAMPAIGNLARK_API_KEY": "benchmark",
    }
    Connector.per_second = 100_000.0
    profile = cProfile.Profile() if arguments.profile else contextlib.nullcontext()
    said = asyncio.run(whole_run(arguments.file, profile))
    if arguments.profile:
        profile.dump_stats(arguments.profile)
    print(json.dumps(said))


if __name__ == "__main__":
    main()

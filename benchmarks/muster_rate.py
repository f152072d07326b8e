"""muster's side of the rate table, in a process of its own: `muster_rate.py MAPPING FILE HOME BASE_URL RATE`, a line of JSON.

The whole run as `muster sync` makes it, without Prefect, at RATE calls a second. It begins to send when a line comes in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from connectors.destinations.campaignlark import Connector
from flows.pipeline import deliver_all
from flows.sync_run import SyncRun


async def whole_run(mapping: Path, file: Path) -> dict[str, Any]:
    async with SyncRun(str(mapping), str(file)) as run:
        await run.open()
        await run.prepare()
        traffic = run.opened.destination.traffic
        traffic.sent, traffic.throttled, traffic.first_sent = 0, 0, 0.0  # what was read before does not count
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await deliver_all(run, run.delivery.deliver)
        await run.finish()
        return {
            "sent": traffic.sent,
            "throttled": traffic.throttled,
            "seconds": traffic.last_sent - traffic.first_sent,
            "exit": run.exit_code,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("mapping", "file", "home"):
        parser.add_argument(name, type=Path)
    parser.add_argument("base_url")
    parser.add_argument("rate", type=float)
    given = parser.parse_args()
    os.environ |= {
        "MUSTER_HOME": str(given.home),
        "CAMPAIGNLARK_BASE_URL": given.base_url,
        "CAMPAIGNLARK_API_KEY": "sandbox-key",
    }
    Connector.per_second = given.rate
    print(json.dumps(asyncio.run(whole_run(given.mapping, given.file))))


if __name__ == "__main__":
    main()

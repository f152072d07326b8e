"""What a sandbox says has fired, and a sync whose requests are spoiled once its plan is made."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.sandbox.serving import Running
from flows.preview import Preview, preview
from flows.sync_run import SyncRun
from tests.flows.conftest import Ended, finish

__all__ = ["FAULTS", "announced_and_fired", "reasons_fired"]

FAULTS = ("500:0.3", "reset_before:0.3", "reset_after:0.3", "429:0.3", "non_json_502:0.3")


def reasons_fired(server: Running) -> Counter[tuple[str, str]]:
    """How often each automation fired, by what made it fire."""
    return Counter(
        (event["name"], str(next((event["detail"][key] for key in ("merge_tag", "tag", "property", "list") if key in event["detail"]), "created")))
        for event in server.automations()["list"]
    )  # fmt: skip


async def announced_and_fired(
    server: Running, plan: SyncRun, sync: SyncRun, fault: str = ""
) -> tuple[Preview, Counter[tuple[str, str]], Ended]:
    """A plan, then a sync whose deliveries meet the fault: what was announced, what fired, and how it ended."""
    async with plan:
        await plan.open()
        await plan.prepare()
        planned = await preview(plan, everybody=True)
    before = reasons_fired(server)

    def stage(name: str, total: int | None = None) -> None:
        if name == "delivering" and fault:
            server.faults(fault)

    watcher: Any = sync.watcher
    watcher.stage = stage
    async with sync:
        ended = await finish(sync)
    server.clear_faults()
    return planned, reasons_fired(server) - before, ended

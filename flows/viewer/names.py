"""What a flow run is called, and whose it is: by mapping and file, as far as they may be shown."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from prefect import get_client
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from flows.key_like import shown
from flows.sync_run import SyncRun

__all__ = ["called", "deployment", "rename"]

_VIEWER_SECONDS = 5.0


def called(mapping: str, source: str | None) -> str:
    """By mapping and file, as far as they may be shown."""
    file = f" {Path(source).name if shown(source) == source else shown(source)}" if source else ""
    return (Path(mapping).stem if shown(mapping) == mapping else shown(mapping)) + file


def deployment() -> str:
    """The deployment's id, 'none' where the flow was called by itself."""
    context = FlowRunContext.get()
    known = context.flow_run.deployment_id if context is not None and context.flow_run is not None else None
    return str(known or "none")


async def rename(run: SyncRun) -> None:
    """By mapping and file, now that it is known which file a mapping's own source is."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or flow_run.parameters.get("source"):
        return
    name = called(run.opened.mapping.file, run.opened.source.path.name)
    with contextlib.suppress(Exception):  # Prefect is a viewer
        async with asyncio.timeout(_VIEWER_SECONDS), get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name)

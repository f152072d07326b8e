"""Artifacts of a run for whoever watches in Prefect: its balance, its problems by code, where its report is, how far it is.

All of it is best effort within a time limit: the run does not depend on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)

from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.sync_run import SyncRun
from flows.watching import Counting

__all__ = ["followed", "show"]

SECONDS_BETWEEN = 3.0
"""So often the progress is told, at most."""
_VIEWER_SECONDS = 5.0


async def show(run: SyncRun) -> str:
    """Shows a run that has ended. What went wrong, as the name of an error; '' where nothing did."""
    if run.ending is None:
        return ""
    summary, name = run.ending.summary, run.opened.mapping.name
    try:
        async with asyncio.timeout(_VIEWER_SECONDS):
            await acreate_table_artifact(
                key=f"{name}-balance", table=_balance(summary), description=verdict(summary)
            )
            if summary.problems:
                await acreate_table_artifact(
                    key=f"{name}-problems", table=_problems(summary), description="what is wrong, by code"
                )
            markdown = f"{verdict(summary)}\n\nReport: {_place(run)}"
            await acreate_markdown_artifact(
                key=f"{name}-report", markdown=markdown, description="the run's report"
            )
    except Exception as error:  # noqa: BLE001 - the viewer is gone; the ledger has everything
        return type(error).__name__
    return ""


@contextlib.asynccontextmanager
async def followed(run: SyncRun) -> AsyncIterator[None]:
    """While it lasts, a progress artifact says how far the run is, where its watcher counts."""
    if not isinstance(run.watcher, Counting):
        yield
        return
    telling = asyncio.ensure_future(_tell(run.watcher, f"{run.opened.mapping.name}-progress"))
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await telling
        if run.ending is not None and telling.cancelled():
            run.watcher.stage("finished", 1)
            run.watcher.advance(1)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_VIEWER_SECONDS):
                    await _update(run.watcher)


async def _tell(watcher: Counting, key: str) -> None:
    watcher.artifact = await acreate_progress_artifact(progress=0.0, key=key, description=watcher.sentence)
    while True:
        await asyncio.sleep(SECONDS_BETWEEN)
        with contextlib.suppress(Exception):  # told again in a moment
            async with asyncio.timeout(_VIEWER_SECONDS):
                await _update(watcher)


async def _update(watcher: Counting) -> None:
    if watcher.artifact is not None:
        await aupdate_progress_artifact(
            artifact_id=watcher.artifact, progress=watcher.percent, description=watcher.sentence
        )


def _place(run: SyncRun) -> str:
    """Where the report is: at the address of its copy where people have one, else in the run's folder."""
    copies = run.ending.copies if run.ending is not None else None
    if copies is None:
        return f"`{run.opened.folder / 'report.html'}`"
    link = f"<{copies.link}>" if "://" in copies.link else f"`{copies.link}`"
    if not copies.missing:
        return link
    where = link if copies.link else f"`{run.opened.folder / 'report.html'}`"
    return f"{where}\n\n{copies.told()}"


def _balance(summary: Summary) -> list[dict[str, Any]]:
    return [{"outcome": name, "rows": count} for name, count in summary.outcomes.model_dump().items()]


def _problems(summary: Summary) -> list[dict[str, Any]]:
    """By code, never a value; a fix may name one."""
    return [{"code": one.code, "severity": one.severity, "rows": one.count} for one in summary.problems]

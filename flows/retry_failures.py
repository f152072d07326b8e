"""The flow: rows that needed a person are sent again as they were corrected, and every one of them is accounted for.

Steps, tasks and what crosses into Prefect are those of `flows.steps`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from connectors.errors import MusterError
from flows.allowing import ALLOWED
from flows.deployed import resume_of
from flows.key_like import shown
from flows.options import Options
from flows.retry import open_retry
from flows.steps import carried_out, could_not_start, left_by_this_flow
from flows.sync_run import SyncRun
from flows.viewer.described import described
from flows.watching import Counting
from flows.work import at_work, ended, hand_over

__all__ = ["retry_failures"]


def _named() -> str:
    given = flow_run.parameters
    name = Path(given["mapping"]).stem if given.get("mapping") else Path(given["failures"]).name
    return f"retry {shown(name)}"


@flow(name="retry-failures", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
@described
async def retry_failures(
    failures: Annotated[
        str, Field(description="A failures.csv or failures.xlsx, corrected, or the id of a run")
    ],
    mapping: Annotated[
        str | None, Field(description="The mapping's file, where it is not where the run had it")
    ] = None,
    allow: Annotated[
        list[Annotated[str, Field(pattern=ALLOWED)]] | None,
        Field(description="Guards that may be passed, and what may be started; each alone or as NAME=N"),
    ] = None,
    yes: Annotated[bool, Field(description="Say yes to what a person would be asked")] = False,
    run_id: Annotated[str | None, Field(description="A run that is prepared in this process")] = None,
) -> State[Any]:
    """The rows of a failures.csv go through the current mapping, as the same rows' next attempt."""
    async with contextlib.AsyncExitStack() as stack:
        prepared = run_id is not None
        if run_id is None:
            try:
                retry = open_retry(Path(failures), mapping)
                options, resume = (
                    Options(allow=frozenset(allow or ())),
                    resume_of(retry.home, left_by_this_flow(retry.home)),
                )
                if resume is not None:  # Prefect's Retry of this flow run: it goes on with what it has begun
                    options = resume.options(None, options.allow)
                run = await stack.enter_async_context(
                    SyncRun(
                        str(retry.mapping),
                        None,
                        options,
                        Counting(),
                        retry=None if resume else retry,
                        resume=resume,
                    )
                )
                await run.open()
                run.register()
            except MusterError as error:
                return could_not_start(error, mapping or failures)
            run_id = hand_over(run)
        stack.callback(ended, run_id)
        return await carried_out(at_work(run_id), yes=yes or prepared, prepared=prepared)

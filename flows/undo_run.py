"""The flow: what a run changed is put back, contact by contact, and every one of its rows is accounted for.

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
from flows.options import Options
from flows.settings import Settings
from flows.steps import carried_out, could_not_start, left_by_this_flow
from flows.sync_run import SyncRun
from flows.undo import tag_of
from flows.undo_begun import find_undo
from flows.viewer.described import described
from flows.watching import Counting, Silent
from flows.work import at_work, ended, hand_over

__all__ = ["undo_run"]


def _named() -> str:
    return f"undo {flow_run.parameters['run']}"


@flow(name="undo-run", flow_run_name=_named, retries=0, persist_result=False, log_prints=False)
@described
async def undo_run(
    run: Annotated[str, Field(description="The run to be put back, by its id")],
    home: Annotated[
        str | None, Field(description="The folder of its ledger; MUSTER_HOME or the nearest if not given")
    ] = None,
    unsubscribe_created: Annotated[
        bool, Field(description="Also unsubscribe contacts that the run created and that cannot be deleted")
    ] = False,
    allow: Annotated[
        list[Annotated[str, Field(pattern=ALLOWED)]] | None,
        Field(description="Guards that may be passed; resubscribes=N gives subscriptions back"),
    ] = None,
    yes: Annotated[bool, Field(description="Say yes to what a person would be asked")] = False,
    run_id: Annotated[str | None, Field(description="A run that is prepared in this process")] = None,
) -> State[Any]:
    """What a run changed at the destination is put back, as far as nobody has changed it since."""
    async with contextlib.AsyncExitStack() as stack:
        prepared = run_id is not None
        if run_id is None:
            try:
                where = Path(home) if home is not None else Settings().home_here()
                resume = resume_of(where, left_by_this_flow(where))
                undo = None if resume is not None else await find_undo(where, run, Silent())
                if undo is not None:
                    options = Options(
                        allow=frozenset(allow or ()),
                        undo_tag=tag_of(undo.run.id),
                        unsubscribe_created=unsubscribe_created,
                    )
                    path = undo.mapping_path
                else:  # Prefect's Retry of this flow run: it goes on with what it has begun
                    assert resume is not None  # noqa: S101 - one of the two
                    options, path = resume.options(None, allow or ()), resume.mapping_path
                undoing = await stack.enter_async_context(
                    SyncRun(str(path), None, options, Counting(), resume=resume, undo=undo)
                )
                await undoing.open()
                undoing.register()
            except MusterError as error:
                return could_not_start(error, run)
            run_id = hand_over(undoing)
        stack.callback(ended, run_id)
        return await carried_out(at_work(run_id), yes=yes or prepared, prepared=prepared)

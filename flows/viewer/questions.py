"""What a person is asked in Prefect: whether a run that its guards stopped may go on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import get_client
from prefect.context import FlowRunContext
from prefect.flow_runs import asuspend_flow_run
from prefect.input.run_input import run_input_subclass_from_type

from flows.approval import Approval, question_about
from flows.ledger import Run
from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.viewer.names import deployment

__all__ = ["answer_about", "cannot_suspend"]

_MOST_ANSWERS = 200
"""Of all that is kept of the questions about one run: three for each."""


async def answer_about(run: Run, hours: int) -> Any:
    """The answer of a person about a run that its guards stopped. Suspends: the worker is free, and Prefect starts the flow
    run again when somebody has answered, or fails it when nobody has in time.

    An answer counts once, and each question has a key of its own: whoever retries the flow run is asked anew.
    """
    context = FlowRunContext.get()
    assert context is not None  # noqa: S101 - only flow runs are suspended
    assert context.flow_run is not None  # noqa: S101 - as above
    async with get_client() as client:
        answers = [
            one
            for one in await client.filter_flow_run_input(
                context.flow_run.id, key_prefix=f"suspended-{run.id}", limit=_MOST_ANSWERS, exclude_keys=set()
            )
            if one.key.endswith("-response")
        ]
        for one in answers:
            await client.delete_flow_run_input(context.flow_run.id, one.key)
    if answers:
        return Approval.model_validate(max(answers, key=lambda one: one.key).decoded_value)
    form: Any = run_input_subclass_from_type(Approval)
    form = form.with_initial_data(
        description=question_about(run, verdict(Summary.model_validate(run.summary)))
    )
    asked = dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S%f")
    return await asuspend_flow_run(wait_for_input=form, timeout=hours * 3600, key=f"{run.id}-{asked}")


def cannot_suspend() -> bool:
    """Only a deployment's flow run is started again by Prefect."""
    return deployment() == "none"

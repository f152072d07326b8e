"""What Prefect's form says of each parameter."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from prefect import Flow

from flows.map_shard import map_shard_flow
from flows.retry_failures import retry_failures
from flows.sync_contacts import sync_contacts
from flows.take_over import take_over
from flows.undo_run import undo_run
from flows.watch_fixes import watch_fixes

FLOWS: tuple[Flow[..., Any], ...] = (
    sync_contacts, retry_failures, undo_run, watch_fixes, take_over, map_shard_flow,
)  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_the_form_describes_every_parameter_of_a_flow(flow: Flow[..., Any]) -> None:
    shown = flow.parameters.properties
    assert list(shown) == list(inspect.signature(flow.fn).parameters)
    assert [name for name, one in shown.items() if not one.get("description")] == []


def test_the_form_says_of_what_may_be_passed_which_names_there_are() -> None:
    assert "shrunk, invalid, changes" in sync_contacts.parameters.properties["allow"]["description"]

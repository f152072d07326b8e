"""What the storms of the tests share: a runner that is warm, and a sandbox of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.serving import Running, running
from tests.storm.attempts import Runner
from tests.storm.places import PLACES


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as started:
        yield started


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running("campaignlark", rate=0, **PLACES["campaignlark"].settings) as server:
        yield server

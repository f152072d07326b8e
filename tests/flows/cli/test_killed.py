"""A dozen kills through the Prefect flow, in the worst weather: see tests.storm."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests.storm.attempts import Attempts, Runner
from tests.storm.places import PLACES
from tests.storm.storm import Storm

SEED = 5


@pytest.mark.slow
def test_a_dozen_kills_through_the_flow_lose_nothing_and_double_nobody(
    sandbox: Running, prefect_url: str, tmp_path: Path
) -> None:
    place = PLACES["campaignlark"]
    sandbox.switch(**place.settings)
    with Runner(flow=True, environment={"PREFECT_API_URL": prefect_url}) as runner:
        attempts = Attempts.at(runner, tmp_path, sandbox)
        figures = Storm(place, sandbox, attempts, tmp_path, seed=SEED, rows=24, killed=0.9).blow(12)
    assert figures.failures == [], f"seed {SEED}"
    assert figures.kills == 12

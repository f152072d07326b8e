"""The rate is kept, as the server counts it."""

from __future__ import annotations

import pytest

from flows.conformance.bench import Bench

RATE = 20
ROWS = 45


def test_the_rate_is_never_passed_and_never_far_from_reached(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A window longer than a second is filled at the same pace: what the server allows in it, and what is counted in each second.
    bench.server.switch(rate=str(RATE * bench.sandbox.window_seconds))
    monkeypatch.setattr(bench.connector, "per_second", float(RATE))
    ended = bench.lands(*(bench.row(number) for number in range(1, ROWS + 1)))
    traffic = bench.server.requests()
    assert "429" not in traffic["by_status"]
    assert len(traffic["seconds"]) >= ROWS // RATE
    assert traffic["busiest_second"] <= RATE
    assert ended.summary.requests.throttled == 0
    achieved = ended.summary.pace.achieved_per_second
    assert achieved is not None
    assert achieved > RATE / 2

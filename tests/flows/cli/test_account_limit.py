"""The switch: a global concurrency limit of a real Prefect server, and the calls a second as the sandbox counts them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.serving import Running, running
from tests.flows.cli.conftest import MAPPING, Shell

RATE = 60
BUSY = 503
LIMIT = "muster-campaignlark-switched"


def told(url: str, method: str, path: str, body: dict[str, Any]) -> None:
    """Told to Prefect's server, which says 503 for a moment while something else writes to its database."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/v2/concurrency_limits/{path}", json.dumps(body).encode(), {"content-type": "application/json"}, method=method
    )  # fmt: skip
    opener, until = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + 30
    while True:
        try:
            with opener.open(request, timeout=10):
                return
        except urllib.error.HTTPError as error:
            if error.code != BUSY or time.monotonic() > until:
                raise
        time.sleep(0.2)


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with running("campaignlark", rate=RATE) as server:
        yield server


def each_second(sandbox: Running, seconds: range, since: float) -> list[int]:
    """Calls in each of these whole seconds after a moment."""
    counted = {int(second): count for second, count in sandbox.requests()["seconds"].items()}
    return [counted.get(int(since) + second, 0) for second in seconds]


@pytest.mark.slow
def test_a_limit_that_is_lowered_in_prefect_slows_the_run_down_within_five_seconds_and_raised_lets_it_go(
    shell: Shell, sandbox: Running, prefect_url: str
) -> None:
    shell.write(
        "signups.yml", MAPPING.replace("kind: campaignlark", f"kind: campaignlark, account: switched, rate: {RATE}")
    )  # fmt: skip
    shell.write(
        "people.csv", "Email,First name,Country\n" + "".join(f"p{n}@example.com,P,\n" for n in range(700))
    )
    shell.environment |= {
        "CAMPAIGNLARK_SWITCHED_BASE_URL": sandbox.url, "CAMPAIGNLARK_SWITCHED_API_KEY": "sandbox-key",
    }  # fmt: skip
    told(prefect_url, "POST", "", {"name": LIMIT, "limit": 1000})
    child = shell.start("sync", "signups.yml", "people.csv")
    while sandbox.requests()["received"] < 80:
        assert child.poll() is None, child.communicate()
        time.sleep(0.1)
    told(prefect_url, "PATCH", LIMIT, {"limit": 10})
    lowered = time.time()
    time.sleep(9)
    assert max(each_second(sandbox, range(5, 8), lowered)) <= 10
    assert sum(each_second(sandbox, range(5, 8), lowered)) >= 25
    told(prefect_url, "PATCH", LIMIT, {"limit": 0})
    stopped = time.time()
    time.sleep(5)
    assert each_second(sandbox, range(4, 5), stopped) == [0]
    told(prefect_url, "PATCH", LIMIT, {"active": False})
    out, err = child.communicate(60)
    assert child.returncode == 0, out + err
    assert len(sandbox.contacts()) == 700
    seen = sandbox.requests()
    assert seen["busiest_second"] <= RATE
    assert "429" not in seen["by_status"]
    for line in ("at most 10 calls a second", "stands still", "is paused"):
        assert line in err, err
    assert f"Prefect's limit {LIMIT}" in err

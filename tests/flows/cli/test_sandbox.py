"""muster sandbox: as a process of its own, ended by a signal, talked to over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from connectors.sandbox.serving import kinds

MUSTER = Path(sys.executable).parent / "muster"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `muster sandbox` as a terminal does: a process group that gets Ctrl-C as a whole."""
    children: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [MUSTER, "sandbox", *words], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        children.append(child)
        return child

    yield begin
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def ready(child: subprocess.Popen[str], count: int) -> list[dict[str, str]]:
    assert child.stdout is not None
    return [json.loads(child.stdout.readline()) for _ in range(count)]


def test_without_a_name_every_sandbox_starts_with_a_key_of_its_own_and_ctrl_c_ends_all(start: Start) -> None:
    child = start("--port", "0", "--json")
    started = ready(child, len(kinds()))
    assert [one["kind"] for one in started] == kinds()
    assert len({one["key"] for one in started}) == len(kinds())
    for one in started:
        assert httpx.get(one["inspect"], trust_env=False).status_code == 200
    os.killpg(child.pid, signal.SIGINT)
    said, complaints = child.communicate(timeout=10)
    assert (child.returncode, said, complaints) == (0, "", "")
    for one in started:
        with pytest.raises(httpx.ConnectError):
            httpx.get(one["inspect"], trust_env=False)


def test_one_that_is_named_starts_alone_with_its_settings_and_a_signal_ends_it(start: Start) -> None:
    child = start("corporate_merch", "--rate", "1", "--port", "0", "--window=0.5", "--json")
    [one] = ready(child, 1)
    header = {"Authorization": f"Bearer {one['key']}"}
    statuses = [
        httpx.get(f"{one['url']}/contacts", headers=header, trust_env=False).status_code for _ in range(2)
    ]
    assert statuses == [200, 429]
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0


def test_it_prints_what_to_set(start: Start) -> None:
    child = start("corporate_merch", "--port", "0", "--keys", "mine")
    assert child.stdout is not None
    said = [child.stdout.readline().rstrip("\n") for _ in range(6)]
    url = said[2].removeprefix("export CORPORATE_MERCH_BASE_URL=")
    assert said == [
        f"corporate_merch answers at {url}; what it holds is shown at {url.removesuffix('/v2')}/_sandbox",
        "",
        f"export CORPORATE_MERCH_BASE_URL={url}",
        "export CORPORATE_MERCH_API_KEY=(one of --keys)",
        "",
        "Ctrl-C ends it; nothing it holds is kept.",
    ]


def test_when_one_cannot_start_none_stays_and_it_is_said_why(start: Start) -> None:
    child = start("campaignlark", "corporate_merch", "--port", "0", "--omitted", "keep")
    said, complaints = child.communicate(timeout=30)
    assert (child.returncode, said) == (2, "")
    assert "CampaignLark's sandbox has no setting 'omitted'" in complaints


def test_an_unknown_destination_is_told_which_there_are(start: Start) -> None:
    child = start("mailbox")
    _, complaints = child.communicate(timeout=30)
    assert child.returncode == 2
    assert f"There is one for: {', '.join(kinds())}." in complaints

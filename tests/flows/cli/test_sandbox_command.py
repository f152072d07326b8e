"""muster sandbox: what it starts, what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from connectors.sandbox.serving import kinds
from tests import warm


@contextmanager
def started(*words: str, lines: int) -> Iterator[tuple[warm.Child, list[str]]]:
    """The command, once it has said this many lines; ended by the block or after it."""
    with warm.start(["sandbox", *words, "--port", "0"], start_new_session=True) as child:
        try:
            yield child, [child.stdout.readline() for _ in range(lines)]
        finally:
            child.terminate()
            child.wait(20)


def test_without_a_name_every_sandbox_starts_and_says_what_to_set() -> None:
    with started(lines=5 * len(kinds()) + 1) as (child, lines):
        said = "".join(lines)
        for kind in kinds():
            url = re.search(f"^export {kind.upper()}_BASE_URL=(.+)$", said, re.MULTILINE)
            key = re.search(f"^export {kind.upper()}_API_KEY=(.+)$", said, re.MULTILINE)
            assert url
            assert key
            assert httpx.get(f"{url[1]}/nothing", trust_env=False).status_code == 401
            authorized = {"Authorization": f"Bearer {key[1]}"}
            assert httpx.get(f"{url[1]}/nothing", headers=authorized, trust_env=False).status_code == 404
        assert lines[-1] == "Ctrl-C ends it; nothing it holds is kept.\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0


def test_a_name_starts_that_one_with_its_own_settings_and_json_says_where() -> None:
    words = ("loops", "--two-contacts", "refuse", "--fault=500:next=1", "--json")
    with started(*words, lines=1) as (_, [line]):
        ready = json.loads(line)
        assert list(ready) == ["kind", "url", "inspect", "key"]
        assert ready["kind"] == "loops"
        assert ready["url"].endswith("/api/v1")
        switches = httpx.get(f"{ready['inspect']}/switches", trust_env=False).json()
        assert (switches["two_contacts"], switches["keys"]) == ("refuse", ready["key"])
        headers = {"Authorization": f"Bearer {ready['key']}"}
        answers = [httpx.get(f"{ready['url']}/api-key", headers=headers, trust_env=False) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200]


def test_several_names_start_those_each_with_a_key_of_its_own() -> None:
    with started("loops", "campaignlark", "loops", "--json", lines=2) as (_, lines):
        first, second = (json.loads(line) for line in lines)
        assert (first["kind"], second["kind"]) == ("loops", "campaignlark")
        assert first["key"] != second["key"]


def test_all_of_them_end_when_one_cannot_start() -> None:
    done = warm.run(
        ["sandbox", "loops", "campaignlark", "--port", "0", "--two-contacts", "refuse"], timeout=30
    )
    assert done.returncode == 2
    assert "CampaignLark's sandbox has no setting 'two_contacts'" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(["mailbox"], "There is no sandbox for mailbox."), (["loops", "--port", "65536"], "65536"),
     (["campaignlark", "loops", "--port", "65535"], "There is no port after 65535")],
)  # fmt: skip
def test_what_cannot_start_is_said(words: list[str], said: str) -> None:
    done = warm.run(["sandbox", *words], timeout=30)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_settings_of_a_sandbox_are_listed_on_request() -> None:
    done = warm.run(["sandbox", "loops", "--help-settings"], timeout=30)
    assert done.returncode == 0
    assert "--fault" in done.stdout

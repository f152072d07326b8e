"""muster doctor DESTINATION --probe: what it says first, whom it leaves alone, what it writes, and how it ends."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pty
import re
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.kinds import destination_module
from connectors.probing import questions_of
from connectors.sandbox.serving import Running, in_thread, kinds, running, sandbox_of
from flows.cli import muster
from flows.cli.erring import explained
from flows.open_questions import answers_path, read_answers
from tests import warm

ADDRESS = "throw@example.com"
SANDBOXES = {kind: sandbox_of(kind, {"rate": "1000000"}) for kind in kinds()}
Command = Callable[..., int]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Running]]:
    served = {kind: in_thread(sandbox) for kind, sandbox in SANDBOXES.items()}
    try:
        yield {kind: one.__enter__() for kind, one in served.items()}
    finally:
        for one in served.values():
            one.__exit__(None, None, None)


@pytest.fixture
def doctor(servers: dict[str, Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process, with all three accounts in the environment, fresh; its exit code."""
    for name in [name for name in os.environ if name.startswith("MUSTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MUSTER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for kind, server in servers.items():
        server.reset()
        monkeypatch.setenv(f"{kind.upper()}_BASE_URL", server.url)
        monkeypatch.setenv(f"{kind.upper()}_API_KEY", "sandbox-key")
        monkeypatch.setattr(destination_module(kind).Connector, "per_second", 5000.0)

    def run(*words: str) -> int:
        return explained(functools.partial(muster.main, args=["doctor", *words], prog_name="muster", standalone_mode=False))  # fmt: skip

    return run


def answers_of(home: Path, kind: str) -> dict[str, str]:
    return read_answers(answers_path(home, kind, "main"), questions_of(kind)).positions


def test_it_says_first_whom_it_writes_to_then_what_held_and_what_stays(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers["campaignlark"].switch(put_changes_address="no", null_value="keep", partial_with_tags="union")
    assert doctor("campaignlark", "--probe", ADDRESS, "--yes") == 0
    said = capsys.readouterr().out
    first, found = said.split("\n\n", 2)[1:]
    assert first.splitlines()[1:4] == [
        "Written to: throw@example.com, throw+muster@example.com, and nobody else.",
        "Automations of tags and fields may start for these addresses; no status is sent but UNSUBSCRIBED.",
        "Contacts cannot be deleted over this API: what is made stays there, UNSUBSCRIBED, until you delete it in its app.",
    ]
    assert re.match(
        r"17 questions that the documentation leaves open are asked, with up to \d+ requests", first
    )
    lines = {
        line.split()[0]: line.split(maxsplit=1)[1] for line in found.splitlines() if line.startswith("  ")
    }
    assert lines["email_case"].split(maxsplit=1) == ["insensitive", "as inferred"]
    assert lines["put_changes_address"].split(maxsplit=1) == ["no", "NOT as inferred (yes)"]
    assert lines["partial_with_tags"].endswith(
        "NOT as inferred (replace); the tags of a contact that is there travel with its fields, a request less"
    )
    assert lines["put_address_taken"] == "not tried, because no PUT was seen to change an address"
    assert lines["retry_after"].startswith("not tried, because a 429 would have to be provoked")
    assert "left behind: throw@example.com stays there, UNSUBSCRIBED (id " in found
    assert re.search(r"\d+ as inferred, (\d not tried, )?3 not as inferred", found)
    known = answers_of(tmp_path / "home", "campaignlark")
    assert (known["put_changes_address"], known["null_value"]) == ("no", "keep")
    assert not {"put_address_taken", "retry_after"} & known.keys()


@pytest.mark.parametrize("kind", kinds())
def test_its_file_is_for_its_owner_and_a_sandbox_answers_by_it(
    doctor: Command,
    servers: dict[str, Running],
    tmp_path: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    switched = {
        "campaignlark": {"null_value": "keep", "email_case": "sensitive"},
        "loops": {"date_shown": "milliseconds", "two_contacts": "refuse"},
        "corporate_merch": {
            "update": "patch",
            "classification": "contact_classification",
            "over_limit": "allow",
        },
    }[kind]
    servers[kind].switch(**switched)
    assert doctor(kind, "--probe", ADDRESS, "--yes") == 0, capsys.readouterr().err
    path = answers_path(tmp_path / "home", kind, "main")
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert ADDRESS not in path.read_text("utf-8")
    known = answers_of(tmp_path / "home", kind)
    assert switched.items() <= known.items()
    with warm.start(["sandbox", kind, "--as-probed", "--port", "0", "--json"], cwd=tmp_path) as child:
        ready = json.loads(child.stdout.readline())
        switches = httpx.get(f"{ready['inspect']}/switches", trust_env=False).json()
        child.terminate()
        child.wait(20)
    assert ready["answers"] == str(path)
    assert known.items() <= switches.items()


def test_without_a_terminal_and_without_yes_nothing_is_written(
    doctor: Command, servers: dict[str, Running], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("loops", "--probe", ADDRESS) == 2
    said = capsys.readouterr()
    assert "Written to: throw@example.com" in said.out
    assert "If that is meant, add --yes." in said.err
    assert not servers["loops"].requests()["applied"]


def pressed(child: warm.Child) -> None:
    """Ctrl-C, and again if it came right before the reading began: that one is heard only after it."""
    for _ in range(5):
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(3)
            return


@pytest.mark.parametrize("answer", ["n", "Ctrl-C"])
def test_at_a_terminal_it_asks_and_no_is_no(
    servers: dict[str, Running], doctor: Command, tmp_path: Path, answer: str
) -> None:
    terminal, there = pty.openpty()
    with warm.start(
        ["doctor", "loops", "--probe", ADDRESS],
        stdio=(there, there, there),
        cwd=tmp_path,
        start_new_session=True,
    ) as child:
        os.close(there)
        said = b""
        while b"Go on?" not in said:
            said += os.read(terminal, 4096)
        if answer == "n":
            os.write(terminal, b"n\n")
        else:
            pressed(child)
        code = child.wait(30)
    os.close(terminal)
    assert code == (2 if answer == "n" else 130)
    assert not servers["loops"].requests()["applied"]


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("there", ["Throw@Example.com", "throw+muster@example.com"])
def test_an_address_that_somebody_has_is_refused_and_nobody_is_written_to(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, kind: str, there: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    servers[kind].seed([{"email_address": there}])
    before = servers[kind].contacts()
    assert doctor(kind, "--probe", ADDRESS, "--yes") == 2
    assert "is there already, and nobody who is there is written to" in capsys.readouterr().err
    assert servers[kind].contacts() == before
    assert not servers[kind].requests()["applied"]
    assert not answers_path(tmp_path / "home", kind, "main").exists()


def test_what_cannot_be_probed_is_said(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    def said(*words: str) -> str:
        assert doctor(*words) == 2
        return capsys.readouterr().err

    assert "Name the destination" in said("--probe", ADDRESS)
    assert "Did you mean loops?" in said("loop", "--probe", ADDRESS)
    assert "nobody is no address" in said("loops", "--probe", "nobody")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "suppress.txt").write_text("@example.com\n", "utf-8")
    assert "is on the suppression list" in said("loops", "--probe", ADDRESS)
    monkeypatch.setenv("LOOPS_API_KEY", "wrong")
    refused = said("loops", "--probe", "throw@example.org", "--yes")
    assert "did not accept the key" in refused
    assert "wrong" not in refused
    monkeypatch.setenv("LOOPS_EMEA_API_KEY", "sandbox-key")
    monkeypatch.setenv("LOOPS_EMEA_BASE_URL", servers["loops"].url)
    assert doctor("loops", "--probe", "throw@example.org", "--yes", "--account", "emea") == 0
    assert answers_path(tmp_path / "home", "loops", "emea").exists()


def test_a_contact_that_cannot_be_made_ends_it_with_what_the_api_said(
    doctor: Command, servers: dict[str, Running], capsys: pytest.CaptureFixture[str]
) -> None:
    servers["loops"].faults({"kind": "503", "share": 1, "paths": "/contacts/create"})
    assert doctor("loops", "--probe", ADDRESS, "--yes") == 2
    assert "The throwaway contact could not be made: 503" in capsys.readouterr().err


def test_ctrl_c_removes_what_was_made_and_keeps_what_was_found(tmp_path: Path) -> None:
    with running("loops", rate=0, latency_ms=60) as server:
        environment = {**os.environ, "LOOPS_BASE_URL": server.url, "LOOPS_API_KEY": "sandbox-key", "MUSTER_HOME": str(tmp_path)}  # fmt: skip
        command = ["doctor", "loops", "--probe", ADDRESS, "--yes"]
        with warm.start(command, env=environment, cwd=tmp_path, start_new_session=True) as child:
            while "email_case" not in child.stdout.readline():
                assert child.poll() is None
            child.send_signal(signal.SIGINT)
            out, error = child.communicate(timeout=30)
        assert child.returncode == 130, error
        assert server.contacts() == []
        known = answers_of(tmp_path, "loops")
    assert known["email_case"] == "insensitive"
    assert "two_contacts" not in known
    assert "# two_contacts:  # not asked yet" in answers_path(tmp_path, "loops", "main").read_text("utf-8")
    assert "left behind: nothing" in out
    assert "The answers are in" in out


def test_a_second_probe_keeps_what_was_written_by_hand_and_puts_another_addresss_answers_aside(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor("loops", "--probe", ADDRESS, "--yes") == 0
    path = answers_path(tmp_path / "home", "loops", "main")
    by_hand = "retry_after: header  # Ann asked their support"
    path.write_text(path.read_text("utf-8") + by_hand + "\n", "utf-8")
    servers["loops"].switch(email_case="sensitive")
    assert doctor("loops", "--probe", ADDRESS, "--yes") == 0
    assert by_hand in path.read_text("utf-8").splitlines()
    assert answers_of(tmp_path / "home", "loops")["email_case"] == "sensitive"
    path.write_text(
        path.read_text("utf-8").replace(servers["loops"].url, "https://app.loops.so/api/v1"), "utf-8"
    )
    capsys.readouterr()
    assert doctor("loops", "--probe", ADDRESS, "--yes") == 0
    aside = path.with_name("loops-main.before.yml")
    assert f"The answers of another address were put aside: {aside}" in capsys.readouterr().out
    assert by_hand in aside.read_text("utf-8")
    assert by_hand not in path.read_text("utf-8")


def test_doctor_says_which_answers_are_known(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers_path(tmp_path / "home", "loops", "main")
    path.parent.mkdir(parents=True)
    path.write_text(f"base_url: {servers['loops'].url}\nemail_case: sensitive\n", "utf-8")
    doctor("loops")
    assert f"answers   1 open questions are settled: {path}" in capsys.readouterr().out


def test_ways_to_answer_that_are_not_there_are_said(tmp_path: Path) -> None:
    environment: dict[str, Any] = {**os.environ, "MUSTER_HOME": str(tmp_path)}
    run = functools.partial(warm.run, env=environment, cwd=tmp_path)
    none = run(["sandbox", "loops", "--as-probed"])
    assert none.returncode == 2
    assert "muster doctor loops --probe ADDRESS" in none.stderr
    (tmp_path / "mine.yml").write_text("email_case: sensitiv\n", "utf-8")
    wrong = run(["sandbox", "loops", "--answers", "mine.yml"])
    assert wrong.returncode == 2
    assert "mine.yml:1: email_case: 'sensitiv' is no answer. Did you mean sensitive?" in wrong.stderr


def test_check_goes_by_the_answers_also_where_nobody_is_asked(
    doctor: Command, servers: dict[str, Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.yml").write_text(
        "name: people\nsource: {kind: csv_file}\ndestination: {kind: campaignlark}\nkey: email_address\n"
        "fields:\n  email_address: Email\n  first_name: {from: First, blank: clear}\n"
        'consent: {assumed: "they asked"}\n',
        "utf-8",
    )

    def check(*words: str) -> int:
        command = functools.partial(muster.main, args=["check", "people.yml", *words], prog_name="muster", standalone_mode=False)  # fmt: skip
        return explained(command)

    for words in ((), ("--offline",)):
        assert check(*words) == 2
        assert "how this destination empties a value is not documented" in capsys.readouterr().err
    assert doctor("campaignlark", "--probe", ADDRESS, "--yes") == 0
    for words in ((), ("--offline",)):
        assert check(*words) == 0, capsys.readouterr().err
    servers["campaignlark"].switch(null_value="keep", empty_value="keep")
    servers["campaignlark"].delete(ADDRESS)
    servers["campaignlark"].delete("throw+muster@example.com")
    assert doctor("campaignlark", "--probe", ADDRESS, "--yes") == 0
    assert check() == 2

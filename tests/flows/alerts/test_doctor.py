"""`muster doctor --notify`, as a person tries whether they are told: a web server and a mail server really get it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.flows.alerts.post import mailbox, receiving
from tests.flows.cli.conftest import Shell


def test_a_test_message_reaches_web_and_mail_and_who_is_not_reached_is_named_without_an_address(
    tmp_path: Path,
) -> None:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("MUSTER_", "PREFECT_"))
    }
    with receiving() as web, mailbox() as mail:
        told = {
            "MUSTER_NOTIFY_OPS": f"{web.url}/ops",
            "MUSTER_NOTIFY_BOSS": f"mailto://127.0.0.1:{mail.port}?from=muster@example.com&to=boss@example.com",
            "MUSTER_NOTIFY_GONE": f"{web.url}/503?key=hush",
        }
        shell = Shell(tmp_path, clean | told)
        everybody, one = shell.run("doctor", "--notify"), shell.run("doctor", "--notify=boss")
    assert (everybody.returncode, one.returncode) == (2, 0)
    assert sorted(everybody.stdout.splitlines()) == [
        "  NOT  gone: it answered 503.",
        "  ok   boss",
        "  ok   ops",
    ]
    assert one.stdout == "  ok   boss\n"
    assert "hush" not in everybody.stdout + everybody.stderr
    [body] = web.at("/ops")
    assert body["state"] == "test"
    assert [to for to, _ in mail.mails] == [["boss@example.com"]] * 2
    assert "This is a test message of muster doctor --notify." in mail.text(mail.mails[0][1])

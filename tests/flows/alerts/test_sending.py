"""Alerts that are sent: to real receivers on this machine, and what is said where one does not take them."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.alerts import sending
from flows.alerts.alert import Alert, Top
from flows.alerts.receivers import Receiver
from tests.flows.alerts.post import Receiving, mailbox, receiving

ALERT = Alert(
    "needs_review", "signups", "39 of 40 rows are where they should be; 1 needs a person.", "2026-11-26T19:06:11.000000Z",
    "campaignlark-main", run_id="20261126-190600-4f2a", exit_code=1, rows_read=40, need_a_person=1,
    outcomes={"created": 39, "invalid": 1, "unsent": 0}, top=Top("email_syntax", "Email", 1), report="/runs/r1/report.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def web() -> Iterator[Receiving]:
    with receiving() as box:
        yield box


async def sent(**addresses: str) -> dict[str, str]:
    return await sending.send((Receiver(name, address), ALERT) for name, address in addresses.items())


async def test_a_web_address_gets_json_of_which_every_key_is_always_there(web: Receiving) -> None:
    password = web.url.replace("http://", "http://ann:s%40cret@") + "/hook"
    assert await sent(ops=password) == {"ops": ""}
    [(_, body, headers)] = [one for one in web.got if one[0] == "/hook"]
    assert headers["Authorization"] == "Basic YW5uOnNAY3JldA=="
    assert list(body) == [
        "schema_version", "text", "mapping", "destination", "state", "before", "since", "at", "cause", "sentence", "run_id", "exit_code",
        "rows_read", "need_a_person", "outcomes", "top_problem", "report", "not_copied",
    ]  # fmt: skip
    assert body["destination"] == {"kind": "campaignlark", "account": "main"}
    assert body["top_problem"] == {"code": "email_syntax", "column": "Email", "count": 1}
    assert body["text"].startswith("muster: signups needs a person\n39 of 40 rows")
    assert (body["before"], body["cause"]) == (None, [])


async def test_a_mail_goes_through_a_real_mail_server() -> None:
    with mailbox() as box:
        address = f"mailto://127.0.0.1:{box.port}?from=muster@example.com&to=ops@example.com"
        assert await sent(ops=address) == {"ops": ""}
    [(to, mail)] = box.mails
    assert to == ["ops@example.com"]
    assert mail["subject"] == "muster: signups needs a person"
    assert "email_syntax in Email" in box.text(mail)
    assert "report /runs/r1/report.html" in box.text(mail)


async def test_a_chat_of_which_apprise_knows_the_form_gets_that_form(web: Receiving) -> None:
    host = web.url.removeprefix("http://")
    assert await sent(chat=f"mmost://{host}/3ccdd113474722377935511fc85d3dd4") == {"chat": ""}
    [body] = web.at("/hooks/3ccdd113474722377935511fc85d3dd4")
    assert "signups needs a person" in str(body)


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "NotifySlack"),
        ("https://prod-12.westeurope.logic.azure.com:443/workflows/aaaabbbbccccddddeeeeffff/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefgh", "NotifyWorkflows"),
        ("https://hooks.example.com/services/T1", "NoneType"),
    ],
)  # fmt: skip
def test_the_addresses_that_slack_and_teams_give_out_are_known_as_theirs(address: str, service: str) -> None:
    assert type(sending._service(address)).__name__ == service


async def test_a_receiver_that_does_not_take_it_is_named_with_why_and_never_with_its_address(
    web: Receiving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "hush-hush-hush"
    with receiving(_certificate(tmp_path)) as own:
        failed = await sent(
            broken=f"{web.url}/500?key={key}",
            moved=f"{web.url}/302?key={key}",
            gone=f"http://{key}@127.0.0.1:9/",
            untrusted=f"{own.url}/{key}",
            nowhere=f"https://{key}.invalid/",
            nonsense=f"carrier-pigeon://{key}",
            chat=f"json://{web.url.removeprefix('http://')}/503?key={key}",
            mail=f"mailto://ann:{key}@127.0.0.1:9?from=muster@example.com&to=ops@example.com",
            well=f"{web.url}/well",
        )
    assert failed == {
        "broken": "it answered 500.",
        "moved": "it answered 302.",
        "gone": "nobody listens there.",
        "untrusted": "its certificate is not trusted; SSL_CERT_FILE names a file with your own.",
        "nowhere": "no such name is known.",
        "nonsense": "MUSTER_NOTIFY_NONSENSE is no address that is understood: https://…, mailto://…, slack://… or another one of Apprise's.",
        "chat": "it answered 503.",
        "mail": "it did not take the message, or nobody is there.",
        "well": "",
    }
    assert not web.at("/elsewhere")
    assert key not in caplog.text


async def test_receivers_that_hang_are_not_waited_for(
    web: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = f"mailto://127.0.0.1:{silent.getsockname()[1]}?from=muster@example.com&to=ops@example.com"
        began = time.monotonic()
        failed = await sent(web=f"{web.url}/hang", mail=mail, too=f"{web.url}/hang")
        assert time.monotonic() - began < 2
    assert failed == dict.fromkeys(("web", "mail", "too"), "it did not answer within 0.5 seconds.")


async def test_a_certificate_of_your_own_is_trusted_where_a_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(_certificate(tmp_path)) as own:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
        assert await sent(ops=f"{own.url}/own") == {"ops": ""}
        assert own.at("/own")


def _certificate(folder: Path) -> ssl.SSLContext:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    return context

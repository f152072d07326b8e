"""What lies elsewhere is fetched whole or not at all, from real servers on this machine, and no secret is shown."""

from __future__ import annotations

import base64
import gc
import hashlib
import io
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Source
from connectors.errors import SourceError
from connectors.sources import fetching
from connectors.sources.fetching import fetch, is_address, shown_address, standard_input
from connectors.sources.given import given_file
from flows.opening import open_source_of
from mappings.engine.reading import read_mapping
from tests.connectors.reading import seen

TEXT = b"Email,Name\nann@example.com,Ann\nbob@example.com,Bob\n"
MEMBERS = b"Email Address,OPTIN_TIME,LEID,EUID\nann@example.com,2025-01-01 00:00:00,1,a\n"


class Web(BaseHTTPRequestHandler):
    """Answers by path. `heard` are the headers of each request."""

    heard: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012 - of the test that runs
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.heard.append((self.path, dict(self.headers)))
        getattr(self, f"_{path.split('/')[1].partition('.')[0]}")()

    def log_message(self, *_: Any) -> None: ...

    def _sent(self, body: bytes = TEXT, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            if text:
                self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def _whole(self) -> None:
        self._sent()

    def _members(self) -> None:
        self._sent(MEMBERS)

    def _moved(self) -> None:
        self._sent(b"", 302, Location="/whole.csv?signature=abc")

    def _away(self) -> None:
        self._sent(b"", 302, Location=f"http://localhost:{self.server.server_address[1]}/whole.csv")

    def _locked(self) -> None:
        known = ("Bearer right", "Basic " + base64.b64encode(b"crm:right").decode())
        self._sent(
            TEXT if self.headers.get("Authorization") in known else b"",
            200 if self.headers.get("Authorization") in known else 401,
        )

    def _forbidden(self) -> None:
        self._sent(b"", 403)

    def _gone(self) -> None:
        self._sent(b"", 404)

    def _busy(self) -> None:
        self._sent(b"", 503)

    def _short(self) -> None:
        self._sent(TEXT[:-9], **{"Content-Length": str(len(TEXT))})
        self.close_connection = True

    def _endless(self) -> None:
        self._sent(**{"Content-Length": ""})
        self.close_connection = True

    def _chunked(self) -> None:
        self._sent(
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(TEXT), TEXT),
            **{"Content-Length": "", "Transfer-Encoding": "chunked"},
        )

    def _cut(self) -> None:
        self._sent(
            b"%x\r\n%s" % (len(TEXT), TEXT[:-5]), **{"Content-Length": "", "Transfer-Encoding": "chunked"}
        )
        self.close_connection = True

    def _empty(self) -> None:
        self._sent(b"")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture
def web(server: str) -> str:
    Web.heard.clear()
    return server


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def bucket(s3: dict[str, str]) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )


def opened(folder: Path, path: str, take: str = "only") -> Source:
    mapping = folder / "news.yml"
    mapping.write_text(
        f"name: news\nsource: {{kind: csv_file, path: '{path}', take: {take}}}\ndestination: {{kind: campaignlark}}\n"
        "key: email_address\nfields: {email_address: Email}\nconsent: {assumed: 'they asked for it'}\n"
    )
    return open_source_of(read_mapping(mapping), mapping, None)


def test_whoever_is_unsubscribed_by_the_name_of_a_file_is_so_when_it_comes_by_an_address(
    web: str, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in s3.items():
        monkeypatch.setenv(name, text)
    name = "unsubscribed_email_audience_export_1.csv"
    client = bucket(s3)
    client.put_object(Bucket="exports", Key=f"mail/{name}", Body=MEMBERS)
    client.close()
    for address in (f"{web}/members/{name}?signature=abc", f"s3://exports/mail/{name}"):
        given = given_file(address, take=None, beside=Path(), setting=lambda _: "")
        _, source = given.opens({}, "mailchimp_export")
        [frame] = source.frames()
        assert frame.cells.column("_status").to_pylist() == ["unsubscribed"]
        assert frame.cells.column("_file").to_pylist() == [name]


def refused(address: str, **settings: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch(address, take="only", beside=Path(), setting=lambda name: settings.get(name, ""))
    assert caught.value.fix
    return caught.value


def test_a_web_address_is_a_source_and_its_secrets_stay_out_of_sight(
    web: str, tmp_path: Path, temporary: Path
) -> None:
    source = opened(tmp_path, f"{web}/moved.csv?token=secret#x")
    found = seen(source)
    assert found.rows == [["ann@example.com", "Ann"], ["bob@example.com", "Bob"]]
    assert (str(source.path), source.path.name) == (f"{web}/moved.csv", "moved.csv")
    assert (source.sha256, source.size) == (hashlib.sha256(TEXT).hexdigest(), len(TEXT))
    [folder] = temporary.iterdir()
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    del source, found
    gc.collect()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("path", ["whole.csv", "chunked.csv"])
def test_what_came_whole_is_used(web: str, path: str) -> None:
    [fetched] = fetch(f"{web}/{path}", take="only", beside=Path(), setting=lambda _: "")
    assert (fetched.file.read_bytes(), fetched.name) == (TEXT, path)


@pytest.mark.parametrize(
    ("path", "why", "fix"),
    [
        ("short", "broke off after", "Try again"),
        ("cut", "broke off: IncompleteRead; nothing of it is used", "Try again"),
        ("endless", "does not say how large it is", "name the file"),
        ("gone", "is not there", "Check the address"),
        ("forbidden", "is not for whoever asks", "may have expired"),
        ("locked", "wants a name and a password, or a token", "MUSTER_HTTPS_TOKEN"),
        ("busy", "was answered with 503", "Try again later"),
        ("empty", "holds no bytes at all", "Export it again"),
    ],
)
def test_what_did_not_come_whole_is_said_in_words(
    web: str, temporary: Path, path: str, why: str, fix: str
) -> None:
    error = refused(f"{web}/{path}?signature=secret")
    assert why in error.what
    assert fix in error.fix
    assert "secret" not in str(error)
    assert list(temporary.iterdir()) == []


def test_credentials_go_to_the_host_that_the_settings_name_and_to_no_other(web: str) -> None:
    def asked(address: str, **settings: str) -> None:
        fetch(address, take="only", beside=Path(), setting=lambda name: settings.get(name, ""))

    asked(f"{web}/locked", MUSTER_HTTPS_HOST="127.0.0.1", MUSTER_HTTPS_TOKEN="right")
    asked(
        f"{web}/locked", MUSTER_HTTPS_HOST="127.0.0.1", MUSTER_HTTPS_USER="crm", MUSTER_HTTPS_PASSWORD="right"
    )
    asked(web.replace("//", "//crm:right@") + "/locked")
    refused(f"{web}/locked", MUSTER_HTTPS_HOST="elsewhere.example", MUSTER_HTTPS_TOKEN="right")
    refused(f"{web}/locked", MUSTER_HTTPS_TOKEN="right")
    Web.heard.clear()
    asked(f"{web}/away", MUSTER_HTTPS_HOST="127.0.0.1", MUSTER_HTTPS_TOKEN="right")
    assert [("Authorization" in headers) for _, headers in Web.heard] == [True, False]


def test_only_this_machine_may_be_asked_without_encryption(web: str) -> None:
    assert "is not encrypted" in refused("http://exports.example/a.csv").what
    nobody = refused("http://127.0.0.1:9/a.csv")
    assert "cannot be reached" in nobody.what
    assert "address that was named is none" in refused("https://[half/a.csv").what


def test_what_is_too_large_is_not_fetched(web: str, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 20)
    assert "is larger than" in refused(f"{web}/whole").what
    assert list(temporary.iterdir()) == []


def test_a_bucket_is_a_source_also_of_many_files(
    s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in s3.items():
        monkeypatch.setenv(name, text)
    client = bucket(s3)
    client.put_object(Bucket="exports", Key="fetch/north.csv", Body=TEXT)
    source = opened(tmp_path, "s3://exports/fetch/*.csv")
    assert (str(source.path), source.path.name) == ("s3://exports/fetch/north.csv", "north.csv")
    assert len(seen(source).rows) == 2
    client.put_object(Bucket="exports", Key="fetch/south.csv", Body=b"Email\ncy@example.com\n")
    client.close()
    with pytest.raises(
        SourceError, match=r"2 files lie at s3://exports/fetch/\*\.csv: north\.csv, south\.csv"
    ):
        opened(tmp_path, "s3://exports/fetch/*.csv")
    assert len(seen(opened(tmp_path, "s3://exports/fetch/*.csv", "newest")).rows) == 1
    found = seen(opened(tmp_path, "s3://exports/fetch/{region}.csv", "all"))
    assert found.rows[1:] == [
        ["bob@example.com", "Bob", "north.csv", "north"],
        ["cy@example.com", "", "south.csv", "south"],
    ]
    with pytest.raises(SourceError, match="Nothing lies at s3://exports/fetch/west"):
        opened(tmp_path, "s3://exports/fetch/west.csv")


def test_a_host_is_a_source(
    sftp: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, settings = sftp
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    source = opened(tmp_path, f"sftp://crm@{host}/crm/*.csv")
    assert str(source.path) == f"sftp://{host}/crm/a.csv"
    assert source.header == ("Email",)


@pytest.mark.parametrize(("address", "extra"), [("gs://b/a.csv", "gcs"), ("az://b/a.csv", "azure")])
def test_a_place_whose_package_is_missing_says_how_to_install_it(
    address: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, {"gcs": "gcsfs", "azure": "adlfs"}[extra], None)
    assert refused(address).fix == f"Install it: pip install 'muster-sync[{extra}]'"


def test_standard_input_is_read_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(TEXT)

        def isatty(self) -> bool:
            return False

    standard_input.cache_clear()
    monkeypatch.setattr(sys, "stdin", Piped())
    for _ in range(2):
        source = opened(tmp_path, "-")
        assert (str(source.path), len(seen(source).rows)) == ("standard input", 2)
    standard_input.cache_clear()
    with pytest.raises(SourceError, match="standard input is empty"):
        opened(tmp_path, "-")
    monkeypatch.setattr(Piped, "isatty", lambda _: True)
    with pytest.raises(SourceError, match="Nothing is piped") as caught:
        opened(tmp_path, "-")
    assert "muster peek -" in caught.value.fix


def test_peek_reads_what_is_piped_into_it(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", "from flows.cli import main; main()", "peek", "-"]
    done = subprocess.run(command, input=TEXT, capture_output=True, check=False, cwd=tmp_path)
    assert b"standard input\n2 rows, 2 columns" in done.stdout, done.stderr


def test_what_is_an_address() -> None:
    assert [is_address(text) for text in ("-", "https://a/b", "file:///a", "a/b.csv", "-.csv")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert shown_address("sftp://crm:pw@host:22/a?b#c") == "sftp://host:22/a"

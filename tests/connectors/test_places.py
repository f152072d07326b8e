"""Places: a folder, a real S3 and a real SFTP server on this machine are looked into, fetched from and tidied."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.places import Place


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket="exports")
    client.put_object(Bucket="exports", Key="crm/a.csv", Body=b"Email\n")
    client.close()
    yield {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    server.stop()


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    import asyncssh

    folder = tmp_path_factory.mktemp("sftp")
    (folder / "crm").mkdir()
    (folder / "crm" / "a.csv").write_bytes(b"Email\n")
    key = asyncssh.generate_private_key("ssh-ed25519")

    guests: list[asyncssh.SSHServerConnection] = []

    class Door(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            guests.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("crm", "right")

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            Door, "127.0.0.1", 0, server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )  # fmt: skip

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result(20)
    port = server.get_port()
    known = folder.parent / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    yield f"127.0.0.1:{port}", {"MUSTER_SFTP_KNOWN_HOSTS": str(known), "MUSTER_SFTP_PASSWORD": "right"}

    async def close() -> None:
        for guest in guests:
            guest.abort()
            await guest.wait_closed()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)  # for the transports to let go of their sockets

    asyncio.run_coroutine_threadsafe(close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def opened(place: str, settings: dict[str, str], beside: Path) -> Place:
    return Place.at(place, beside=beside, setting=lambda name: settings.get(name, ""))


def goes_through(place: Place, tmp_path: Path) -> None:
    """What an inbox does with a place: look, fetch, move away."""
    [lying] = place.files(place.path)
    assert (lying.name, lying.size) == ("a.csv", 6)
    assert abs(lying.modified - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    into = tmp_path / "fetched"
    assert len(place.fetch(lying, into)) == 64
    assert into.read_bytes() == b"Email\n"
    assert into.stat().st_mode & 0o777 == 0o600
    place.move(lying, f"{lying.folder}/done/a--run.csv")
    assert place.files(place.path) == []
    assert [one.name for one in place.files(f"{place.path.rpartition('/')[0]}/done/*")] == ["a--run.csv"]


def test_a_folder_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "o[d]d").mkdir()
    (tmp_path / "o[d]d" / "a.csv").write_bytes(b"Email\n")
    goes_through(opened("*.csv", {}, tmp_path / "o[d]d"), tmp_path)


def test_a_bucket(s3: dict[str, str], tmp_path: Path) -> None:
    goes_through(opened("s3://exports/crm/*.csv", s3, tmp_path), tmp_path)
    nowhere = opened("s3://elsewhere/crm/*.csv", s3, tmp_path)
    with pytest.raises(SourceError, match="no bucket elsewhere"):
        nowhere.files(nowhere.path)


def test_a_folder_on_another_host(sftp: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    host, settings = sftp
    with pytest.raises(SourceError, match="may not be read or written"):
        opened(f"sftp://crm@{host}/crm/*.csv", {**settings, "MUSTER_SFTP_PASSWORD": "wrong"}, tmp_path)
    (tmp_path / "none").touch()
    with pytest.raises(SourceError, match=r"key of the host .* is not known"):
        opened(
            f"sftp://crm@{host}/crm/*.csv",
            {**settings, "MUSTER_SFTP_KNOWN_HOSTS": str(tmp_path / "none")},
            tmp_path,
        )
    goes_through(opened(f"sftp://crm@{host}/crm/*.csv", settings, tmp_path), tmp_path)


def test_a_file_that_changes_while_it_is_fetched_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"Email\n")
    place = opened("*.csv", {}, tmp_path)
    [lying] = place.files(place.path)
    (tmp_path / "a.csv").write_bytes(b"Email\nann@example.com\n")
    assert place.fetch(lying, tmp_path / "fetched") == ""
    assert not (tmp_path / "fetched").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    place = opened("nowhere/*.csv", {}, tmp_path)
    with pytest.raises(SourceError, match="There is no folder"):
        place.files(place.path)

"""Places on this machine that are what they are elsewhere: a real S3 and a real SFTP server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest


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

"""The kinds of places that fsspec reaches: how each is opened with the credentials of settings, and what it can do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connectors.errors import SourceError

__all__ = ["BUCKETS", "EXTRAS", "RENAMES", "Setting", "opened", "rename_over_sftp"]

Setting = Callable[[str], str]
"""A setting by its name; '' where it is not set."""
RENAMES = ("file", "sftp")
"""Places in which a file has another name at once."""
EXTRAS = {
    "s3": ("s3fs", "s3"), "sftp": ("sshfs", "sftp"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"), "abfs": ("adlfs", "azure"), "abfss": ("adlfs", "azure"),
}  # fmt: skip
"""The package that a kind needs, and the name of muster's extra that brings it."""
BUCKETS = EXTRAS.keys() - {"sftp"}
"""Places without folders."""
_CONNECT_SECONDS = 15
_READ_SECONDS = 60


def opened(kind: str, host: str, setting: Setting) -> Any:
    """The file system of fsspec for a kind of place. Raises SourceError, and what its library raises."""
    if kind == "sftp":
        return _sftp(host, setting)
    import fsspec  # noqa: PLC0415 - only where there is such a place

    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if kind == "s3":
        options |= {
            "key": setting("AWS_ACCESS_KEY_ID") or None,
            "secret": setting("AWS_SECRET_ACCESS_KEY") or None,
            "token": setting("AWS_SESSION_TOKEN") or None,
            "endpoint_url": setting("AWS_ENDPOINT_URL_S3") or setting("AWS_ENDPOINT_URL") or None,
            "config_kwargs": {
                "connect_timeout": _CONNECT_SECONDS,
                "read_timeout": _READ_SECONDS,
                "retries": {"max_attempts": 2},
            },
        }
    try:
        return fsspec.filesystem(kind, **options)
    except ValueError:
        raise SourceError(
            f"{kind}:// is no address that muster knows.", "Use a folder, s3://, gs://, az:// or sftp://."
        ) from None


def _sftp(host: str, setting: Setting) -> Any:
    from asyncssh import import_private_key  # noqa: PLC0415 - only where there is such a place
    from sshfs import SSHFileSystem  # noqa: PLC0415 - as above

    name, _, address = host.rpartition("@")
    address, _, port = address.partition(":")
    hosts = setting("MUSTER_SFTP_KNOWN_HOSTS") or "~/.ssh/known_hosts"
    known = Path(hosts).expanduser()
    options: dict[str, Any] = {
        # said always: without it this library asks for no host's key
        "known_hosts": str(known) if known.is_file() else b"",
        "connect_timeout": _CONNECT_SECONDS,
        "login_timeout": _CONNECT_SECONDS,
        "keepalive_interval": _CONNECT_SECONDS,
        "skip_instance_cache": True,
    }
    if name:
        options["username"] = name
    if port:
        options["port"] = int(port)
    if password := setting("MUSTER_SFTP_PASSWORD"):
        options["password"] = password
    if key := setting("MUSTER_SFTP_KEY"):
        # its text, as where a setting names a file that holds it, or where it lies
        options["client_keys"] = (
            [import_private_key(key)] if "-----BEGIN" in key else [str(Path(key).expanduser())]
        )
    return SSHFileSystem(address, **options)


async def rename_over_sftp(files: Any, path: str, to: str) -> None:
    """Takes the place of a file that has that name. Not its mv: where renaming is refused, that removes a file which could not be copied."""
    from asyncssh import SFTPNoSuchFile, SFTPOpUnsupported  # noqa: PLC0415 - only for such a place

    async with files._pool.get() as channel:  # noqa: SLF001 - its own way copies where renaming is refused
        try:
            await channel.posix_rename(path, to)
        except SFTPOpUnsupported:
            with contextlib.suppress(SFTPNoSuchFile):  # this one takes nobody's place
                await channel.remove(to)
            await channel.rename(path, to)

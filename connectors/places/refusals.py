"""What a place answers, in a sentence: without what its library says of keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from connectors.errors import SourceError
from connectors.places.kinds import EXTRAS

__all__ = ["explained", "rights"]


@contextlib.contextmanager
def explained(shown: str, kind: str, host: str) -> Iterator[None]:
    """What a place answers comes out as a sentence, without what its library says of keys."""
    try:
        yield
    except SourceError:
        raise
    except ImportError:
        package, extra = EXTRAS.get(kind, (f"fsspec's for {kind}://", ""))
        fix = f"Install it: pip install 'muster-sync[{extra}]'" if extra else "Install it with pip."
        raise SourceError(f"{shown} needs a package that is not here, {package}.", fix) from None
    except FileNotFoundError:
        raise SourceError(
            f"A file or folder of {shown} is not there any more.", "Look at it, then start again."
        ) from None
    except PermissionError:
        raise SourceError(
            f"{shown} may not be read or written with these credentials.", rights(kind)
        ) from None
    except Exception as error:  # noqa: BLE001 - each library has its own
        name = type(error).__name__
        if name == "HostKeyNotVerifiable":
            raise SourceError(
                f"The key of the host {host} is not known, so that it may be another host.",
                "Have its key confirmed by whoever runs it and add it to ~/.ssh/known_hosts (or the file in MUSTER_SFTP_KNOWN_HOSTS).",
            ) from None
        if name in ("PermissionDenied", "NoCredentialsError", "KeyImportError"):
            raise SourceError(f"{shown} did not let muster in.", rights(kind)) from None
        raise SourceError(
            f"{shown} cannot be used: {name}.", "Look whether it can be reached from here."
        ) from None


def rights(kind: str) -> str:
    """What to do where something may not be read or written."""
    if kind == "s3":
        return (
            "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL, and what that key may do."
        )
    if kind == "sftp":
        return "Check the name in the address, MUSTER_SFTP_KEY or MUSTER_SFTP_PASSWORD, and its rights there."
    return "Give this user the right to it."

"""Where `muster serve` is at work: its Prefect server is that of all muster commands of the same folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

__all__ = ["noted", "served_url"]

_NAME = "serving.json"


@contextlib.contextmanager
def noted(home: Path, url: str) -> Iterator[None]:
    """While it lasts, the others find this server. The system lets go of the note's lock when its owner dies."""
    path = home / "prefect" / _NAME
    path.touch(mode=0o600)
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate()
        json.dump({"url": url}, file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def served_url(home: Path) -> str:
    """The address of the server that serves this folder, '' where nobody does: whoever noted it may have been killed."""
    with (
        contextlib.suppress(OSError, ValueError, KeyError, TypeError),
        (home / "prefect" / _NAME).open() as file,
    ):
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return str(json.load(file)["url"])
    return ""

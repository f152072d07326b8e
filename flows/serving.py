"""Where `muster serve` is at work: its Prefect server is that of all muster commands of the same folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["noted", "served_url"]

_NAME = "serving.json"


@contextlib.contextmanager
def noted(home: Path, url: str) -> Iterator[None]:
    """While it lasts, the others find this server."""
    path = home / "prefect" / _NAME
    path.touch(mode=0o600)
    path.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def served_url(home: Path) -> str:
    """The address of the server that serves this folder, '' where nobody does: whoever noted it may have been killed."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads((home / "prefect" / _NAME).read_text("utf-8"))
        os.kill(int(known["pid"]), 0)
        return str(known["url"])
    return ""

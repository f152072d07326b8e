"""One run of a mapping at a time, one sender of an account. The operating system lets go of the lock when its owner dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.errors import Busy

__all__ = ["RunLock", "SenderLock", "is_held"]

_LOOKED_AT_SECONDS = 0.1
"""So long it is tried again: somebody may only be looking whether the lock is held."""
_AGAIN_SECONDS = 0.01


def is_held(home: Path, mapping: str, account: str) -> bool:
    """Whether a run of this mapping is at work. Looking shares the lock for microseconds, which a starting run waits out."""
    try:
        looked = os.open(_path(home, mapping, account), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(looked, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(looked)
    return False


def _path(home: Path, mapping: str, account: str) -> Path:
    return home / "locks" / f"{mapping}--{account}.lock"


class RunLock:
    """Held from before the source is read until the report is written. Raises Busy when somebody else holds it."""

    def __init__(self, home: Path, mapping: str, account: str) -> None:
        self._path = _path(home, mapping, account)
        self._busy = f"Another run of {mapping} is at work"
        self._held: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        held = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + _LOOKED_AT_SECONDS
        while not _taken(held):
            if time.monotonic() < until:
                time.sleep(_AGAIN_SECONDS)
                continue
            who = os.read(held, 200).decode("utf-8", "replace").strip()
            os.close(held)
            raise Busy(
                self._busy + (f" ({who})." if who else "."),
                "Wait until it has finished; muster runs shows it.",
            )
        os.ftruncate(held, 0)
        os.write(held, f"pid {os.getpid()}".encode())
        self._held = held
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            os.ftruncate(self._held, 0)
            os.close(self._held)
            self._held = None


class SenderLock(RunLock):
    """Held while a run sends to an account. Raises Busy when somebody else does."""

    def __init__(self, home: Path, account: int) -> None:
        super().__init__(home, "sender", f"account-{account}")
        self._busy = "Another run sends to this account"


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""One run of a mapping at a time, one sender of an account. The operating system lets go of a file's lock when its owner dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from connectors.errors import Busy, MusterError
from flows.ledger.database import Connection

__all__ = ["Lock", "RunLock", "SenderLock", "is_held"]

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


class Lock(Protocol):
    """Held while its block lasts. Raises Busy when somebody else holds it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def when_lost(self, told: Callable[[MusterError], None]) -> None:
        """`told` is called, in another thread, when it is lost while somebody relies on it."""

    def refuse_when_lost(self) -> None:
        """Raises LedgerError where it was lost: nothing may be begun then."""

    @property
    def sure(self) -> bool:
        """Whether nobody else can have it."""
        ...

    def refuse_a_later_one(self, connection: Connection) -> None:
        """Said in a transaction: raises LedgerError where somebody else holds it by now."""


class _FileLock:
    """A file that the operating system locks. It is never lost."""

    def __init__(self, path: Path, busy: str, fix: str, wait: float) -> None:
        self._path = path
        self._busy = busy
        self._fix = fix
        self._wait = max(wait, _LOOKED_AT_SECONDS)
        self._held: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        held = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + self._wait
        while not _taken(held):
            if time.monotonic() < until:
                time.sleep(_AGAIN_SECONDS)
                continue
            who = os.read(held, 200).decode("utf-8", "replace").strip()
            os.close(held)
            raise Busy(f"{self._busy} is at work" + (f" ({who})." if who else "."), self._fix)
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

    def when_lost(self, told: Callable[[MusterError], None]) -> None:
        """The system lets go of it only when its owner dies."""

    sure = True

    def refuse_when_lost(self) -> None:
        """It is not."""

    def refuse_a_later_one(self, connection: Connection) -> None:
        """There is none."""


class RunLock(_FileLock):
    """Held from before the source is read until the report is written. Raises Busy when somebody else holds it."""

    def __init__(self, home: Path, mapping: str, account: str) -> None:
        super().__init__(_path(home, mapping, account), *busy_run(mapping), 0.0)


class SenderLock(_FileLock):
    """Held by whoever sends to an account. Raises Busy when somebody else holds it for longer than `wait` seconds."""

    def __init__(self, home: Path, account: int, wait: float = 0.0) -> None:
        path = home / "locks" / f"sender-{account}.lock"
        super().__init__(path, *busy_sender(account), wait)


def busy_run(mapping: str) -> tuple[str, str]:
    """What is at work, and what to do."""
    return f"Another run of {mapping}", "Wait until it has finished; muster runs shows it."


def busy_sender(account: int) -> tuple[str, str]:
    """The same for a sender."""
    return f"Another sender to the account {account}", "Wait until it has finished; muster runs shows it."


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

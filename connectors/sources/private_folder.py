"""Folders for what is unpacked, fetched or converted while a source is read: the owner's alone, and gone with it.

Each has a lock that its process holds. One whose process was killed is removed by the next process that makes one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from connectors.errors import SourceError

__all__ = ["PrivateFolder"]

_PREFIX = "muster-reading-"
_LOCK = ".lock"
_YOUNG_SECONDS = 60


class PrivateFolder:
    """A new folder (0700) at `path`, removed when nobody has this any more, or the process ends."""

    def __init__(self) -> None:
        """Raises SourceError where none can be made."""
        _sweep()
        try:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise SourceError(
                f"No folder can be made in {tempfile.gettempdir()}: {error.strerror}.",
                "Make room there, or name another place in TMPDIR.",
            ) from None
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Removes it now."""
        self._finalizer()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Removes it where what is done goes wrong."""
        try:
            yield
        except BaseException:
            self.remove()
            raise


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.close(lock)


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue  # its process may be about to lock it
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)

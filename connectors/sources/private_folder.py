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
from pathlib import Path

from connectors.errors import SourceError

__all__ = ["private_folder"]

_PREFIX = "muster-reading-"
_LOCK = ".lock"
_YOUNG_SECONDS = 60


def private_folder(owner: object) -> Path:
    """A new folder (0700) that is removed when `owner` is no longer used, or the process ends. Raises SourceError."""
    _sweep()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise SourceError(
            f"No folder can be made in {tempfile.gettempdir()}: {error.strerror}.",
            "Make room there, or name another place in TMPDIR.",
        ) from None
    weakref.finalize(owner, _remove, folder, lock)
    return folder


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

"""What is put into a folder of this machine has the rights of that folder, or is its owner's alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

__all__ = ["copied", "make_like", "make_private"]


def make_like(folder: Path, root: Path) -> None:
    """Makes a folder with the rights of `root`, if that is one above it; `root` itself, and others, for its owner alone."""
    if folder.is_dir():
        return
    if folder == root or root not in folder.parents:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    make_like(folder.parent, root)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _adopt(folder, root)


def _adopt(path: Path, root: Path) -> None:
    """Who may read in `root` may read `path`, and only who may write there may change a folder."""
    above = root.stat()
    with contextlib.suppress(OSError):  # only who is in that group may give it away
        if path.stat().st_gid != above.st_gid:
            os.chown(path, -1, above.st_gid)
    if path.is_dir():
        path.chmod(stat.S_IMODE(above.st_mode) | 0o700)
    else:
        path.chmod(0o600 | above.st_mode & 0o044)


def copied(file: Path, to: Path, *, like: Path | None) -> None:
    """A copy that is on the disk, with the rights of the folder `like`; without one for its owner alone."""
    with (
        file.open("rb") as source,
        os.fdopen(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy,
    ):
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    if like is not None:
        _adopt(to, like)


def make_private(folder: Path) -> None:
    """Makes a folder, and those above it, for its owner alone."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)

"""A place that all machines see, by its fsspec address: there shards are asked for, and their pieces come back.

The one file that knows fsspec.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.errors import SourceError
from flows.shards.piece import BRIEF, MANIFEST, asking, piece_of, wrong_of

__all__ = ["Shared", "at_hand", "is_address"]


def is_address(place: str) -> bool:
    """Whether a place is an address such as s3://bucket/folder, and no path that all machines have."""
    return "://" in place


class Shared:
    """A folder at an address. Raises SourceError where it cannot be reached."""

    def __init__(self, address: str) -> None:
        import fsspec  # noqa: PLC0415 - only where a place has an address

        self._address = address
        with self._reached():
            self._files, self._root = fsspec.core.url_to_fs(address)

    def send(self, path: Path) -> None:
        """Copies a file, or a folder with all that is in it: its manifest last, so that what is there is whole."""
        there = f"{self._root}/{path.name}"
        with self._reached():
            if not path.is_dir():
                self._files.makedirs(self._root, exist_ok=True)
                self._files.put_file(str(path), there)
                return
            every = sorted(one for one in path.rglob("*") if one.is_file())
            for one in sorted(every, key=lambda one: one.name == MANIFEST):
                name = f"{there}/{one.relative_to(path).as_posix()}"
                self._files.makedirs(name.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(one), name)

    def fetch(self, path: Path) -> bool:
        """Copies what has this path's name to this path; whether it was there."""
        there = f"{self._root}/{path.name}"
        with self._reached():
            self._files.invalidate_cache()
            if not self._files.exists(there):
                return False
            self._files.get(there, str(path), recursive=self._files.isdir(there))
        return True

    def clear(self) -> None:
        """Removes all of it."""
        with self._reached():
            self._files.invalidate_cache()
            if self._files.exists(self._root):
                self._files.rm(self._root, recursive=True)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[Any]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every storage has its own errors, and they may hold its secrets
            scheme = self._address.partition("://")[0]
            raise SourceError(
                f"The shared place ({scheme}://…) cannot be used: {type(error).__name__}.",
                "Look at MUSTER_SHARED, at what its storage asks for (a package, credentials), and whether it is reached from here.",
            ) from None


@contextlib.contextmanager
def at_hand(place: str, number: int) -> Iterator[Path]:
    """The folder in which a shard is asked for, here; what is laid into it goes to the place at the end."""
    if not is_address(place):
        yield Path(place)
        return
    shared = Shared(place)
    folder = Path(tempfile.mkdtemp(prefix="muster-shard-"))
    try:
        for path in (folder / BRIEF, asking(folder, number)):
            shared.fetch(path)
        yield folder
        for path in (piece_of(folder, number), wrong_of(folder, number)):
            if path.exists():
                shared.send(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

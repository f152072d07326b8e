"""A place that all machines see, by its address: there shards are asked for, and their pieces come back.

PLACE/RUN/brief.json, 00003.json, 00003.sign, 00003.piece/…, 00003.wrong.json
"""

from __future__ import annotations

import contextlib
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from connectors.places.place import Place
from flows.settings import Settings
from flows.shards.piece import BRIEF, MANIFEST, asking, piece_of, wrong_of
from flows.shards.sign import given, sign_of

__all__ = ["Setting", "Shared", "at_hand", "clear_left", "is_address", "place_of", "tried"]

Setting = Callable[[str], str]
_SETTING = "MUSTER_SHARED"


def place_of(settings: Settings) -> str:
    """The address under which shards are asked for, '' where no place is set; a folder's path is one as well."""
    given = settings.get(_SETTING).strip()
    return given if not given or is_address(given) else f"file://{Path(given).expanduser().absolute()}"


def is_address(place: str) -> bool:
    """Whether a place is an address such as s3://bucket/folder, and no path that all machines have."""
    return "://" in place


class Shared:
    """The folder of a run at such a place. Raises SourceError where it cannot be reached; credentials come from settings."""

    def __init__(self, address: str, setting: Setting) -> None:
        self._place = _reached(address, setting)

    def send(self, path: Path) -> None:
        """Copies a file, or a folder with all that is in it: its manifest last, so that what is there is whole."""
        there = f"{self._place.path}/{path.name}"
        if not path.is_dir():
            self._place.put(path, there, private=True)
            return
        every = sorted(one for one in path.rglob("*") if one.is_file())
        for one in sorted(every, key=lambda one: one.name == MANIFEST):
            self._place.put(one, f"{there}/{one.relative_to(path).as_posix()}", private=True)

    def fetch(self, path: Path) -> bool:
        """Copies the file of this path's name to this path; whether it was there."""
        return self._place.get(f"{self._place.path}/{path.name}", path)

    def fetch_folder(self, path: Path) -> None:
        """Copies the folder of this path's name, as far as it is there, to this path."""
        there = f"{self._place.path}/{path.name}"
        for one in self._place.below(there):
            into = path / posixpath.relpath(one, there)
            into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place.get(one, into)

    def clear(self) -> None:
        """Removes all of it."""
        self._place.clear(self._place.path)


def tried(settings: Settings) -> bool:
    """Whether a place is set; it can be written then. Raises SourceError."""
    place = place_of(settings)
    if place:
        with tempfile.TemporaryDirectory(prefix="muster-try-") as scratch:
            _reached(place, settings.get).try_writing(Path(scratch), private=True)
    return bool(place)


def clear_left(settings: Settings, runs: Collection[str]) -> int:
    """Removes what killed runs have left at the place; of how many of these `runs` there was something. Raises SourceError.

    Nobody may be at work at them.
    """
    place = place_of(settings)
    if not place:
        return 0
    there = _reached(place, settings.get)
    left = sorted(set(runs).intersection(there.folders(there.path)))
    for run in left:
        there.clear(f"{there.path}/{run}")
    return len(left)


def _reached(address: str, setting: Setting) -> Place:
    return Place.at(address, beside=Path.cwd(), setting=setting, shown=f"The shared place ({_SETTING})")


@contextlib.contextmanager
def at_hand(place: str, number: int, setting: Setting) -> Iterator[Path]:
    """The folder in which a shard is asked for, here, with signs of life as long as it is worked at; what is laid into it goes to the place."""
    if not is_address(place):
        folder = Path(place)
        with given(lambda text: _write(sign_of(folder, number), text)):
            yield folder
        return
    shared = Shared(place, setting)
    folder = Path(tempfile.mkdtemp(prefix="muster-shard-"))

    def show(text: str) -> None:
        _write(sign_of(folder, number), text)
        shared.send(sign_of(folder, number))

    try:
        for path in (folder / BRIEF, asking(folder, number)):
            shared.fetch(path)
        with given(show):
            yield folder
            for path in (piece_of(folder, number), wrong_of(folder, number)):
                # nobody would take away what comes when the run has ended meanwhile
                if path.exists() and shared.fetch(asking(folder, number)):
                    shared.send(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")

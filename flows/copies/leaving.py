"""Leaving: copies go when the rows of their run go, and who is forgotten is in none of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from connectors.errors import MusterError
from flows.copies.bringing import bring
from flows.copies.marker import MARKER, Copies
from flows.settings import Settings

__all__ = ["rewrite", "take_away", "take_away_what_was_left"]


def take_away(folder: Path) -> bool:
    """A run's folder is gone, and so are its copies; whether they are. Where they could not be reached, the folder says so still."""
    copies = Copies.read(folder)
    if copies is None or _removed(copies, folder):
        shutil.rmtree(folder, ignore_errors=True)
        return True
    for path in folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return False


def take_away_what_was_left(runs: Path) -> None:
    """Tries again with the runs that are gone, and whose copies could not be reached then; `runs` is the folder of them."""
    for folder in _only_copies(runs):
        if not take_away(folder):
            return


def rewrite(runs: Path) -> list[str]:
    """Has the copies of all runs be as the runs' folders are by now; the addresses of those that could not be reached."""
    left = []
    for marker in sorted(runs.glob(f"*/{MARKER}")):
        folder, copies = marker.parent, Copies.read(marker.parent)
        if copies is None or not copies.lying:
            continue
        if [path.name for path in folder.iterdir()] == [MARKER]:
            gone = take_away(folder)
        else:
            before = {*copies.outlived(folder), *(n for n in copies.stale(folder) if n in copies.lying)}
            brought = bring(folder) if before else None
            gone = brought is None or not before & set(brought.missing)
        if not gone:
            left.append(f"{copies.to.rstrip('/')}/{copies.under}")
    return left


def _only_copies(runs: Path) -> Iterator[Path]:
    for marker in sorted(runs.glob(f"*/{MARKER}")):
        if [path.name for path in marker.parent.iterdir()] == [MARKER]:
            yield marker.parent


def _removed(copies: Copies, folder: Path) -> bool:
    try:
        place = copies.place(Settings(Path(copies.mapping)).get)
        for name in list(copies.lying):
            place.remove(place.within(copies.under, name))
            copies = copies.with_lying(name, None)
    except MusterError:
        copies.write(folder)
        return False
    return True

"""Bringing: the files of a run that people read are copied to where its mapping says, and what was left over is tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.errors import MusterError, SourceError
from connectors.places.place import Place
from flows import depot
from flows.copies.marker import Copies, hash_of
from flows.ledger import Run
from flows.settings import Settings
from mappings.engine import document

__all__ = ["Brought", "bring", "bring_what_was_left", "mark"]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of it: where the report can be opened, '' where it cannot; the files that are missing there, and why."""

    link: str = ""
    missing: tuple[str, ...] = ()
    why: str = ""

    def told(self) -> str:
        """A sentence for whoever sees the run's output; '' where nothing is missing."""
        if not self.missing:
            return ""
        return f"Not copied: {', '.join(self.missing)}. {self.why} The next run of the mapping tries again."


def mark(folder: Path, mapping: document.Mapping, run_id: str) -> None:
    """Before the report counts as written: whoever comes after this run knows what is to be copied. Raises OSError."""
    meant, before = Copies.meant(mapping, run_id), Copies.read(folder)
    if meant is None:
        return
    if before is not None and before.lying:  # of a run that is resumed: what lies somewhere stays known
        meant = replace(before, files=meant.files, done=False)
    meant.write(folder)


def bring(folder: Path) -> Brought | None:
    """Copies what does not lie there as it is in the run's folder, and takes away what is no more. None where nothing is to be copied.

    The report comes last, so that whoever finds it finds the others. It never raises: what is missing is said in what it returns.
    """
    copies = Copies.read(folder)
    if copies is None:
        return None
    try:
        place = copies.place(Settings(Path(copies.mapping)).get)
        copies = copies.at(place)
    except MusterError as error:
        return Brought("", tuple(copies.wanted(folder)), error.what)
    try:
        names = [*copies.outlived(folder), *copies.stale(folder)]
    except OSError:
        return Brought("", tuple(copies.wanted(folder)), f"{folder} cannot be read.")
    missing: list[str] = []
    why = ""
    for name in names:
        try:
            if missing and name == "report.html":  # whoever finds it is to find the others
                raise SourceError(why)
            copies = _moved_on(copies, place, folder, name)
        except (MusterError, OSError) as error:
            missing.append(name)
            why = why or (
                error.what if isinstance(error, MusterError) else f"{folder / name} cannot be read."
            )
    if not missing:
        with contextlib.suppress(OSError):
            replace(copies, done=True).write(folder)
    return Brought(copies.opens, tuple(missing), why)


def bring_what_was_left(runs: Iterable[Run], mapping: document.Mapping, but: str, say: Say) -> None:
    """Tries again what earlier runs could not copy. Where nothing of a run lies anywhere yet, it goes to where the mapping says now."""
    for run in runs:
        folder = Path(run.folder)
        copies = Copies.read(folder) if run.mapping == mapping.name and run.id != but else None
        if copies is None or copies.done:
            continue
        meant = Copies.meant(mapping, run.id)
        if meant is not None and meant.to != copies.to and not any(copies.lying.values()):
            with contextlib.suppress(OSError):
                meant.write(folder)
        brought = bring(folder)
        depot.brought(run.id, folder, run.mapping_path, say)
        if brought is None:
            continue
        if brought.missing:
            say(f"reports   The run {run.id}: {brought.told()}")
            return  # the place is as it was: others would wait for it as long
        say(f"reports   The run {run.id}, which was left, is at {brought.link}")


def _moved_on(copies: Copies, place: Place, folder: Path, name: str) -> Copies:
    """One file brought or taken away; what is certain of it is written down before and after. Raises SourceError, OSError."""
    path = place.within(copies.under, name)
    copies = copies.with_lying(name, "")
    copies.write(folder)
    if (folder / name).is_file() and name in copies.files:
        sha256 = hash_of(folder / name)
        place.put(folder / name, path)
        copies = copies.with_lying(name, sha256)
    else:
        place.remove(path)
        copies = copies.with_lying(name, None)
    copies.write(folder)
    return copies

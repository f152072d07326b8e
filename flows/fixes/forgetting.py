"""Who is forgotten is taken out of what was dropped and answered: answers are drawn anew, files with the person in them are taken away."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from connectors.errors import MusterError
from connectors.places.lying import Lying
from connectors.places.place import Place
from flows.fixes.answer import marked_with
from flows.fixes.folder import DONE, REFUSED, FixesFolder
from flows.known_mappings import mappings_of
from flows.ledger import Ledger
from flows.ledger.database import private_folder
from flows.traces import traces

__all__ = ["clear_fixes"]

_DRAWN = {".report.html": "report.html", ".failures.xlsx": "failures.xlsx"}


def clear_fixes(ledger: Ledger, home: Path, addresses: Collection[str], runs: Collection[str]) -> list[str]:
    """Takes a person out of the folders of fixes of all mappings; `runs` are those that held something of them.

    Gives the addresses of what could not be reached, or waits still to be retried.
    """
    left: list[str] = []
    private_folder(home / "plans")
    for mapping in mappings_of(ledger):
        if mapping.fixes is None:
            continue
        try:
            fixes = FixesFolder(Path(mapping.file), mapping)
            place = fixes.place()
            with tempfile.TemporaryDirectory(prefix="fixes-", dir=home / "plans") as scratch:
                for one in fixes.answered(DONE, REFUSED):
                    if marked_with(one.name) in runs or _holds(place, one, Path(scratch), addresses):
                        _cleared(place, one, home / "runs")
                waits = [one.lying for one in fixes.look()]
                left += [place.address(x.path) for x in waits if _holds(place, x, Path(scratch), addresses)]
        except (MusterError, OSError):
            left.append(mapping.fixes.at)
    return left


def _holds(place: Place, one: Lying, scratch: Path, addresses: Collection[str]) -> bool:
    """Whether somebody stands in a file. Raises SourceError."""
    file = scratch / "file"
    place.fetch(one, file)
    held = bool(traces(scratch, addresses))
    file.unlink(missing_ok=True)
    return held


def _cleared(place: Place, one: Lying, runs: Path) -> None:
    """Draws an answer anew from its run's folder; what a person has dropped is theirs, and goes."""
    mark = marked_with(one.name)
    drawn = next((name for ending, name in _DRAWN.items() if one.name.endswith(f"{mark}{ending}")), "")
    if drawn and (runs / mark / drawn).is_file():
        place.put(runs / mark / drawn, one.path)
    elif not one.name.endswith(".answer.txt"):
        place.remove(one.path)

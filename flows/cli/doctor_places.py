"""muster doctor: can the places be written where reports are copied to, and fixes are answered?"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from connectors.errors import MusterError
from connectors.places.place import Place
from flows.depot import Depot
from flows.known_mappings import mappings_of
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.opening import load_mapping
from flows.settings import Settings
from flows.shards.shared import tried
from mappings.engine.document import Mapping

__all__ = ["places", "shared_places"]


def places() -> Iterator[tuple[bool, str, str]]:
    """Of the mappings in the working folder and those that the ledger knows: whether it is so, what was found, what to do."""
    for file, mapping in sorted(_mappings().items()):
        settings = Settings(file)
        named = (
            ("reports", mapping.reports.to if mapping.reports is not None else ""),
            ("fixes", mapping.fixes.at if mapping.fixes is not None else ""),
        )
        for what, to in named:
            if not to:
                continue
            try:
                place = Place.folder(to, beside=file.parent, setting=settings.get)
                if what == "fixes":  # a folder that is not there is a share that is not mounted
                    place.lying_in()
                with tempfile.TemporaryDirectory() as scratch:
                    place.try_writing(Path(scratch))
            except MusterError as error:
                yield False, f"{mapping.name}: {what}: {error.what}", error.fix
                continue
            yield True, f"{mapping.name}: {what}: {to} can be written{_who_reads(place)}", ""


def shared_places() -> Iterator[tuple[bool, str, str]]:
    """Those that the settings name: the folders of the runs, and parts of large files."""
    settings = Settings(home=Settings().home_here())
    try:
        if (depot := Depot.of(settings)) is not None:
            depot.tried()
            yield True, "MUSTER_RUNS, for the folders of the runs, can be written", ""
    except MusterError as error:
        yield False, error.what, error.fix
    try:
        if tried(settings):
            yield True, "MUSTER_SHARED, for parts of large files, can be written", ""
    except MusterError as error:
        yield False, error.what, error.fix


def _who_reads(place: Place) -> str:
    """A folder that nobody else may read is said: it is of no use to a reviewer."""
    alone = place.root is not None and not place.root.stat().st_mode & 0o077
    return ", and read by this user alone" if alone else ""


def _mappings() -> dict[Path, Mapping]:
    found: dict[Path, Mapping] = {}
    for path in sorted(Path.cwd().glob("*.y*ml")):
        with contextlib.suppress(MusterError):  # muster check says what is wrong with a mapping
            found[path.resolve()] = load_mapping(path)
    with contextlib.suppress(MusterError):  # the check of the ledger says what is wrong with it
        home = Settings().home_here()
        if there_is_a_ledger(home, Settings(home=home).ledger_url()):
            ledger = open_ledger(home)
            try:
                found |= {Path(one.file).resolve(): one for one in mappings_of(ledger)}
            finally:
                ledger.close()
    return found

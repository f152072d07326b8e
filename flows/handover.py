"""A handover: the ledger, what is known of the accounts, and the runs if they are wanted, as one file for whoever takes over.

It is a zip: `ledger.sqlite`, `suppress.txt`, `answers/`, `runs/RUN/…`. It holds personal data; only its owner may read it. The ledger in it
is a file also where it came from PostgreSQL, and may go to either: so a team moves to several machines, and back.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from connectors.errors import LedgerError
from flows.depot import MARKS, brought, depot_of
from flows.ledger import Ledger
from flows.ledger.damaged import NAME, has_ledger
from flows.ledger.database import Database, SqliteFile, home_folder, open_database
from flows.ledger.opening import there_is_a_ledger
from flows.report.writing import whole
from flows.settings import Settings
from flows.suppressed import suppressed_elsewhere
from flows.suppressions import SUPPRESSION_FILE

if TYPE_CHECKING:
    from flows.ledger.postgresql import Postgresql

__all__ = ["hand_over", "take_over"]

_ANSWERS, _RUNS = "answers", "runs"
_FOLDERS = (_ANSWERS, _RUNS)


def hand_over(ledger: Ledger, to: Path, *, runs: bool) -> int:
    """Writes the file; how many runs are in it: those of this home, and those that are only where machines share them.

    A run may be at work meanwhile: what it has landed by now is in it. Raises LedgerError, OSError, and SourceError where that place
    cannot be reached.
    """
    home = ledger.database.home
    with whole(to) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with tempfile.TemporaryDirectory(dir=home, prefix=".handover-") as scratch:
            copy = Path(scratch) / NAME
            _copied(ledger.database, copy)
            archive.write(copy, NAME)
        if listed := _suppressed(ledger):
            archive.writestr(SUPPRESSION_FILE, listed)
        _add(archive, home / _ANSWERS, _ANSWERS)
        return (
            sum(_add(archive, folder, f"{_RUNS}/{name}") for name, folder in _folders(ledger)) if runs else 0
        )


def _suppressed(ledger: Ledger) -> str:
    """The suppression file of this home, with what those of other machines say: where the ledger goes, theirs are not."""
    own = ledger.database.home / SUPPRESSION_FILE
    lines = [own.read_text("utf-8-sig").rstrip("\n")] if own.exists() else []
    for entries in suppressed_elsewhere(ledger, ledger.database.home).values():
        lines += entries
    return "\n".join([*lines, ""]) if lines else ""


def _folders(ledger: Ledger) -> Iterator[tuple[str, Path]]:
    """Each run's id and folder. One that is not here as it is where machines share them is fetched for as long as it is looked at."""
    home = ledger.database.home
    known = {run.id: run for run in ledger.runs.with_rows()}
    for name in sorted({*known, *(path.name for path in (home / _RUNS).glob("*"))}):
        folder = home / _RUNS / name
        run = known.get(name)
        depot = depot_of(run.mapping_path, folder) if run is not None else None
        if depot is None or depot.is_as_here(name, folder):
            yield name, folder
            continue
        with tempfile.TemporaryDirectory(dir=home, prefix=".handover-") as scratch:
            fetched = Path(scratch) / _RUNS / name
            depot.fetch(name, fetched)
            yield name, fetched


def _add(archive: zipfile.ZipFile, folder: Path, name: str) -> bool:
    """Puts all files below a folder into the zip; whether there are any. What this machine notes of where they were brought stays here."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in MARKS]
    for path in files:
        archive.write(path, f"{name}/{path.relative_to(folder).as_posix()}")
    return bool(files)


def _copied(database: Database, copy: Path) -> None:
    """The ledger as a file, whichever database it is in."""
    if isinstance(database, SqliteFile):
        with closing(sqlite3.connect(database.path)) as there, closing(sqlite3.connect(copy)) as here:
            there.backup(here)
        return
    from flows.ledger.moving import save  # noqa: PLC0415 - psycopg only where it is used

    with closing(open_database(copy.parent)) as file:
        save(cast("Postgresql", database), file)


def take_over(archive: Path, home: Path, say: Callable[[str], None] = lambda _: None) -> Ledger:
    """Lays the file down in a home that has no ledger, and opens that; whoever calls closes it.

    The ledger goes where the settings have it: into the home, or into the PostgreSQL that they name; the runs' folders also to where
    machines share them, and `say` is told of those that could not be brought there. Raises LedgerError where there is a ledger, or where the file is none of ours or not whole; nothing is left behind then.
    """
    address = Settings(home=home).ledger_url()
    if address and any((home / "runs").glob("*")):
        from flows.ledger.shared_ledger import known_elsewhere  # noqa: PLC0415 - psycopg only where it is used

        if at := known_elsewhere(home):
            raise LedgerError(
                f"{home} has the runs of a ledger already, of that at {at}.",
                "Set MUSTER_HOME to a new folder, and MUSTER_LEDGER_URL to an empty database; two ledgers cannot be made one.",
            )
    there = has_ledger(home) if address else there_is_a_ledger(home, "")  # raise where one was lost
    if there and not address:
        raise LedgerError(
            f"{home} has a ledger already.",
            "Set MUSTER_HOME to a new folder; two ledgers cannot be made one.",
        )
    home_folder(home)
    scratch = Path(tempfile.mkdtemp(dir=home, prefix=".handover-"))
    laid: list[Path] = []
    try:
        _unpack(archive, scratch)
        _check(archive, scratch / NAME)
        with closing(open_database(scratch)) as file:  # migrated here, so that nothing of it is left behind
            if address:
                from flows.ledger.shared_ledger import filled  # noqa: PLC0415 - psycopg only where it is used

                with filled(home, address, file) as shared:
                    _lay(scratch, home, laid)
                ledger = Ledger(shared)
            else:
                _lay(scratch, home, laid)
        if not address:
            laid.append((scratch / NAME).rename(home / NAME))  # last: then it counts
            ledger = Ledger(open_database(home))
    except BaseException:
        for path in laid:
            path.rename(scratch / path.name)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    ledger.runs.moved(home / _RUNS)
    for run in ledger.runs.with_rows():
        if (folder := home / _RUNS / run.id).is_dir():
            brought(run.id, folder, run.mapping_path, say)
    return ledger


def _lay(scratch: Path, home: Path, laid: list[Path]) -> None:
    """What is beside the ledger, into the home; `laid` says what is there by now. Raises LedgerError where something is in its way."""
    parts = [scratch / name for name in (SUPPRESSION_FILE, *_FOLDERS) if (scratch / name).exists()]
    for part in parts:
        there = home / part.name
        if there.is_file() or (there.is_dir() and any(there.iterdir())):
            raise LedgerError(
                f"{there} is there already, and the handover brings one.",
                "Set MUSTER_HOME to a new folder, or move it out of that one.",
            )
    laid.extend(part.rename(home / part.name) for part in parts)


def _unpack(archive: Path, into: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            for one in packed.infolist():
                parts = PurePosixPath(one.filename).parts
                known = one.filename in (NAME, SUPPRESSION_FILE) or (len(parts) > 1 and parts[0] in _FOLDERS)
                if not known or ".." in parts or "\\" in one.filename or one.is_dir():
                    raise _not_ours(archive, f"it holds '{one.filename}'")
                path = into.joinpath(*parts)
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with packed.open(one) as source, path.open("xb") as target:
                    shutil.copyfileobj(source, target)
                path.chmod(0o600)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise _not_ours(archive, str(error)) from None


def _check(archive: Path, ledger: Path) -> None:
    if not ledger.exists():
        raise _not_ours(archive, f"it has no {NAME}")
    try:
        with closing(sqlite3.connect(ledger)) as database:
            [(found,)] = database.execute("pragma integrity_check").fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise _not_ours(archive, f"its ledger is damaged ({error})") from None
    if found != "ok":
        raise _not_ours(archive, "its ledger is damaged")


def _not_ours(archive: Path, why: str) -> LedgerError:
    return LedgerError(
        f"{archive} is no handover of muster: {why}.", "It is what muster ledger export FILE writes."
    )

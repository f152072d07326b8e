"""A handover: the ledger, what is known of the accounts, and the runs if they are wanted, as one file for whoever takes over.

It is a zip: `ledger.sqlite`, `suppress.txt`, `answers/`, `runs/RUN/…`. It holds personal data; only its owner may read it.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path, PurePosixPath

from connectors.errors import LedgerError
from flows.ledger import Ledger, open_database
from flows.ledger.damaged import NAME, has_ledger
from flows.ledger.database import home_folder
from flows.report.writing import whole
from flows.settings import Settings
from flows.suppressions import SUPPRESSION_FILE

__all__ = ["hand_over", "take_over"]

_FOLDERS = ("answers", "runs")


def hand_over(home: Path, to: Path, *, runs: bool) -> int:
    """Writes the file; how many runs are in it. A run may be at work meanwhile: what it has landed by now is in it. Raises LedgerError, OSError."""
    if not (home / NAME).exists():
        raise LedgerError(
            f"The ledger of {home} is no file that could be handed over.",
            "It is in PostgreSQL: whoever may read that database has it; a copy of it is what pg_dump writes.",
        )
    with whole(to) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with tempfile.TemporaryDirectory(dir=home, prefix=".handover-") as scratch:
            copy = Path(scratch) / NAME
            with closing(sqlite3.connect(home / NAME)) as there, closing(sqlite3.connect(copy)) as here:
                there.backup(here)
            archive.write(copy, NAME)
        if (home / SUPPRESSION_FILE).exists():
            archive.write(home / SUPPRESSION_FILE, SUPPRESSION_FILE)
        found = set()
        for folder in _FOLDERS if runs else _FOLDERS[:1]:
            for path in sorted((home / folder).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(home).as_posix())
                    found.update([path.relative_to(home).parts[1]] if folder == "runs" else [])
    return len(found)


def take_over(archive: Path, home: Path) -> Ledger:
    """Lays the file down in a home that has no ledger, and opens that; whoever calls closes it.

    Raises LedgerError where there is one, or where the file is none of ours or not whole; nothing is left behind then.
    """
    if Settings(home=home).ledger_url():
        raise LedgerError(
            "A handover is laid down as a file, and MUSTER_LEDGER_URL names a PostgreSQL.",
            "Unset it for a ledger of this machine alone; a ledger cannot be moved into PostgreSQL yet.",
        )
    if has_ledger(home):  # raises where one was lost
        raise LedgerError(
            f"{home} has a ledger already.",
            "Set MUSTER_HOME to a new folder; two ledgers cannot be made one.",
        )
    home_folder(home)
    scratch = Path(tempfile.mkdtemp(dir=home, prefix=".handover-"))
    try:
        _unpack(archive, scratch)
        _check(archive, scratch / NAME)
        for path in sorted(
            scratch.iterdir(), key=lambda path: path.name == NAME
        ):  # the ledger last: then it counts
            path.rename(home / path.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    ledger = Ledger(open_database(home))
    ledger.runs.moved(home / "runs")
    return ledger


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

"""A ledger that is damaged or lost: kept aside and named, never silently replaced by a new one.

    ledger.sqlite.damaged-20261120-181203    with its -wal and -shm, as they were when the damage was found
    ledger.sqlite.suspect                    damage was met while somebody worked with it: the next opening looks at all of it

As long as a damaged one, or a run's folder, is in a home without a ledger, no new one is made there: it would know nothing of what was
delivered and who opted out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import sqlite3
import time
from pathlib import Path

from connectors.errors import LedgerError

__all__ = [
    "NAME",
    "PARTS",
    "Damaged",
    "Use",
    "empty",
    "half_moved",
    "has_ledger",
    "is_damage",
    "lost",
    "moved_aside",
    "suspect",
]

NAME = "ledger.sqlite"
PARTS = ("-wal", "-shm")
_ALONE_SECONDS = 1.0
_MALFORMED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(LedgerError):  # noqa: N818 - it says what happens next
    """What SQLite found wrong with the file is in `why`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The ledger {path} is damaged: {why}.",
            "Nothing more is written to it. Start again when every run of it has ended: the damaged file is then kept aside.",
        )
        self.why = why


class Use:
    """That somebody works with the ledger of a home: a damaged one is moved only by whoever is alone with it.

    A lock on the folder itself, so that it needs neither a file nor room on the disk; the system lets go of it. Where a
    folder cannot be locked, nothing is moved.
    """

    def __init__(self, home: Path) -> None:
        self._held: int | None = None
        with contextlib.suppress(OSError):
            self._held = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._held, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether nobody else works with it, nor begins to until this ends; waits a moment for those who only look."""
        until = time.monotonic() + _ALONE_SECONDS
        while self._held is not None:
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    return False
                time.sleep(0.02)
            except OSError:
                return False
            else:
                return True
        return False

    def end(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is no database or a broken one; not that it is locked, full, or may not be written."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _MALFORMED


def suspect(path: Path) -> Path:
    """The mark that damage was met."""
    return path.with_name(f"{path.name}.suspect")


def moved_aside(path: Path, damage: Damaged, use: Use) -> LedgerError:
    """Moves a damaged ledger aside, with all its parts, where nobody else works with it; what is to be raised."""
    if not use.alone():
        return LedgerError(
            damage.what + " It was not moved, because somebody else may be working with it.",
            "Wait until every run of it has ended (muster runs shows them), then start again: the damaged file is then kept aside.",
        )
    if not path.exists():  # somebody else was quicker
        return lost(path.parent) or damage
    try:
        aside = _aside(path)
    except OSError as error:
        return LedgerError(
            damage.what + f" It could not be moved aside: {error.strerror}.",
            f"Move it, with its -wal and -shm, to another name yourself, and restore a copy as {path}.",
        )
    suspect(path).unlink(missing_ok=True)
    return LedgerError(
        f"The ledger {path} was damaged: {damage.why}. It is kept as {aside}.", _what_next(path.parent)
    )


def lost(home: Path) -> LedgerError | None:
    """What is wrong where there is no ledger, or an empty one, in a home that had one; None where none was or one is."""
    path = home / NAME
    trace = _kept(home) or _runs(home)  # before the file: whoever makes a ledger makes these after it
    if path.exists() and path.stat().st_size:
        return None
    gone = "is empty" if path.exists() else "is missing"
    if kept := _kept(home):
        return LedgerError(
            f"The ledger {path} {gone}. A damaged one is kept as {kept[-1]}.", _what_next(home)
        )
    return empty(home, gone) if trace else None


def empty(home: Path, how: str) -> LedgerError | None:
    """What is wrong with a ledger that knows nothing in a home that has runs; None where it has none."""
    if not _runs(home):
        return None
    return LedgerError(
        f"The ledger {home / NAME} {how}, and {home / 'runs'} holds runs that it has to know.",
        _what_next(home),
    )


def has_ledger(home: Path) -> bool:
    """Whether there is one to be opened. Raises LedgerError where one was lost."""
    if (home / NAME).exists():
        return True
    if (wrong := lost(home)) is not None:
        raise wrong
    return False


def half_moved(path: Path) -> bool:
    """Whether whoever moved it aside was killed while doing so."""
    return path.exists() and any(path.samefile(one) for one in _kept(path.parent))


def _what_next(home: Path) -> str:
    in_the_way = [*map(str, _kept(home)), *([str(home / "runs")] if _runs(home) else [])]
    return (
        f"Restore a copy as {home / NAME}. Or, to begin anew, knowing nothing of what was delivered and who opted out: "
        f"move {' and '.join(in_the_way)} out of that folder."
    )


def _kept(home: Path) -> list[Path]:
    return sorted(one for one in home.glob(f"{NAME}.damaged-*") if not one.name.endswith(PARTS))


def _runs(home: Path) -> bool:
    runs = home / "runs"
    return runs.is_dir() and any(one.is_dir() for one in runs.iterdir())


def _aside(path: Path) -> Path:
    """Where it is now. The file has both names until its parts are moved: a restored copy must never meet another one's -wal."""
    begun = [one for one in _kept(path.parent) if path.samefile(one)]
    aside = begun[0] if begun else _linked(path)
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + part).replace(aside.with_name(aside.name + part))
    if aside.exists():
        path.unlink()
    else:
        path.rename(aside)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def _linked(path: Path) -> Path:
    """A name that nothing has; the file has it as well, where the disk allows a file two names."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        aside = path.with_name(f"{NAME}.damaged-{moment}" + (f"-{number}" if number > 1 else ""))
        number += 1
        if any(aside.with_name(aside.name + part).exists() for part in ("", *PARTS)):
            continue
        try:
            aside.hardlink_to(path)
        except FileExistsError:
            continue
        except OSError:
            return aside
        return aside

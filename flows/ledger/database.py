"""Opening the ledger's database: checked, migrated, private to its owner."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from connectors.errors import LedgerError
from flows.ledger.migrations import STEPS

__all__ = ["Database", "home_folder", "open_database", "private_folder"]

NAME = "ledger.sqlite"
_CHECKED_WHOLE = (
    256 * 2**20
)  # bytes; a larger file is checked where it is read, so that opening it stays quick


_LOCKED_SECONDS = 30.0


class Database:
    """One SQLite file in WAL mode; commits are on the disk when they return. Each thread has its own connection."""

    def __init__(self, path: Path, *, new: bool) -> None:
        self.path = path
        self.new = new
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    @property
    def connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self.path, timeout=_LOCKED_SECONDS, isolation_level=None, check_same_thread=False
            )
            _write_ahead(found)
            found.execute("pragma synchronous = full")
            found.execute("pragma foreign_keys = on")
            found.execute("pragma secure_delete = on")
            found.execute("pragma cache_size = -32000")
            self._local.connection = found
            with self._guard:
                self._all.append(found)
        return found

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query. Raises LedgerError where the disk or the file fails."""
        with _explained(self.path):
            return self.connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one after the other, as they were when it began; meanwhile others may write."""
        with _explained(self.path), closing(sqlite3.connect(self.path, timeout=_LOCKED_SECONDS)) as reader:
            yield from reader.execute(sql, parameters)

    def tell(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """One statement, durable when it returns."""
        with _explained(self.path):
            self.connection.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements, durable together when the block ends."""
        with _explained(self.path):
            self.connection.execute("begin immediate")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("rollback")
                raise
            self.connection.execute("commit")

    @property
    def secret(self) -> bytes:
        """The ledger's own key, for keyed hashes."""
        return bytes.fromhex(self.ask("select value from meta where name = 'secret'")[0][0])

    def close(self) -> None:
        with self._guard:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise LedgerError(
                f"The disk is full: {path} cannot be written.",
                "Make room, then start again; everything answered so far is kept.",
            ) from error
        if "readonly" in text or "read-only" in text:
            raise LedgerError(
                f"{path} may not be written.", "Check the rights of the folder, or set MUSTER_HOME."
            ) from error
        raise LedgerError(
            f"{path}: {text}.", "Check the disk and the rights of its folder, then start again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"The ledger {path} is damaged: {error}.",
            "Keep the file, move it aside under another name, and restore a copy; nothing was changed.",
        ) from error


def private_folder(folder: Path) -> Path:
    """Makes a folder that only its owner can read. Raises LedgerError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
    except OSError as error:
        raise LedgerError(
            f"The folder {folder} cannot be made or written: {error.strerror}.",
            "Choose another place with MUSTER_HOME, or mend the rights.",
        ) from None
    return folder


def home_folder(home: Path) -> Path:
    """The home, private and out of git, without a ledger. Raises LedgerError."""
    private_folder(home)
    try:
        _write(home / ".gitignore", "*\n")
    except OSError as error:
        raise LedgerError(
            f"The folder {home} cannot be written: {error.strerror}.",
            "Choose another place with MUSTER_HOME, or mend the rights.",
        ) from None
    return home


def open_database(home: Path) -> Database:
    """The ledger in `home`, made if there is none. Raises LedgerError if it is damaged, newer, or cannot be written."""
    private_folder(home)
    path = home / NAME
    new = not path.exists()
    database = Database(path, new=new)
    try:
        if new:
            _write(home / ".gitignore", "*\n")
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        elif path.stat().st_size and not _begins_as_sqlite(path):
            raise LedgerError(
                f"The ledger {path} is damaged: it is no SQLite file.",
                "Keep it, move it aside under another name, and restore a copy; nothing was changed.",
            )
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened: {error.strerror}.",
            "Check the rights of the folder, or set MUSTER_HOME.",
        ) from None
    try:
        _checked(database, home)
    except LedgerError:
        database.close()
        raise
    return database


def _checked(database: Database, home: Path) -> None:
    with _explained(database.path):
        version = int(database.connection.execute("pragma user_version").fetchone()[0])
        if version > len(STEPS):
            raise LedgerError(
                f"The ledger {database.path} was written by a newer muster (version {version}; this one knows {len(STEPS)}).",
                "Update muster: pip install --upgrade muster-sync.",
            )
        if version and database.path.stat().st_size < _CHECKED_WHOLE:
            found = database.connection.execute("pragma quick_check(1)").fetchone()[0]
            if found != "ok":
                raise LedgerError(
                    f"The ledger {database.path} is damaged: {found}.",
                    "Keep it, move it aside under another name, and restore a copy; nothing was changed.",
                )
        if version and not (os.access(database.path, os.W_OK) and os.access(home, os.W_OK)):
            raise LedgerError(
                f"The ledger {database.path} may not be written.",
                "Check the rights of the folder, or set MUSTER_HOME.",
            )
    if version < len(STEPS):
        _migrate(database)
    for suffix in ("", "-wal", "-shm"):
        part = database.path.with_name(database.path.name + suffix)
        if part.exists() and part.stat().st_uid == os.getuid():
            part.chmod(0o600)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Two that open a new ledger at once both ask for it, and SQLite does not let the second one wait for the first."""
    until = time.monotonic() + _LOCKED_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begins_as_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def _migrate(database: Database) -> None:
    """All steps or none, also where several processes open a new ledger at the same moment."""
    with database.transaction() as connection:
        version = int(connection.execute("pragma user_version").fetchone()[0])
        for number, step in enumerate(STEPS[version:], start=version + 1):
            for statement in _statements(step):
                connection.execute(statement)
            if number == 1:
                connection.execute("insert into meta values ('secret', ?)", (secrets.token_hex(32),))
            connection.execute(f"pragma user_version = {number}")


def _statements(step: str) -> Iterator[str]:
    begun = ""
    for part in step.split(";"):
        begun += part + ";"
        if sqlite3.complete_statement(begun):
            if begun.strip() != ";":
                yield begun
            begun = ""


def _write(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")

"""The ledger as a file: opened, checked, migrated, private to its owner."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.errors import LedgerError
from flows.ledger.damaged import (
    NAME,
    Damaged,
    Use,
    empty,
    half_moved,
    is_damage,
    lost,
    moved_aside,
    suspect,
)
from flows.ledger.migrations import STEPS

if TYPE_CHECKING:
    from flows.ledger.database import Fence

__all__ = ["SqliteFile", "home_folder", "open_database", "private_folder"]

_CHECKED_WHOLE = (
    256 * 2**20
)  # bytes; a larger file is checked where it is read, so that opening it stays quick
_LOCKED_SECONDS = 30.0
_T = TypeVar("_T")


class SqliteFile:
    """One SQLite file in WAL mode; commits are on the disk when they return. Each thread has its own connection."""

    def __init__(self, path: Path, *, new: bool, use: Use) -> None:
        self.path = path
        self.home = path.parent
        self.new = new
        self.held: list[Fence] = []
        self.shared = False
        self._use = use
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

    def ask(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query. Raises LedgerError where the disk or the file fails."""
        try:  # asked before each contact: two contexts cost as much as the query
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            with _marked(self.path), _explained(self.path):
                raise

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one after the other, as they were when it began; meanwhile others may write."""
        with (
            _marked(self.path),
            _explained(self.path),
            closing(sqlite3.connect(self.path, timeout=_LOCKED_SECONDS)) as reader,
        ):
            yield from reader.execute(sql, parameters)

    def tell(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """One statement, durable when it returns."""
        with _marked(self.path), _explained(self.path):
            self.connection.execute(sql, parameters)

    def together(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Several statements, durable together when it returns."""
        with self.transaction() as connection:
            for sql, parameters in statements:
                connection.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements, durable together when the block ends."""
        with _marked(self.path), _explained(self.path):
            self.connection.execute("begin immediate")
            try:
                yield self.connection
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended it already
                    self.connection.execute("rollback")
                raise
            self.connection.execute("commit")

    def done(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What `work` gives, whose statements are durable together when it returns."""
        with self.transaction() as connection:
            return work(connection)

    async def beside(self, work: Callable[[], _T]) -> _T:
        """What `work` gives, at once: a file is not waited for."""
        return work()

    def hurry(self) -> None:
        """It is never waited for."""

    def tidy(self) -> None:
        """Takes what was deleted off the disk: out of the write-ahead log, and out of pages that are not used any more."""
        with _marked(self.path), _explained(self.path):
            self.connection.execute("pragma wal_checkpoint(truncate)")
            self.connection.execute("vacuum")
            self.connection.execute("pragma wal_checkpoint(truncate)")

    @property
    def shown(self) -> str:
        """Where it is."""
        return str(self.path)

    @property
    def secret(self) -> bytes:
        """The ledger's own key, for keyed hashes."""
        return bytes.fromhex(self.ask("select value from meta where name = 'secret'")[0][0])

    def close(self) -> None:
        self.disconnect()
        self._use.end()

    def disconnect(self) -> None:
        """Lets go of the file, not of its use."""
        with self._guard:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raises LedgerError for what SQLite raises: what happened to the file and what to do next; Damaged where it is broken."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if is_damage(error):
            raise Damaged(path, text) from error
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        known = {
            sqlite3.SQLITE_FULL: (
                f"The disk is full: {path} cannot be written.",
                "Make room, then start again; everything answered so far is kept.",
            ),
            sqlite3.SQLITE_IOERR: (
                f"{path} cannot be read or written: {text}.",
                "Make room or mend the disk, then start again; everything answered so far is kept.",
            ),
            sqlite3.SQLITE_READONLY: (
                f"{path} may not be written.",
                "Check the rights of the folder, or set MUSTER_HOME.",
            ),
            sqlite3.SQLITE_BUSY: (
                f"Another program has kept {path} locked for {_LOCKED_SECONDS:.0f} seconds.",
                "Start again when it has let go of it: a backup, or a viewer of databases.",
            ),
        }
        what, fix = known.get(
            code, (f"{path}: {text}.", "Check the disk and the rights of its folder, then start again.")
        )
        raise LedgerError(what, fix) from error


@contextmanager
def _marked(path: Path) -> Iterator[None]:
    """Damage that is met later leaves a mark, so that the next opening looks at the whole file, however large it is."""
    try:
        yield
    except Damaged:
        with suppress(OSError):
            suspect(path).touch(mode=0o600)
        raise


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


def open_database(home: Path) -> SqliteFile:
    """The ledger in `home`, made if there never was one.

    Raises LedgerError if it is of a newer version, lost, or cannot be written, or if it is damaged: then it is kept aside
    under another name, and nothing is made in its place.
    """
    private_folder(home)
    path, use = home / NAME, Use(home)
    try:
        try:
            database = _opened(path, use)
        except Damaged as damage:
            raise moved_aside(path, damage, use) from damage
    except BaseException:
        use.end()
        raise
    return database


def _opened(path: Path, use: Use) -> SqliteFile:
    """Checked and migrated. Raises LedgerError, Damaged among them; no connection is open then."""
    home = path.parent
    try:
        if half_moved(path):
            raise Damaged(path, "it was being moved aside")
        _refuse_half(path)
        if (wrong := lost(home)) is not None:
            raise wrong
        new = _made(path)
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened: {error.strerror}.",
            "Check the rights of the folder, or set MUSTER_HOME.",
        ) from None
    database = SqliteFile(path, new=new, use=use)
    try:
        _checked(database)
    except LedgerError:
        database.disconnect()
        raise
    return database


def _made(path: Path) -> bool:
    """Whether there was none, and an empty one was made."""
    _write(path.parent / ".gitignore", "*\n")
    try:
        # Never opened where it is there: closing it would let go of SQLite's locks on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    return True


def _refuse_half(path: Path) -> None:
    """SQLite would throw the -wal of an empty file away, and what is in it. Raises Damaged."""
    wal = path.with_name(path.name + "-wal")
    left = wal.stat().st_size if wal.exists() else 0  # first: whoever makes a ledger fills this one last
    if left and path.exists() and not path.stat().st_size:
        raise Damaged(path, "it is empty, and its -wal is not")


def _checked(database: SqliteFile) -> None:
    path, home = database.path, database.path.parent
    if path.stat().st_size and not (os.access(path, os.W_OK) and os.access(home, os.W_OK)):
        raise LedgerError(
            f"The ledger {path} may not be written.", "Check the rights of the folder, or set MUSTER_HOME."
        )
    with _explained(path):
        version = _looked_at(database)
    if version < len(STEPS):
        _migrate(database)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists() and part.stat().st_uid == os.getuid():
            part.chmod(0o600)


def _looked_at(database: SqliteFile) -> int:
    """The version of a ledger that is whole. A reader looks first, so that a damaged file stays as it was found."""
    path = database.path
    if path.stat().st_size:
        address = f"{path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=_LOCKED_SECONDS)) as reader:
                return _whole(path, reader)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise  # a copy in the middle of a transaction: only who may write can take that back
    return _whole(path, database.connection)


def _whole(path: Path, connection: sqlite3.Connection) -> int:
    sql = "select (select user_version from pragma_user_version), count(*) from sqlite_master"
    version, tables = connection.execute(sql).fetchone()  # at once: somebody else may be making it
    if version > len(STEPS):
        raise LedgerError(
            f"The ledger {path} was written by a newer muster (version {version}; this one knows {len(STEPS)}).",
            "Update muster: pip install --upgrade muster-sync.",
        )
    if not version:
        if tables:
            raise LedgerError(
                f"{path} is an SQLite file, but no ledger of muster.",
                "Move it elsewhere, or set MUSTER_HOME to another folder.",
            )
        if (wrong := empty(path.parent, "is empty")) is not None:
            raise wrong
        return 0
    marked = suspect(path)
    if marked.exists() or path.stat().st_size < _CHECKED_WHOLE:
        how = "integrity_check" if marked.exists() else "quick_check"
        found = connection.execute(f"pragma {how}(1)").fetchone()[0]
        if found != "ok":
            raise Damaged(path, " ".join(str(found).split()))
        marked.unlink(missing_ok=True)
    return int(version)


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


def _migrate(database: SqliteFile) -> None:
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

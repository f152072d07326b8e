"""Opening a ledger in PostgreSQL: made, migrated, and the one that this home has always had."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql as names

from connectors.errors import LedgerError
from flows.ledger.address import Address
from flows.ledger.damaged import NAME, empty
from flows.ledger.database import home_folder
from flows.ledger.dialect import FUNCTIONS, definition
from flows.ledger.migrations import STEPS
from flows.ledger.moving import fill, refuse_one_that_knows
from flows.ledger.postgresql import PATIENCE, Postgresql
from flows.ledger.refusals import explained
from flows.ledger.sqlite_file import SqliteFile

__all__ = ["MARK", "filled", "known_elsewhere", "open_shared"]

MARK = "ledger.postgresql"
"""The file in a home that says in which PostgreSQL its ledger is."""
_OWN = """
    create unlogged table slots (account integer primary key, booked_until double precision not null, taken bytea not null);
    insert into meta values ('version', '0')
"""  # what is lost of the slots when the server crashes is a tenth of a second of somebody's turns


def open_shared(home: Path, url: str) -> Postgresql:
    """The ledger at `url`, made if there never was one, for a home whose runs it knows.

    Raises LedgerError where it cannot be reached, is of a newer version, is empty though this home had one, or is another than
    this home had; and where the home has one in a file.
    """
    address = Address(url)
    home_folder(home)
    _refuse_a_file(home, address)
    database = Postgresql(home, address)
    try:
        _migrate(database)
        _remember(database)
    except psycopg.Error as error:
        database.close()
        raise explained(error, address.shown) from None
    except BaseException:
        database.close()
        raise
    database.patience = PATIENCE
    return database


@contextmanager
def filled(home: Path, url: str, file: SqliteFile) -> Iterator[Postgresql]:
    """The ledger at `url`, for a home that has none, with all that a file knows; durable when the block ends, all or nothing.

    Whoever calls closes it. Raises LedgerError where it cannot be reached, or is none that knows nothing.
    """
    address = Address(url)
    home_folder(home)
    _refuse_a_file(home, address)
    database = Postgresql(home, address)
    try:
        with database.connection.transaction():
            _alone(database)
            _migrate(database)
            refuse_one_that_knows(database, file)
            _refuse_another(database)
            fill(database.connection, file)
            yield database
        _mark(database)
    except psycopg.Error as error:
        database.close()
        raise explained(error, address.shown) from None
    except BaseException:
        database.close()
        raise
    database.patience = PATIENCE


def known_elsewhere(home: Path) -> str:
    """Where the ledger of a home is in PostgreSQL; '' where it is not."""
    try:
        return str(json.loads((home / MARK).read_text("utf-8"))["at"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError) as error:
        raise LedgerError(
            f"{home / MARK} cannot be read: {error}.",
            "It says in which PostgreSQL the ledger is. Remove it if you know.",
        ) from None


def _refuse_a_file(home: Path, address: Address) -> None:
    if (home / NAME).exists():
        raise LedgerError(
            f"MUSTER_LEDGER_URL names {address.shown}, and {home} has a ledger of its own, {NAME}.",
            "To move it there: unset MUSTER_LEDGER_URL and say muster ledger export FILE --with-runs; then set MUSTER_LEDGER_URL, and MUSTER_HOME "
            "to a new folder, and say muster ledger import FILE.",
        )


def _migrate(database: Postgresql) -> None:
    """All steps or none, also where several open a new ledger at the same moment."""
    schema = names.Identifier(database.address.schema)
    connection = database.connection
    if _version(connection) == len(STEPS):
        return
    with connection.transaction():
        _alone(database)
        version = _version(connection)
        if version > len(STEPS):
            raise LedgerError(
                f"The ledger at {database.shown} was written by a newer muster (version {version}; this one knows {len(STEPS)}).",
                "Update muster: pip install --upgrade muster-sync.",
            )
        if version == len(STEPS):
            return
        if not version:
            _refuse_a_loss(database)
            there = "select 1 from pg_namespace where nspname = %s"
            if not connection.execute(there, (database.address.schema,)).fetchone():
                connection.execute(names.SQL("create schema {}").format(schema))
            connection.execute(FUNCTIONS)
        for number, step in enumerate(STEPS[version:], start=version + 1):
            connection.execute(definition(step).encode())
            if number == 1:
                connection.execute(_OWN)
                connection.execute("insert into meta values ('secret', %s)", (secrets.token_hex(32),))
        connection.execute("update meta set value = %s where name = 'version'", (str(len(STEPS)),))
    database.new = not version


def _alone(database: Postgresql) -> None:
    """Until the transaction ends, nobody else makes or migrates it."""
    said = "select pg_advisory_xact_lock(hashtext(%s))"
    database.connection.execute(said, ("muster " + database.address.schema,))


def _version(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    there = connection.execute("select to_regclass('meta') is not null").fetchone()
    if there is None or not there[0]:
        return 0
    found = connection.execute("select value from meta where name = 'version'").fetchone()
    return int(str(found[0])) if found else 0


def _refuse_a_loss(database: Postgresql) -> None:
    """A new one knows nothing of what was delivered and who opted out. Raises LedgerError where this home had one."""
    home = database.home
    if known_elsewhere(home):
        raise LedgerError(
            f"The ledger at {database.shown} is empty, and {home} has had one in {known_elsewhere(home)}.",
            f"Restore the database, or name the right one in MUSTER_LEDGER_URL. Or, to begin anew, knowing nothing of what was delivered"
            f" and who opted out: move {home / MARK} and {home / 'runs'} out of that folder.",
        )
    if empty(home, "") is not None:
        raise LedgerError(
            f"The ledger at {database.shown} is empty, and {home / 'runs'} holds runs that it has to know.",
            f"Name the right one in MUSTER_LEDGER_URL, or, to begin anew: "
            f"move {home / 'runs'} out of that folder.",
        )


def _remember(database: Postgresql) -> None:
    """Keeps in the home which ledger is its own. Raises LedgerError where it had another."""
    _refuse_another(database)
    if not (database.home / MARK).exists():
        _mark(database)


def _refuse_another(database: Postgresql) -> None:
    """Raises LedgerError where the home had another ledger."""
    mark = database.home / MARK
    if not mark.exists():
        return
    known = known_elsewhere(database.home)
    if json.loads(mark.read_text("utf-8")).get("ledger") != _which(database):
        raise LedgerError(
            f"The ledger at {database.shown} is another one than {database.home} has had in {known}.",
            f"Name the right one in MUSTER_LEDGER_URL. Or, to go on with this one: move {mark} out of that folder.",
        )


def _mark(database: Postgresql) -> None:
    mark = database.home / MARK
    mark.write_text(json.dumps({"at": database.shown, "ledger": _which(database)}), "utf-8")
    mark.chmod(0o600)


def _which(database: Postgresql) -> str:
    """What tells this ledger from others, and nothing of its key."""
    [(secret,)] = database.ask("select value from meta where name = 'secret'")
    return hashlib.sha256(bytes.fromhex(secret)).hexdigest()[:16]

"""A ledger moves between the two databases, all that it knows: PostgreSQL → a file, a file → PostgreSQL.

Rows go one after the other, so that memory stays what it is, however much there is. Who is at work just now stays behind: leases and
slots are of the machines, not of what is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql as names

from connectors.errors import LedgerError
from flows.ledger.dialect import kept_text
from flows.ledger.postgresql import Postgresql
from flows.ledger.refusals import explained
from flows.ledger.sqlite_file import SqliteFile

__all__ = ["fill", "refuse_one_that_knows", "save", "tables"]

_OF_MACHINES = frozenset({"lease"})
_AT_ONCE = 1000
_FEW = 8
"""Rows that hold packed pages are fetched so few at a time."""


def tables(file: SqliteFile) -> dict[str, tuple[str, ...]]:
    """The tables that move, each with its columns; those that others refer to come first."""
    found = file.ask("select name from sqlite_master where type = 'table' order by rowid")
    return {
        name: tuple(column for (column,) in file.ask("select name from pragma_table_info(?)", (name,)))
        for (name,) in found
        if name not in _OF_MACHINES
    }


def save(shared: Postgresql, file: SqliteFile) -> None:
    """Everything in PostgreSQL, as it is at one moment, into a new and empty file. Raises LedgerError."""
    try:
        with shared.connect() as reader:
            # it locks nothing, and others go on working
            reader.execute("set idle_in_transaction_session_timeout to 0")
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            reader.autocommit = False
            with file.transaction() as writer:
                writer.execute("delete from meta")
                for name, columns in tables(file).items():
                    marks = ", ".join("?" * len(columns))
                    writer.executemany(
                        f"insert into {name} ({', '.join(columns)}) values ({marks})",  # noqa: S608 - our own names
                        _rows_of(reader, name, columns),
                    )
    except psycopg.Error as error:
        raise explained(error, shared.shown) from None


def _rows_of(
    reader: psycopg.Connection[tuple[Any, ...]], name: str, columns: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    only = names.SQL("where name = 'secret'" if name == "meta" else "")
    with reader.cursor(f"rows_{name}") as cursor:
        cursor.itersize = _FEW if name == "page" else _AT_ONCE
        listed = names.SQL(", ").join(map(names.Identifier, columns))
        cursor.execute(names.SQL("select {} from {} {}").format(listed, names.Identifier(name), only))
        yield from cursor


def refuse_one_that_knows(shared: Postgresql, file: SqliteFile) -> None:
    """Raises LedgerError where a ledger in PostgreSQL holds anything but its own key. Nobody writes to it any more until the transaction ends."""
    connection = shared.connection
    filled = [name for name in tables(file) if name != "meta"]
    listed = names.SQL(", ").join(map(names.Identifier, filled))
    connection.execute(names.SQL("lock table {} in share row exclusive mode").format(listed))
    if any(
        connection.execute(names.SQL("select 1 from {} limit 1").format(names.Identifier(name))).fetchone()
        for name in filled
    ):
        raise LedgerError(
            f"The ledger at {shared.shown} is not empty.",
            "Name an empty database in MUSTER_LEDGER_URL, or another schema with ?schema=NAME; two ledgers cannot be made one.",
        )


def fill(connection: psycopg.Connection[tuple[Any, ...]], file: SqliteFile) -> None:
    """Everything in a file into an empty ledger in PostgreSQL, in the transaction that goes on there. Raises LedgerError, psycopg.Error."""
    connection.execute("delete from meta where name = 'secret'")
    for name, columns in tables(file).items():
        listed = names.SQL(", ").join(map(names.Identifier, columns))
        copy = names.SQL("copy {} ({}) from stdin").format(names.Identifier(name), listed)
        only = " where name = 'secret'" if name == "meta" else ""
        rows = file.stream(f"select {', '.join(columns)} from {name}{only}")  # noqa: S608 - our own names
        with connection.cursor() as cursor, cursor.copy(copy) as into:
            for row in rows:
                into.write_row([kept_text(value) if isinstance(value, str) else value for value in row])
    # numbers of accounts are given by the server, which has not seen these
    connection.execute(
        "select setval(pg_get_serial_sequence('account', 'id'), max(id)) from account having max(id) is not null"
    )

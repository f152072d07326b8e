"""A database as a source: a table, or what a query answers, read as it streams and never written to.

The mapping names a setting that holds the SQLAlchemy URL, so that no password stands in it. There is no file: `line` is the row's number,
and the hash is that of columns and rows as they came, known when they have been read. A table is read in the order of its primary key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.base import Oddity, SourceFacts
from connectors.errors import CredentialsError, SourceError
from connectors.sources.cells import value_text
from connectors.sources.fetching import Address, Setting
from connectors.sources.headers import unique_names
from connectors.sources.row_source import FRAME_CELLS, FRAME_ROWS, Row, check_columns, laid_out
from connectors.sources.tally import Tally
from mappings.engine.frame import Frame

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["SqlSource", "open_database", "open_source"]

_READS = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_READ_ONLY = {
    "postgresql": "set transaction read only",
    "sqlite": "pragma query_only = on",
    "mysql": "set session transaction read only",
    "mariadb": "set session transaction read only",
}


def open_source(path: Path, settings: Mapping[str, Any]) -> SqlSource:  # noqa: ARG001 - there is no file to read so
    """Raises SourceError: there is no file that could be opened."""
    raise SourceError(
        f"kind: sql_query reads a database, and not the file {path}.",
        "Leave FILE out; database: and table: or query: in the mapping say what is read.",
    )


def open_database(said: Mapping[str, Any], setting: Setting) -> SqlSource:
    """What `table` or `query` gives of the database whose URL the setting named `database` holds. Raises SourceError, CredentialsError."""
    name = said["database"]
    url = setting(name).strip()
    if not url:
        raise CredentialsError(
            f"{name} is not set, which is to hold the address of the database.",
            f"Set {name}=postgresql://USER:PASSWORD@HOST/DATABASE (any SQLAlchemy URL) in the environment or in .env; or {name}_FILE.",
        )
    query = said.get("query")
    if query is not None and (not _READS.match(query) or ";" in query.rstrip().rstrip(";")):
        raise SourceError(
            "query: is not one statement that reads.", "Begin with select or with, and leave semicolons out."
        )
    return SqlSource(name, url, said.get("table"), query)


class SqlSource:
    """Rows of a database; see connectors.base.Source."""

    def __init__(self, name: str, url: str, table: str | None, query: str | None) -> None:
        """Asks for the columns. Raises SourceError."""
        self.path: Path = Address(f"{name} ({f'table {table}' if table else 'query'})")
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self.size = 0
        """Characters of the texts that were read."""
        self._name = name
        self._url = _parsed(name, url)
        self._query = query
        self._table = table
        with self._rows() as (columns, _):
            self.header_cells = tuple(columns)
        check_columns(self.path, len(self.header_cells))
        self.header = unique_names(self.header_cells, 0, self.oddities)
        self.reading: Mapping[str, Any] = {
            "database": self._url.get_backend_name(),
            "from": table or "a query",
        }

    def frames(self) -> Iterator[Frame]:
        """Frames of at most 65,536 rows, as they come. Raises SourceError where the connection breaks."""
        most = max(1, min(FRAME_ROWS, FRAME_CELLS // max(len(self.header), 1)))
        digest = hashlib.sha256(json.dumps(self.header_cells).encode())
        number, tally = 1, Tally()
        with self._rows() as (_, rows):
            for part in rows.partitions(most):
                texts = [[value_text(value) for value in row] for row in part]
                digest.update(json.dumps(texts, ensure_ascii=False).encode("utf-8", "surrogatepass"))
                self.size += sum(len(text) for row in texts for text in row)
                found = [Row(at, row) for at, row in enumerate(texts, start=number)]
                block = laid_out(found, self.header, blank_rows=True)
                tally.add(block)
                yield Frame(block.cells, block.lines.copy(), block.lines, tuple(block.misread))
                number += len(found)
        self.sha256 = digest.hexdigest()
        self.oddities += tally.oddities()

    @contextlib.contextmanager
    def _rows(self) -> Iterator[tuple[list[str], Any]]:
        from sqlalchemy import text  # noqa: PLC0415 - only where there is a database

        with self._explained():
            engine = self._engine()
            try:
                with engine.connect() as connection:
                    if read_only := _READ_ONLY.get(engine.dialect.name):
                        connection.exec_driver_sql(read_only)
                    wanted = (
                        text(self._query.replace(":", r"\:")) if self._query else self._select(connection)
                    )
                    connection.execution_options(stream_results=True, max_row_buffer=1000)
                    result = connection.execute(wanted)
                    try:
                        yield [str(column) for column in result.keys()], result  # noqa: SIM118 - no dictionary
                    finally:
                        result.close()
                        connection.rollback()
            finally:
                engine.dispose()

    def _engine(self) -> Engine:
        from sqlalchemy import create_engine  # noqa: PLC0415 - only where there is a database
        from sqlalchemy.pool import NullPool  # noqa: PLC0415 - as above

        file = self._url.database
        if self._url.get_backend_name() == "sqlite" and not (file and Path(file).is_file()):
            raise SourceError(
                f"{self._name}: there is no SQLite file {file}.",
                "Check the path; it has three slashes, or four where it is absolute.",
            )
        return create_engine(self._url, poolclass=NullPool, hide_parameters=True)

    def _select(self, connection: Connection) -> Any:
        """All of the table, in the order of its primary key."""
        from sqlalchemy import inspect, literal_column, quoted_name, select, table  # noqa: PLC0415 - as above

        schema, _, name = str(self._table).rpartition(".")
        looking = inspect(connection)
        known = [*looking.get_table_names(schema or None), *looking.get_view_names(schema or None)]
        if name not in known:
            from mappings.engine.complaints import listed, nearest  # noqa: PLC0415 - only for the complaint

            like = nearest(name, known) if name else ""
            there = f"It has: {listed(sorted(known))}." if known else "No table is in its usual schema."
            raise SourceError(
                f"{self._name} has no table {self._table}."
                if name
                else f"Which table or query of {self._name} is read was not said.",
                f"Did you mean {like}?" if like else f"{there} One of another schema is SCHEMA.TABLE.",
            )
        key = (
            looking.get_pk_constraint(name, schema or None)["constrained_columns"]
            if name in looking.get_table_names(schema or None)
            else []
        )
        of = table(quoted_name(name, quote=True), schema=quoted_name(schema, quote=True) if schema else None)
        quote = connection.dialect.identifier_preparer.quote_identifier
        order: list[Any] = [literal_column(quote(column)) for column in key]
        return select(literal_column("*")).select_from(of).order_by(*order)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What a driver says comes out as a sentence, without the URL's password and without anybody's values."""
        from sqlalchemy.exc import DataError, NoSuchModuleError, OperationalError, SQLAlchemyError  # noqa: PLC0415 - as above

        try:
            yield
        except (NoSuchModuleError, ImportError):
            raise SourceError(
                f"{self._name}: no driver for {self._url.drivername} is installed.",
                "Install one with pip, such as pymysql for mysql+pymysql://; SQLite and PostgreSQL need none.",
            ) from None
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            if isinstance(error, DataError):
                said = "a value does not fit"
            if self._url.password:
                said = said.replace(str(self._url.password), "…")
            what = "cannot be reached or read" if isinstance(error, OperationalError) else "does not answer"
            raise SourceError(
                f"{self.path} {what}: {said}.",
                f"Check the query or table in the mapping, and the address in {self._name}.",
            ) from None


def _parsed(name: str, url: str) -> URL:
    from sqlalchemy import make_url  # noqa: PLC0415 - only where there is a database
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - as above

    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise CredentialsError(
            f"{name} holds no address of a database.",
            "Write it like postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE.",
        ) from None
    return found.set(drivername=_DRIVERS.get(found.drivername, found.drivername))

"""The ledger in PostgreSQL, which several machines share: its connections, and what happens when one is lost.

Of a statement whose connection was lost nobody knows whether it was done. It is said again where that is harmless, for as long as
`patience` allows; whoever waits is told.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql as names
from psycopg.conninfo import make_conninfo

from connectors.errors import LedgerError
from flows.ledger.address import Address
from flows.ledger.connection import Listening
from flows.ledger.database import Away, Connection, Fence
from flows.ledger.refusals import COMES_BACK, ONE_WAS_FIRST, REFUSED, explained
from flows.ledger.spoken import Spoken, given, plain

__all__ = ["PATIENCE", "Postgresql"]

PATIENCE = 60.0
"""So many seconds a run waits for a server that went away."""
_HURRIED = 3.0
"""And so many where somebody wants it to stop."""
_AGAIN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
_MOST_TIMES = 20
_AT_ONCE = 5000
_GIVEN_UP_SECONDS = 10.0
"""So long nobody waits again for a server that was waited for in vain."""
_QUICK_CONNECT = "2"
_SETTINGS = """
    set synchronous_commit to on;
    set lock_timeout to '30s';
    set idle_in_transaction_session_timeout to '15s';
    set client_min_messages to warning
"""  # whoever is stalled in the middle of a transaction holds up the others no longer than that
_WITHIN = (psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)
_T = TypeVar("_T")


class Postgresql:
    """A connection for each thread; commits are on the server's disk when they return."""

    shared = True

    def __init__(self, home: Path, address: Address, *, quick: bool = False) -> None:
        self.home = home
        self.new = False
        self.address = address
        self.held: list[Fence] = []
        self.patience = 0.0
        """Nobody waits while it is being opened: a wrong address is said at once."""
        self._hurried = False
        self._given_up: tuple[float, LedgerError] | None = None
        self._quick = quick
        self._well = True
        self._others: list[Postgresql] = []
        self.say: Callable[[str], None] = lambda _: None
        """What is to be known while somebody waits for the server is said here, in any thread."""
        self._local = threading.local()
        self._all: list[Listening] = []
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._beside = ThreadPoolExecutor(1, "ledger")
        self._secret = b""

    @property
    def shown(self) -> str:
        """Where it is, without user and password."""
        return self.address.shown

    @property
    def connection(self) -> Listening:
        """The connection of this thread; a new one where it was lost."""
        found: Listening | None = getattr(self._local, "connection", None)
        if found is None or found.closed:
            found = self.connect()
            with self._guard:
                self._all = [one for one in self._all if not one.closed]
                self._all.append(found)
            self._local.connection = found
        found.impatient = self._at_once
        return found

    @property
    def _at_once(self) -> bool:
        """Whether this thread waits for nobody just now."""
        return self._quick or getattr(self._local, "at_once", False)

    def connect(self) -> Listening:
        """A connection of its own; whoever calls closes it. Raises psycopg.Error."""
        asked, impatient = self.address.conninfo, self._at_once
        if impatient:
            asked = make_conninfo(asked, connect_timeout=_QUICK_CONNECT)
        made = Listening.connect(asked, autocommit=True)
        try:
            made.impatient = impatient
            made.execute(names.SQL("set search_path to {}").format(names.Identifier(self.address.schema)))
            made.execute(_SETTINGS)
            [(made.server_pid,)] = made.execute("select pg_backend_pid()").fetchall()
        except BaseException:
            made.close()
            raise
        return made

    def another(self, *, quick: bool = False) -> Postgresql:
        """The same ledger over connections of their own; `quick`: what is not heard within a second is given up."""
        made = Postgresql(self.home, self.address, quick=quick)
        made.patience, made.say = self.patience, self.say
        self._others.append(made)
        return made

    def ask(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query. Raises LedgerError."""
        if self._in_transaction():
            return Spoken(self.connection).execute(sql, parameters).fetchall()
        return self.repeated(lambda connection: connection.execute(sql, parameters).fetchall())

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one after the other, as they were when it began. Raises LedgerError."""
        with self._explained(), self.connect() as reader, reader.cursor("rows") as cursor:
            reader.execute(
                "set idle_in_transaction_session_timeout to 0"
            )  # it locks nothing, and its reader may take long
            reader.autocommit = False
            cursor.itersize = _AT_ONCE
            cursor.execute(plain(sql), given(parameters))
            yield from cursor

    def tell(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """One statement, durable when it returns; it may have been said twice. Raises LedgerError."""
        self.together([(sql, parameters)])

    def together(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Several statements, durable together when it returns; they may have been said twice. Raises LedgerError."""

        def said(connection: Spoken) -> None:
            with connection.transaction():
                for statement, parameters in statements:
                    connection.execute(statement, parameters)
                self._refuse_a_later_one(connection)

        self.repeated(said)

    @contextmanager
    def transaction(self) -> Iterator[Spoken]:
        """Several statements, durable together when the block ends. Raises LedgerError, and nothing is said twice then."""
        self.repeated(
            lambda connection: connection.execute("select 1")
        )  # one that was lost is found out before
        with self._explained():
            spoken = Spoken(self.connection)
            with spoken.transaction():
                yield spoken
                self._refuse_a_later_one(spoken)

    def done(self, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives, durable when it returns; it may have been done twice. Raises LedgerError."""

        def said(connection: Spoken) -> _T:
            with connection.transaction():
                found = work(connection)
                self._refuse_a_later_one(connection)
            return found

        return self.repeated(said)

    async def beside(self, work: Callable[[], _T]) -> _T:
        """What `work` gives, which may be done twice: here, or in a thread once the server has not answered at once. Raises LedgerError."""
        if self._well:
            self._local.at_once = True
            try:
                return work()
            except Away:
                self._well = False
            finally:
                self._local.at_once = False
        found = await asyncio.get_running_loop().run_in_executor(self._beside, work)
        self._well = True
        return found

    def hurry(self) -> None:
        """Somebody wants to stop: from now on the server is waited for only for a moment, also by whoever waits already."""
        self._hurried = True
        for other in self._others:
            other.hurry()

    def _refuse_a_later_one(self, connection: Spoken) -> None:
        """Whatever was written counts only while nobody else has taken a lease that is relied on here.

        Said last, because the lease cannot be renewed from then until the commit.
        """
        for fence in self.held:
            fence.refuse_a_later_one(connection)

    def repeated(self, work: Callable[[Spoken], _T], patience: float | None = None) -> _T:
        """What `work` gives; done again, maybe a second time, where its connection was lost or another one went first."""
        began = time.monotonic()
        if patience is None and self._given_up is not None and began < self._given_up[0]:
            raise Away(
                self._given_up[1].what, self._given_up[1].fix
            )  # many wait in a row: not one after the other
        attempt, said = 0, False
        while True:
            try:
                found = work(Spoken(self.connection))
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if isinstance(error, ONE_WAS_FIRST) and attempt < _MOST_TIMES:
                    attempt += 1
                    self._closed.wait(_AGAIN_SECONDS[0])
                    continue
                most = self.patience if patience is None else patience
                most = 0.0 if self._at_once else most
                most = min(most, _HURRIED) if self._hurried else most
                if not self._lost(error) or time.monotonic() > began + most or self._closed.is_set():
                    if patience is None and most > 0 and self._lost(error):
                        self._given_up = time.monotonic() + _GIVEN_UP_SECONDS, explained(error, self.shown)
                    with self._explained():
                        raise
                if not said and attempt:
                    self.say(f"The ledger at {self.shown} does not answer; it is waited for.")
                    said = True
                self._closed.wait(_AGAIN_SECONDS[min(attempt, len(_AGAIN_SECONDS) - 1)])
                attempt += 1
            except psycopg.Error:
                with self._explained():
                    raise
            else:
                if said:
                    self.say("The ledger answers again.")
                return found

    def _in_transaction(self) -> bool:
        found = getattr(self._local, "connection", None)
        return found is not None and found.info.transaction_status in _WITHIN

    def _lost(self, error: psycopg.Error) -> bool:
        """Whether it may work again with another connection."""
        if isinstance(error, REFUSED):
            return False
        found = getattr(self._local, "connection", None)
        if isinstance(error, COMES_BACK):
            if found is not None:
                found.close()
            return True
        return found is None or bool(found.closed)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raises LedgerError for what PostgreSQL raises: what happened and what to do next."""
        try:
            yield
        except psycopg.Error as error:
            raise explained(error, self.shown) from None

    def tidy(self) -> None:
        """Lets the server use the room of what was deleted again; its logs and backups are its own. Raises LedgerError."""
        sql = "select tablename from pg_tables where schemaname = current_schema() and tableowner = current_user"
        for (table,) in self.ask(sql):
            with suppress(LedgerError):  # a server may not let us: it does so by itself
                self.tell(f'vacuum "{table}"')

    @property
    def secret(self) -> bytes:
        """The ledger's own key, for keyed hashes."""
        if not self._secret:
            self._secret = bytes.fromhex(self.ask("select value from meta where name = 'secret'")[0][0])
        return self._secret

    def close(self) -> None:
        self._closed.set()
        self._beside.shutdown(wait=False, cancel_futures=True)
        with self._guard:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

"""What the ledger asks of a database, and the two that there are: a file beside the runs, or a PostgreSQL that machines share.

The statements are the same for both. They are written for SQLite, with `?` or `:name` for what is given, and
`flows.ledger.dialect` says them in PostgreSQL's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from connectors.errors import LedgerError
from flows.ledger.damaged import NAME, has_ledger
from flows.ledger.sqlite_file import SqliteFile, home_folder, open_database, private_folder

__all__ = [
    "NAME", "Away", "Connection", "Database", "Fence", "SqliteFile", "Statement", "anew", "has_ledger", "home_folder", "open_database", "private_folder",
]  # fmt: skip

_T = TypeVar("_T")
_MOST_TIMES = 5

Statement = tuple[str, Sequence[Any]]
"""SQL and what is given to it."""


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """Where the statements of a transaction are said."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any: ...


class Away(LedgerError):  # noqa: N818 - it says what happened
    """The server went away meanwhile: what was asked may be done or not."""


class Fence(Protocol):
    """What whoever writes relies on."""

    @property
    def sure(self) -> bool:
        """Whether nobody else can have it."""
        ...

    def refuse_when_lost(self) -> None:
        """Raises LedgerError where it was lost: nothing may be begun then."""
        ...

    def refuse_a_later_one(self, connection: Connection, /) -> None:
        """Said in a transaction: raises LedgerError where somebody else has it by now."""
        ...


class Database(Protocol):
    """Commits are durable when they return. Each thread has its own connection. All raise LedgerError."""

    home: Path
    """The folder of the runs, whose ledger it is."""
    new: bool
    """Whether it was made just now."""
    held: list[Fence]
    """The leases on which whoever writes relies: none where the ledger is a file."""

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other machines may work with it."""
        ...

    @property
    def secret(self) -> bytes:
        """The ledger's own key, for keyed hashes."""
        ...

    def ask(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        ...

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one after the other, as they were when it began; meanwhile others may write."""
        ...

    def tell(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """One statement that may be said twice: where a connection is lost, nobody knows whether it was done."""
        ...

    def together(self, statements: Sequence[Statement]) -> None:
        """Several statements, durable together, that may be said twice like one of `tell`."""
        ...

    def done(self, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives, whose statements are durable together when it returns. Like one of `tell` it may be done twice."""
        ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """Several statements, durable together when the block ends. Where a connection is lost, it raises Away."""
        ...

    async def beside(self, work: Callable[[], _T]) -> _T:
        """What `work` gives. Where it has to wait for a server, nothing else is held up."""
        ...

    def hurry(self) -> None:
        """Somebody wants to stop: a server that is away is waited for only for a moment from now on."""
        ...

    def tidy(self) -> None:
        """Takes what was deleted off the disk, as far as that is up to us."""
        ...

    def close(self) -> None: ...


def anew(database: Database, work: Callable[[], _T]) -> _T:
    """What `work` gives, which is begun again where the server went away in the middle. It has to be harmless twice."""
    for _ in range(_MOST_TIMES - 1):
        try:
            return work()
        except Away:
            database.ask("select 1")  # waited for, as long as anybody waits
    return work()

"""What PostgreSQL refuses, by what can be done about it, and in a sentence that holds neither a password nor anything of a person."""

from __future__ import annotations

import psycopg
from psycopg import errors

from connectors.errors import LedgerError
from flows.ledger.database import Away

__all__ = ["COMES_BACK", "ONE_WAS_FIRST", "REFUSED", "explained"]

COMES_BACK = (
    errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.TooManyConnections,
    errors.IdleInTransactionSessionTimeout,
)  # fmt: skip
"""A server that starts, stops or is full for the moment."""
ONE_WAS_FIRST = (errors.DeadlockDetected, errors.SerializationFailure)
"""It may be said again at once."""
REFUSED = (
    errors.InvalidPassword, errors.InvalidAuthorizationSpecification, errors.InvalidCatalogName,
    errors.InsufficientPrivilege,
)  # fmt: skip
"""Nothing gets better by waiting."""


def explained(error: psycopg.Error, shown: str) -> LedgerError:
    """What is to be raised for an error of PostgreSQL's."""
    again = "Start again when it is mended; everything answered so far is kept."
    if isinstance(error, errors.DiskFull):
        return LedgerError(f"The disk of the ledger's server is full: {shown}.", f"Make room. {again}")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return LedgerError(
            f"The ledger at {shown} may only be read.",
            "Name the server that may be written, or mend the rights.",
        )
    if isinstance(error, errors.LockNotAvailable):
        return LedgerError(
            f"Another program has kept the ledger at {shown} locked for 30 seconds.",
            "Start again when it has let go of it.",
        )
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return LedgerError(
            "MUSTER_LEDGER_URL holds something that PostgreSQL does not know.",
            "Look at what stands after the question mark: it is like ?sslmode=require or ?schema=NAME.",
        )
    if isinstance(error, REFUSED) or error.sqlstate is None:
        why = " ".join((error.diag.message_primary or str(error)).split())
        why = why.partition(" Is the server running")[0].rstrip(".")  # libpq's own question
        if isinstance(error, errors.InsufficientPrivilege):
            return Away(
                f"The user of the ledger at {shown} may not do what it has to: {why}.",
                "Make it the owner of the database (ALTER DATABASE … OWNER TO …), then start again.",
            )
        if isinstance(error, (psycopg.OperationalError, *REFUSED)):
            return Away(
                f"The ledger at {shown} cannot be reached: {why}.",
                "Check MUSTER_LEDGER_URL, the network and the server, then start again; everything answered so far is kept.",
            )
    if isinstance(error, COMES_BACK):
        return Away(f"The ledger at {shown} has gone away ({error.sqlstate}).", again)
    return LedgerError(
        f"The ledger at {shown} refused a statement: {type(error).__name__} ({error.sqlstate}).",
        "Check the server's log, then start again; everything answered so far is kept.",
    )

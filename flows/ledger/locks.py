"""The locks of a ledger: files where it is one, leases where machines share it. Leases that are held are known to all who write."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flows.ledger.database import Database, SqliteFile
from flows.ledger.lock import Lock, RunLock, SenderLock, busy_run, busy_sender, is_held

if TYPE_CHECKING:
    from flows.ledger.postgresql import Postgresql

__all__ = ["Locks"]


class Locks:
    """Of one ledger, which knows those that are held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_run(self, mapping: str, account: str) -> Lock:
        """One run of a mapping to an account at a time."""
        if isinstance(self._database, SqliteFile):
            return RunLock(self._database.home, mapping, account)
        return self._lease(_run(mapping, account), *busy_run(mapping), 0.0)

    def of_sender(self, account: int, wait: float) -> Lock:
        """One sender to an account at a time."""
        if isinstance(self._database, SqliteFile):
            return SenderLock(self._database.home, account, wait)
        return self._lease(f"sender {account}", *busy_sender(account), wait)

    def sure(self) -> bool:
        """Whether nobody else can have any of those that are held."""
        return all(fence.sure for fence in self._database.held)

    def at_work(self, mapping: str, account: str) -> bool:
        """Whether a run of a mapping is at work."""
        if isinstance(self._database, SqliteFile):
            return is_held(self._database.home, mapping, account)
        from flows.ledger.lease import who_holds  # noqa: PLC0415 - psycopg only where it is used

        return bool(who_holds(cast("Postgresql", self._database), _run(mapping, account)))

    def _lease(self, name: str, busy: str, fix: str, wait: float) -> Lock:
        from flows.ledger.lease import Lease  # noqa: PLC0415 - psycopg only where it is used

        return Lease(cast("Postgresql", self._database), name, busy, fix, wait=wait)


def _run(mapping: str, account: str) -> str:
    return f"{mapping}, {account}"

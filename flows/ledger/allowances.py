"""Allowances: what somebody has allowed by name for a version of a mapping, so that it is not asked again."""

from __future__ import annotations

from flows.ledger.database import Database
from flows.ledger.runs import now

__all__ = ["Allowances"]


class Allowances:
    """Names by account, mapping and the mapping's text. An edited mapping has none yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: int, mapping: str, sha256: str) -> frozenset[str]:
        """The names that were allowed for this text of the mapping."""
        sql = "select name from allowance where account = ? and mapping = ? and mapping_sha256 = ?"
        return frozenset(name for (name,) in self._database.ask(sql, (account, mapping, sha256)))

    def keep(self, account: int, mapping: str, sha256: str, name: str) -> None:
        """Keeps that somebody has allowed this."""
        self._database.tell(
            "insert or ignore into allowance values (?, ?, ?, ?, ?)", (account, mapping, sha256, name, now())
        )

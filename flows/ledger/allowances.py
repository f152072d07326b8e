"""Allowances: what somebody has allowed by name for a version of a mapping, so that it is not asked again."""

from __future__ import annotations

import datetime as dt

from flows.ledger.database import Database
from flows.ledger.runs import now

__all__ = ["Allowances"]


class Allowances:
    """Names by account, mapping and the mapping's text. An edited mapping has none yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: int, mapping: str, sha256: str) -> dict[str, float]:
        """The names that were allowed for this text of the mapping, each with since when, in seconds since 1970."""
        sql = "select name, made_at from allowance where account = ? and mapping = ? and mapping_sha256 = ?"
        found = self._database.ask(sql, (account, mapping, sha256))
        return {name: dt.datetime.fromisoformat(made_at).timestamp() for name, made_at in found}

    def keep(self, account: int, mapping: str, sha256: str, name: str) -> None:
        """Keeps that somebody has allowed this."""
        self._database.tell(
            "insert into allowance values (?, ?, ?, ?, ?) on conflict do nothing",
            (account, mapping, sha256, name, now()),
        )

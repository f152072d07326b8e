"""Columns: the headers that earlier runs of a mapping read, so that a new column is noticed the day it comes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flows.ledger.database import Database
from flows.ledger.runs import now
from mappings.engine.cleaning import clean_text

__all__ = ["Columns"]


class Columns:
    """Names by account and mapping, compared as a mapping compares them. Never forgotten: a column may come and go."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def new(self, account: int, mapping: str, names: Sequence[str]) -> list[str]:
        """Those that no earlier run has read; none where there was no earlier run."""
        sql = "select name from column_seen where account = ? and mapping = ?"
        seen = {name for (name,) in self._database.ask(sql, (account, mapping))}
        return [name for name in names if seen and clean_text(name) not in seen]

    def remember(self, account: int, mapping: str, header: Sequence[str]) -> None:
        """Keeps that a run has read these."""
        names = json.dumps([clean_text(name) for name in header], ensure_ascii=False)
        self._database.tell(
            "insert into column_seen select ?, ?, value, ? from json_each(?) where true on conflict do nothing",
            (account, mapping, now(), names),
        )

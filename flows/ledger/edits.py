"""Edits: who changed which cell of a run's rows, and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flows.ledger.database import Database
from flows.ledger.runs import now

__all__ = ["Edit", "Edits"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A cell as it was shown, and as it was saved."""

    row: int
    column: str
    before: str
    after: str


class Edits:
    """Edits by the run whose rows were edited."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, run: str, edits: Sequence[Edit], *, who: str, origin: str) -> None:
        """`origin` is where they were made: `csv`, `workbook` or `page`."""
        written = json.dumps(
            [(one.row, one.column, one.before, one.after) for one in edits], ensure_ascii=False
        )
        sql = """
            insert into edit (run, row_number, column_name, made_at, before, after, who, origin)
            select ?, cast(value ->> 0 as integer), value ->> 1, ?, value ->> 2, value ->> 3, ?, ? from json_each(?) where true
            on conflict do nothing
        """
        self._database.tell(sql, (run, now(), who, origin, written))

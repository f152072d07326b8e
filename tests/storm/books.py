"""What the ledger and the reports of a storm say, read from copies, so that nothing is mended by looking at it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

__all__ = ["Answered", "Report", "Stored", "ledger", "report_of"]

_UNTOLD = {("failed", "not_delivered"), ("unknown", "no_clear_answer")}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as the ledger keeps it. `clear`: the destination has said it, so that it holds for good."""

    row: int
    key: str
    outcome: str
    code: str
    carried: bool
    whole: tuple[Any, ...]

    @property
    def clear(self) -> bool:
        return self.outcome != "unsent" and (self.outcome, self.code) not in _UNTOLD


@dataclass(frozen=True, slots=True)
class Stored:
    """A run as the ledger keeps it. `begun`: something may have been sent."""

    id: str
    state: str
    folder: str
    file: str
    begun: bool

    @property
    def unfinished(self) -> bool:
        return self.state in ("running", "interrupted", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class Report:
    """A run's report: its summary, and every row as `rows.parquet` has it."""

    summary: dict[str, Any]
    rows: list[dict[str, Any]]


class Copy:
    """A ledger as it is on the disk at this moment."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def runs(self) -> list[Stored]:
        """All of them, in their order."""
        if not self._database.execute("select 1 from sqlite_master where name = 'stretch'").fetchone():
            return []  # killed before the ledger was made
        sql = "select id, state, folder, source_path, begun <> '' from run order by started_at, id"
        return [Stored(*row) for row in self._database.execute(sql)]

    def answers(self, run: str) -> dict[int, Answered]:
        """By row."""
        sql = """
            select a.row_number, i.key, a.outcome, a.code, i.carried, a.reason, a.contact_id, a.opted_out, a.problems, a.kept, a.calls, a.own
            from answer a join intent i on i.run = a.run and i.row_number = a.row_number and i.attempt = a.attempt where a.run = ?
        """
        return {row[0]: Answered(*row[:4], bool(row[4]), row) for row in self._database.execute(sql, (run,))}

    def orphans(self) -> int:
        """Answers without an intent, which there must not be."""
        sql = """
            select count(*) from answer a where not exists
            (select 1 from intent i where i.run = a.run and i.row_number = a.row_number and i.attempt = a.attempt)
        """
        return int(self._database.execute(sql).fetchone()[0])


@contextmanager
def ledger(home: Path) -> Iterator[Copy]:
    """A copy of the ledger in `home`; an empty one where there is none yet."""
    with tempfile.TemporaryDirectory() as scratch:
        for suffix in ("", "-wal"):
            part = home / f"ledger.sqlite{suffix}"
            if part.exists():
                shutil.copyfile(part, Path(scratch) / part.name)
        with closing(sqlite3.connect(Path(scratch) / "ledger.sqlite")) as database:
            yield Copy(database)


def report_of(folder: Path) -> Report:
    rows = pq.read_table(folder / "rows.parquet").to_pylist()
    return Report(json.loads((folder / "summary.json").read_text("utf-8")), rows)

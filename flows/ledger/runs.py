"""Runs: when what was read, by which mapping, and how it ended."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.errors import LedgerError
from flows.ledger.database import Connection, Database

__all__ = ["Run", "Runs", "now"]


def now() -> str:
    """The present moment, as the ledger writes it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `state` is running, completed, needs_review, limited, guarded, stopped, interrupted, failed or superseded.

    `folder` is where it is, or would be, on this machine: that of another one lies in the home under its name.
    `follows` is the run whose rows a retry sends again, '' for a sync; `undoes` the run that this one takes back. `begun` is what it was begun with, {} where
    nothing can have been sent.
    """

    id: str
    account: int
    mapping: str
    mapping_sha256: str
    verb: str
    source_path: str
    rows_read: int
    started_at: str
    finished_at: str | None
    state: str
    exit_code: int | None
    folder: str
    follows: str
    mapping_path: str
    source_sha256: str
    undoes: str
    begun: dict[str, Any]
    summary: dict[str, Any]

    @property
    def unfinished(self) -> bool:
        """Whether there may be something left to do that `muster resume` does."""
        return self.state in _UNFINISHED and bool(self.begun)


_COLUMNS = (
    "id, account, mapping, mapping_sha256, verb, source_path, rows_read, started_at, finished_at, state, exit_code, folder,"
    " follows, mapping_path, source_sha256, undoes, begun, summary"
)
_ALL = 2**31
_UNFINISHED = ("running", "interrupted", "stopped", "failed")


class Runs:
    """The runs of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def new_id() -> str:
        """A name that sorts by time: 20261120-181203-4f2a."""
        return dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)

    def began(
        self,
        run_id: str,
        account: int,
        mapping: str,
        sha256: str,
        text: str,
        verb: str,
        source: str,
        folder: str,
        *,
        follows: str = "",
        mapping_path: str = "",
        undoes: str = "",
    ) -> None:

        mapping_path = mapping_path and str(Path(mapping_path).absolute())
        row = (run_id, account, mapping, sha256, verb, source, now(), folder, follows, mapping_path, undoes)

        def noted(database: Connection) -> None:
            database.execute(
                "insert into mapping_text values (?, ?, ?) on conflict do nothing", (sha256, mapping, text)
            )
            added = database.execute(
                "insert into run (id, account, mapping, mapping_sha256, verb, source_path, started_at, state, folder,"
                " follows, mapping_path, undoes) values (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?)"
                " on conflict (id) do update set id = excluded.id"
                " where run.started_at = excluded.started_at and run.folder = excluded.folder",  # said twice
                row,
            )
            if not added.rowcount:
                raise LedgerError(
                    f"Another run is called {run_id}.", "Start again: the next one is called otherwise."
                )

        self._database.done(noted)

    def read(self, run_id: str, sha256: str, rows: int) -> None:
        """Notes what the source held."""
        self._database.tell(
            "update run set source_sha256 = ?, rows_read = ? where id = ?", (sha256, rows, run_id)
        )

    def of_flow(self, flow_run: str) -> Run | None:
        """The newest run that a Prefect flow run has begun: retried, it has the same id."""
        found = self._select("flow_run = ?", (flow_run,), limit=1)
        return found[0] if found else None

    def finished(self, run_id: str, state: str, exit_code: int, summary: dict[str, Any]) -> None:
        self._database.tell(
            "update run set finished_at = ?, state = ?, exit_code = ?, summary = ? where id = ?",
            (now(), state, exit_code, json.dumps(summary, ensure_ascii=False), run_id),
        )

    def begin(self, run_id: str, begun: dict[str, Any]) -> None:
        """From now on something may be sent, and the run can be resumed with what it was `begun` with."""
        self._database.tell(
            "update run set begun = ? where id = ?", (json.dumps(begun, ensure_ascii=False), run_id)
        )

    def resumed(self, run_id: str) -> None:
        """Somebody works at it again."""
        self._database.tell(
            "update run set state = 'running', finished_at = null, exit_code = null where id = ?", (run_id,)
        )

    def unfinished(self, account: int | None = None, mapping: str | None = None) -> list[Run]:
        """Runs that can be resumed, the newest first. One that is `running` may be at work: its lock tells."""
        where = "state in ('running', 'interrupted', 'stopped', 'failed') and begun <> ''"
        if account is None:
            return self._select(where, ())
        return self._select(f"{where} and account = ? and mapping = ?", (account, mapping))

    def never_begun(self, account: int, mapping: str) -> list[Run]:
        """Runs that were killed before anything was sent: whoever holds the mapping's lock may close them."""
        return self._select(
            "account = ? and mapping = ? and state = 'running' and begun = ''", (account, mapping)
        )

    def supersede(self, run: Run) -> list[str]:
        """A run over a whole source is complete: older ones of that source are not to be resumed any more. Their ids.

        Likewise a retry: older ones of the same run's rows.
        """
        where = """
            account = ? and mapping = ? and follows = ? and (follows <> '' or source_path = ?) and started_at < ? and id <> ?
            and state in ('running', 'interrupted', 'stopped', 'failed') and begun <> ''
        """
        parameters = (run.account, run.mapping, run.follows, run.source_path, run.started_at, run.id)
        older = [one.id for one in self._select(where, parameters)]
        for one in older:
            self._database.tell("update run set state = 'superseded' where id = ?", (one,))
        return older

    def close(self, run_id: str, state: str) -> None:
        """Only the state changes; the report of the run stands."""
        self._database.tell(
            "update run set state = ?, finished_at = coalesce(finished_at, ?) where id = ?",
            (state, now(), run_id),
        )

    def last_complete(self, account: int, mapping: str) -> Run | None:
        """The newest run that read its source to the end and was not stopped."""
        sql = "account = ? and mapping = ? and verb = 'sync' and state in ('completed', 'needs_review')"
        found = self._select(sql, (account, mapping), limit=1)
        return found[0] if found else None

    def began_after(self, run: Run) -> bool:
        """Whether another run over a source of the same mapping began after this one."""
        sql = "select 1 from run where account = ? and mapping = ? and verb = 'sync' and started_at > ? and id <> ? limit 1"
        return bool(self._database.ask(sql, (run.account, run.mapping, run.started_at, run.id)))

    def told(self, run_id: str, summary: dict[str, Any]) -> None:
        """What a run that is over came to, said anew."""
        self._database.tell(
            "update run set summary = ? where id = ?", (json.dumps(summary, ensure_ascii=False), run_id)
        )

    def mapping_text(self, sha256: str) -> str:
        """The text of a mapping that a run was begun with; '' where none was."""
        rows = self._database.ask("select text from mapping_text where sha256 = ?", (sha256,))
        return str(rows[0][0]) if rows else ""

    def last(self, number: int = 20, mapping: str | None = None) -> list[Run]:
        """The newest runs first."""
        if mapping is None:
            return self._select("1 = 1", (), limit=number)
        return self._select("mapping = ?", (mapping,), limit=number)

    def moved(self, folder: Path) -> None:
        """The runs' folders lie in another place now."""
        for run_id, before in self._database.ask("select id, folder from run"):
            sql = "update run set folder = ? where id = ?"
            self._database.tell(sql, (str(folder / Path(before).name), run_id))

    def with_rows(self) -> list[Run]:
        """Those of which something is kept of people: intents, or that a folder was not taken away yet."""
        return self._select("kept = 1", (), limit=-1)

    def let_go(self, run_id: str) -> None:
        """Takes away what was kept of the people of a run; when it was, how it ended and its counts stay."""

        def gone(database: Connection) -> None:
            for table in ("intent", "answer", "edit"):
                database.execute(f"delete from {table} where run = ?", (run_id,))  # noqa: S608 - our own names
            database.execute("update run set kept = 0, begun = '' where id = ?", (run_id,))

        self._database.done(gone)

    def latest(self, number: int, mapping: str | None = None) -> list[list[Run]]:
        """The newest runs of each mapping and account, the newest first; the mapping that ran last comes first."""
        newest = """
            id in (select id from (select id, row_number() over (partition by account, mapping order by started_at desc, id desc)
            as place from run) placed where place <= ?)
        """
        where, asked = (
            (newest, [number]) if mapping is None else (f"{newest} and mapping = ?", [number, mapping])
        )
        found: dict[tuple[int, str], list[Run]] = {}
        for run in self._select(where, tuple(asked), limit=100_000):
            found.setdefault((run.account, run.mapping), []).append(run)
        return list(found.values())

    def undoings(self, run_id: str) -> list[Run]:
        """The runs that took this one back, the newest first."""
        return self._select("undoes = ?", (run_id,))

    def retries(self, run_id: str) -> list[Run]:
        """The runs that sent rows of this one again, and the retries of those; the newest first."""
        below = """
            id in (with recursive down (id) as (
                select id from run where follows = ? union select r.id from run r join down on r.follows = down.id
            ) select id from down)
        """
        return self._select(below, (run_id,))

    def retries_of(self, mapping: str, sha256: str) -> list[Run]:
        """The retries that have read this very content, the newest first."""
        return self._select("mapping = ? and verb = 'retry' and source_sha256 = ?", (mapping, sha256))

    def family(self, run_id: str) -> list[str]:
        """The sync that a run goes back to, all retries of its rows and of theirs: their ids, the oldest first."""
        sql = """
            with recursive up (id, follows) as (
                select id, follows from run where id = ?
                union select r.id, r.follows from run r join up on r.id = up.follows
            ), down (id) as (
                select id from up where follows = '' or follows not in (select id from run)
                union select r.id from run r join down on r.follows = down.id
            )
            select run.id from run join down on run.id = down.id order by run.started_at, run.id
        """
        return [found for (found,) in self._database.ask(sql, (run_id,))]

    def get(self, run_id: str) -> Run | None:
        """A run by its id, or by the beginning of it if that is unique."""
        found = self._select("id = ?", (run_id,)) or self._select("id like ? || '%'", (run_id,), limit=2)
        return found[0] if len(found) == 1 else None

    def _select(self, where: str, parameters: tuple[Any, ...], limit: int = 1000) -> list[Run]:
        most = limit if limit >= 0 else _ALL
        sql = f"select {_COLUMNS} from run where {where} order by started_at desc, id desc limit {most}"  # noqa: S608 - no user text
        return [
            self._here(Run(*(*row[:-2], json.loads(row[-2] or "{}"), json.loads(row[-1] or "{}"))))
            for row in self._database.ask(sql, parameters)
        ]

    def _here(self, run: Run) -> Run:
        if Path(run.folder).is_dir():
            return run
        return dataclasses.replace(run, folder=str(self._database.home / "runs" / run.id))

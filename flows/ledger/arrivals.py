"""Arrivals: the files that were seen in a mapping's inbox, and which contents its runs have read to their end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.ledger.database import Connection, Database
from flows.ledger.runs import now

__all__ = ["Arrival", "Arrivals"]

_COMPLETE = "verb = ? and state in ('completed', 'needs_review')"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that was seen. `sorts` says which came first. `state` is arrived, synced, superseded, repeated or late."""

    name: str
    sha256: str
    size: int
    modified_at: str
    version: str
    sorts: str
    seen_at: str = ""
    run: str = ""
    state: str = "arrived"


class Arrivals:
    """The arrivals of a ledger, by account and mapping."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: int, mapping: str) -> list[Arrival]:
        """All that were seen, the oldest look first."""
        sql = """
            select name, sha256, size, modified_at, version, sorts, seen_at, run, state from arrival
            where account = ? and mapping = ? and name <> '' order by seen_at, name
        """
        return [Arrival(*row) for row in self._database.ask(sql, (account, mapping))]

    def note(self, account: int, mapping: str, seen: Iterable[Arrival]) -> None:
        """Keeps what is known of them now. When one was first seen stays."""
        sql = """
            insert into arrival (account, mapping, name, sha256, size, modified_at, version, sorts, seen_at, run, state)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (account, mapping, name, sha256) do update set
            size = excluded.size, modified_at = excluded.modified_at, version = excluded.version, sorts = excluded.sorts,
            run = excluded.run, state = excluded.state
        """
        those = list(seen)

        def noted(database: Connection) -> None:
            for one in those:
                database.execute(
                    sql,
                    (account, mapping, one.name, one.sha256, one.size, one.modified_at, one.version, one.sorts,
                     one.seen_at or now(), one.run, one.state),
                )  # fmt: skip

        self._database.done(noted)

    def watched_since(self, account: int, mapping: str) -> str:
        """When the inbox was looked into for the first time: now, where it never was."""
        self._database.tell(
            "insert into arrival (account, mapping, name, sha256, size, modified_at, sorts, seen_at, state)"
            " values (?, ?, '', '', 0, '', '', ?, 'watched') on conflict (account, mapping, name, sha256) do nothing",
            (account, mapping, now()),
        )
        sql = "select seen_at from arrival where account = ? and mapping = ? and name = ''"
        [(since,)] = self._database.ask(sql, (account, mapping))
        return str(since)

    def complete(self, account: int, mapping: str, verb: str = "sync") -> dict[str, str]:
        """The contents that runs of a verb have read to their end: SHA-256 → the run that did it first."""
        sql = f"""
            select source_sha256, id from run where account = ? and mapping = ? and source_sha256 <> '' and {_COMPLETE}
            order by started_at desc, id desc
        """  # noqa: S608 - no user text
        return dict(self._database.ask(sql, (account, mapping, verb)))

    def begun(self, account: int, mapping: str) -> frozenset[str]:
        """The contents of which a sync has sent something and did not come to its end: by their SHA-256."""
        sql = """
            select source_sha256 from run where account = ? and mapping = ? and source_sha256 <> '' and verb = 'sync' and begun <> ''
            and state in ('running', 'interrupted', 'stopped', 'failed')
        """
        return frozenset(sha256 for (sha256,) in self._database.ask(sql, (account, mapping)))

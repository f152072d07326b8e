"""Knowledge: the destination's contacts as they were just before the run, read page by page or one by one.

Reading all pages costs a request per 250 contacts or so; looking up one contact costs one. Whichever is
cheaper for the rows to be sent is done. Where nobody can be looked up, the destination reads the pages of those who
are to be sent. What the pages said is kept in the run's folder, not in memory.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from connectors.base import Destination, Known
from connectors.listing import OnlyLists, Survey

__all__ = ["Knowledge"]

_AT_ONCE = 5000


class Knowledge:
    """What is known of the contacts at the destination. `surveyed` is false where it is asked one by one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "destination.sqlite"
        self._database: sqlite3.Connection | None = None
        self.surveyed = False
        self.contacts = 0
        self.requests = 0
        self.survey: Survey | None = None
        """How the pages were read, where the destination tells."""

    async def gather(
        self, destination: Destination, lookups: int, keys: Callable[[], Collection[str]] | None = None
    ) -> None:
        """Surveys the account if that takes fewer requests than `lookups`; where nobody can be looked up, the contacts
        with these `keys`. Raises Unreachable.
        """
        if lookups == 0:
            return
        before = destination.traffic.sent
        if not destination.surveys:
            return
        if keys is not None and isinstance(destination, OnlyLists):
            self._open()
            async for page in destination.survey_of(await asyncio.to_thread(keys)):
                self._keep(page)
            self.surveyed, self.survey = True, destination.surveyed
            self.requests = destination.traffic.sent - before
            return
        contacts, pages = await destination.count()
        if pages > lookups and destination.finds:
            self.requests = destination.traffic.sent - before
            return
        self._open()
        if contacts:
            async for page in destination.survey():
                self._keep(page)
        self.surveyed = True
        self.requests = destination.traffic.sent - before

    def _open(self) -> None:
        self._path.unlink(missing_ok=True)
        self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._path.chmod(0o600)
        self._database.execute("pragma journal_mode = off")
        self._database.execute("pragma synchronous = off")
        self._database.execute("create table known (key text primary key, body text not null) without rowid")

    def _keep(self, page: list[Known]) -> None:
        assert self._database is not None  # noqa: S101 - opened before the survey
        rows = [
            [
                k.key,
                [
                    k.contact_id,
                    k.status,
                    k.opted_out,
                    dict(k.fields),
                    sorted(k.tags),
                    k.seen,
                    None if k.lists is None else sorted(k.lists),
                    k.changed_at,
                    k.final,
                ],
            ]
            for k in page
            if k.key
        ]
        self._database.execute(
            "insert or replace into known select value ->> 0, value -> 1 from json_each(?)",
            (json.dumps(rows, ensure_ascii=False),),
        )
        self.contacts += len(rows)

    def known(self, keys: Sequence[str]) -> dict[str, Known]:
        """What the survey said of these keys; who is not in it was not there."""
        if self._database is None:
            return {}
        sql = "select key, body from known where key in (select value from json_each(?))"
        found = {}
        folded = {key.lower(): key for key in keys}
        for key, body in self._database.execute(sql, (json.dumps(list(folded), ensure_ascii=False),)):
            contact_id, status, opted_out, fields, tags, seen, lists, changed_at, final = json.loads(body)
            found[folded[key]] = Known(
                contact_id, key, status, opted_out, fields, frozenset(tags), seen,
                None if lists is None else frozenset(lists), changed_at, final,
            )  # fmt: skip
        return found

    def opted_out(self) -> Iterator[list[str]]:
        """The keys of all who opted out there, some at a time."""
        if self._database is None:
            return
        rows = self._database.execute("select key from known where body ->> 2")
        while some := rows.fetchmany(_AT_ONCE):
            yield [key for (key,) in some]

    def close(self) -> None:
        """Forgets it all."""
        if self._database is not None:
            self._database.close()
            self._database = None
        self._path.unlink(missing_ok=True)

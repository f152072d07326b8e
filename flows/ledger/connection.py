"""A connection to PostgreSQL that notices when its server is not heard any more.

Where packets are dropped on the way, nobody closes anything: a statement would be waited for as long as the system does, and behind a
balancer for ever. So whoever has not heard anything for some seconds asks over another connection whether the server is still at work.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo

__all__ = ["SILENT_SECONDS", "Listening"]

SILENT_SECONDS = 5.0
"""So long nothing may be heard before it is asked."""
ASKED_SECONDS = 3
_IMPATIENT_SECONDS = 1.0
_INTERVAL = 0.1
_AT_WORK = "select state, wait_event_type from pg_stat_activity where pid = %s"


class Listening(psycopg.Connection[tuple[Any, ...]]):
    """Closed, with a psycopg.OperationalError, where its server waits for nothing of ours, is not there, or does not answer."""

    server_pid = 0
    """Who serves us there; as long as that is not known, nobody asks, and silence means that it was cut."""
    impatient = False
    """Whether whoever waits can do without it: then a second of silence is enough."""

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL, timeout: float | None = None) -> RV:
        return super().wait(self._heard(gen), interval, timeout)

    def _heard(self, gen: PQGen[RV]) -> PQGen[RV]:
        since = time.monotonic()
        most = _IMPATIENT_SECONDS if self.impatient else SILENT_SECONDS
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    since = time.monotonic()
                elif time.monotonic() - since > most:
                    self._refuse_when_cut(most)
                    since = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            found: RV = end.value
            return found

    def _refuse_when_cut(self, silent: float) -> None:
        if self._at_work() or select.select([self.pgconn.socket], [], [], 0)[0]:
            return
        self.pgconn.finish()
        raise psycopg.OperationalError(f"the server was not heard for {silent:g} seconds")

    def _at_work(self) -> bool:
        """Whether the server still works at what we wait for."""
        if self.impatient or not self.server_pid:
            return False
        known = {**self.info.get_parameters(), "password": self.info.password}
        asked = make_conninfo("", **{**known, "connect_timeout": str(ASKED_SECONDS)})
        try:
            with Listening.connect(asked, autocommit=True) as other:
                row = other.execute(_AT_WORK, (self.server_pid,)).fetchone()
        except psycopg.Error as error:
            return error.sqlstate is not None  # it answers, and cannot say
        if row is None:
            return False
        state, waits_for = row
        return bool(state == "disabled" or (state == "active" and waits_for != "Client"))

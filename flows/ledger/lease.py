"""A lease: a lock for a while, in a ledger that machines share, which is renewed as long as its holder works.

A lock of the server's own would be gone with its connection, and nobody would notice. A lease outlives that: while it lasts, by the
server's clock, nobody else takes it. Whoever takes one that has run out gets a higher token, and from then on everything that
the holder before it wants to write is refused (`refuse_a_later_one`), however late it wakes up. A holder that was a process of this
very machine, and is none any more, is not waited for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.errors import Busy, LedgerError, MusterError
from flows.ledger.database import Connection
from flows.ledger.postgresql import Postgresql
from flows.ledger.spoken import Spoken

__all__ = ["LEASE_SECONDS", "Lease", "who_holds"]

LEASE_SECONDS = 30.0
"""So long nobody else takes it after it was last renewed."""
_RENEWED_SECONDS = 5.0
_TRIED_AGAIN_SECONDS = 1.0
_SURE_SECONDS = 5.0
"""So long before its end nothing more is begun: what is on its way then has to arrive."""
_LOOKED_SECONDS = 0.25
_NOW = "extract(epoch from clock_timestamp())::double precision"


class Lease:
    """Held while its block lasts. Raises Busy where somebody else holds it for longer than `wait` seconds.

    `busy` says what is at work then; who it is is added. As long as it is held, whatever its ledger writes counts only with it.
    """

    def __init__(
        self, database: Postgresql, name: str, busy: str, fix: str, *, wait: float = 0.0,
        seconds: float = LEASE_SECONDS,
    ) -> None:  # fmt: skip
        self.name = name
        self._database = database
        self._busy = busy
        self._fix = fix
        self._wait = wait
        self._seconds = seconds
        self._holder = f"pid {os.getpid()} on {socket.gethostname()}, {_place()}, {secrets.token_hex(8)}"
        self._token = 0
        self._sure_until = 0.0
        self._over = threading.Event()
        self._renewer: threading.Thread | None = None
        self._lost: LedgerError | None = None
        self._told: Callable[[MusterError], None] | None = None

    def __enter__(self) -> Self:
        until = time.monotonic() + self._wait
        while not self._taken():
            self._let_go_of_the_dead()
            if self._taken():
                break
            if time.monotonic() >= until:
                held = who_holds(self._database, self.name)
                raise Busy(f"{self._busy} is at work" + (f" ({held})." if held else "."), self._fix)
            time.sleep(_LOOKED_SECONDS)
        self._over.clear()
        self._renewer = threading.Thread(target=self._renew, name=f"lease {self.name}", daemon=True)
        self._renewer.start()
        self._database.held.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._renewer is None:
            return
        self._database.held.remove(self)
        self._over.set()
        self._renewer.join(self._seconds)  # a server that does not answer holds up no run
        self._renewer = None
        let_go = "update lease set until = 0 where name = ? and token = ? and holder = ?"
        with contextlib.suppress(LedgerError):  # where nobody can say so, it runs out
            asked = (self.name, self._token, self._holder)
            self._database.repeated(lambda spoken: spoken.execute(let_go, asked), 0.0)

    def when_lost(self, told: Callable[[MusterError], None]) -> None:
        """`told` is called, in another thread, when it could not be renewed in time or somebody else has it."""
        self._told = told

    @property
    def sure(self) -> bool:
        """Whether nobody else can have it."""
        return self._lost is None and _clock() <= self._sure_until

    def refuse_when_lost(self) -> None:
        """Raises LedgerError where it is not sure any more that nobody else has it: nothing may be begun then."""
        if self._lost is None and not self.sure:
            self._lose("it could not be renewed in time")
        if self._lost is not None:
            raise LedgerError(self._lost.what, self._lost.fix)

    def refuse_a_later_one(self, connection: Connection) -> None:
        """Said in a transaction: what is written in it counts only while nobody else has taken the lease. Raises LedgerError."""
        sql = "select 1 from lease where name = ? and token = ? and holder = ? for share"
        if connection.execute(sql, (self.name, self._token, self._holder)).fetchone() is None:
            self._lose("somebody else has taken it")
            self.refuse_when_lost()

    def _taken(self) -> bool:
        """Whether it is ours now. Said twice it is ours as well."""
        sql = f"""
            insert into lease values (?, ?, 1, {_NOW} + ?) on conflict (name) do update set holder = excluded.holder,
            token = lease.token + 1, until = excluded.until where lease.until < {_NOW} or lease.holder = excluded.holder
            returning token
        """  # noqa: S608 - our own words
        asked = (self.name, self._holder, self._seconds)

        def said(spoken: Spoken) -> tuple[float, list[tuple[Any, ...]]]:
            return _clock(), spoken.execute(sql, asked).fetchall()

        began, found = self._database.repeated(said)
        if found:
            self._token, self._sure_until = int(found[0][0]), began + self._seconds - self._sure
        return bool(found)

    def _let_go_of_the_dead(self) -> None:
        """Whoever held it as a process of this machine, and is none any more, does not hold it."""
        sql = f"select holder, token from lease where name = ? and until > {_NOW}"  # noqa: S608 - our own words
        for holder, token in self._database.ask(sql, (self.name,)):
            who, place, _ = holder.rsplit(", ", 2)
            if place and place == _place() and not _alive(int(who.split()[1])):
                self._database.tell(
                    "update lease set until = 0 where name = ? and token = ? and holder = ?",
                    (self.name, token, holder),
                )

    @property
    def _sure(self) -> float:
        return min(_SURE_SECONDS, self._seconds / 4)

    def _renew(self) -> None:
        sql = (
            f"update lease set until = {_NOW} + ? where name = ? and token = ? and holder = ? returning token"  # noqa: S608 - as above
        )
        asked = (self._seconds, self.name, self._token, self._holder)
        pause = again = min(_RENEWED_SECONDS, self._seconds / 6)
        while not self._over.wait(pause):
            began, pause = _clock(), min(_TRIED_AGAIN_SECONDS, again)
            with contextlib.suppress(LedgerError):
                if not self._database.repeated(lambda spoken: spoken.execute(sql, asked).fetchall(), 0.0):
                    self._lose("somebody else has taken it")
                    return
                self._sure_until, pause = began + self._seconds - self._sure, again
            if not self.sure:
                self._lose("it could not be renewed in time")
                return

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = LedgerError(
                f"This run has lost its lease on {self.name}: {why}. Nothing more is sent.",
                "Another worker may be at work; muster resume finishes what is left.",
            )
            if self._told is not None:
                self._told(self._lost)


def _clock() -> float:
    """Seconds that go on also while the machine sleeps, as the server's do."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _place() -> str:
    """Which machine this is, since when it runs, and which of its lists of processes is ours; '' where nobody can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink().name}"
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def who_holds(database: Postgresql, name: str) -> str:
    """Who holds a lease at this moment: process and machine; '' for nobody."""
    found = database.ask(f"select holder from lease where name = ? and until > {_NOW}", (name,))  # noqa: S608 - our own words
    return str(found[0][0]).split(", ", 1)[0] if found else ""

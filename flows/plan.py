"""The plan: the first pass over a source. What every row is before anything is sent, and what the guards say.

`sync` does what the plan says, because both come through here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from connectors.base import Source
from connectors.errors import SourceError
from flows.forgotten import Blocked
from flows.guards import Verdict
from flows.intake import Intake, keys_in
from flows.ledger.pages import PAGES, Page
from flows.matching import match
from flows.outcomes import Books
from flows.persons import Persons
from flows.roll import Roll, State
from flows.shards.gathering import Shards, gathered
from flows.spool import Spool
from flows.vanished.people import Vanished
from flows.watching import Watcher
from flows.whereabouts import Whereabouts
from mappings.engine.applying import Application
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped

__all__ = ["Plan", "limit_to", "make_plan"]


@dataclass(slots=True)
class Plan:
    """The source, read and mapped. `filled` are the cells that are not blank, by column, in the file's order.

    `whereabouts` are those of the persons, where the mapping tells them apart; whoever makes a plan closes it.
    """

    application: Application
    spool: Spool
    roll: Roll
    books: Books
    filled: list[int]
    warnings: int = 0
    guards: list[Verdict] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    whereabouts: Whereabouts | None = None

    @property
    def rows(self) -> int:
        return self.roll.rows

    @property
    def tripped(self) -> list[Verdict]:
        """The guards that stop the run."""
        return [verdict for verdict in self.guards if verdict.tripped and not verdict.allowed]

    def close(self) -> None:
        """Removes what only the run itself asks for."""
        if self.whereabouts is not None:
            self.whereabouts.close()


def make_plan(
    source: Source,
    application: Application,
    folder: Path,
    page: Callable[[int], Page],
    watcher: Watcher,
    *,
    resend: Callable[[str], bool] | None = None,
    stop: Callable[[], bool] = lambda: False,
    spooled: Spool | None = None,
    blocked: Blocked | None = None,
    vanished: Vanished | None = None,
    shards: Shards | None = None,
) -> Plan:
    """Reads the source once: spooled, mapped column by column, matched by key, compared with what was delivered.

    `page` gives the ledger's page of a number; `stop` is asked after each frame. `spooled` holds the source's rows already
    where it is one that is resumed; `blocked` finds the rows of people who were forgotten, `vanished` who was delivered and is in none.
    With `shards`, others read and map the source, and what they made of it is put together here. Raises SourceError, OSError when the disk is full.
    """
    spool = spooled or Spool(folder / "spool", source.header)
    roll, books = Roll(), Books(folder)
    mapping = application.mapping
    keys = keys_in(folder / "keys", application)
    persons = Persons(folder / "keys") if application.tells_persons else None
    plan = Plan(application, spool, roll, books, [0] * len(source.header))
    watcher.stage("reading and mapping")
    try:
        if shards is None:
            intake = Intake(application, blocked, spool, roll, keys, books, spools=spooled is None)

            def seen(frame: Frame, mapped: Mapped) -> None:
                if vanished is not None:
                    vanished.read(frame, mapped, roll)

            intake.take(source.frames(), watcher.advance, stop, seen)
            plan.filled, plan.warnings = intake.filled, intake.warnings
        else:
            plan.filled, plan.warnings = gathered(shards, folder, spool, roll, keys, books, watcher, stop)
        spool.close()
        watcher.stage("comparing with the ledger")
        for number in range(PAGES):
            part, known = keys.partition(number), page(number)
            match(part, known, roll, duplicates=mapping.duplicates.keep, resend=resend, persons=persons)
            if vanished is not None:
                vanished.compare(part, known, roll)
        if vanished is not None:
            vanished.settle(keys, roll, persons=persons is not None)
        if persons is not None:
            plan.whereabouts = persons.settle(roll, folder / "whereabouts.arrow")
    finally:
        spool.close()
        keys.close()
        if persons is not None:
            persons.close()
        (folder / "keys").rmdir()
    return plan


def limit_to(
    plan: Plan, *, limit: int | None = None, only: str | None = None, opt_outs_only: bool = False
) -> None:
    """Leaves out what is not to be sent this time: those rows end `unsent`, limited."""
    rows = plan.roll.to_send()
    if opt_outs_only:
        out = plan.roll.opted_out[rows - 1]
        plan.roll.carry(rows[out])
        plan.roll.leave(rows)
        return
    if only is not None:
        found = _rows_of(plan, only)
        if not found:
            raise SourceError(
                f"No row has the key {only}.", "Look for it with muster peek, or leave --only out."
            )
        plan.roll.leave(np.setdiff1d(rows, np.array(sorted(found), np.int64)))
        plan.roll.carried.clear()
        rows = plan.roll.to_send()
    if limit is not None and limit < len(rows):
        plan.roll.leave(rows[limit:])
        plan.roll.carried.clear()


def _rows_of(plan: Plan, key: str) -> set[int]:
    """The rows with a key, compared as the mapping compares it."""
    known = plan.application.type_of(plan.application.mapping.key)
    wanted = key.strip().lower() if known == "email" else key.strip()
    return {row for row, found in plan.books.keys(wanted)}


def count_states(plan: Plan) -> dict[str, int]:
    """Outcomes that are known before anything is sent, and how many rows are to be sent."""
    roll = plan.roll
    return {
        "filtered": roll.count(State.FILTERED, State.OVERTAKEN),
        "invalid": roll.count(State.INVALID, State.REJECTED),
        "duplicate": roll.count(State.DUPLICATE),
        "protected": roll.count(State.CONFLICT, State.SPLIT, State.FORGOTTEN),
        "unchanged": roll.count(State.UNCHANGED),
        "unsent": roll.count(State.LEFT),
        "to_send": roll.count(State.NEW, State.CHANGED),
    }

"""Stretches: the times that somebody worked at a run. More than one where it was interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flows.ledger.database import Connection, Database
from flows.ledger.runs import now

__all__ = ["CUT_OFF", "Stretch", "Stretches"]

CUT_OFF = "cut off"
"""How a stretch ended that did not say so: its process was killed, or the power was gone."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One of them. `answers` and `unclear` rows were found when it began: with an answer, and maybe sent without one.

    `sent`, `retried` and `throttled` are requests; of one that was cut off they are those up to its last kept answer.
    """

    number: int
    began_at: str
    ended_at: str | None
    ending: str
    answers: int
    unclear: int
    sent: int
    retried: int
    throttled: int


class Stretches:
    """The stretches of a ledger's runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def began(self, run_id: str, *, answers: int = 0, unclear: int = 0) -> int:
        """The number of a new one, from 1. One before that did not end was cut off, at the last sign of it."""
        moment = now()

        def begun(database: Connection) -> int:
            mine = "select number from stretch where run = ? and began_at = ? and ending = ''"
            if (said := database.execute(mine, (run_id, moment)).fetchone()) is not None:  # before
                return int(said[0])
            database.execute(
                "update stretch set ending = ?, ended_at = coalesce("
                "(select max(answered_at) from answer where run = stretch.run and answered_at >= stretch.began_at), began_at)"
                " where run = ? and ending = ''",
                (CUT_OFF, run_id),
            )
            [(number,)] = database.execute(
                "select coalesce(max(number), 0) + 1 from stretch where run = ?", (run_id,)
            ).fetchall()
            database.execute(
                "insert into stretch (run, number, began_at, answers, unclear) values (?, ?, ?, ?, ?)",
                (run_id, number, moment, answers, unclear),
            )
            return int(number)

        return self._database.done(begun)

    def ended(self, run_id: str, ending: str) -> None:
        """The last one is over: `finished`, `interrupted`, `stopped` or `failed`."""
        self._database.tell(
            "update stretch set ending = ?, ended_at = ? where run = ? and ending = ''",
            (ending, now(), run_id),
        )

    def last_begun(self, runs: Sequence[str]) -> str:
        """Which of some runs somebody began to work at last; '' where nobody did."""
        sql = "select run from stretch where run in (select value from json_each(?)) order by began_at desc limit 1"
        found = self._database.ask(sql, (json.dumps(list(runs)),))
        return str(found[0][0]) if found else ""

    def of(self, run_id: str) -> list[Stretch]:
        """All of a run, in order."""
        sql = """
            select number, began_at, ended_at, ending, answers, unclear, sent, retried, throttled
            from stretch where run = ? order by number
        """
        return [Stretch(*row) for row in self._database.ask(sql, (run_id,))]

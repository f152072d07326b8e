"""The law of the ledger, under batches, answers and crashes in any order.

A machine plays runs over the real ledger, keeps in a few dictionaries what has to be in it, and compares the two after each step.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flows.ledger import Intent, Outcome
from flows.ledger.opening import open_ledger
from flows.ledger.pages import key_hash
from flows.resuming import take_up

MAPPING = "people"
ROWS = range(1, 9)
CARRIED = {7: "k1", 8: "k6"}
"""Rows that are not sent, but whose opt-out is carried; k6 is nobody else's."""
LANDED = ("created", "updated", "upserted", "unchanged")
NOTHING = {("unsent", ""), ("failed", "not_delivered")}
"""Nothing was applied: a resume does it again from the beginning."""
UNSURE = ("unknown", "no_clear_answer")
ENDINGS = st.sampled_from(
    [
        *((one, "") for one in (*LANDED, "refused", "protected", "failed", "unsent")),
        ("failed", "not_delivered"),
        UNSURE,
    ]
)
SOME = st.sets(st.sampled_from(list(ROWS)), min_size=1, max_size=4)


def key_of(row: int) -> str:
    return CARRIED.get(row, f"k{row}")


class Cut(Exception):  # noqa: N818 - it is what happened
    """The process is gone."""


@dataclass
class Run:
    """What has to be in the ledger of one run: by row."""

    id: str
    intents: dict[int, Intent] = field(default_factory=dict)
    answers: dict[int, Outcome] = field(default_factory=dict)
    open: bool = True
    ended: bool = False

    @property
    def unclear(self) -> set[int]:
        return self.intents.keys() - self.answers.keys()


class TheLedger(RuleBasedStateMachine):
    """One home, one account, one mapping; runs come one after the other, and older ones are gone on with."""

    @initialize()
    def a_home(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._home = Path(self._folder.name) / "home"
        self._runs: list[Run] = []
        self._delivered: dict[str, tuple[str, int]] = {}
        self._by: dict[str, tuple[int, str]] = {}
        self._out: set[str] = set()
        self._clock = 0
        self._at: dict[tuple[str, int], int] = {}
        self._half_filed: set[str] = set()
        self._open()
        self._account = self._ledger.accounts.seen("campaignlark", "main", "http://sandbox", "key").id

    def _open(self) -> None:
        self._ledger = open_ledger(self._home)
        self._ledger.database.connection.execute("pragma synchronous = off")  # it is not the power that goes

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._ledger.close()
            self._folder.cleanup()

    # what happens

    @property
    def _run(self) -> Run | None:
        return next((one for one in self._runs if one.open), None)

    @precondition(lambda self: self._run is None and len(self._runs) < 4)
    @rule()
    def a_run_begins(self) -> None:
        run = Run(f"r{len(self._runs)}")
        runs = self._ledger.runs
        runs.began(run.id, self._account, MAPPING, "sha", "text", "sync", "people.csv", "folder")
        runs.begin(run.id, {"options": {}})
        self._ledger.stretches.began(run.id)
        self._runs.append(run)

    @precondition(lambda self: self._run is not None)
    @rule(rows=SOME, out=st.booleans(), value=st.integers(0, 3), cut=st.booleans())
    def a_batch_is_intended(self, rows: set[int], out: bool, value: int, cut: bool) -> None:
        run = self._mine()
        new = [self._intent(row, out=out, value=value) for row in sorted(rows - run.intents.keys())]
        with self._maybe_cut(cut):
            self._ledger.answers.intend(run.id, new)
        if not cut:
            run.intents |= {one.row: one for one in new}

    @precondition(lambda self: self._run is not None and self._run.unclear)
    @rule(data=st.data(), cut=st.booleans())
    def answers_come_in_any_order(self, data: st.DataObject, cut: bool) -> None:
        run = self._mine()
        rows = data.draw(st.lists(st.sampled_from(sorted(run.unclear)), min_size=1, max_size=4, unique=True))
        outcomes = [self._outcome(row, *data.draw(ENDINGS), out=data.draw(st.booleans())) for row in rows]
        with self._maybe_cut(cut):
            self._ledger.answers.answered(run.id, outcomes, (1, 0, 0))
        if not cut:
            self._clock += 1
            run.answers |= {one.row: one for one in outcomes}
            self._at |= {(run.id, one.row): self._clock for one in outcomes}

    @precondition(lambda self: self._run is not None and self._run.answers)
    @rule(data=st.data(), ending=ENDINGS)
    def a_second_answer_comes(self, data: st.DataObject, ending: tuple[str, str]) -> None:
        run = self._mine()
        row = data.draw(st.sampled_from(sorted(run.answers)))
        self._ledger.answers.answered(run.id, [self._outcome(row, *ending)])

    @precondition(lambda self: self._run is not None)
    @rule(cut=st.booleans(), again=st.booleans())
    def what_landed_is_filed(self, cut: bool, again: bool) -> None:
        self._settle(self._mine(), cut=cut)
        if again and not cut:
            self._settle(self._mine(), cut=False)

    @precondition(lambda self: self._run is not None)
    @rule()
    def the_run_ends(self) -> None:
        run = self._mine()
        self._settle(run, cut=False)
        self._ledger.stretches.ended(run.id, "finished")
        self._ledger.runs.finished(run.id, "completed", 0, {})
        run.open, run.ended = False, True

    @rule(closed=st.booleans())
    def the_process_is_gone(self, closed: bool) -> None:
        """Killed between two calls: nobody says that the run ends."""
        if closed:
            self._ledger.close()
        else:  # its connections are never closed by anybody
            self._left = self._ledger
        for run in self._runs:
            run.open = False
        self._open()

    @precondition(lambda self: self._run is None and self._unfinished())
    @rule(data=st.data(), rows=SOME, drops=st.booleans())
    def a_run_is_gone_on_with(self, data: st.DataObject, rows: set[int], drops: bool) -> None:
        run = data.draw(st.sampled_from(self._unfinished()))
        found = self._ledger.runs.get(run.id)
        assert found is not None
        assert found.unfinished

        self._heard(run)
        take_up(self._ledger, _Resumed(found), ("email_address",))  # type: ignore[arg-type]
        for row, answer in list(run.answers.items()):
            if (answer.outcome, answer.code) in NOTHING or answer.outcome == "unsent":
                del run.intents[row], run.answers[row]
            elif (answer.outcome, answer.code) == UNSURE:
                del run.answers[row]
        run.open = True
        self._filed(run)
        self._half_filed.discard(run.id)
        if drops:
            gone = sorted(rows & run.unclear)
            self._ledger.answers.drop(run.id, sorted(rows))
            for row in gone:
                del run.intents[row]

    # the law

    @invariant()
    def an_answer_that_was_durable_is_there_as_it_was_and_each_row_has_one_at_most(self) -> None:
        for run in self._runs:
            sql = "select row_number, outcome, code, opted_out from answer where run = ? order by row_number"
            found = self._ledger.database.ask(sql, (run.id,))
            assert found == [
                (one.row, one.outcome, one.code, one.opted_out) for _, one in sorted(run.answers.items())
            ]

    @invariant()
    def rows_with_an_intent_and_no_answer_are_exactly_the_unclear_ones(self) -> None:
        for run in self._runs:
            answers = self._ledger.answers
            assert answers.unclear(run.id) == {row: run.intents[row].before for row in run.unclear}
            assert answers.open_intents(run.id) == len(run.unclear)
            assert answers.intended(run.id) == len(run.intents.keys() - CARRIED.keys())

    @invariant()
    def rows_with_an_answer_are_those_that_are_not_sent_again(self) -> None:
        for run in self._runs:
            sent, carried = self._ledger.answers.answered_rows(run.id)
            assert set(sent) == run.answers.keys() - CARRIED.keys()
            assert set(carried) == run.answers.keys() & CARRIED.keys()

    @invariant()
    def what_landed_is_delivered_and_nothing_else_is(self) -> None:
        if not hasattr(self, "_home"):
            return
        found = self._ledger.database.ask(
            "select key, run, wanted ->> '$.texts.v' from delivered where mapping = ?", (MAPPING,)
        )
        assert {key: (run, int(value)) for key, run, value in found} == self._delivered
        if self._half_filed:
            return
        pages = {}
        for (number,) in self._ledger.database.ask("select number from page where entries > 0"):
            page = self._ledger.pages.page(self._account, MAPPING, number)
            pages |= dict(zip(page.keys.to_pylist(), page.fingerprints.tolist(), strict=True))
        assert pages == {key: value for key, (_, value) in self._delivered.items()}

    @invariant()
    def an_opt_out_that_was_heard_is_never_forgotten(self) -> None:
        if not hasattr(self, "_home"):
            return
        keys = [f"k{n}" for n in range(1, 7)]
        remembered = self._ledger.memory.remembered(self._account, MAPPING, [(key, "") for key in keys])
        assert {key for key in keys if key in remembered and remembered[key].opted_out} == self._out

    # what it takes

    def _mine(self) -> Run:
        assert self._run is not None
        return self._run

    def _unfinished(self) -> list[Run]:
        return [one for one in self._runs if not one.ended]

    def _intent(self, row: int, *, out: bool, value: int) -> Intent:
        key, carried = key_of(row), row in CARRIED
        wanted = {"texts": {"v": value}, "tags": [], "lists": [], "opted_out": out or carried}
        before = {"id": "x", "fields": {}} if value == 2 else None
        return Intent(row, 1, key, key_hash(key), "", value, wanted, before=before, carried=carried)

    @staticmethod
    def _outcome(row: int, outcome: str, code: str, *, out: bool = False) -> Outcome:
        return Outcome(row, outcome, code, contact_id=key_of(row), opted_out=out)

    @contextlib.contextmanager
    def _maybe_cut(self, cut: bool) -> Iterator[None]:
        """The process goes before a commit: the connection is dropped, and nobody has rolled anything back."""
        if not cut:
            yield
            return
        connection = self._ledger.database.connection
        connection.execute("begin immediate")
        self._ledger.database._local.connection = _Uncommitted(connection)
        with contextlib.suppress(Cut):
            yield
        connection.close()
        for run in self._runs:
            run.open = False
        self._open()

    def _settle(self, run: Run, *, cut: bool) -> None:
        pages: Any = self._ledger.pages
        if cut:
            pages = _NoPages()
        with contextlib.suppress(Cut):
            self._ledger.memory.settle(run.id, self._account, MAPPING, pages)
        self._heard(run)
        mine = self._filed(run)
        if not cut:
            self._half_filed.discard(run.id)
        elif mine:
            self._half_filed.add(run.id)

    def _filed(self, run: Run) -> bool:
        """What a settle files of a run, unless somebody delivered it later. Whether there is any."""
        any_of_mine = False
        for row, answer in run.answers.items():
            if row in CARRIED or answer.outcome not in LANDED:
                continue
            key, at = key_of(row), self._at[run.id, row]
            if key not in self._by or self._by[key][0] <= at:
                self._by[key] = (at, run.id)
                self._delivered[key] = (run.id, int(run.intents[row].wanted["texts"]["v"]))
            any_of_mine = any_of_mine or self._by[key][1] == run.id
        return any_of_mine

    def _heard(self, run: Run) -> None:
        for row, intent in run.intents.items():
            if (
                intent.carried
                or intent.wanted["opted_out"]
                or (row in run.answers and run.answers[row].opted_out)
            ):
                self._out.add(key_of(row))


@dataclass
class _Resumed:
    run: Any


class _NoPages:
    def put(self, *_: object) -> None:
        raise Cut


class _Uncommitted:
    """A connection on which nothing is committed any more."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        if sql.startswith("begin"):
            return None
        if sql in ("commit", "rollback"):
            raise Cut
        return self._connection.execute(sql, parameters)


TestTheLedger = TheLedger.TestCase
TestTheLedger.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_an_opt_out_is_heard_also_where_nothing_came_of_its_row_and_the_row_comes_again(
    tmp_path: Path,
) -> None:
    ledger = open_ledger(tmp_path / "home")
    account = ledger.accounts.seen("campaignlark", "main", "http://sandbox", "key").id
    ledger.runs.began("r", account, MAPPING, "sha", "text", "sync", "people.csv", "folder")
    wanted = {"texts": {}, "tags": [], "lists": [], "opted_out": True}
    for row, (outcome, code) in enumerate([("unsent", "interrupted"), ("failed", "not_delivered")], start=1):
        ledger.answers.intend("r", [Intent(row, 1, f"k{row}", key_hash(f"k{row}"), "", 1, wanted)])
        ledger.answers.answered("r", [Outcome(row, outcome, code)])
    run = ledger.runs.get("r")
    take_up(ledger, _Resumed(run), ("email_address",))  # type: ignore[arg-type]
    remembered = ledger.memory.remembered(account, MAPPING, [("k1", ""), ("k2", "")])
    ledger.close()
    assert {key: one.opted_out for key, one in remembered.items()} == {"k1": True, "k2": True}

"""What stands between an open run and its first request: its plan, what is known of the destination, its turn, who sends."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.errors import SourceError
from flows.allowing import allowed
from flows.delivery import Delivery
from flows.edited import edited, told
from flows.failure_limit import FailureLimit
from flows.first_pass import corrected_cells, new_columns, read_through
from flows.gathering import gather
from flows.guards import FAILURES, limited
from flows.identity import Identity
from flows.judgement import Counted, asked_by_name, follow_source, verdicts
from flows.judging import consequences
from flows.knowledge import Knowledge
from flows.ledger import Run
from flows.lost_lock import stopping
from flows.options import resending
from flows.overtaken import set_aside
from flows.plan import Plan, limit_to
from flows.resuming import counted_before, leave_the_others, left_unclear, tally_of
from flows.settling import Unclear
from flows.turn import Turn
from flows.vanished.of_sync import vanished_of

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["Preparation"]


class Preparation:
    """Made step by step, and let go of as far as it came."""

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self.plan: Plan | None = None
        self.knowledge: Knowledge | None = None
        self.delivery: Delivery | None = None
        self._turn: Turn | None = None
        self._counted = Counted()
        self._unclear: dict[int, dict[str, Any] | None] = {}

    async def make(self) -> None:
        """The whole first pass, what is at the destination, and the guards. Raises CannotStart; nothing is sent."""
        run, opened = self._run, self._run.opened
        # a few rows of a file are not to be held against a whole one
        whole = run.retry is None and run.resume is None and not run.of_ledger
        before = opened.ledger.runs.last_complete(opened.account.id, opened.mapping.name) if whole else None
        self._compare(before)
        new = new_columns(run) if whole else []
        self.plan = plan = await self._read()
        run.corrected, run.corrected_rows = corrected_cells(run)
        plan.new_columns = new
        plan.warnings += len(new)
        await self._leave_what_is_settled(plan)
        self.knowledge = Knowledge(opened.folder)
        follow_source(run)
        self.judge()
        if not run.guarded:
            await self._begin_turn()
            await gather(run, self.knowledge)
        self.delivery = delivery = self._delivering(plan, self.knowledge)
        self._stop_when_lost(delivery)
        if run.resume is not None:
            delivery.tally = tally_of(opened.ledger.answers, run.id)
        elif not run.guarded and not run.parts:
            opt_outs, resubscribes = await consequences(
                plan, opened, delivery.hearing, self.knowledge, run.may_give_back
            )
            self._counted = dataclasses.replace(self._counted, opt_outs=opt_outs, resubscribes=resubscribes)
            self.judge()

    def _compare(self, before: Run | None) -> None:
        """With the last complete run: how the mapping was edited since, and how many rows there were."""
        run, mapping = self._run, self._run.opened.mapping
        run.edited = edited(before, mapping, run.opened.ledger)
        if run.edited is not None:
            run.watcher.say(f"mapping   {told(run.edited)}")
        if before is not None and mapping.source.files != "deltas":  # these are held against no other file
            self._counted = Counted(rows_before=before.rows_read)

    async def _read(self) -> Plan:
        """The first pass, and which of its rows are to be sent in this stretch of the run."""
        run = self._run
        options, limit = run.options, run.options.limit
        run.vanished = vanished_of(run)
        plan = await read_through(run)
        if run.resume is not None:
            limit = self._leave_what_is_answered(plan, limit)
        elif run.is_registered:
            run.opened.ledger.runs.read(run.id, run.opened.source.sha256, plan.rows)
        try:
            if limit is not None or options.only is not None or options.opt_outs_only:
                limit_to(plan, limit=limit, only=options.only, opt_outs_only=options.opt_outs_only)
        except SourceError:  # nobody has that key
            plan.close()
            raise
        return plan

    def _leave_what_is_answered(self, plan: Plan, limit: int | None) -> int | None:
        """Takes rows out of the roll that have an answer from an earlier stretch; how many are left of the run's limit."""
        run = self._run
        sent, carried = run.opened.ledger.answers.answered_rows(run.id)
        run.answered_before = len(sent)
        plan.roll.answered(np.array(sent, np.int64), np.array(carried, np.int64))
        return None if limit is None else max(0, limit - len(sent))

    async def _leave_what_is_settled(self, plan: Plan) -> None:
        """Takes rows out of the roll whom a later run has delivered: then it is known of whom something is unclear still."""
        run, ledger = self._run, self._run.opened.ledger
        if (run.follows or run.resume is not None) and not run.of_ledger:
            await asyncio.to_thread(set_aside, plan, ledger, run.opened.account.id, run.follows or run.id)
        if run.resume is not None:
            self._unclear = left_unclear(plan, ledger, run.id)
            if run.resume.closing:
                leave_the_others(plan, self._unclear)

    def judge(self) -> None:
        """What the guards say, and what is allowed by name, as far as is known by now.

        Of a run that is resumed it stands: its file and its mapping are the same, and its first requests are sent.
        """
        run = self._run
        if run.resume is not None:
            begun = run.resume.begun
            run.plan.guards, run.permissions = list(begun.guards), list(begun.permissions)
            run.edited, run.plan.new_columns = begun.edited, list(begun.new_columns)
        elif not run.parts:  # those of the sync have let it pass
            run.plan.guards = verdicts(run, self._counted)
            run.permissions = asked_by_name(run, self._counted)

    async def _begin_turn(self) -> None:
        """A plan reads the destination without waiting for anybody."""
        run, opened = self._run, self._run.opened
        if run.is_registered:
            self._turn = Turn(shared=opened.mapping.destination.senders == "shared")
            await self._turn.begin(opened.ledger, opened.account, run.watcher)

    def end_turn(self) -> None:
        """The account's next sender may begin. Ended before, or never begun, it does nothing."""
        if self._turn is not None:
            self._turn.end()

    def _delivering(self, plan: Plan, knowledge: Knowledge) -> Delivery:
        """Who sends the contacts."""
        run, opened, resume = self._run, self._run.opened, self._run.resume
        account, name, memory = opened.account.id, opened.mapping.name, opened.ledger.memory
        unclear = None
        if resume is not None:
            unclear = Unclear(
                self._unclear, surveyed=resume.begun.surveyed, closing=resume.closing,
                counted=counted_before(opened.ledger.answers, run.id),
            )  # fmt: skip
        return Delivery(
            run.id, account, name, opened.destination, opened.ledger.answers, memory, knowledge, opened.suppressions, run.watcher,
            pace_has_room=opened.pace.room, forget=resending(run.options.resend),
            identity=Identity(account, name, memory, plan.whereabouts) if plan.whereabouts else None,
            attempt=run.attempt, unclear=unclear,
            failures=FailureLimit(limited(FAILURES, opened.mapping.guards), allowed(run.options.allow)),
        )  # fmt: skip

    def _stop_when_lost(self, delivery: Delivery) -> None:
        """Nothing more is begun when a lock is lost that says that nobody else is at work."""
        opened = self._run.opened
        opened.lock.when_lost(stopping(delivery))
        opened.destination.traffic.may_send = opened.ledger.locks.sure
        if self._turn is not None:
            self._turn.when_lost(stopping(delivery))

    async def close(self) -> None:
        """What was answered is durable, and what is known of the destination forgotten. The turn ends with the lock."""
        try:
            if self.delivery is not None:
                await self.delivery.close()
        finally:
            if self.knowledge is not None:
                self.knowledge.close()
            if self.plan is not None:
                self.plan.close()

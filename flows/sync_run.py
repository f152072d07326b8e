"""One sync, from the mapping's file to the report: the steps that the flow calls, in order.

    opened → prepared → delivered, batch by batch → finished

Knows nothing of Prefect. Plan and sync are the same object: a plan stops before delivery.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Self, cast

from connectors.base import Destination
from connectors.errors import LedgerError, MusterError
from flows.afterwards import Afterwards
from flows.asking import question_of
from flows.batches import Batch, batches
from flows.clearing import let_go_of_old_runs
from flows.copies.of_sync import copy_report
from flows.delivery import Delivery
from flows.depot import brought
from flows.filing import file_cut_off
from flows.finishing import ended
from flows.guards import Verdict
from flows.judgement import keep_allowances
from flows.knowledge import Knowledge
from flows.left import Left
from flows.opened import Opened, open_everything
from flows.options import Options
from flows.permissions import Permission
from flows.plan import Plan
from flows.preparation import Preparation
from flows.registering import enter, enter_its_beginning
from flows.report.mapping_edited import MappingEdited
from flows.reporting import Ending
from flows.resume import Resume
from flows.resuming import refuse_if_ended
from flows.retry import Retry
from flows.shards.crew import Crew
from flows.undo import Undo
from flows.undo_opening import asked_of, undoing_of
from flows.undoing import Undoing
from flows.vanished.farewell import VERB, Farewell, parting_of
from flows.vanished.people import Vanished
from flows.watching import Silent, Watcher
from mappings.engine.contact import Contact

__all__ = ["BATCH", "SyncRun"]

BATCH = 250
_EARLIER = 1000


class SyncRun:
    """A run of one mapping over one source. Used inside `async with`, which lets go of the lock and the connections.

    A `retry` is a run over rows of an earlier one: it keeps their numbers, and their attempts are counted on. A `resume` goes
    on with a run that was interrupted, as it was begun. An `undo` puts back what an earlier run changed.
    """

    def __init__(
        self,
        mapping: str,
        source: str | None = None,
        options: Options | None = None,
        watcher: Watcher | None = None,
        retry: Retry | None = None,
        resume: Resume | None = None,
        undo: Undo | None = None,
        farewell: Farewell | None = None,
    ) -> None:
        self.mapping_given = mapping
        self.source_given = source
        self.options = options or Options()
        self.watcher = watcher or Silent()
        self.retry = retry
        self.resume = resume
        self.undo = undo
        self.crew: Crew | None = None
        """Who maps the shards of a large source; None: processes of this machine."""
        self.undoes = undo.run.id if undo is not None else resume.run.undoes if resume is not None else ""
        """The run that this one puts back, '' for any other."""
        self.farewell = farewell
        self.parts = farewell is not None or (resume is not None and resume.run.verb == VERB)
        """Whether it does for vanished people what the mapping says (see flows.vanished.farewell)."""
        self.of_ledger = bool(self.undoes) or self.parts
        """Whether its rows are no source's: people whom the ledger knows."""
        self.vanished: Vanished | None = None
        """Who vanished from the source, where that is looked for; what is to be done with them next."""
        self.next: Farewell | None = None
        self.follows = retry.follows.id if retry is not None else resume.run.follows if resume else ""
        """The run whose rows are sent again, '' for a sync."""
        self.attempt = resume.begun.attempt if resume is not None else 1
        self.id = ""
        self.started_at = dt.datetime.now(dt.UTC)
        self.exit_code: int | None = None
        self.ending: Ending | None = None
        self._opened: Opened | None = None
        self._undoing: Undoing | None = None
        self._preparation = Preparation(self)
        self.permissions: list[Permission] = []
        self.edited: MappingEdited | None = None
        self.is_registered = False
        """Whether it is in the ledger: a plan never is."""
        self.crashed: Exception | None = None
        self.finishing = False
        self.corrected: Counter[str] = Counter()
        self.corrected_rows: dict[int, str] = {}
        """Cells that corrections kept from earlier retries have changed, by column, and their columns by row."""
        self.answered_before = 0
        """So many rows had an answer when this stretch of the run began."""
        self._left: Left | None = None

    # what a run is made of

    @property
    def opened(self) -> Opened:
        if self._opened is None:
            raise RuntimeError("the run is not open")
        return self._opened

    @property
    def plan(self) -> Plan:
        if self._preparation.plan is None:
            raise RuntimeError("the run is not prepared")
        return self._preparation.plan

    @property
    def delivery(self) -> Delivery:
        if self._preparation.delivery is None:
            raise RuntimeError("the run is not prepared")
        return self._preparation.delivery

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    @property
    def acts_on(self) -> str | None:
        """Of a run for vanished people: the sync that found them."""
        if not self.parts:
            return None
        return self.farewell.run_id if self.farewell is not None else self.opened.source.path.name

    @property
    def prepared(self) -> bool:
        return self._preparation.plan is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        after = Afterwards(self, error)
        try:
            await self._leave(kind)
        finally:
            await after.told()

    async def _leave(self, kind: type[BaseException] | None) -> None:
        try:
            await self._preparation.close()
        finally:
            if self._opened is not None:
                await self._let_go(
                    "failed" if kind is not None and issubclass(kind, Exception) else "interrupted"
                )

    async def _let_go(self, cut_off: str) -> None:
        opened, self._opened = self.opened, None
        try:
            await opened.destination.__aexit__(None, None, None)
            if self.exit_code is None and self.options.rehearsal is not None:
                self.watcher.say("The rehearsal ended before its report; nothing was changed in the account.")
            elif self.exit_code is None and self.options.verb == "sync" and self.is_registered:
                file_cut_off(self, opened, cut_off)
                sent = self._something_sent(opened)
                self.watcher.say(
                    f"The run {self.id} ended before its report; what landed is kept, and muster resume goes on from there."
                    if sent
                    else "Nothing was sent."
                )
            never_was = self.resume is None and self.options.rehearsal is None and not self.is_registered
            if self.options.verb != "sync" or never_was:
                shutil.rmtree(opened.folder, ignore_errors=True)
        finally:
            self.end_turn()
            opened.lock.__exit__(None, None, None)
            opened.ledger.close()

    def _something_sent(self, opened: Opened) -> bool:
        """Whether anything may have been sent: also where the ledger cannot be asked."""
        try:
            return bool(opened.ledger.answers.intended(self.id))
        except LedgerError:
            return True

    # the steps

    async def open(self) -> None:
        """Everything that can be wrong before the first row is found here. Raises CannotStart.

        A sync is not in the ledger yet: there may be an earlier run to be finished first (see flows.beginning).
        """
        self._opened = opened = await open_everything(
            self.mapping_given,
            self.source_given,
            self.options,
            self.watcher,
            self.retry,
            self.resume,
            self.undo or self.farewell,
        )
        self.id = opened.run_id
        if self.undoes:
            self._undoing = undoing_of(opened, self.undoes, lambda: self.options, self.id)
            opened.destination = cast("Destination", self._undoing)
        if self.parts:
            opened.destination = parting_of(opened)
        if self.retry is not None:
            self.attempt = len(opened.ledger.runs.family(self.retry.follows.id)) + 1
            rows = f"{self.retry.repair.rows:,} row{'s' if self.retry.repair.rows > 1 else ''}"
            self.watcher.say(f"retry     {rows} of the run {self.retry.follows.id}, attempt {self.attempt}")
            self.watcher.say(f"changed   {self.retry.repair.told()}")
            for line in self.retry.repair.said():
                self.watcher.say(line)
        if self.resume is not None:
            self.started_at = dt.datetime.fromisoformat(self.resume.run.started_at)
            refuse_if_ended(opened.ledger, self.id)

    def register(self) -> None:
        """From now on the run is in the ledger. Raises LedgerError, CannotStart."""
        self.is_registered = True
        enter(self)

    async def prepare(self) -> None:
        """The whole first pass, what is at the destination, and the guards. Raises CannotStart; nothing is sent."""
        if self.options.verb == "sync" and not self.is_registered:
            self.register()
        await self._preparation.make()

    def allow(self, name: str) -> None:
        """Takes what a person has typed, as if it had been named with --allow."""
        self.options = dataclasses.replace(self.options, allow=self.options.allow | {name})
        self._preparation.judge()

    @property
    def guarded(self) -> bool:
        """Whether a guard stops the run; a rehearsal and the plan of an undo go on, to find what else there is."""
        shows = self.options.rehearsal is not None or (bool(self.undoes) and self.options.verb != "sync")
        return bool(self.plan.tripped) and not shows

    @property
    def to_type(self) -> list[Verdict]:
        """The guards that yield to a number which is typed; none where another one stops the run anyway."""
        tripped = self.plan.tripped
        return tripped if all(one.typed and one.allowed_count is None for one in tripped) else []

    @property
    def not_allowed(self) -> list[Permission]:
        """What has to be allowed by name before anything is sent, and is not."""
        asks = not self.guarded and self.options.rehearsal is None
        return [one for one in self.permissions if not one.by] if asks else []

    def question(self) -> str:
        """What a person has to say yes to before anything is sent, or ''."""
        if self.guarded or self.resume:
            return ""
        return (
            question_of(self.opened.mapping, self.plan.roll)
            if self.undo is None
            else asked_of(self.undo, self.opened, self.options)
        )

    def to_deliver(self) -> Iterator[Batch]:
        """The batches that are left, made as they are asked for. Asked again, it goes on with those not yet delivered."""
        if self.guarded:
            return
        if self._left is None:
            opened, plan = self.opened, self.plan
            if self.is_registered:
                keep_allowances(self)
                enter_its_beginning(self)
            stage = "delivering" if self.options.verb == "sync" else "deciding"
            self.watcher.stage(stage, len(plan.roll.to_send()) + len(plan.roll.carried))
            made = batches(plan.spool, opened.application, plan.roll, BATCH)
            self._left = Left(made, self.delivery.delivered)
        yield from self._left

    @property
    def brings_its_folder(self) -> bool:
        """Whether other machines may ask for its folder: that of a run which the account's ledger knows."""
        return self.is_registered and self.options.rehearsal is None

    def bring_folder(self) -> None:
        """Brings what is new in its folder to where other machines look for it, if there is such a place."""
        if self.brings_its_folder:
            brought(self.id, self.opened.folder, self.opened.mapping.file, self.watcher.say)

    def interrupt(self) -> None:
        """What is in flight is finished, nothing more is begun."""
        if self._opened is not None:
            self._opened.ledger.database.hurry()
        if self._preparation.delivery is not None:
            self._preparation.delivery.stop("interrupted")

    def end_turn(self) -> None:
        """The account's next sender may begin."""
        self._preparation.end_turn()

    async def finish(self) -> int:
        """Files what landed, gives every row its outcome, writes the report; the exit code."""
        if self.options.verb == "sync":
            await self.delivery.settle_later()
        self.finishing = True
        self.watcher.stage("writing the report")
        await self.delivery.close()
        ending = ended(self)
        self.ending, self.exit_code = ending, ending.summary.exit_code
        self.plan.books.tidy()
        if self.is_registered:
            await copy_report(self, ending)
            await asyncio.to_thread(let_go_of_old_runs, self)
        return self.exit_code

    @property
    def why_stopped(self) -> str:
        """'' or: guarded, interrupted, breaker, credentials, ledger."""
        if self.prepared and self.guarded:
            return "guarded"
        delivery = self._preparation.delivery
        return delivery.stopped if delivery is not None else ""

    @property
    def error(self) -> MusterError | None:
        delivery = self._preparation.delivery
        return delivery.error if delivery is not None else None

    @property
    def closing(self) -> bool:
        """Whether it is an older run that another one takes the place of."""
        return self.resume is not None and self.resume.closing

    @property
    def knowledge(self) -> Knowledge | None:
        """What was read of the destination; None before anything was."""
        return self._preparation.knowledge

    @property
    def may_give_back(self) -> Callable[[Contact], bool] | None:
        """Of an undo: whether it may subscribe a contact again."""
        return None if self._undoing is None else self._undoing.may_give_back

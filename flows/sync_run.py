"""One sync, from the mapping's file to the report: the steps that the flow calls, in order.

    opened → prepared → delivered, batch by batch → finished

Knows nothing of Prefect. Plan and sync are the same object: a plan stops before delivery.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import functools
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from connectors.base import Destination
from connectors.errors import LedgerError, MusterError, SourceError, Stopped
from connectors.listing import Survey
from flows.afterwards import Afterwards
from flows.allowing import allowed
from flows.asking import question_of
from flows.batches import Batch, batches
from flows.copies.bringing import bring, bring_what_was_left
from flows.corrected import Corrected
from flows.corrections import keep, kept_cells, login, whats_corrected
from flows.delivery import Delivery
from flows.depot import brought, depot_of, rows_brought, tidied
from flows.edited import edited, told
from flows.failure_limit import FailureLimit
from flows.forgotten import blocked_by
from flows.guards import FAILURES, Verdict, limited, of_mapping, to_be_typed
from flows.identity import Identity
from flows.judging import consequences, judged_plan
from flows.knowledge import Knowledge
from flows.listing_facts import facts_of
from flows.lost_lock import stopping
from flows.opened import Opened, open_everything
from flows.opening import today
from flows.options import Options
from flows.overtaken import set_aside
from flows.permissions import ONCE, Permission, granted, needed
from flows.plan import Plan, limit_to, make_plan
from flows.report.summary import MappingEdited
from flows.report.wording import listed_there
from flows.reporting import Ending, report
from flows.resume import Begun, Resume
from flows.resuming import file_landed, leave_the_others, left_unclear, refuse_if_ended, take_up, tally_of
from flows.retention import let_go
from flows.retry import Retry
from flows.roll import State
from flows.settings import Settings, note_settings
from flows.settling import Unclear
from flows.shards.crew import Crew
from flows.shards.dividing import shards_of
from flows.shards.shared import clear_left, place_of
from flows.turn import Turn
from flows.undo import Undo
from flows.undo_opening import asked_of, undoing_of
from flows.undoing import Undoing
from flows.vanished.farewell import VERB, Farewell, file_acted, parting_of
from flows.vanished.of_sync import farewell_after, file_vanished, vanished_of
from flows.vanished.people import Vanished
from flows.watching import Silent, Watcher
from mappings.engine.complaints import listed, visible

__all__ = ["BATCH", "SyncRun"]

BATCH = 250
_EARLIER = 1000
STRETCH_ENDINGS = {"": "finished", "interrupted": "interrupted"}
"""How a stretch of a run ended, by why it was stopped; `stopped` for any other reason."""


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
        self._plan: Plan | None = None
        self._knowledge: Knowledge | None = None
        self._delivery: Delivery | None = None
        self.permissions: list[Permission] = []
        self.edited: MappingEdited | None = None
        self._rows_before: int | None = None
        self._opt_outs: int | None = None
        self._resubscribes = 0
        self._registered = False
        self._turn: Turn | None = None
        self.crashed: Exception | None = None
        self.finishing = False
        self.corrected: Counter[str] = Counter()
        self.corrected_rows: dict[int, str] = {}
        """Cells that corrections kept from earlier retries have changed, by column, and their columns by row."""
        self.answered_before = 0
        """So many rows had an answer when this stretch of the run began."""
        self._unclear: dict[int, dict[str, Any] | None] = {}
        self._left: Iterator[Batch] | None = None
        self._begun: dict[int, Batch] = {}

    # what a run is made of

    @property
    def opened(self) -> Opened:
        if self._opened is None:
            raise RuntimeError("the run is not open")
        return self._opened

    @property
    def plan(self) -> Plan:
        if self._plan is None:
            raise RuntimeError("the run is not prepared")
        return self._plan

    @property
    def delivery(self) -> Delivery:
        if self._delivery is None:
            raise RuntimeError("the run is not prepared")
        return self._delivery

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    @property
    def is_registered(self) -> bool:
        """Whether it is in the ledger: not a plan, and no rehearsal."""
        return self._registered and self.options.verb == "sync"

    @property
    def acts_on(self) -> str | None:
        """Of a run for vanished people: the sync that found them."""
        if not self.parts:
            return None
        return self.farewell.run_id if self.farewell is not None else self.opened.source.path.name

    @property
    def prepared(self) -> bool:
        return self._plan is not None

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
            if self._delivery is not None:
                await self._delivery.close()
        finally:
            if self._knowledge is not None:
                self._knowledge.close()
            if self._plan is not None:
                self._plan.close()
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
            elif self.exit_code is None and self.options.verb == "sync" and self._registered:
                self._file_what_landed(opened, cut_off)
                sent = self._something_sent(opened)
                self.watcher.say(
                    f"The run {self.id} ended before its report; what landed is kept, and muster resume goes on from there."
                    if sent
                    else "Nothing was sent."
                )
            never_was = self.resume is None and self.options.rehearsal is None and not self._registered
            if self.options.verb != "sync" or never_was:
                shutil.rmtree(opened.folder, ignore_errors=True)
        finally:
            if self._turn is not None:
                self._turn.end()
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
        """From now on the run is in the ledger."""
        opened = self.opened
        runs = opened.ledger.runs
        self._registered = True
        if self.options.rehearsal is None:
            note_settings(opened.home, Path(opened.mapping.file))
        for run in runs.unfinished(opened.account.id, opened.mapping.name):
            if run.id != self.id:
                file_landed(opened.ledger, run, opened.destination.keys)
                self.watcher.say(
                    f"The run {run.id} was {'cut off' if run.state == 'running' else run.state}; what landed in it is not sent "
                    f"again, and muster resume {run.id} finishes it."
                )
        self._clear_shared()
        if self.resume is not None:
            self.watcher.say(f"resume    {take_up(opened.ledger, self.resume, opened.destination.keys)}")
            return
        for run in runs.never_begun(opened.account.id, opened.mapping.name):
            # an earlier version of muster did not keep what it begins with: what landed then is filed, and looked up otherwise
            landed = file_landed(opened.ledger, run, opened.destination.keys)
            runs.finished(run.id, "interrupted", 130, {})
            what = f"after {landed:,} contacts had landed" if landed else "before anything was sent"
            self.watcher.say(f"The run {run.id} was cut off {what}.")
        runs.began(
            self.id,
            opened.account.id,
            opened.mapping.name,
            opened.mapping.sha256,
            opened.mapping.text,
            VERB if self.parts else "undo" if self.undoes else "sync" if self.retry is None else "retry",
            str(opened.source.path),
            str(opened.folder),
            follows=self.follows,
            mapping_path=opened.mapping.file,
            undoes=self.undoes,
        )
        opened.ledger.stretches.began(self.id)

    def _clear_shared(self) -> None:
        """What shards of earlier runs of this mapping have left, because they were killed: nobody is at work at any of them."""
        opened = self.opened
        settings = Settings(Path(opened.mapping.file))
        if not place_of(settings):
            return
        earlier = [
            run.id
            for run in opened.ledger.runs.last(_EARLIER, opened.mapping.name)
            if run.account == opened.account.id
        ]
        try:
            clear_left(settings, set(earlier) | {self.id})
        except SourceError as error:
            self.watcher.say(f"shards    What earlier runs left may be there still. {error.what} {error.fix}")

    async def prepare(self) -> None:
        """The whole first pass, what is at the destination, and the guards. Raises CannotStart; nothing is sent."""
        opened, options = self.opened, self.options
        account, name = opened.account.id, opened.mapping.name
        if options.verb == "sync" and not self._registered:
            self.register()
        # a few rows of a file are not to be held against a whole one
        whole = self.retry is None and self.resume is None and not self.of_ledger
        before = opened.ledger.runs.last_complete(account, name) if whole else None
        self.edited = edited(before, opened.mapping, opened.ledger)
        if self.edited is not None:
            self.watcher.say(f"mapping   {told(self.edited)}")
        new_columns = self._new_columns() if whole else []
        self._plan = plan = await self._read()
        self._say_what_is_corrected()
        plan.new_columns = new_columns
        plan.warnings += len(new_columns)
        if (self.follows or self.resume is not None) and not self.of_ledger:
            await asyncio.to_thread(set_aside, plan, opened.ledger, account, self.follows or self.id)
        if self.resume is not None:
            self._leave_what_is_settled(plan, self.resume)
        self._knowledge = Knowledge(opened.folder)
        lookups = len(plan.roll.to_send()) + len(plan.roll.carried)
        # a file of changes is held against no other
        self._rows_before = (
            before.rows_read if before is not None and opened.mapping.source.files != "deltas" else None
        )
        self._follow()
        self._judge()
        if not self.guarded:
            if self._registered:
                self._turn = Turn(shared=opened.mapping.destination.senders == "shared")
                await self._turn.begin(opened.ledger, opened.account, self.watcher)
            self.watcher.stage("reading the destination", None)
            await self._knowledge.gather(opened.destination, lookups, self._keys_to_send)
            if self._knowledge.survey is not None and options.verb == "sync":
                self._say_what_was_read(self._knowledge.survey)
            self._keep_what_the_destination_said()
        self._delivery = Delivery(
            self.id, account, name, opened.destination, opened.ledger.answers, opened.ledger.memory, self._knowledge,
            opened.suppressions, self.watcher, pace_has_room=opened.pace.room, forget=_resending(options.resend),
            identity=Identity(account, name, opened.ledger.memory, plan.whereabouts) if plan.whereabouts else None,
            attempt=self.attempt, unclear=self._settling(),
            failures=FailureLimit(limited(FAILURES, opened.mapping.guards), allowed(options.allow)),
        )  # fmt: skip
        opened.lock.when_lost(stopping(self._delivery))
        opened.destination.traffic.may_send = opened.ledger.locks.sure
        if self._turn is not None:
            self._turn.when_lost(stopping(self._delivery))
        if self.resume is not None:
            self._delivery.tally = tally_of(opened.ledger.answers, self.id)
        elif not self.guarded and not self.parts:
            also = None if self._undoing is None else self._undoing.may_give_back
            counted = await consequences(plan, opened, self._delivery, self._knowledge, also)
            self._opt_outs, self._resubscribes = counted
            self._judge()

    def _say_what_is_corrected(self) -> None:
        """Whose cells are not as the source has them; what was edited for this retry is noted."""
        self.corrected, self.corrected_rows = kept_cells(self.opened.folder)
        if self.corrected and not self.follows:
            self.watcher.say(f"corrected {whats_corrected(self.corrected)}")
        if self.retry is not None and self._registered:
            repair = self.retry.repair
            self.opened.ledger.edits.note(self.follows, repair.edits, who=login(), origin=repair.origin)

    async def _read(self) -> Plan:
        """The first pass, and which of its rows are to be sent in this stretch of the run."""
        opened, options, resume = self.opened, self.options, self.resume
        account, name = opened.account.id, opened.mapping.name
        forgets_in = options.rehearsal.home if options.rehearsal else opened.home
        whole = self.retry is None and resume is None and not self.undoes
        keys = opened.destination.keys
        self.vanished = vanished_of(self)
        shards = (
            shards_of(opened.source, opened.application, forgets_in, keys, options.shards, self.crew)
            if whole and not self.parts and self.vanished is None  # who vanished is seen frame by frame
            else None
        )
        gone = threading.Event()
        reading = functools.partial(
            make_plan,
            opened.source,
            opened.application,
            opened.folder,
            lambda number: opened.ledger.pages.page(account, name, number),
            self.watcher,
            resend=_resending("" if self.of_ledger else options.resend),
            stop=gone.is_set,
            spooled=resume.spool if resume is not None else None,
            blocked=blocked_by(
                opened.ledger,
                options.rehearsal.home if options.rehearsal else None,
                opened.mapping,
                opened.source.header,
                keys,
            ),
            vanished=self.vanished,
            shards=shards,
        )
        try:
            plan = await asyncio.to_thread(reading)  # so that Ctrl-C is heard while a long file is read
        finally:
            gone.set()
        limit = options.limit
        if resume is not None:
            limit = self._leave_what_is_answered(plan, limit)
        elif self._registered:
            opened.ledger.runs.read(self.id, opened.source.sha256, plan.rows)
        try:
            if limit is not None or options.only is not None or options.opt_outs_only:
                limit_to(plan, limit=limit, only=options.only, opt_outs_only=options.opt_outs_only)
        except SourceError:  # nobody has that key
            plan.close()
            raise
        return plan

    def _leave_what_is_settled(self, plan: Plan, resume: Resume) -> None:
        """Asked when it is known whom a later run has delivered: nothing is unclear of them any more."""
        self._unclear = left_unclear(plan, self.opened.ledger, self.id)
        if resume.closing:
            leave_the_others(plan, self._unclear)

    def _leave_what_is_answered(self, plan: Plan, limit: int | None) -> int | None:
        """Takes rows out of the roll that have an answer from an earlier stretch; how many are left of the run's limit."""
        sent, carried = self.opened.ledger.answers.answered_rows(self.id)
        self.answered_before = len(sent)
        plan.roll.answered(np.array(sent, np.int64), np.array(carried, np.int64))
        return None if limit is None else max(0, limit - len(sent))

    def _settling(self) -> Unclear | None:
        if self.resume is None:
            return None
        return Unclear(self._unclear, surveyed=self.resume.begun.surveyed, closing=self.resume.closing)

    def _keep_what_the_destination_said(self) -> None:
        """Who is out there now may be removed there tomorrow: the ledger keeps it, whatever becomes of their rows."""
        opened = self.opened
        delivers = self.options.verb == "sync" and self.options.rehearsal is None
        if delivers and opened.destination.mails_people and self._knowledge is not None:
            for keys in self._knowledge.opted_out():
                opened.ledger.memory.heard_opt_outs(opened.account.id, keys, "destination")

    def _say_what_was_read(self, survey: Survey) -> None:
        facts = facts_of(survey)
        if facts is not None:
            self.watcher.say(f"contacts  {listed_there(facts)}")

    def _keys_to_send(self) -> set[str]:
        """The keys of the rows to be sent, and those under which their persons were delivered before."""
        opened, keys = self.opened, set[str]()
        for batch in batches(self.plan.spool, opened.application, self.plan.roll, BATCH):
            pairs = [(one.contact.key, one.contact.person) for one in batch.entries if not one.carried]
            remembered = opened.ledger.memory.remembered(opened.account.id, opened.mapping.name, pairs)
            keys |= {key for key, _ in pairs} | {one.key for one in remembered.values() if one.key}
        return keys

    def _judge(self) -> None:
        """What the guards say, and what is allowed by name, as far as is known by now.

        Of a run that is resumed it stands: its file and its mapping are the same, and its first requests are sent.
        """
        opened, plan, options = self.opened, self.plan, self.options
        if self.resume is not None:
            begun = self.resume.begun
            plan.guards, self.permissions = list(begun.guards), list(begun.permissions)
            self.edited, plan.new_columns = begun.edited, list(begun.new_columns)
            return
        account, mapping = opened.account.id, opened.mapping
        if self.parts:  # those of the sync have let it pass
            return
        guards = of_mapping(mapping.guards)
        if self.undoes:  # only for a number that was typed
            guards = to_be_typed(guards, "resubscribes")
        plan.guards = judged_plan(
            plan, options, guards, self._rows_before, opt_outs=self._opt_outs, resubscribes=self._resubscribes,
            vanished=self.vanished,
        )  # fmt: skip
        kept = opened.ledger.allowances.of(account, mapping.name, mapping.sha256)
        asked = needed(mapping, plan.roll, opened.destination, resubscribes=self._resubscribes)
        self.permissions = granted(asked, mapping, allowed(options.allow), kept)

    def _follow(self) -> None:
        """Since when the mapping may follow its source's consents: it was allowed before, or has to be now."""
        opened = self.opened
        consent = opened.mapping.consent
        if consent is None or consent.follow_source is None:
            return
        kept = opened.ledger.allowances.of(opened.account.id, opened.mapping.name, opened.mapping.sha256)
        since = kept.get("follow_source", self.started_at.timestamp())
        opened.destination.rules = dataclasses.replace(opened.destination.rules, follows_since=since)

    def allow(self, name: str) -> None:
        """Takes what a person has typed, as if it had been named with --allow."""
        self.options = dataclasses.replace(self.options, allow=self.options.allow | {name})
        self._judge()

    def _keep_allowances(self) -> None:
        """What a person has allowed for this version of the mapping is not asked again."""
        opened = self.opened
        for one in self.permissions:
            if one.by == "person" and one.name in ONCE:
                opened.ledger.allowances.keep(
                    opened.account.id, opened.mapping.name, opened.mapping.sha256, one.name
                )

    def _new_columns(self) -> list[str]:
        """The columns that no earlier run has seen and nobody has decided about; said at once."""
        opened = self.opened
        unmapped = [use.name for use in opened.application.uses() if use.use == "unmapped"]
        new = opened.ledger.columns.new(opened.account.id, opened.mapping.name, unmapped)
        if new:
            names = listed(visible(name) or "(no name)" for name in new)
            self.watcher.say(
                f"columns   new in this file, and not used: {names}. Map them, or name them under ignore:."
            )
        return new

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
            if self._registered:
                self._keep_allowances()
                self._begin()
            stage = "delivering" if self.options.verb == "sync" else "deciding"
            self.watcher.stage(stage, len(plan.roll.to_send()) + len(plan.roll.carried))
            self._left = batches(plan.spool, opened.application, plan.roll, BATCH)
        for batch in [b for b in self._begun.values() if b.number not in self.delivery.delivered]:
            yield batch
        for batch in self._left:
            self._begun = {n: b for n, b in self._begun.items() if n not in self.delivery.delivered}
            self._begun[batch.number] = batch
            yield batch

    def _begin(self) -> None:
        """What the run is begun with is durable before its first request, and so are its rows. Raises LedgerError."""
        opened, plan = self.opened, self.plan
        if self.resume is not None or not len(plan.roll.to_send()) + len(plan.roll.carried):
            return
        try:
            plan.spool.make_durable()
        except OSError as error:
            raise LedgerError(
                f"The rows of the run cannot be kept in {opened.folder}: {error.strerror}.",
                "Check the disk, then start again; nothing was sent.",
            ) from error
        if self._shared:
            rows_brought(self.id, opened.folder, opened.mapping.file)
        begun = Begun(
            options=self.options,
            guards=tuple(plan.guards),
            permissions=tuple(self.permissions),
            edited=self.edited,
            new_columns=tuple(plan.new_columns),
            reading={name: str(value) for name, value in opened.source.reading.items()},
            oddities=tuple(opened.source.oddities),
            today=today(),
            attempt=self.attempt,
            surveyed=self._knowledge is not None and self._knowledge.surveyed,
        )
        opened.ledger.runs.begin(self.id, begun.written())

    @property
    def _shared(self) -> bool:
        """Whether its folder is one that other machines may ask for: a run that the account's ledger knows."""
        return self._registered and self.options.verb == "sync" and self.options.rehearsal is None

    def _bring(self) -> None:
        if self._shared:
            brought(self.id, self.opened.folder, self.opened.mapping.file, self.watcher.say)

    def interrupt(self) -> None:
        """What is in flight is finished, nothing more is begun."""
        if self._opened is not None:
            self._opened.ledger.database.hurry()
        if self._delivery is not None:
            self._delivery.stop("interrupted")

    async def finish(self) -> int:
        """Files what landed, gives every row its outcome, writes the report; the exit code."""
        opened, plan = self.opened, self.plan
        if self.options.verb == "sync":
            await self.delivery.settle_later()
        self.finishing = True
        self.watcher.stage("writing the report")
        await self.delivery.close()
        try:
            if not self.guarded:
                self._file()
            if self._turn is not None:
                self._turn.end()
            if self._registered:
                opened.ledger.stretches.ended(self.id, STRETCH_ENDINGS.get(self.why_stopped, "stopped"))
            if self.vanished is not None:
                file_vanished(self)
            ending = report(self)
            whole = ending.state in ("completed", "needs_review")
            self.next = farewell_after(self, whole=whole)
            self._bring()  # before the ledger says that it has ended: else its report might be nowhere
            if whole and not self.follows and not self.of_ledger:
                opened.ledger.columns.remember(opened.account.id, opened.mapping.name, opened.source.header)
            opened.ledger.runs.finished(
                self.id, ending.state, ending.summary.exit_code, ending.summary.model_dump(mode="json")
            )
            if whole and self._registered:
                self._supersede()
            if self._registered:
                self._keep_corrections(whole=whole)
        except LedgerError as error:  # something may have been sent: that is more than "could not start"
            raise Stopped(error.what, error.fix) from error
        except OSError as error:
            raise Stopped(
                f"The report in {opened.folder} cannot be written: {error.strerror or error}.",
                "Make room or mend the rights, then start again; what has landed is not sent again.",
            ) from error
        self.ending, self.exit_code = ending, ending.summary.exit_code
        plan.books.tidy()
        if self._registered:
            await self._copy(ending)
            await asyncio.to_thread(self._let_go_of_old_runs)
        return self.exit_code

    async def _copy(self, ending: Ending) -> None:
        """The report goes to where the mapping says. Nobody else is at this mapping meanwhile, and none of it changes how the run ended."""
        opened = self.opened
        try:
            brought = await asyncio.to_thread(bring, opened.folder)
            if brought is None:
                return
            await asyncio.to_thread(self._bring)  # what it says of its copies
            self.ending = dataclasses.replace(ending, copies=brought)
            if brought.missing:
                self.watcher.say(f"reports   {brought.told()}")
                return
            left = opened.ledger.runs.with_rows()
            await asyncio.to_thread(bring_what_was_left, left, opened.mapping, self.id, self.watcher.say)
        except Exception as error:  # noqa: BLE001 - the run is over, and its own report is there
            self.watcher.say(f"reports   Not copied: {type(error).__name__}. The next run tries again.")

    def _let_go_of_old_runs(self) -> None:
        """What runs kept of people does not stay for ever. The run is over: where that fails, the next one does it."""
        opened = self.opened
        try:
            depot = depot_of(opened.mapping.file, opened.folder) if self._shared else None
            elsewhere = depot.let_go if depot is not None else lambda _: None
            if gone := let_go(opened.ledger, opened.keep, dt.datetime.now(dt.UTC), elsewhere, but=self.id):
                runs = f"{len(gone):,} run{'s' if len(gone) > 1 else ''}"
                self.watcher.say(
                    f"The rows of {runs} are not kept any more (MUSTER_KEEP_DAYS); the counts stay."
                )
            if depot is not None:
                tidied(opened.ledger, depot)
            if gone:
                clear_left(Settings(Path(opened.mapping.file)), gone)
        except (LedgerError, OSError):
            pass
        except SourceError as error:
            self.watcher.say(
                f"runs      What older runs kept may be there still; the next run looks again. {error.what} {error.fix}"
            )

    def _keep_corrections(self, *, whole: bool) -> None:
        """What was corrected in a retry outlives it; what its source has otherwise by now is not applied any more."""
        opened = self.opened
        corrections, account = opened.ledger.corrections, opened.account.id
        if self.follows:
            if said := keep(opened.ledger, account, opened.mapping, opened.folder, self.id):
                self.watcher.say(f"kept      {said}")
        elif whole and isinstance(opened.source, Corrected) and (outdated := opened.source.outdated()):
            corrections.done(account, opened.mapping.name, outdated)

    def _supersede(self) -> None:
        """What an older run of the same source left undone is done by now, or is not wanted any more."""
        runs = self.opened.ledger.runs
        run = runs.get(self.id)
        for older in runs.supersede(run) if run is not None else ():
            self.watcher.say(f"The run {older}, which was interrupted, is superseded by this one.")

    def _file(self) -> None:
        opened, plan = self.opened, self.plan
        if self.parts:
            file_acted(opened.ledger, self.id, opened.account.id, opened.mapping)
            return
        if self.undoes:
            self._file_undone(opened)
            return
        opened.ledger.memory.settle(self.id, opened.account.id, opened.mapping.name, opened.ledger.pages)
        if len(opened.destination.keys) > 1:
            opened.ledger.memory.heard_under(
                self.id, opened.account.id, opened.mapping.name, opened.destination.keys
            )
        # Those who are unchanged, too: their source says so still. Not those that are left for another time.
        rows = np.flatnonzero(plan.roll.opted_out & (plan.roll.states == State.UNCHANGED)) + 1
        keys = list(plan.books.sample(rows))
        for start in range(0, len(keys), 5000):
            opened.ledger.memory.heard_opt_outs(
                opened.account.id, keys[start : start + 5000], opened.mapping.name
            )

    def _file_undone(self, opened: Opened) -> None:
        """What was put back counts as delivered no more; where the undo was a plan, nothing was."""
        if self._registered:
            opened.ledger.undone.file(
                self.id, self.undoes, opened.account.id, opened.mapping.name, opened.destination.keys
            )

    def _file_what_landed(self, opened: Opened, state: str) -> None:
        """After an error or a cancellation in the middle. Where that fails, too, the next run does it."""
        ledger = opened.ledger
        with contextlib.suppress(LedgerError):
            if self.undoes:
                self._file_undone(opened)
            elif self.parts:
                file_acted(ledger, self.id, opened.account.id, opened.mapping)
            else:
                ledger.memory.settle(self.id, opened.account.id, opened.mapping.name, ledger.pages)
            ledger.stretches.ended(self.id, state)
            ledger.runs.finished(self.id, state, 130 if state == "interrupted" else 2, {})

    @property
    def why_stopped(self) -> str:
        """'' or: guarded, interrupted, breaker, credentials, ledger."""
        if self._plan is not None and self.guarded:
            return "guarded"
        return self._delivery.stopped if self._delivery is not None else ""

    @property
    def error(self) -> MusterError | None:
        return self._delivery.error if self._delivery is not None else None

    @property
    def closing(self) -> bool:
        """Whether it is an older run that another one takes the place of."""
        return self.resume is not None and self.resume.closing

    @property
    def knowledge(self) -> Knowledge | None:
        return self._knowledge


def _resending(resend: str | None) -> Callable[[str], bool] | None:
    if resend is None:
        return None
    wanted = resend.strip().lower()
    return (lambda _: True) if not wanted else (lambda key: key.lower() == wanted)

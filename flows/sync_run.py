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
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from connectors.base import Destination, Known, Source, destination_module
from connectors.errors import LedgerError, LookUpRefused, MusterError, SourceError, Stopped
from connectors.pace import Pace
from flows.batches import Batch, batches
from flows.consent import Suppressions, complaint_of
from flows.delivery import Delivery
from flows.guards import Counts, judged
from flows.identity import Identity
from flows.knowledge import Knowledge
from flows.ledger import Account, Ledger, RunLock, open_database
from flows.ledger.database import private_folder
from flows.open_questions import known_answers
from flows.opening import (
    check_examples,
    check_key,
    load_mapping,
    make_application,
    numbers_said,
    open_source_of,
    rules_of,
)
from flows.plan import Plan, limit_to, make_plan
from flows.report.plan_summary import PlanSummary
from flows.reporting import Ending, report
from flows.roll import Roll, State
from flows.settings import Settings, find_mapping
from flows.watching import Silent, Watcher
from mappings.engine.applying import Application
from mappings.engine.complaints import listed, visible
from mappings.engine.document import Mapping
from mappings.engine.schema import Schema

__all__ = ["BATCH", "Options", "SyncRun"]

BATCH = 250
_LOOKED_UP = 2000
_NOBODY = -1
_PLAN_KEPT_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for. `resend` is None, '' for everybody, or one key."""

    limit: int | None = None
    only: str | None = None
    resend: str | None = None
    allow: frozenset[str] = frozenset()
    opt_outs_only: bool = False
    report_dir: Path | None = None
    planned: PlanSummary | None = None
    """The plan that this sync carries out, where one was named."""
    verb: str = "sync"


@dataclass(slots=True)
class _Opened:
    """What a run holds from its beginning to its end."""

    mapping: Mapping
    source: Source
    home: Path
    ledger: Ledger
    lock: RunLock
    account: Account
    destination: Destination
    base_url: str
    per_second: float
    schema: Schema
    application: Application
    folder: Path
    suppressions: Suppressions
    pace: Pace


class SyncRun:
    """A run of one mapping over one source. Used inside `async with`, which lets go of the lock and the connections."""

    def __init__(
        self,
        mapping: str,
        source: str | None = None,
        options: Options | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.mapping_given = mapping
        self.source_given = source
        self.options = options or Options()
        self.watcher = watcher or Silent()
        self.id = ""
        self.started_at = dt.datetime.now(dt.UTC)
        self.exit_code: int | None = None
        self.ending: Ending | None = None
        self._opened: _Opened | None = None
        self._plan: Plan | None = None
        self._knowledge: Knowledge | None = None
        self._delivery: Delivery | None = None
        self.crashed: Exception | None = None
        self.finishing = False
        self._left: Iterator[Batch] | None = None
        self._begun: dict[int, Batch] = {}

    # what a run is made of

    @property
    def opened(self) -> _Opened:
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
    def prepared(self) -> bool:
        return self._plan is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
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
            if self.exit_code is None and self.options.verb == "sync":
                self._file_what_landed(opened, cut_off)
                sent = opened.ledger.answers.intended(self.id)
                self.watcher.say(
                    f"The run {self.id} ended before its report; what landed is kept, and the next sync goes on from there."
                    if sent
                    else "Nothing was sent."
                )
            if self.options.verb != "sync":
                shutil.rmtree(opened.folder, ignore_errors=True)
        finally:
            opened.lock.__exit__(None, None, None)
            opened.ledger.close()

    # the steps

    async def open(self) -> None:
        """Everything that can be wrong before the first row is found here. Raises CannotStart."""
        path = find_mapping(self.mapping_given)
        mapping = load_mapping(path)
        source = open_source_of(mapping, path, self.source_given)
        settings = Settings(path)
        module = destination_module(mapping.destination.kind)
        connector: Any = module.Connector
        check_key(mapping, connector)
        complaint_of(
            mapping, source.header, source.facts.opt_out_columns, mails_people=connector.mails_people
        )
        access = settings.access(
            mapping.destination.kind, mapping.destination.account, connector.default_base_url
        )
        settings.refuse_what_is_not_there_yet()
        home = settings.home(path)
        database = open_database(home)
        ledger = Ledger(database)
        lock = RunLock(home, mapping.name, f"{mapping.destination.kind}-{mapping.destination.account}")
        destination: Destination | None = None
        try:
            if self.options.verb == "sync":
                lock.__enter__()
            self._introduce(mapping, access.base_url, ledger, source)
            suppressions = Suppressions.read(home)
            account = ledger.accounts.seen(
                mapping.destination.kind, mapping.destination.account, access.base_url, access.key
            )
            per_second = min(connector.per_second, mapping.destination.rate or connector.per_second)
            pace = Pace(per_second, ledger.bookings(account.id))
            destination = connector(base_url=access.base_url, key=access.key, turns=pace)
            destination.answers = known_answers(
                settings, home, account.kind, account.name, access.base_url, self.watcher.say
            )
            await destination.__aenter__()
            self.watcher.stage("reading the destination's fields")
            schema = await destination.read_schema()
            account = await self._settled(account, access.key, ledger, destination)
            application = make_application(mapping, schema, source.header)
            destination.rules = rules_of(mapping, application)
            check_examples(mapping, schema)
            if said := numbers_said(mapping, schema):
                self.watcher.say(f"numbers   {said}")
            self.id = ledger.runs.new_id()
            folder = self._folder(home)
        except BaseException:
            if destination is not None:
                await destination.__aexit__(None, None, None)
            lock.__exit__(None, None, None)
            ledger.close()
            raise
        self._opened = _Opened(
            mapping, source, home, ledger, lock, account, destination, access.base_url, per_second, schema, application, folder,
            suppressions, pace,
        )  # fmt: skip
        self._close_earlier()
        if self.options.verb == "sync":
            ledger.runs.began(
                self.id,
                account.id,
                mapping.name,
                mapping.sha256,
                mapping.text,
                "sync",
                str(source.path),
                str(folder),
            )

    def _folder(self, home: Path) -> Path:
        if self.options.verb != "sync":
            private_folder(home / "plans")
            for old in (home / "plans").iterdir():  # of plans that were killed
                if time.time() - old.stat().st_mtime > _PLAN_KEPT_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
            return Path(tempfile.mkdtemp(prefix=f"{self.id}-", dir=home / "plans"))
        private_folder(home / "runs")
        return private_folder(home / "runs" / self.id)

    async def _settled(self, account: Account, key: str, ledger: Ledger, destination: Destination) -> Account:
        """Whose a changed key is: a few known contacts are looked up. The same ids: rotated. None of them: another workspace."""
        if not account.key_changed:
            return account
        delivered = ledger.accounts.some_delivered(account)
        same = not delivered
        for address, contact_id in delivered:
            there = await destination.find(address)
            same = same or (there is not None and there.contact_id == contact_id)
        if same:
            return ledger.accounts.rotated(account, key) if self.options.verb == "sync" else account
        self.watcher.say(
            f"The key belongs to another workspace than before: none of the {len(delivered)} contacts that were looked up is there. "
            "It counts as a new account, and nothing as delivered."
        )
        if self.options.verb != "sync":
            return dataclasses.replace(account, id=_NOBODY)
        return ledger.accounts.another(account, key)

    def _introduce(self, mapping: Mapping, base_url: str, ledger: Ledger, source: Source) -> None:
        """Account, address and ledger come first: who writes where."""
        destination = mapping.destination
        self.watcher.say(f"account   {destination.kind}, {destination.account}")
        self.watcher.say(f"address   {base_url}")
        new = "   NEW: nothing was delivered from here before" if ledger.database.new else ""
        self.watcher.say(f"ledger    {ledger.database.path}{new}")
        self.watcher.say(f"source    {source.path}")

    def _close_earlier(self) -> None:
        """A run that was killed is closed: what landed is filed, so that it is not sent again."""
        opened = self.opened
        if self.options.verb != "sync":
            return
        for run in opened.ledger.runs.unfinished(opened.account.id, opened.mapping.name):
            landed = opened.ledger.memory.settle(
                run.id, opened.account.id, opened.mapping.name, opened.ledger.pages
            )
            unclear = opened.ledger.answers.open_intents(run.id)
            opened.ledger.runs.finished(run.id, "interrupted", 130, {})
            self.watcher.say(
                f"The run {run.id} was cut off: {landed} contacts had landed and are not sent again; "
                f"of up to {unclear} more it is not known, and they are looked up."
            )

    async def prepare(self) -> None:
        """The whole first pass, what is at the destination, and the guards. Raises CannotStart; nothing is sent."""
        opened, options = self.opened, self.options
        account, name = opened.account.id, opened.mapping.name
        before = opened.ledger.runs.last_complete(account, name)
        new_columns = self._new_columns()
        gone = threading.Event()
        reading = functools.partial(
            make_plan,
            opened.source,
            opened.application,
            opened.folder,
            lambda number: opened.ledger.pages.page(account, name, number),
            self.watcher,
            resend=_resending(options.resend),
            stop=gone.is_set,
        )
        try:
            plan = await asyncio.to_thread(reading)  # so that Ctrl-C is heard while a long file is read
        finally:
            gone.set()
        if options.verb == "sync":
            opened.ledger.runs.read(self.id, opened.source.sha256, plan.rows)
        try:
            if options.limit is not None or options.only is not None or options.opt_outs_only:
                limit_to(plan, limit=options.limit, only=options.only, opt_outs_only=options.opt_outs_only)
        except SourceError:  # nobody has that key
            plan.close()
            raise
        plan.new_columns = new_columns
        plan.warnings += len(new_columns)
        self._plan = plan
        self._knowledge = Knowledge(opened.folder)
        lookups = len(plan.roll.to_send()) + len(plan.roll.carried)
        if not self._judge(plan.roll, before.rows_read if before else None, opt_outs=0):
            self.watcher.stage("reading the destination", None)
            await self._knowledge.gather(opened.destination, lookups)
            opt_outs = await self._opting_out(plan)
            self._judge(plan.roll, before.rows_read if before else None, opt_outs=opt_outs)
        self._delivery = Delivery(
            self.id, account, name, opened.destination, opened.ledger.answers, opened.ledger.memory, self._knowledge,
            opened.suppressions, self.watcher, pace_has_room=opened.pace.room, forget=_resending(options.resend),
            identity=Identity(account, name, opened.ledger.memory, plan.whereabouts) if plan.whereabouts else None,
        )  # fmt: skip

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

    def _judge(self, roll: Roll, rows_before: int | None, *, opt_outs: int) -> bool:
        """The guards' verdicts; true when one stops the run."""
        options = self.options
        writes = roll.count(State.NEW, State.CHANGED)
        counts = Counts(
            rows=roll.rows,
            kept=roll.rows - roll.count(State.FILTERED),
            invalid=roll.count(State.INVALID, State.REJECTED),
            writes=writes,
            opt_outs=opt_outs,
            rows_before=rows_before,
        )
        guards = judged(counts, options.allow)
        if options.opt_outs_only:
            guards = [dataclasses.replace(v, tripped=v.tripped and v.name == "opt_outs") for v in guards]
        self.plan.guards = guards
        return bool(self.plan.tripped)

    async def _opting_out(self, plan: Plan) -> int:
        """How many contacts that may be mailed now this run would unsubscribe; at most so many where it would take long."""
        rows = plan.roll.to_send()
        rows = rows[plan.roll.opted_out[rows - 1]]
        rows = np.union1d(rows, np.array(sorted(plan.roll.carried), np.int64))
        keys = list(plan.books.sample(rows))
        if self._knowledge is None or not self._knowledge.surveyed:
            return await self._mailable(keys) if len(keys) <= _LOOKED_UP else len(keys)
        starts = range(0, len(keys), 500)
        return sum(self._knowledge.may_be_mailed(keys[start : start + 500]) for start in starts)

    async def _mailable(self, keys: list[str]) -> int:
        """How many of these may be mailed now, many asked at once; who cannot be looked up is not written to either."""
        mailable = 0
        for start in range(0, len(keys), BATCH):
            asked = (self.opened.destination.find(key) for key in keys[start : start + BATCH])
            for one in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(one, BaseException) and not isinstance(one, LookUpRefused):
                    raise one
                mailable += isinstance(one, Known) and not one.opted_out
        return mailable

    @property
    def guarded(self) -> bool:
        return bool(self.plan.tripped)

    def question(self) -> str:
        """What a person has to say yes to before anything is sent, or ''."""
        new = self.plan.roll.count(State.NEW)
        writes = new + self.plan.roll.count(State.CHANGED)
        asked = []
        recreates = self.opened.mapping.gone == "recreate"
        if self.opened.destination.rules.newcomers == "UNCONFIRMED" and (new or (recreates and writes)):
            most = writes if recreates else new
            asked.append(
                f"Up to {most:,} new contacts come in as UNCONFIRMED, and each of them is sent a confirmation mail."
            )
        if self.opened.mapping.write == "replace" and writes:
            asked.append(
                f"write: replace empties every field that the mapping does not send, of up to {writes:,} contacts."
            )
        return "" if self.guarded else " ".join(asked)

    def to_deliver(self) -> Iterator[Batch]:
        """The batches that are left, made as they are asked for. Asked again, it goes on with those not yet delivered."""
        if self.guarded:
            return
        if self._left is None:
            opened, plan = self.opened, self.plan
            stage = "delivering" if self.options.verb == "sync" else "deciding"
            self.watcher.stage(stage, len(plan.roll.to_send()) + len(plan.roll.carried))
            self._left = batches(plan.spool, opened.application, plan.roll, BATCH)
        for batch in [b for b in self._begun.values() if b.number not in self.delivery.delivered]:
            yield batch
        for batch in self._left:
            self._begun = {n: b for n, b in self._begun.items() if n not in self.delivery.delivered}
            self._begun[batch.number] = batch
            yield batch

    def interrupt(self) -> None:
        """What is in flight is finished, nothing more is begun."""
        if self._delivery is not None:
            self._delivery.stop("interrupted")

    async def finish(self) -> int:
        """Files what landed, gives every row its outcome, writes the report; the exit code."""
        opened, plan = self.opened, self.plan
        self.finishing = True
        self.watcher.stage("writing the report")
        await self.delivery.close()
        try:
            if not self.guarded:
                self._file()
            ending = report(self)
            if ending.state in ("completed", "needs_review"):
                opened.ledger.columns.remember(opened.account.id, opened.mapping.name, opened.source.header)
            opened.ledger.runs.finished(
                self.id, ending.state, ending.summary.exit_code, ending.summary.model_dump(mode="json")
            )
        except LedgerError as error:  # something may have been sent: that is more than "could not start"
            raise Stopped(error.what, error.fix) from error
        except OSError as error:
            raise Stopped(
                f"The report in {opened.folder} cannot be written: {error.strerror or error}.",
                "Make room or mend the rights, then start again; what has landed is not sent again.",
            ) from error
        self.ending, self.exit_code = ending, ending.summary.exit_code
        plan.books.tidy()
        return self.exit_code

    def _file(self) -> None:
        opened, plan = self.opened, self.plan
        opened.ledger.memory.settle(self.id, opened.account.id, opened.mapping.name, opened.ledger.pages)
        rows = np.flatnonzero(plan.roll.opted_out) + 1
        rows = np.union1d(rows, np.array(sorted(plan.roll.carried), np.int64))
        keys = list(plan.books.sample(rows))
        for start in range(0, len(keys), 5000):
            opened.ledger.memory.heard_opt_outs(
                opened.account.id, keys[start : start + 5000], opened.mapping.name
            )

    def _file_what_landed(self, opened: _Opened, state: str) -> None:
        """After an error or a cancellation in the middle. Where that fails, too, the next run does it."""
        ledger = opened.ledger
        with contextlib.suppress(LedgerError):
            ledger.memory.settle(self.id, opened.account.id, opened.mapping.name, ledger.pages)
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
    def knowledge(self) -> Knowledge | None:
        return self._knowledge


def _resending(resend: str | None) -> Callable[[str], bool] | None:
    if resend is None:
        return None
    wanted = resend.strip().lower()
    return (lambda _: True) if not wanted else (lambda key: key.lower() == wanted)

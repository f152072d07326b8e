"""What a run holds from its beginning to its end, and how that is opened: whatever can be wrong before the first row is found here."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.base import Destination, Source
from connectors.breaker import Breaker
from connectors.kinds import destination_module
from connectors.listing import OnlyLists
from connectors.pace import Pace
from flows.changed_key import settled
from flows.consent import complaint_of
from flows.corrected import Corrected
from flows.field_list import keep as keep_fields
from flows.inbox.fetched import shown_source
from flows.ledger import Account, Correction, Ledger, Lock
from flows.ledger.booking import Booked
from flows.ledger.database import private_folder
from flows.ledger.opening import open_ledger
from flows.open_questions import known_answers
from flows.opening import (
    check_examples,
    check_key,
    load_mapping,
    make_application,
    numbers_said,
    open_source_of,
    rules_of,
    suppressions_of,
)
from flows.options import Options
from flows.own_ledger import own_ledger
from flows.resume import Resume
from flows.retention import Keep
from flows.retry import Retry
from flows.settings import Settings, find_mapping
from flows.suppressed import suppressed_elsewhere
from flows.suppressions import Suppressions
from flows.undo import Undo
from flows.vanished.farewell import Farewell
from flows.watching import Watcher
from mappings.engine.applying import Application
from mappings.engine.document import Mapping
from mappings.engine.schema import Schema

__all__ = ["Opened", "open_everything"]

_PLAN_KEPT_SECONDS = 86_400


@dataclass(slots=True)
class Opened:
    """Whoever opens it lets go of the destination, the lock and the ledger."""

    run_id: str
    mapping: Mapping
    source: Source
    home: Path
    ledger: Ledger
    lock: Lock
    account: Account
    destination: Destination
    base_url: str
    per_second: float
    schema: Schema
    application: Application
    folder: Path
    suppressions: Suppressions
    pace: Pace
    keep: Keep


async def _fields(destination: Destination, mapping: Mapping, home: Path, *, keeps: bool) -> Schema:
    schema = await destination.read_schema()
    if keeps:
        keep_fields(schema, mapping.destination.kind, mapping.destination.account, home=home)
    return schema


async def open_everything(
    mapping_given: str,
    source_given: str | None,
    options: Options,
    watcher: Watcher,
    retry: Retry | None = None,
    resume: Resume | None = None,
    undo: Undo | Farewell | None = None,
) -> Opened:
    """The mapping, its source, the ledger and the account. Raises CannotStart, and holds nothing then.

    A `retry` brings its source and its home with it, and goes to the account of the run that it follows; a `resume`
    brings its mapping as well, and stays the run that it goes on with. An `undo` brings all of that, and is a run of its own.
    """
    path, mapping, source = _read(mapping_given, source_given, retry, resume or undo)
    follows, rehearsal = retry or resume or undo, options.rehearsal
    settings = Settings(path)
    kind, name = mapping.destination.kind, mapping.destination.account
    connector = _connector(mapping, source)
    access = rehearsal.access if rehearsal else settings.access(kind, name, connector.default_base_url)
    keep, home = Keep.of(settings), _home(settings, path, options, follows)
    async with contextlib.AsyncExitStack() as held:
        ledger = open_ledger(home, "" if rehearsal else settings.ledger_url(), watcher.say)
        held.callback(ledger.close)
        lock = ledger.run_lock(mapping.name, f"{kind}-{name}")
        held.callback(lock.__exit__, None, None, None)
        if options.verb == "sync":
            lock.__enter__()
        _introduce(mapping, access.base_url, ledger, source, watcher, rehearsed=rehearsal is not None)
        suppressions = _suppressed(mapping, path, home, ledger, options, watcher)
        account = ledger.accounts.seen(kind, name, access.base_url, access.key)
        if follows is not None:
            follows.refuse_another(account)
        per_second = options.per_second or mapping.destination.allowed(connector.per_second)
        pace = _pace(mapping, per_second, ledger.bookings(account.id), alone=rehearsal is not None)
        destination: Destination = connector(base_url=access.base_url, key=access.key, turns=pace)
        held.push_async_callback(destination.__aexit__, None, None, None)
        _listen(destination.breaker, mapping.destination.patience, watcher)
        destination.answers = (
            rehearsal.answers
            if rehearsal
            else known_answers(settings, home, kind, name, access.base_url, watcher.say)
        )
        await destination.__aenter__()
        watcher.stage("reading the destination's fields")
        schema = await _fields(destination, mapping, home, keeps=options.verb == "sync" and rehearsal is None)
        account = await settled(account, access.key, ledger, destination, options, watcher)
        if follows is not None:
            follows.refuse_another(account)
        _lend_the_list(destination, ledger, account, mapping, resume, writes=options.verb == "sync")
        application = _fitted(
            mapping, schema, source, watcher, resume, is_new=resume is None and undo is None
        )
        destination.rules = rules_of(mapping, application)
        run_id = rehearsal.run_id if rehearsal else resume.run.id if resume else ledger.runs.new_id()
        folder = _folder(home, run_id, options) if resume is None else private_folder(Path(resume.run.folder))
        source = _corrected(source, mapping, ledger, account, options) if follows is None else source
        held.pop_all()  # whoever asked lets go of it from now on
    return Opened(
        run_id, mapping, source, home, ledger, lock, account, destination, access.base_url, per_second, schema, application,
        folder, suppressions, pace, keep,
    )  # fmt: skip


def _connector(mapping: Mapping, source: Source) -> Any:
    """The destination's class, to which key and consent of the mapping fit. Raises MappingError."""
    connector: Any = destination_module(mapping.destination.kind).Connector
    check_key(mapping, connector)
    complaint_of(mapping, source.header, source.facts.opt_out_columns, mails_people=connector.mails_people)
    return connector


def _lend_the_list(
    destination: Destination,
    ledger: Ledger,
    account: Account,
    mapping: Mapping,
    resume: Resume | None,
    *,
    writes: bool,
) -> None:
    """A destination without a look-up knows the contacts by the ledger's list of them."""
    if isinstance(destination, OnlyLists):
        hours = _list_hours(mapping, ledger, resume)
        destination.listing = ledger.listing(account.id, hours=hours, writes=writes)


def _fitted(
    mapping: Mapping, schema: Schema, source: Source, watcher: Watcher, resume: Resume | None, *, is_new: bool
) -> Application:
    """The mapping against this schema and this header. Its examples are run when a run is new: of others they were when it was begun."""
    application = make_application(
        mapping, schema, source.header, resume.begun.today if resume is not None else None
    )
    if is_new:
        check_examples(mapping, schema)
    if said := numbers_said(mapping, schema):
        watcher.say(f"numbers   {said}")
    return application


def _read(
    mapping_given: str, source_given: str | None, retry: Retry | None, brings: Resume | Undo | Farewell | None
) -> tuple[Path, Mapping, Source]:
    """The mapping's file, what it says, and the rows."""
    if brings is not None:
        return brings.mapping_path, brings.mapping(), brings.source()
    path = find_mapping(mapping_given)
    mapping = load_mapping(path)
    source = open_source_of(mapping, path, source_given) if retry is None else retry.source_of(mapping)
    return path, mapping, source


def _home(
    settings: Settings, path: Path, options: Options, follows: Retry | Resume | Undo | Farewell | None
) -> Path:
    """Where the ledger is, or is to be."""
    if options.rehearsal:
        return options.rehearsal.folder
    return settings.home(path) if follows is None else follows.home


def _pace(mapping: Mapping, per_second: float, bookings: Booked, *, alone: bool) -> Pace:
    """The account's pace, or the mapping's share of it."""
    return Pace(per_second, bookings, share=1.0 if alone else mapping.destination.share or 1.0)


def _listen(breaker: Breaker, patience: float | None, watcher: Watcher) -> None:
    """What the breaker says is said to whoever watches; it is as patient as the mapping says."""
    breaker.say, breaker.held = watcher.say, watcher.held
    if patience is not None:
        breaker.patience = patience


def _list_hours(mapping: Mapping, ledger: Ledger, resume: Resume | None) -> float:
    """How old the ledger's list of contacts may be; where a run may have created some unheard, everybody is read."""
    unheard = resume is not None and None in ledger.answers.unclear(resume.run.id).values()
    return 0.0 if unheard else mapping.destination.list_hours


def _corrected(
    source: Source, mapping: Mapping, ledger: Ledger, account: Account, options: Options
) -> Source:
    """The source as earlier retries have corrected it, where they have."""
    kept: list[Correction] = []
    if options.rehearsal is not None and options.corrections:
        with own_ledger(options.rehearsal, account.kind, account.name) as own:
            kept = own[0].corrections.applied(own[1], mapping.name) if own is not None else []
    elif options.corrections:
        kept = ledger.corrections.applied(account.id, mapping.name)
    return Corrected(source, mapping, kept) if kept else source


def _suppressed(
    mapping: Mapping, path: Path, home: Path, ledger: Ledger, options: Options, watcher: Watcher
) -> Suppressions:
    """By the files here, and by what other machines of the ledger have in theirs; a rehearsal asks the account's own ledger."""
    if options.rehearsal is None:
        suppressions = suppressions_of(mapping, path, home)
        suppressions.heed(suppressed_elsewhere(ledger, home))
    else:
        suppressions = suppressions_of(mapping, path, options.rehearsal.home)
        with own_ledger(options.rehearsal, mapping.destination.kind, mapping.destination.account) as own:
            suppressions.heed(suppressed_elsewhere(own[0], options.rehearsal.home) if own is not None else {})
    if suppressions.said:
        watcher.say(f"suppress  {suppressions.said}")
    return suppressions


def _folder(home: Path, run_id: str, options: Options) -> Path:
    """Where the run keeps its parts; a plan's is gone when it ends, a rehearsal's is its home."""
    if options.rehearsal is not None:
        return home
    if options.verb != "sync":
        private_folder(home / "plans")
        for old in (home / "plans").iterdir():  # of plans that were killed
            if time.time() - old.stat().st_mtime > _PLAN_KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{run_id}-", dir=home / "plans"))
    private_folder(home / "runs")
    return private_folder(home / "runs" / run_id)


def _introduce(
    mapping: Mapping, base_url: str, ledger: Ledger, source: Source, watcher: Watcher, *, rehearsed: bool
) -> None:
    """Account, address and ledger come first: who writes where."""
    destination = mapping.destination
    watcher.say(f"account   {destination.kind}, {destination.account}")
    watcher.say(f"address   {base_url}")
    new = "   NEW: nothing was delivered from here before" if ledger.database.new else ""
    if rehearsed:
        new = "   of this rehearsal alone"
    watcher.say(f"ledger    {ledger.database.shown}{new}")
    watcher.say(f"source    {shown_source(source.path, mapping.name, mapping.source.inbox)}")

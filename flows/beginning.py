"""How a sync begins where an earlier run of its mapping was interrupted: that one is finished, closed, or left alone.

the same mapping, file and options            it is finished, and is the sync
the same file's place, otherwise              what may have been sent is settled, and it is superseded; then the sync
another file, or only a part of one           the sync; the interrupted run waits for `muster resume`
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import LedgerError, MappingError, SourceError
from flows.inbox.fetched import is_arrival_of
from flows.ledger import Run
from flows.options import Options
from flows.pipeline import deliver_all
from flows.resume import Begun, Resume
from flows.stopping import interruptible
from flows.sync_run import SyncRun
from flows.watching import Hushed, Silent, Watcher

__all__ = ["begun"]


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Interrupted runs of the mapping: the one that the sync finishes, and those that it closes first."""

    finish: Resume | None
    close: tuple[Run, ...]


@contextlib.asynccontextmanager
async def begun(
    mapping: str, source: str | None, options: Options, watcher: Watcher
) -> AsyncIterator[SyncRun]:
    """A run that is open and in the ledger: a new one, or the interrupted one that it finishes. Raises CannotStart."""
    async with SyncRun(mapping, source, options, watcher) as run:
        await run.open()
        earlier = _earlier(run)
        if earlier is None:
            run.register()
            yield run
            return
        home, text_of = run.opened.home, run.opened.ledger.runs.mapping_text
        texts = {one.id: text_of(one.mapping_sha256) for one in earlier.close}
    for one in earlier.close:
        watcher.say(
            f"The run {one.id} was interrupted, and {_what_changed(one, options)}: it is closed first."
        )
        try:
            await closed(Resume.of(one, home, texts[one.id], closing=True), watcher)
        except (MappingError, SourceError, LedgerError) as error:
            watcher.say(f"What may have been sent in it cannot be settled, and stays unknown: {error.what}")
            await _marked(mapping, source, options, one)
    resume = earlier.finish
    if resume is not None:
        watcher.say(
            f"The run {resume.run.id} of the same mapping and file was interrupted: this sync finishes it."
        )
    hushed = Hushed(watcher)
    opening = SyncRun(
        mapping,
        source,
        options if resume is None else resume.options(options.report_dir, options.allow),
        hushed,
        resume=resume,
    )
    async with opening as run:
        await run.open()
        run.watcher, hushed.speaks = watcher, True
        run.register()
        yield run


async def closed(resume: Resume, watcher: Watcher) -> None:
    """Settles what may have been sent in a run that is not finished any more, and writes its report."""
    hushed = Hushed(watcher)
    async with SyncRun(str(resume.mapping_path), None, resume.options(), hushed, resume=resume) as run:
        await run.open()
        hushed.speaks = True
        run.register()
        hushed.speaks = False
        await run.prepare()
        with interruptible(run):
            await deliver_all(run, run.delivery.deliver)
            await run.finish()
        watcher.say(f"The run {run.id} is superseded; its report is in {run.opened.folder}.")


async def _marked(mapping: str, source: str | None, options: Options, older: Run) -> None:
    """Superseded without a look: its mapping or its rows cannot be read any more."""
    async with SyncRun(mapping, source, options, Silent()) as run:
        await run.open()
        run.opened.ledger.runs.close(older.id, "superseded")


def _earlier(run: SyncRun) -> _Earlier | None:
    """What is to be done before; None where the sync begins at once."""
    opened, options = run.opened, run.options
    if options.verb != "sync" or options.rehearsal is not None:
        return None
    ledger = opened.ledger
    whole = _asked(options) == _asked(Options()) and options.planned is None
    finish: Resume | None = None
    close: list[Run] = []
    for older in ledger.runs.unfinished(opened.account.id, opened.mapping.name):
        if finish is None and not close and options.planned is None and _is_same(older, run):
            text = ledger.runs.mapping_text(older.mapping_sha256)
            with contextlib.suppress(
                SourceError
            ):  # its rows are gone: it is closed, and the sync reads them again
                finish = Resume.of(older, opened.home, text)
                continue
        if whole and not older.follows and _takes_its_place(older, run):
            close.append(older)
    return _Earlier(finish, tuple(close)) if finish is not None or close else None


def _takes_its_place(older: Run, run: SyncRun) -> bool:
    """Whether it was begun over the same file's place, or over an older snapshot of the same inbox."""
    opened = run.opened
    snapshot = opened.mapping.source.files == "snapshots" and all(
        is_arrival_of(path, opened.mapping.name) for path in (Path(older.source_path), opened.source.path)
    )
    return snapshot or older.source_path == str(opened.source.path)


def _is_same(older: Run, run: SyncRun) -> bool:
    opened = run.opened
    if older.follows or older.mapping_sha256 != opened.mapping.sha256:
        return False
    if _asked(Begun.read(older.begun).options) != _asked(run.options):
        return False
    if opened.source.sha256:  # known before it is read where it was unpacked or is several files
        return opened.source.sha256 == older.source_sha256
    try:
        with opened.source.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == older.source_sha256
    except OSError:
        return False


def _asked(options: Options) -> tuple[object, ...]:
    """Which rows are asked for."""
    return options.limit, options.only, options.resend, options.opt_outs_only, options.corrections


def _what_changed(older: Run, options: Options) -> str:
    if _asked(Begun.read(older.begun).options) != _asked(options):
        return "only a part of its file was asked for, or other corrections"
    return "its mapping or its file was changed since"

"""The turn of a folder of fixes: each file that was dropped is retried once, by its content, and answered.

What the ledger's runs have read says what was retried. A file whose retry was cut off is resumed; one whose answer was cut off is answered
again. Who retries is told apart: a terminal and a flow do it each in their own way.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import Busy, CannotStart, MusterError, SourceError
from flows.alerts.alert import Alert
from flows.alerts.telling import Occasion, tell_apart
from flows.asking import not_allowed
from flows.copies.marker import link_of
from flows.depot import folder_of
from flows.fixes.answer import of_run, of_unusable
from flows.fixes.dropping import Dropped
from flows.fixes.folder import REFUSED, Fetched, FixesFolder
from flows.fixes.usable import LARGEST, SENTENCES, Unusable, retry_of
from flows.ledger import Run
from flows.ledger.runs import now
from flows.repair import Repair
from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.resume import Resume
from flows.retention import Keep
from flows.retry import Retry, open_retry
from flows.sync_run import SyncRun

__all__ = ["Piece", "Told", "ask_nobody", "one_after_the_other", "refuse_to_ask"]

_COMPLETE = ("completed", "needs_review")
_WAITS = {
    "growing": "it is still being written",
    "open": "it is open in a spreadsheet program; it is taken when it is closed",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be sent for one file: its rows for the first time, or a retry of them that was cut off."""

    name: str
    retry: Retry | None = None
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a file. `state` is answered, refused, waits or stopped (its retry came to no end; it waits, too).

    `exit_code` is that of its run, 1 of one that was refused, 0 where it waits. `answer` is the address of what the person reads.
    """

    name: str
    state: str
    exit_code: int
    sentence: str
    run_id: str = ""
    answer: str = ""


Send = Callable[[Piece], Awaitable[object]]
"""Sends a piece to its end; what came of it is the ledger's to say. Raises Busy, Unusable where something would have to be asked, CannotStart, Stopped."""
Say = Callable[[str], None]


async def one_after_the_other(fixes: FixesFolder, send: Send, say: Say) -> list[Told]:
    """Everything that lies there, the oldest first; what became of each. Up to one whose run was stopped, after which the others wait.

    To be called by who is alone with the folder. Raises SourceError where the folder cannot be used, and what concerns all files: CannotStart.
    """
    told: list[Told] = []
    for one in await asyncio.to_thread(fixes.look):
        if told and told[-1].state == "stopped":
            told.append(Told(one.lying.name, "waits", 0, "the run before it did not come to its end"))
        else:
            told.append(await _seen_to(fixes, one, send, say))
    with contextlib.suppress(SourceError):
        await asyncio.to_thread(fixes.tidy, Keep.of(fixes.settings), dt.datetime.now(dt.UTC))
    return told


async def ask_nobody(run: SyncRun) -> None:
    """As whoever begins a run asks: see `refuse_to_ask`."""
    refuse_to_ask(run)


def refuse_to_ask(run: SyncRun) -> None:
    """Raises Unusable where a person would be asked: who drops a file is not there to answer."""
    said = ""
    if run.not_allowed:
        said = not_allowed(run.not_allowed, run.opened.mapping).what
    elif question := run.question():
        said = question
    if said:
        raise Unusable(
            "needs_answer",
            f"Nothing was sent, because somebody has to allow it first. {said}",
            "Give this text and the file to whoever runs muster: muster retry FILE asks for it.",
        )


async def _seen_to(fixes: FixesFolder, one: Dropped, send: Send, say: Say) -> Told:
    lying, fetched = one.lying, None
    if one.state in _WAITS:
        return Told(lying.name, "waits", 0, _WAITS[one.state])
    try:
        _refuse_by_look(one)
        fetched = await asyncio.to_thread(fixes.fetch, lying)
        if fetched is None:
            return Told(lying.name, "waits", 0, _WAITS["growing"])
        return await _retried(fixes, fetched, send)
    except Busy as busy:
        return Told(lying.name, "waits", 0, busy.what)
    except Unusable as error:
        return await _refused(fixes, one, fetched, error, say)


def _refuse_by_look(one: Dropped) -> None:
    """Raises Unusable for what need not be fetched."""
    name = one.lying.name
    if one.state == "lock":
        raise Unusable(
            "lock",
            f"{name} is only what a spreadsheet program keeps while a file is open, and holds no rows.",
            "Save and close the workbook, then drop the workbook itself.",
        )
    if one.lying.size > LARGEST:
        raise Unusable(
            "too_large",
            f"{name} has {one.lying.size / 2**20:,.0f} MiB; a file of failures has {LARGEST / 2**20:,.0f} at most.",
            "Drop the failures.xlsx of a run, with the lines of other runs or sheets taken out.",
        )


async def _retried(fixes: FixesFolder, fetched: Fetched, send: Send) -> Told:
    name = fetched.lying.name
    with fixes.ledger() as ledger:
        known = ledger.runs.retries_of(fixes.mapping.name, fetched.sha256)
        done = next((run for run in known if run.state in _COMPLETE), None)
        cut_off = next((run for run in known if run.unfinished), None)
        if done is not None:
            piece = None
        elif cut_off is not None:
            text = ledger.runs.mapping_text(cut_off.mapping_sha256)
            piece = Piece(name, resume=Resume.of(cut_off, fixes.home, text))
        else:
            piece = Piece(name, retry=retry_of(fetched.path, name, fixes.mapping, ledger))
    if done is not None:
        again = await asyncio.to_thread(fixes.answered_before, done.id)
        return await _answered(fixes, fetched, done, again=again)
    assert piece is not None  # noqa: S101 - one of the three
    try:
        await send(piece)
    except (Busy, Unusable):
        raise
    except CannotStart as error:
        if type(error) is CannotStart:  # what does not fit this file's run; all others concern every file
            raise Unusable(
                "rows", f"Nothing was sent. {error.what}", "Give this text to whoever runs muster."
            ) from None
        raise
    with fixes.ledger() as ledger:
        run = next(iter(ledger.runs.retries_of(fixes.mapping.name, fetched.sha256)), None)
    if run is None or not run.summary:
        return Told(name, "stopped", 3, "its run came to no end; the next look finishes it")
    summary = Summary.model_validate(run.summary)
    if summary.status == "guarded":
        names = ", ".join(guard.name for guard in summary.guards if guard.tripped and not guard.allowed)
        raise Unusable(
            "guard",
            f"Nothing was sent. {verdict(summary)}",
            f"Give this text and the file to whoever runs muster: muster retry FILE --allow {names}, where that is right.",
        )
    if run.state not in _COMPLETE:
        code = run.exit_code if run.exit_code is not None else 3
        return Told(name, "stopped", code, f"{verdict(summary)} The next look finishes it.", run.id)
    return await _answered(fixes, fetched, run, again=False)


async def _answered(fixes: FixesFolder, fetched: Fetched, run: Run, *, again: bool) -> Told:
    name, summary = fetched.lying.name, Summary.model_validate(run.summary)
    folder = await asyncio.to_thread(folder_of, run)
    answer = of_run(name, run, _repair(fetched.path, fixes), again=again, link=link_of(folder))
    address = await asyncio.to_thread(fixes.settle, fetched.lying, fetched, answer)
    return Told(name, "answered", summary.exit_code, verdict(summary), run.id, address)


def _repair(path: Path, fixes: FixesFolder) -> Repair | None:
    """What was read in the file; None where its run's rows are not kept any more."""
    with contextlib.suppress(MusterError):
        return open_retry(path, str(fixes.path)).repair
    return None


async def _refused(
    fixes: FixesFolder, one: Dropped, fetched: Fetched | None, error: Unusable, say: Say
) -> Told:
    looks = f"{one.lying.path} {one.lying.size} {one.lying.modified.isoformat()}"
    sha256 = fetched.sha256 if fetched is not None else hashlib.sha256(looks.encode()).hexdigest()
    answer = of_unusable(one.lying.name, sha256, error)
    destination = fixes.mapping.destination
    alert = Alert(
        "fix_refused",
        fixes.mapping.name,
        f"A file that somebody dropped into the folder of fixes was not used: {SENTENCES[error.code]}. Its answer says what to do.",
        now(),
        f"{destination.kind}-{destination.account}",
        cause=(error.code,),
        report=_refused_at(fixes),
    )
    # told before it is moved: cut off in between, it is told twice, and not never
    await tell_apart(Occasion(alert, fixes.path, fixes.home, fixes.mapping.notify), say)
    address = await asyncio.to_thread(fixes.settle, one.lying, fetched, answer)
    return Told(one.lying.name, "refused", 1, f"{error.what} {error.fix}", answer=address)


def _refused_at(fixes: FixesFolder) -> str:
    place = fixes.place()
    return place.address(place.within(REFUSED))

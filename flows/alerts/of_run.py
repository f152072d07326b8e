"""What a run's end means for its mapping, in words and counts that may leave the house.

A person at a terminal sees by themselves what could not start, and that they interrupted it: nobody else is told of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import (
    Busy,
    CredentialsError,
    LedgerError,
    MappingError,
    MusterError,
    SourceError,
    Stopped,
    Unreachable,
)
from flows.alerts.alert import Alert, Top
from flows.alerts.telling import Occasion
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.ledger.runs import now
from flows.opening import load_mapping
from flows.report.summary import Summary
from flows.report.verdict import verdict
from flows.settings import Settings, find_mapping
from flows.trend import needing
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping, Notify
from mappings.engine.problems.codes import CODES
from mappings.engine.reading import read_mapping_text

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["occasion_of", "occasion_without_run", "top_problem"]

_STATES = {0: "completed", 1: "needs_review", 3: "stopped", 130: "interrupted"}
_WHY: tuple[tuple[type[BaseException], str, str], ...] = (
    (MappingError, "mapping", "The mapping cannot be used as it is. muster check says where."),
    (SourceError, "source", "The source cannot be found or read. muster plan says why."),
    (CredentialsError, "credentials", "The key is missing or is not accepted. muster doctor says which."),
    (Unreachable, "unreachable", "The destination does not answer. muster doctor tries it."),
    (LedgerError, "ledger", "The ledger cannot be used as it is. muster doctor says why."),
    (Stopped, "stopped", "It stopped itself. muster runs says what is left, and muster resume goes on."),
    (MusterError, "cannot_start", "It did not begin. Its output says why; muster plan shows it again."),
    (OSError, "disk", "The disk or its rights do not allow it. Its output says where."),
)
"""What is said of an error: never its own words, which may name a file or a value."""


def occasion_of(run: SyncRun, error: BaseException | None) -> Occasion | None:
    """What is to be told of a run that is about to let go of everything; None where nothing is."""
    error = error or run.crashed
    if run.undoes or not run.options.alerts:
        return None
    alert, settles = _alert(run, error)
    if alert is None:
        return None
    if run.is_open:
        opened = run.opened
        return Occasion(alert, Path(opened.mapping.file), opened.home, opened.mapping.notify, settles)
    return _unopened(run, alert, settles)


def occasion_without_run(mapping: str, error: Exception) -> Occasion | None:
    """What is to be told of a sync that could not start, before there was a run to tell it; None where nothing is."""
    if isinstance(error, Busy) or _watched():
        return None
    cause, sentence = _why(error)
    path = _path_of(mapping)
    home = Settings(path).home(path)
    name, account, notify = _found(path, home)
    code: int = getattr(error, "exit_code", 2)
    alert = Alert("failed", name, sentence, now(), account, cause=(cause,), exit_code=code)
    return Occasion(alert, path, home, notify)


def _alert(run: SyncRun, error: BaseException | None) -> tuple[Alert | None, tuple[str, ...]]:
    name, account = ("", "") if not run.is_open else (run.opened.mapping.name, _account(run.opened.mapping))
    if run.ending is not None and run.exit_code is not None:
        summary = run.ending.summary
        settles = _settled_by(run, summary)
        if summary.status == "limited" or settles is None:
            return None, ()
        state = _STATES.get(summary.exit_code, "failed")
        if state == "interrupted" and _watched():
            return None, ()
        return _of_summary(state, account, summary, run), settles
    if run.follows or isinstance(error, Busy):
        return (
            None,
            (),
        )  # a person began it and sees it; or another run of the mapping is at work, and will tell
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit):
        state, cause = "interrupted", ""
        sentence = "It was interrupted before its report. muster resume goes on, and so does the next sync."
    elif error is not None:
        state, (cause, sentence) = "stopped" if isinstance(error, Stopped) else "failed", _why(error)
    elif run.prepared and run.is_open:
        state, cause = "failed", ",".join(one.name for one in run.not_allowed) or "question"
        sentence = "It did not begin: something has to be allowed by a person first. muster plan says what."
    else:
        return None, ()  # somebody only had a look
    if state != "stopped" and _watched():
        return None, ()
    found = Alert(
        state,
        name,
        sentence,
        now(),
        account,
        cause=tuple(filter(None, cause.split(","))),
        run_id=run.id if run.prepared else "",
        exit_code=130 if state == "interrupted" else getattr(error, "exit_code", 2),
    )
    return found, ()


def _why(error: BaseException) -> tuple[str, str]:
    for kind, cause, sentence in _WHY:
        if isinstance(error, kind):
            return cause, sentence
    return "bug", f"This is a bug in muster: {type(error).__name__}. Please report it."


def _watched() -> bool:
    """Whether a person is at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _account(mapping: Mapping) -> str:
    return f"{mapping.destination.kind}-{mapping.destination.account}"


def _settled_by(run: SyncRun, summary: Summary) -> tuple[str, ...] | None:
    """The states that this run can end: () for all, None where nothing is to be told of it."""
    if not run.follows:
        return () if not run.closing else None
    followed = run.opened.ledger.runs.get(run.follows)
    whole = followed is not None and summary.source.rows_read >= needing(followed)
    return ("needs_review",) if summary.exit_code == 0 and whole else None


def _of_summary(state: str, account: str, summary: Summary, run: SyncRun) -> Alert:
    opened = run.opened
    copies = run.ending.copies if run.ending is not None else None
    tripped = tuple(guard.name for guard in summary.guards if guard.tripped and not guard.allowed)
    cause: tuple[str, ...] = ()
    if state == "stopped":
        cause = tripped or tuple(filter(None, [run.why_stopped]))
    elif state == "failed":
        cause = ("bug",)
    return Alert(
        state,
        opened.mapping.name,
        verdict(summary),
        now(),
        account,
        cause=cause,
        run_id=run.id,
        exit_code=summary.exit_code,
        rows_read=summary.source.rows_read,
        need_a_person=summary.needing,
        outcomes=summary.outcomes.model_dump(),
        top=top_problem(summary, opened.mapping),
        report=(copies.link if copies is not None else "") or str(opened.folder / "report.html"),
        not_copied=copies.missing if copies is not None else (),
    )


def top_problem(summary: Summary, mapping: Mapping) -> Top | None:
    """The error that most rows have, of those that need a person. A column's name stays where the mapping has it."""
    errors = [one for one in summary.problems if one.severity == "error" and one.state in ("new", "known")]
    if not errors:
        return None
    most = max(errors, key=lambda one: one.count)
    named = {*mapping.columns(), *mapping.fields}
    stays = all(part in named for part in most.column.split(" / "))
    return Top(most.code if most.code in CODES else "other", most.column if stays else "", most.count)


# a run that was never open


def _unopened(run: SyncRun, alert: Alert, settles: tuple[str, ...]) -> Occasion:
    """The mapping's name, account and receivers, as far as they can be found out: as it is now, else as its last run had it."""
    given = _path_of(run.mapping_given)
    home = run.resume.home if run.resume is not None else Settings(given).home(given)
    name, account, notify = _found(given, home)
    return Occasion(dataclasses.replace(alert, mapping=name, account=account), given, home, notify, settles)


def _path_of(mapping: str) -> Path:
    """A mapping's file, also where it is not there."""
    with contextlib.suppress(MusterError):
        return find_mapping(mapping)
    return Path(mapping).expanduser()


def _found(path: Path, home: Path) -> tuple[str, str, Notify | None]:
    with contextlib.suppress(MusterError):
        mapping = load_mapping(path)
        return mapping.name, _account(mapping), mapping.notify
    with contextlib.suppress(MusterError):
        if there_is_a_ledger(home):
            ledger = open_ledger(home)
            try:
                last = ledger.told.last_mapping(str(path.absolute()))
            finally:
                ledger.close()
            if last is not None:
                name, account, text = last
                with contextlib.suppress(MappingInvalid):
                    return name, account, read_mapping_text(text, str(path)).notify
                return name, account, None
    return path.stem, "", None

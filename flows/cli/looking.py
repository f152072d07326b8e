"""Looking into an inbox: what lies there is said, and what would be synced is lent to who only plans."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import click

from flows.cli.watchers import Lines, Live, watcher
from flows.inbox.arrivals import Inbox, Look
from flows.inbox.wording import said_of

__all__ = ["lent", "look_and_say", "tell_overdue", "telling_not_begun"]


def look_and_say(inbox: Inbox, watching: Lines | Live, *, writes: bool) -> Look:
    """What lies in the inbox; what is odd about it is said."""
    watching.say(f"inbox     {inbox.mapping.source.inbox}")
    look = inbox.look(writes=writes)
    if inbox.ledger_new:
        watching.say(f"ledger    {inbox.home}   NEW: nothing was delivered from here before")
    for line in said_of(look, deltas=inbox.deltas):
        watching.say(f"inbox     {line}")
    for one in look.to_sync:
        watching.say(f"arrived   {one.lying.name}")
    return look


def tell_overdue(look: Look) -> None:
    """Says that no file came, where one should have."""
    if look.overdue is not None:
        click.echo(look.overdue.told(dt.datetime.now(dt.UTC)), err=True)


def seen_in(look: Look) -> list[dict[str, Any]]:
    """The files as JSON: name, state and the run that synced the content, None where none did."""
    return [
        {"name": one.lying.name, "state": one.state, "run_id": one.judged.run or None} for one in look.files
    ]


@contextlib.contextmanager
def telling_not_begun(mapping: str) -> Iterator[None]:
    """What is raised in it is told to whom the mapping names, where nobody is at a terminal, and goes on."""
    try:
        yield
    except Exception as error:
        from flows.alerts.not_begun import tell_not_begun  # noqa: PLC0415 - only where something went wrong

        asyncio.run(tell_not_begun(mapping, error, lambda line: click.echo(line, err=True)))
        raise


@contextlib.contextmanager
def lent(
    mapping: str, file: str | None, *, as_json: bool = False
) -> Iterator[tuple[str | None, Look | None]]:
    """The file that a sync would begin with, and what was seen: as long as it is looked at, nothing is marked or moved.

    `file` itself where one was named, or the mapping has no inbox; None beside a look where nothing new came.
    """
    inbox = Inbox.of(mapping) if file is None else None
    if inbox is None:
        yield file, None
        return
    with inbox.aside():
        with watcher() as watching:
            look = look_and_say(inbox, watching, writes=False)
            turn = look.to_sync
            if len(turn) > 1:
                watching.say(
                    f"inbox     looked at is {turn[0].lying.name}; {len(turn) - 1} more come after it"
                )
        if not turn:
            if as_json:
                click.echo(
                    json.dumps(
                        {"schema_version": 1, "inbox": seen_in(look), "overdue": look.overdue is not None}
                    )
                )
            else:
                click.echo(f"Nothing new in {inbox.mapping.source.inbox}; a sync would send nothing.")
            tell_overdue(look)
        yield (str(turn[0].path) if turn else None), look

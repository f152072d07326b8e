"""What a person is asked at a terminal before anything is sent, and what is refused where nobody is there."""

from __future__ import annotations

import sys

import click

from connectors.errors import CannotStart
from flows.asking import not_allowed, number_typed
from flows.cli.watchers import Lines, Live
from flows.sync_run import SyncRun

__all__ = ["answer", "somebody_there"]


def somebody_there() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def answer(run: SyncRun, watching: Lines | Live, *, yes: bool) -> None:
    """Asks for numbers and names to be typed, then for a yes. Raises CannotStart where that is missing.

    `yes` answers the last question alone. A number that is typed wrong leaves its guard closed: the run goes on as guarded.
    """
    asks = somebody_there()
    if asks and run.to_type:
        watching.close()
        for guard in run.to_type:
            click.echo(f"{guard.count:,} {guard.says}.", err=True)
            number = click.prompt(
                f"Type their number to go on ({guard.name})", default="", show_default=False, err=True
            )
            run.allow(f"{guard.name}={number_typed(number)}")
    if run.not_allowed:
        if not asks:
            raise not_allowed(run.not_allowed, run.opened.mapping)
        watching.close()
        for one in run.not_allowed:
            click.echo(one.says, err=True)
            typed = click.prompt(f"Type {one.name} to allow it", default="", show_default=False, err=True)
            if typed.strip() != one.name:
                raise CannotStart("Stopped by you; nothing was sent.", "")
            run.allow(one.name)
    question = run.question()
    if not question or yes:
        return
    if not asks:
        raise CannotStart(question, "If that is meant, add --yes.")
    watching.close()
    if not click.confirm(f"{question} Go on?", err=True):
        raise CannotStart("Stopped by you; nothing was sent.", "")

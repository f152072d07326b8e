"""muster doctor --notify: a test message to those who are told how mappings stand."""

from __future__ import annotations

import asyncio

import click

from flows.alerts.alert import Alert
from flows.alerts.receivers import PREFIX, known, receiver, setting
from flows.alerts.sending import send
from flows.ledger.runs import now
from flows.settings import Settings

__all__ = ["try_receivers"]


def try_receivers(name: str) -> int:
    """Sends a test message to one receiver, or to all that are set where the name is ''; what came of each is said. 0, or 2 where one was not reached."""
    settings = Settings()
    names = [name.lower()] if name else known(settings)
    if not names:
        click.echo(
            f"No receiver is set. {setting('ops')}=https://… (or mailto://…, slack://…) makes one; a mapping names it: notify: ops, "
            f"or {PREFIX}=ops for all mappings."
        )
        return 2
    test = Alert(
        "test", "the test", "This is a test message of muster doctor --notify. Nothing is wrong.", now()
    )
    failed = asyncio.run(send((receiver(settings, one), test) for one in names))
    for one, why in failed.items():
        click.echo(f"  {'NOT' if why else 'ok '}  {one}" + (f": {why}" if why else ""))
    return 2 if any(failed.values()) else 0

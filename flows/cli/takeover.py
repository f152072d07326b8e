"""muster takeover: runs whose worker died are started again on another one, now or again and again."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path

import click

from connectors.errors import CannotStart, MusterError
from flows.abandoned import Abandoned, abandoned
from flows.cli.opening import ledger_here
from flows.cli.options import Span
from flows.prefect_server import PrefectServer, configured_url
from flows.schedule import Schedule
from flows.settings import Settings

__all__ = ["command"]

_ON_POOL = 60.0
_LEAST_ON_POOL = 5.0


@click.command("takeover")
@click.option(
    "--pool",
    metavar="POOL",
    help="Let the workers of this pool look themselves, from now on, and map parts of large files: makes or changes the deployments "
    "take-over/every-minute and map-shard/parts.",
)
@click.option(
    "--every",
    type=Span(least=1.0),
    metavar="SPAN",
    help="Stay and look so often, such as 30s or 5m, until Ctrl-C; a number alone is seconds. With --pool: how often its workers look, 60s if not given and at least 5s.",
)
def command(pool: str | None, every: float | None) -> int:
    """Have the runs of dead workers finished by others.

    The ledger tells which runs nobody is at work at any more. Those of a deployment are set to be started again in Prefect, and
    the next worker that takes one finishes it; all others are for muster resume.

    It looks once; with --every it stays, on one machine or several, and costs next to nothing; with --pool the workers of a pool
    look in turn, each time in a process of their own.
    """
    if pool is not None and every is not None and every < _LEAST_ON_POOL:
        raise click.UsageError(
            f"--every: {Schedule(every=every)} is too short; {Schedule(every=_LEAST_ON_POOL)} is the least with --pool."
        )
    if not configured_url():
        raise CannotStart(
            "No Prefect server is configured, and workers of a pool are found through one.",
            "Set PREFECT_API_URL to its address, such as http://prefect.internal:4200/api. On one machine muster resume does.",
        )
    home = Settings().home_here()
    if pool is not None:
        seconds = every or _ON_POOL
        looks, maps = asyncio.run(_deployed(pool, home, seconds))
        click.echo(f"{looks}: the workers of {pool} look every {Schedule(every=seconds)}. Ledger: {home}")
        click.echo(
            f"{maps}: they map parts of a large file for every deployment that says shards_on: {maps.partition('/')[2]}."
        )
        return 0
    if every is not None:
        return _stay(home, every)
    for line in _looked(home) or ["Somebody is at work at every run that was begun."]:
        click.echo(line)
    return 0


def _stay(home: Path, every: float) -> int:
    """Looks again and again, until it is told to end; what it says once it does not say again as long as that stays so."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    click.echo(f"Looks every {every:g} seconds, until Ctrl-C. Ledger: {home}")
    said: list[str] = []
    while not over.is_set():
        try:
            lines = _looked(home)
        except MusterError as error:
            lines = [f"{error} It looks again."]
        except Exception as error:  # noqa: BLE001 - Prefect's server may be gone for a while
            lines = [f"Prefect does not answer ({type(error).__name__}). It looks again."]
        for line in lines:
            if line not in said:
                click.echo(line)
        said = lines
        over.wait(every)
    return 0


def _looked(home: Path) -> list[str]:
    """A line for each run at which nobody is at work: what was done about it. Raises MusterError, and what Prefect raises."""
    with ledger_here() as ledger:
        found = abandoned(ledger)
    return (
        [f"{run.id}  {run.mapping}  {what}" for run, what in asyncio.run(_told(found, home))] if found else []
    )


async def _deployed(pool: str, home: Path, every: float) -> tuple[str, str]:
    await _reached(home)
    from flows import map_shard, take_over  # noqa: PLC0415 - Prefect reads its settings when it is imported

    return await take_over.deploy(pool, home, every), await map_shard.deploy(pool)


async def _told(found: list[Abandoned], home: Path) -> list[tuple[Abandoned, str]]:
    await _reached(home)
    from flows.take_over import looked_after  # noqa: PLC0415 - as above

    return await looked_after(found)


async def _reached(home: Path) -> None:
    """Raises CannotStart where the configured server does not answer."""
    with PrefectServer(home) as server:
        await server.begin()
        await server.ready()

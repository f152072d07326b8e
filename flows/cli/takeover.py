"""muster takeover: runs whose worker died are started again on another one, now or every minute."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.abandoned import Abandoned, abandoned
from flows.cli.opening import ledger_here
from flows.cli.options import Span
from flows.prefect_server import PrefectServer, configured_url
from flows.schedule import Schedule
from flows.settings import Settings

__all__ = ["command"]


@click.command("takeover")
@click.option(
    "--pool",
    metavar="POOL",
    help="Let the workers of this pool look themselves, from now on, and map parts of large files: makes or changes the deployments "
    "take-over/every-minute and map-shard/parts.",
)
@click.option(
    "--every",
    type=Span(least=5.0),
    default="60s",
    show_default=True,
    metavar="SPAN",
    help="With --pool: how often they look, such as 30s or 5m; a number alone is seconds.",
)
def command(pool: str | None, every: float) -> int:
    """Have the runs of dead workers finished by others.

    The ledger tells which runs nobody is at work at any more. Those of a deployment are set to be started again in Prefect, and
    the next worker that takes one finishes it; all others are for muster resume.
    """
    if not configured_url():
        raise CannotStart(
            "No Prefect server is configured, and workers of a pool are found through one.",
            "Set PREFECT_API_URL to its address, such as http://prefect.internal:4200/api. On one machine muster resume does.",
        )
    home = Settings().home_here()
    if pool is not None:
        looks, maps = asyncio.run(_deployed(pool, home, every))
        click.echo(f"{looks}: the workers of {pool} look every {Schedule(every=every)}. Ledger: {home}")
        click.echo(
            f"{maps}: they map parts of a large file for every deployment that says shards_on: {maps.partition('/')[2]}."
        )
        return 0
    with ledger_here() as ledger:
        found = abandoned(ledger)
    if not found:
        click.echo("Somebody is at work at every run that was begun.")
        return 0
    for run, what in asyncio.run(_told(found, home)):
        click.echo(f"{run.id}  {run.mapping}  {what}")
    return 0


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

"""muster serve: the scheduled syncs of a folder run on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import click

from connectors.errors import CannotStart

__all__ = ["command"]


@click.command("serve")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--port",
    default=4200,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Of the Prefect server that muster starts, where none is configured.",
)
def command(folder: Path, port: int) -> int:
    """Run the scheduled syncs of FOLDER (this one if not given) on this machine, until Ctrl-C.

    They are those that muster schedule made without --pool, for mappings whose ledger is in or above FOLDER. Without a configured
    Prefect server, muster starts its own, with its UI on this machine alone.
    """
    from flows.settings import Settings  # noqa: PLC0415 - only this verb

    home = Settings(folder.resolve() / "mapping.yml").home(folder.resolve() / "mapping.yml")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(home, port))
    click.echo("Ended. What was at work is resumed by its next run.", err=True)
    return 0


async def _serve(home: Path, port: int) -> None:
    from flows.ledger.database import private_folder  # noqa: PLC0415 - only this verb
    from flows.prefect_server import PrefectServer  # noqa: PLC0415 - as above
    from flows.serving import noted, served_url  # noqa: PLC0415 - as above

    if served_url(home):
        raise CannotStart(
            f"muster serve is at work for {home.parent} already.", "One is enough for all of its mappings."
        )
    private_folder(home)
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "5")  # a long life: a busy server is asked again
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None  # noqa: S101 - it runs in one
    with PrefectServer(home, port, serves=True) as server:
        await server.begin()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, me.cancel)
        await server.ready()
        with noted(home, server.url):
            click.echo(
                f"Prefect   {server.url.removesuffix('/api')}{'' if server.own else '   (the configured one)'}"
            )
            click.echo(f"ledger    {home}")
            click.echo("Ctrl-C ends it. muster schedule --list shows what is due.")
            from flows.viewer.serving import work_off  # noqa: PLC0415 - Prefect takes seconds

            await work_off(home)

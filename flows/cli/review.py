"""muster review: the rows of a run that need a person, on a page of this machine, corrected there and sent again."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.cli.options import Allowed

__all__ = ["command"]

LAST_PORT = 65535


@click.command("review")
@click.argument("run")
@click.option(
    "--mapping", metavar="MAPPING", help="The mapping's file, where it is not where the run had it."
)
@click.option(
    "--allow",
    multiple=True,
    type=Allowed(),
    metavar="NAME[=N]",
    help="Let the sending pass this guard, or start what has to be allowed by name; with a number, that many at most. It is recorded.",
)
@click.option(
    "--port", default=0, type=click.IntRange(0, LAST_PORT), help="The page's port; a free one if not said."
)
@click.option("--no-browser", is_flag=True, help="Print the page's address, and open no browser.")
def command(run: str, mapping: str | None, allow: tuple[str, ...], port: int, no_browser: bool) -> int:
    """Correct the rows of RUN (its id, or the beginning of it) that need a person on a page in the browser, and send them again.

    The page is on this machine alone, and its address is good once. What is sent from it is sent as muster retry sends an edited
    file. It ends when the page says so, at Ctrl-C, or after an hour without a request; what was not sent by then is not kept.
    """
    if Path(run).is_file():
        raise CannotStart(
            f"{run} is a file.", f"Name a run for the page, or send the file: muster retry {run}"
        )
    return asyncio.run(_reviewed(run, mapping, frozenset(allow), port, browser=not no_browser))


async def _reviewed(run: str, mapping: str | None, allow: frozenset[str], port: int, *, browser: bool) -> int:
    from flows.cli.sync import run_sync  # noqa: PLC0415 - only this verb
    from flows.depot import folder_of  # noqa: PLC0415 - as above
    from flows.ledger.opening import open_ledger  # noqa: PLC0415 - as above
    from flows.options import Options  # noqa: PLC0415 - as above
    from flows.reporting import Ending  # noqa: PLC0415 - as above
    from flows.retry import Retry, open_retry  # noqa: PLC0415 - as above
    from flows.review.check import Check  # noqa: PLC0415 - as above
    from flows.review.rows import Rows  # noqa: PLC0415 - as above
    from flows.review.sending import Sending  # noqa: PLC0415 - as above
    from flows.review.server import Review  # noqa: PLC0415 - as above
    from flows.settled_rows import settled_rows  # noqa: PLC0415 - as above

    retry = open_retry(Path(run), mapping)
    ledger = open_ledger(retry.home)
    try:
        settled = settled_rows(ledger.runs.retries(retry.follows.id))
    finally:
        ledger.close()
    rows = Rows(folder_of(retry.follows), retry.follows.id, settled)
    options = Options(allow=allow)

    async def carry(sent: Retry, sending: Sending) -> tuple[Ending, Path]:
        try:
            return await run_sync(str(sent.mapping), None, options, sending, retry=sent, ask=sending.ask)
        finally:
            heard()  # while it ran, the signals were the run's

    review = Review(retry, rows, await Check.opened(retry), options, carry)

    def heard() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, review.stop.set)

    def listening(address: str) -> None:
        click.echo(
            f"review    {len(rows):,} row{'' if len(rows) == 1 else 's'} of the run {retry.follows.id}"
        )
        click.echo(f"page      {address}")
        click.echo("The address is good once, and on this machine only. Ctrl-C ends it.")
        if browser:
            click.launch(address)

    heard()
    await review.serve(port, listening)
    sending = review.sending
    if sending is None or sending.exit_code is None:
        click.echo(
            "Ended; nothing was sent."
            if sending is None
            else "Ended before its report; muster runs shows how it stands."
        )
        return 0 if sending is None else 130
    click.echo(f"report    {sending.folder}/report.html")
    return sending.exit_code

"""muster ledger: hands the ledger over to whoever takes over."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.errors import CannotStart

__all__ = ["command"]


@click.group("ledger")
def command() -> None:
    """Export the ledger for whoever takes over, or import such an export."""


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--with-runs",
    is_flag=True,
    help="Also the folders of the runs, those at MUSTER_RUNS as well: kept rows and reports.",
)
def export(file: Path, *, with_runs: bool) -> int:
    """Write ledger, suppression file and what is known of the accounts into FILE, a zip. It holds personal data."""
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb
    from flows.handover import hand_over  # noqa: PLC0415 - as above

    with ledger_here() as ledger:
        place = ledger.database.shown
        try:
            runs = hand_over(ledger, file.expanduser().absolute(), runs=with_runs)
        except OSError as error:
            raise CannotStart(
                f"{file} cannot be written: {error.strerror or error}.",
                "Name a file in a folder that is there and yours.",
            ) from None
    click.echo(f"written   {file}, with the ledger at {place}" + (f" and {runs:,} runs" if with_runs else ""))
    click.echo(
        "It holds personal data: only you may read it. On the other machine, or with another MUSTER_LEDGER_URL and MUSTER_HOME: muster ledger import FILE"
    )
    return 0


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def import_(file: Path) -> int:
    """Lay FILE down as the ledger of this place, which must not have one yet: in MUSTER_HOME, or in the PostgreSQL that MUSTER_LEDGER_URL names."""
    from flows.handover import take_over  # noqa: PLC0415 - only this verb
    from flows.settings import Settings  # noqa: PLC0415 - as above

    ledger = take_over(file.absolute(), Settings().home_here(), click.echo)
    try:
        [(contacts,)] = ledger.database.ask("select count(*) from delivered")
        runs = len(ledger.runs.last(-1))
    finally:
        ledger.close()
    click.echo(f"ledger    {ledger.database.shown}: {contacts:,} contacts delivered, {runs:,} runs")
    click.echo("Keys are not in it: set them here. End the schedules where it came from, or both will send.")
    return 0


@command.command("suppressed")
@click.option(
    "--drop", metavar="HOME", help="What this home has said does not count any more: its machine is gone."
)
def suppressed(drop: str | None) -> int:
    """List whose suppress.txt the machines that share the ledger heed, as MACHINE:FOLDER."""
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb

    with ledger_here() as ledger:
        if drop is None:
            for name, count in ledger.suppressed.homes().items():
                click.echo(f"{name}  {count:,} {'entry' if count == 1 else 'entries'}")
            return 0
        if not ledger.suppressed.drop(drop):
            raise CannotStart(
                f"No home {drop} has said whom it suppresses.",
                f"There is: {', '.join(ledger.suppressed.homes()) or 'none'}.",
            )
    click.echo(
        f"Dropped: {drop}. Its entries count again when muster runs there and its suppress.txt still has them."
    )
    return 0

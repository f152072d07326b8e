"""muster report: a run's balance, where its report is, and copies of it for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from flows.ledger import Ledger, Run
    from flows.report import Summary

__all__ = ["command"]

_FILES = {
    "report.html": "the page",
    "failures.xlsx": "the rows that need a person",
    "failures.csv": "the same, to correct and send again",
    "results.csv": "what became of every row",
    "summary.json": "the numbers, for scripts",
}


@click.command("report")
@click.argument("run", required=False)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary.json.")
@click.option(
    "--masked",
    is_flag=True,
    help="Make a copy of page and summary.json that is fit for a ticket: nothing of a person is in it.",
)
@click.option(
    "-o",
    "into",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the masked copy goes; report-RUN-masked by default.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["md"]),
    help="Print a few lines of Markdown, for a chat or a pull request; no personal data is in them.",
)
def command(
    run: str | None, opens: bool, as_json: bool, masked: bool, into: Path | None, form: str | None
) -> int:
    """Show the balance of RUN (its id or the beginning of it; the newest if not given), and where its report is."""
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb
    from flows.depot import folder_of  # noqa: PLC0415 - as above
    from flows.report import Summary  # noqa: PLC0415 - as above

    if sum((as_json, masked, form is not None)) > 1:
        raise click.UsageError("--json, --masked and --format are three different things: name one of them.")
    if into is not None and not masked:
        raise click.UsageError("-o says where the copy of --masked goes.")
    with ledger_here() as ledger:
        found = _found(ledger, run)
        retries, undoings = ledger.runs.retries(found.id), ledger.runs.undoings(found.id)
        secret = ledger.database.secret
    summary, folder = Summary.model_validate(found.summary), folder_of(found)
    if as_json:
        click.echo(summary.to_json(), nl=False)
    elif form is not None:
        _markdown(summary, folder, secret)
    elif masked:
        into = _masked(summary, folder, secret, into or Path(f"report-{found.id}-masked"))
        folder = into
    else:
        _show(found, summary, folder, retries, undoings)
    if opens:
        click.launch(str(folder / "report.html"))
    return 0


def _found(ledger: Ledger, run: str | None) -> Run:
    """The run that is meant. Raises CannotStart where there is none, or it has no report."""
    found = ledger.runs.get(run) if run else next((r for r in ledger.runs.last(50) if r.summary), None)
    if found is None:
        raise CannotStart(
            f"There is no run {run}, or several begin so." if run else "No run has a report yet.",
            "muster runs lists them.",
        )
    if not found.summary:
        from flows.cut_off import cut_off  # noqa: PLC0415 - only here

        if found.state == "running" and not cut_off(ledger, [found]):
            raise CannotStart(
                f"The run {found.id} is still at work.", "Its report is there when it has ended."
            )
        raise CannotStart(
            f"The run {found.id} was cut off before its report was written.",
            f"muster resume {found.id} finishes it.",
        )
    return found


def _show(found: Run, summary: Summary, folder: Path, retries: list[Run], undoings: list[Run]) -> None:
    """For people: the balance, what became of its retries, and the files."""
    from flows.cli.showing import console_for_people, show_summary  # noqa: PLC0415 - only for people
    from flows.copies.marker import link_of  # noqa: PLC0415 - as above
    from flows.report.reasons import reasons  # noqa: PLC0415 - as above

    show_summary(summary, folder, reasons=reasons(folder), link=link_of(folder))
    if found.follows or retries:
        from flows.cli.showing_retries import show_retries  # noqa: PLC0415 - only where there are some

        show_retries(found, retries)
    console = console_for_people()
    if found.undoes:
        console.print(f"undo of   {found.undoes}", markup=False)
    for undo in reversed(undoings):
        console.print(f"undone    by the run {undo.id} ({undo.state})", markup=False)
    there = {name: said for name, said in _FILES.items() if (folder / name).exists()}
    if not there:
        console.print(f"\nThe folder of this run is gone: {folder}", markup=False, soft_wrap=True)
        return
    console.print(f"\nin {folder}", markup=False, soft_wrap=True)
    for name, said in there.items():
        console.print(f"  {name:<14}{said}", markup=False)


def _masked(summary: Summary, folder: Path, secret: bytes, into: Path) -> Path:
    from flows.report.masking import Mask  # noqa: PLC0415 - only here
    from flows.report.writing import details_of, write_masked  # noqa: PLC0415 - as above

    _refuse_gone(summary, folder)
    if into.resolve() == folder.resolve():
        raise CannotStart(f"{into} is the folder of the run itself.", "Name another one with -o.")
    write_masked(folder, summary, Mask.of(secret, details_of(folder, summary)), into)
    click.echo(f"masked    {into / 'report.html'}")
    click.echo(f"          {into / 'summary.json'}")
    return into


def _refuse_gone(summary: Summary, folder: Path) -> None:
    if not (folder / "outcomes").is_dir():
        raise CannotStart(
            f"The folder of the run {summary.run_id} is gone: {folder}.",
            "Without its rows no copy can be drawn; muster report --format md still says the numbers.",
        )


def _markdown(summary: Summary, folder: Path, secret: bytes) -> None:
    from flows.report.markdown import as_markdown  # noqa: PLC0415 - only here
    from flows.report.masking import Mask  # noqa: PLC0415 - as above
    from flows.report.writing import details_of  # noqa: PLC0415 - as above

    click.echo(as_markdown(Mask.of(secret, details_of(folder, summary)).summary(summary)), nl=False)

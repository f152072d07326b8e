"""muster resume: an interrupted run is finished."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.cli.opening import ledger_here
from flows.cli.sync import run_sync, show_ending
from flows.cli.watchers import watcher
from flows.ledger import Ledger, Run
from flows.resume import Resume

__all__ = ["command"]


@click.command("resume")
@click.argument("run", required=False)
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["failures"]),
    help="Go on however many rows are refused or fail. All else was allowed when the run began, or was not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings.")
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write the report into this folder.")
def command(
    run: str | None, allow: tuple[str, ...], as_json: bool, fail_on_warning: bool, report_dir: Path | None
) -> int:
    """Finish the interrupted run RUN (its id, or the beginning of it); without it, the newest that was interrupted.

    It goes on with the rows and the mapping as the run read them, and with what was allowed then. Rows that have an answer
    are not sent again; what may have been sent is settled first.
    """
    with ledger_here() as ledger:
        found = _named(ledger, run) if run is not None else _newest(ledger)
        if found is None:
            click.echo("No run is interrupted.")
            return 0
        home = ledger.database.home
        resume = Resume.of(found, home, ledger.runs.mapping_text(found.mapping_sha256))
    with watcher() as watching:
        going_on = run_sync(
            str(resume.mapping_path), None, resume.options(report_dir, allow), watching, resume=resume
        )
        ending, folder = asyncio.run(going_on)
    return show_ending(ending, folder, as_json=as_json, fail_on_warning=fail_on_warning)


def _named(ledger: Ledger, name: str) -> Run:
    found = ledger.runs.get(name)
    if found is None:
        raise CannotStart(f"There is no run {name}, or several begin so.", "muster runs lists them.")
    if found.unfinished:
        return found
    if found.state == "running":
        raise CannotStart(
            f"The run {found.id} has sent nothing yet: it is at work, or was cut off before.",
            "Where it is not at work, start the sync again.",
        )
    raise CannotStart(
        f"The run {found.id} is not interrupted: it is {found.state.replace('_', ' ')}.",
        "muster runs shows which are; what needs a person goes through muster retry.",
    )


def _newest(ledger: Ledger) -> Run | None:
    unfinished = ledger.runs.unfinished()
    for other in unfinished[1:]:
        click.echo(f"Also interrupted: {other.id} ({other.mapping})", err=True)
    return unfinished[0] if unfinished else None

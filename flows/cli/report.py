"""muster report: a run's balance, and where its report is."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.errors import CannotStart

__all__ = ["command"]


@click.command("report")
@click.argument("run", required=False)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary.json.")
def command(run: str | None, opens: bool, as_json: bool) -> int:
    """Show the balance of RUN (its id or the beginning of it; the newest if not given), and where its report is."""
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb
    from flows.cli.showing import show_summary  # noqa: PLC0415 - as above
    from flows.report import Summary  # noqa: PLC0415 - as above
    from flows.report.reasons import reasons  # noqa: PLC0415 - as above

    with ledger_here() as ledger:
        found = ledger.runs.get(run) if run else next((r for r in ledger.runs.last(50) if r.summary), None)
        retries = ledger.runs.retries(found.id) if found is not None else []
    if found is None:
        raise CannotStart(
            f"There is no run {run}." if run else "No run has a report yet.", "muster runs lists them."
        )
    if not found.summary:
        raise CannotStart(
            f"The run {found.id} was cut off before its report was written.",
            f"muster resume {found.id} finishes it.",
        )
    summary = Summary.model_validate(found.summary)
    if as_json:
        click.echo(summary.to_json(), nl=False)
        return 0
    folder = Path(found.folder)
    show_summary(summary, folder, reasons=reasons(folder))
    if found.follows or retries:
        from flows.cli.showing_retries import show_retries  # noqa: PLC0415 - only where there are some

        show_retries(found, retries)
    if opens:
        click.launch(str(folder / "report.html"))
    return 0

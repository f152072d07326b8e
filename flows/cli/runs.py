"""muster runs: past runs."""

from __future__ import annotations

import json
from typing import Any

import click

from flows.ledger.runs import Run
from flows.report.summary import NEED_A_PERSON

__all__ = ["command"]


@click.command("runs")
@click.argument("mapping", required=False)
@click.option("--number", "-n", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(mapping: str | None, number: int, as_json: bool) -> int:
    """List past runs, the newest first; only those of MAPPING (its name:) if it is given."""
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb

    with ledger_here() as ledger:
        runs = ledger.runs.last(number, mapping)
    if as_json:
        click.echo(json.dumps([_facts(run) for run in runs], ensure_ascii=False, indent=2))
        return 0
    if not runs:
        click.echo("No runs yet." if mapping is None else f"No runs of {mapping} yet.")
        return 0
    from rich.table import Table  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - as above

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    names = ["run", "mapping", "state", "exit", "rows", "sent", "need a person"]
    retries, undos = any(run.follows for run in runs), any(run.undoes for run in runs)
    for name in [*names, *(["retry of"] if retries else []), *(["undo of"] if undos else [])]:
        table.add_column(
            name,
            justify="right" if name in ("exit", "rows", "sent", "need a person") else "left",
            no_wrap=True,
        )
    for run in runs:
        outcomes = run.summary.get("outcomes", {})
        sent = sum(outcomes.get(name, 0) for name in ("created", "updated", "upserted"))
        person = sum(outcomes.get(name, 0) for name in NEED_A_PERSON)
        code = "" if run.exit_code is None else str(run.exit_code)
        table.add_row(
            Text(run.id), Text(run.mapping), run.state, code, f"{run.rows_read:,}", f"{sent:,}", f"{person:,}",
            *([run.follows] if retries else []), *([run.undoes] if undos else []),
        )  # fmt: skip
    console_for_people().print(table)
    return 0


def _facts(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id, "verb": run.verb, "follows": run.follows or None, "undoes": run.undoes or None, "mapping": run.mapping, "state": run.state, "exit_code": run.exit_code,
        "started_at": run.started_at, "finished_at": run.finished_at, "source": run.source_path, "rows_read": run.rows_read,
        "outcomes": run.summary.get("outcomes", {}), "report": f"{run.folder}/report.html",
    }  # fmt: skip

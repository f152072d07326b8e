"""muster runs: how each mapping stands, and past runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cut_off import cut_off, how_to_finish
from flows.inbox.fetched import shown_source
from flows.ledger import Ledger, Run
from flows.trend import drawn, needing, trend

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["command"]

_TREND = 12
"""So many runs of each mapping are looked at for its line."""
_RIGHT = ("exit", "rows", "sent", "need a person")


@click.command("runs")
@click.argument("mapping", required=False)
@click.option("--number", "-n", default=20, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(mapping: str | None, number: int, as_json: bool) -> int:
    """Show how each mapping stands and list past runs, the newest first; only those of MAPPING (its name:) if it is given.

    A run that the ledger thinks is running, while nobody works at it, is shown as cut off, with what finishes it.
    """
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb

    with ledger_here() as ledger:
        runs, latest = ledger.runs.last(number, mapping), ledger.runs.latest(_TREND, mapping)
        gone = cut_off(ledger, [*runs, *(run for one in latest for run in one)])
        newest = {one[0].id: _standing(ledger, one[0]) for one in latest} if as_json else {}
        accounts = ledger.accounts.names()
    states = {run.id: "cut off" if run.id in gone else run.state for one in (runs, *latest) for run in one}
    if as_json:
        trends = {one[0].id: trend(one) for one in latest}
        facts = [
            _facts(run, states[run.id], trends.get(run.id), accounts[run.account])
            | newest.get(run.id, _ELSEWHERE)
            for run in runs
        ]
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return 0
    if not runs:
        click.echo("No runs yet." if mapping is None else f"No runs of {mapping} yet.")
        return 0
    from flows.cli.showing import console_for_people  # noqa: PLC0415 - only for people

    console = console_for_people()
    console.print(_mappings(latest, states))
    said = {run.id: how_to_finish(run, states[run.id]) for run in [*(one[0] for one in latest), *runs]}
    for run_id, how in said.items():
        if how:
            state = states[run_id].replace("_", " ")
            console.print(f"\nThe run {run_id} {_WAS.get(state, f'is {state}')}. {how}", markup=False)
    console.print()
    console.print(_listed(runs, states))
    return 0


_WAS = {
    "cut off": "was cut off",
    "interrupted": "was interrupted",
    "stopped": "was stopped",
    "failed": "ended by an error",
}


def _mappings(latest: Sequence[Sequence[Run]], states: dict[str, str]) -> Table:
    """A line for each mapping: its last run, how that ended, and the last runs as a small line."""
    table = _table("mapping", "last run", "state", "rows", "need a person", f"its last {_TREND} runs")
    for one in latest:
        run, numbers = one[0], trend(one)
        ended = [number for number in numbers if number is not None]
        change = ended[-1] - ended[-2] if len(ended) > 1 else 0
        line = drawn(numbers) + (f" {change:+,}" if change else "")
        table.add_row(
            _text(run.mapping), _text(run.id), states[run.id], f"{run.rows_read:,}", f"{needing(run):,}", line
        )
    table.caption = "▁ no row needed a person, █ the most of these runs; · did not come to its end; the number is the change since the run before"
    table.caption_justify = "left"
    return table


def _listed(runs: Sequence[Run], states: dict[str, str]) -> Table:
    names = ["run", "mapping", "state", "exit", "rows", "sent", "need a person"]
    retries, undos = any(run.follows for run in runs), any(run.undoes for run in runs)
    table = _table(*names, *(["retry of"] if retries else []), *(["undo of"] if undos else []))
    for run in runs:
        outcomes = run.summary.get("outcomes", {})
        sent = sum(outcomes.get(name, 0) for name in ("created", "updated", "upserted"))
        code = "" if run.exit_code is None else str(run.exit_code)
        table.add_row(
            _text(run.id), _text(run.mapping), states[run.id], code, f"{run.rows_read:,}", f"{sent:,}", f"{needing(run):,}",
            *([run.follows] if retries else []), *([run.undoes] if undos else []),
        )  # fmt: skip
    return table


def _table(*names: str) -> Table:
    from rich.table import Table  # noqa: PLC0415 - only for people

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=True)
    return table


def _text(text: str) -> Any:
    from rich.text import Text  # noqa: PLC0415 - only for people

    return Text(text)


_ELSEWHERE: dict[str, Any] = {"last_success": None, "told": None}


def _standing(ledger: Ledger, run: Run) -> dict[str, Any]:
    """Of the newest run of a mapping: when one last came to its end (exit 0 or 1), and what each receiver was told last."""
    whole, account = ledger.runs.last_complete(run.account, run.mapping), ledger.accounts.names()[run.account]
    told = [one for one in ledger.told.everything() if (one.account, one.mapping) == (account, run.mapping)]
    return {
        "last_success": None if whole is None else whole.finished_at,
        "told": {
            one.receiver: {"state": one.state, "since": one.since, "told_at": one.told_at} for one in told
        },
    }


def _facts(run: Run, state: str, numbers: Sequence[int | None] | None, account: str) -> dict[str, Any]:
    """A run for scripts. `trend` is there for the newest run of its mapping: see flows.trend."""
    kind, _, name = account.partition("-")
    return {
        "run_id": run.id, "verb": run.verb, "follows": run.follows or None, "undoes": run.undoes or None, "mapping": run.mapping,
        "destination": {"kind": kind, "account": name}, "state": state, "exit_code": run.exit_code,
        "started_at": run.started_at, "finished_at": run.finished_at, "source": shown_source(Path(run.source_path), run.mapping), "rows_read": run.rows_read,
        "outcomes": run.summary.get("outcomes", {}), "need_a_person": needing(run),
        "resume": f"muster resume {run.id}" if state != "running" and run.unfinished else None,
        "trend": None if numbers is None else list(numbers), "report": f"{run.folder}/report.html",
    }  # fmt: skip

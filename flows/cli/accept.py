"""muster accept: known problems that somebody has looked at, and that ask nobody again."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from flows.accepted import Wrong
    from flows.ledger import Acceptance, Ledger, Run
    from flows.ledger.acceptances import Accepted

__all__ = ["command"]

_TOP = 6


@click.command("accept")
@click.argument("run", required=False)
@click.option("--code", metavar="CODE", help="Only problems with this code, such as email_syntax.")
@click.option("--column", metavar="COLUMN", help="Only problems in this column.")
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Only this row; may be said several times.",
)
@click.option("--why", default="", metavar="TEXT", help="Why, for whoever reads it later.")
@click.option("--list", "lists", is_flag=True, help="List what is accepted.")
@click.option(
    "--revoke", "revokes", is_flag=True, help="Take it back: these problems ask for a person again."
)
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(
    run: str | None, code: str | None, column: str | None, rows: tuple[int, ...], why: str, *, lists: bool, revokes: bool, yes: bool, as_json: bool,
) -> int:  # fmt: skip
    """Accept the problems of RUN's rows that are invalid or refused (its id, or the beginning of it).

    Such rows are counted as before in later runs and plans, and are shown as accepted, but do not make them exit with 1. A row with a
    further problem, or with another value in that cell, asks for a person again. --list and --revoke also work without RUN.
    """
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb

    if lists and revokes:
        raise click.UsageError("--list shows and --revoke takes back. Leave one of them out.")
    if run is None and not lists and not revokes:
        raise click.UsageError("Name the run whose problems are accepted; muster runs lists them.")
    with ledger_here() as ledger:
        found = _run(ledger, run) if run is not None else None
        if lists or revokes:
            mine = _chosen(ledger, found, code, column, rows)
            if revokes:
                if found is None and code is None and column is None and mine:
                    _ask(len(mine), yes=yes)
                ledger.acceptances.revoke(mine)
            _show(mine, as_json=as_json, revoked=revokes)
            return 0
        assert found is not None  # noqa: S101 - asked for above
        accepted = _accept(ledger, found, code, column, rows, why)
        known = ledger.acceptances.of(found.account, found.mapping)
        still = {
            wrong.row
            for wrong in _wrong(ledger, found, sorted({row for row, _ in accepted}))
            if not all((wrong.person, name, where) in known for name, where, _ in wrong.problems)
        }
    _say(found.id, accepted, len(still), as_json=as_json)
    return 0


def _ask(count: int, *, yes: bool) -> None:
    """Before all of them are taken back."""
    if yes:
        return
    what = f"{count:,} accepted problem{'' if count == 1 else 's'}"
    if not sys.stdin.isatty():
        raise CannotStart(
            f"All {what} would be taken back.", "Say so with --yes, or name a run, a --code or a --column."
        )
    if not click.confirm(f"Take back all {what}?", err=True):
        raise CannotStart("Nothing was taken back.", "")


def _run(ledger: Ledger, given: str) -> Run:
    run = ledger.runs.get(given)
    if run is None:
        raise CannotStart(f"There is no run {given}.", "muster runs lists them.")
    if not run.summary:
        raise CannotStart(
            f"The run {run.id} was cut off before its report was written.",
            f"muster resume {run.id} finishes it.",
        )
    return run


def _wrong(ledger: Ledger, run: Run, rows: Sequence[int]) -> list[Wrong]:
    """The run's rows that are invalid or refused, with all that is wrong with them. Raises CannotStart."""
    from flows.accepted import needing, wrong_rows  # noqa: PLC0415 - only here
    from flows.depot import folder_of  # noqa: PLC0415 - as above
    from mappings.engine.reading import read_mapping_text  # noqa: PLC0415 - as above

    folder = folder_of(run)
    there = needing(folder, ("invalid", "refused"))
    if strangers := sorted(set(rows) - there.keys()):
        raise CannotStart(
            f"Row {strangers[0]} of the run {run.id} is neither invalid nor refused.",
            f"muster report {run.id} says which rows are.",
        )
    mapping = read_mapping_text(ledger.runs.mapping_text(run.mapping_sha256), run.mapping_path)
    chosen = {row: code for row, code in there.items() if not rows or row in rows}
    return list(wrong_rows(folder, mapping, chosen, ledger.acceptances)) if chosen else []


def _accept(
    ledger: Ledger, run: Run, code: str | None, column: str | None, rows: Sequence[int], why: str
) -> list[tuple[int, Accepted]]:
    from flows.corrections import login  # noqa: PLC0415 - only here

    found = [
        (wrong.row, (wrong.person, *problem))
        for wrong in _wrong(ledger, run, rows)
        for problem in wrong.problems
        if code in (None, problem[0]) and column in (None, problem[1])
    ]
    if not found:
        what = " ".join([*([code] if code else []), *([f"in {column}"] if column else [])])
        raise CannotStart(
            f"No row of the run {run.id} is invalid or refused{f' because of {what}' if what else ''}.",
            f"muster report {run.id} says what is wrong with which rows.",
        )
    ledger.acceptances.accept(run.account, run.mapping, [one for _, one in found], who=login(), why=why)
    return found


def _chosen(
    ledger: Ledger, run: Run | None, code: str | None, column: str | None, rows: Sequence[int]
) -> list[Acceptance]:
    """What is accepted, of a run's rows or altogether."""
    found = ledger.acceptances.all(run.mapping if run is not None else None)
    if run is not None:
        mine = {
            (wrong.person, problem[0], problem[1])
            for wrong in _wrong(ledger, run, rows)
            for problem in wrong.problems
        }
        found = [
            one for one in found if (one.person, one.code, one.column) in mine and one.account == run.account
        ]
    return [one for one in found if code in (None, one.code) and column in (None, one.column)]


def _say(run_id: str, accepted: Sequence[tuple[int, Accepted]], still: int, *, as_json: bool) -> None:
    counts = Counter((code, column) for _, (_, code, column, _) in accepted)
    rows = len({row for row, _ in accepted})
    if as_json:
        groups = [
            {"code": code, "column": column, "count": count} for (code, column), count in counts.most_common()
        ]
        click.echo(
            json.dumps(
                {"schema_version": 1, "run": run_id, "rows": rows, "with_others": still, "problems": groups},
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    click.echo(f"Accepted of {rows:,} row{'' if rows == 1 else 's'}: {_counted(counts)}.")
    if still:
        click.echo(
            f"{still:,} of them {'has' if still == 1 else 'have'} further problems, and still ask{'s' if still == 1 else ''} for a person."
        )
    click.echo(
        "Later runs count them, and do not ask for a person because of them. muster accept --revoke takes it back."
    )


def _counted(counts: Counter[tuple[str, str]]) -> str:
    from mappings.engine.complaints import visible  # noqa: PLC0415 - light

    shown = [
        f"{count:,} × {code}{f' in {column}' if column else ''}"
        for (code, column), count in counts.most_common(_TOP)
    ]
    more = len(counts) - _TOP
    return visible(", ".join(shown) + (f" and {more} more kinds" if more > 0 else ""))


def _show(found: Sequence[Acceptance], *, as_json: bool, revoked: bool) -> None:
    if as_json:
        shown = [
            {name: part for name, part in dataclasses.asdict(one).items() if name != "value_mac"}
            for one in found
        ]
        click.echo(
            json.dumps(
                {"schema_version": 1, "revoked": revoked, "acceptances": shown}, ensure_ascii=False, indent=2
            )
        )
        return
    if not found:
        click.echo("Nothing of that is accepted.")
        return
    if revoked:
        click.echo(f"Taken back: {_counted(Counter((one.code, one.column) for one in found))}.")
        return
    from rich.table import Table  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - as above

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above
    from mappings.engine.complaints import visible  # noqa: PLC0415 - as above

    groups = Counter(
        (
            one.mapping,
            one.code,
            one.column,
            one.who,
            one.made_at[:16].replace("T", " "),
            one.why,
            one.last_seen,
        )
        for one in found
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("mapping", "problem", "column", "rows", "who", "when", "why", "last seen in"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for (mapping, code, column, who, when, why, seen), count in groups.most_common():
        cells = (mapping, code, column, f"{count:,}", who, when, why, seen or "(not since)")
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console_for_people().print(table)

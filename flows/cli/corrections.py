"""muster corrections: what retries have corrected, and later syncs correct again."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.ledger import Correction

__all__ = ["command"]

_SHOWN = 40


@click.command("corrections")
@click.argument("mapping", required=False)
@click.option(
    "--export",
    "export",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write those that are applied as CSV, a patch for the CRM: person, column, original, corrected, who, when.",
)
@click.option(
    "--revoke", "people", multiple=True, metavar="PERSON", help="Apply those of this person no more."
)
@click.option("--revoke-all", is_flag=True, help="Apply none of them any more.")
@click.option("--column", metavar="COLUMN", help="Only those of this column.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked.")
def command(
    mapping: str | None, export: Path | None, people: tuple[str, ...], column: str | None, *, revoke_all: bool, as_json: bool, yes: bool,
) -> int:  # fmt: skip
    """List the cells that retries have corrected, of MAPPING (its name:) or of all.

    Each is applied to later exports for the same person, as long as the source has what it had. Correct the CRM with --export;
    a correction is done by itself once the source has another value.
    """
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb
    from mappings.engine.cleaning import clean_text  # noqa: PLC0415 - as above

    with ledger_here() as ledger:
        found = ledger.corrections.all(mapping)
        if column is not None:
            found = [one for one in found if one.column == clean_text(column)]
        if people or revoke_all:
            applied = [
                one for one in found if one.state == "applied" and (revoke_all or one.person in people)
            ]
            _refuse_strangers(people, applied, mapping)
            if revoke_all and applied:
                _ask(len(applied), yes=yes)
            ledger.corrections.revoke(applied)
            click.echo(f"{_cells(len(applied))} revoked: later syncs take the source as it is.", err=as_json)
            found = [dataclasses.replace(one, revoked_at="now") if one in applied else one for one in found]
    if export is not None:
        _write(export, [one for one in found if one.state == "applied"])
    if as_json:
        shown = [{**dataclasses.asdict(one), "state": one.state} for one in found]
        click.echo(json.dumps({"schema_version": 1, "corrections": shown}, ensure_ascii=False, indent=2))
    elif export is None and not people and not revoke_all:
        _show(
            found,
            " ".join(
                [*([f"of {mapping}"] if mapping else []), *([f"in the column {column}"] if column else [])]
            ),
        )
    return 0


def _refuse_strangers(people: tuple[str, ...], applied: list[Correction], mapping: str | None) -> None:
    known = {one.person for one in applied}
    for person in people:
        if person not in known:
            where = f" of {mapping}" if mapping is not None else ""
            raise CannotStart(
                f"No correction{where} is applied for {person}.", "muster corrections lists whose there are."
            )


def _ask(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CannotStart(f"{_cells(count)} would be revoked.", "Say so with --yes.")
    if not click.confirm(f"Revoke {_cells(count)}?", err=True):
        raise CannotStart("Nothing was revoked.", "")


def _cells(count: int) -> str:
    return f"{count:,} correction{'' if count == 1 else 's'}"


def _write(path: Path, found: list[Correction]) -> None:
    """A patch for the CRM. Raises CannotStart."""
    from flows.report.patch import write_patch  # noqa: PLC0415 - only here
    from flows.report.writing import whole  # noqa: PLC0415 - as above

    try:
        with whole(path) as file:
            write_patch(found, file)
    except OSError as error:
        raise CannotStart(
            f"The corrections cannot be written to {path}: {error.strerror or error}.",
            "Name a file in a folder that is there and yours.",
        ) from error
    click.echo(f"written  {path}   {_cells(len(found))}", err=True)


def _show(found: list[Correction], which: str) -> None:
    from rich.table import Table  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - as above

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above
    from flows.report.wording import short  # noqa: PLC0415 - as above
    from mappings.engine.complaints import visible  # noqa: PLC0415 - as above

    if not found:
        click.echo(f"No corrections {which} yet.".replace("  ", " "))
        return
    console = console_for_people()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("mapping", "person", "column", "original", "corrected", "who", "when", "state"):
        table.add_column(name)
    for one in found[:_SHOWN]:
        cells = (
            one.mapping, one.person, one.column, short(one.original), short(one.corrected), one.who,
            one.made_at[:16].replace("T", " "), one.state,
        )  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console.print(table)
    if len(found) > _SHOWN:
        console.print(f"… and {len(found) - _SHOWN:,} more: muster corrections --json, or --export FILE.csv")

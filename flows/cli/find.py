"""muster find: everything that ever happened to one person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flows.finding import Found, Happened

__all__ = ["command"]


@click.command("find")
@click.argument("person", metavar="EMAIL|ID")
@click.option(
    "--json", "as_json", is_flag=True, help="Print all of it as JSON: rows, payloads, answers, reasons."
)
def command(person: str, *, as_json: bool) -> int:
    """Show every run, row, payload, answer and reason of one person, by an address, or by an id of the source or the destination.

    With --json it is what somebody may ask for who wants to know what is kept of them. Exits with 1 where nothing is known.
    """
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb
    from flows.finding import find  # noqa: PLC0415 - as above

    with ledger_here() as ledger:
        found = find(ledger, person)
    known = bool(found.happened or found.held or found.consents or found.forgotten)
    if as_json:
        click.echo(json.dumps(found.facts(), ensure_ascii=False, indent=2))
        return 0 if known else 1
    if not known:
        click.echo(f"Nothing is known of {person}.")
        click.echo(
            "Rows without a usable address are in the runs' failures.csv; of forgotten people nothing is kept.",
            err=True,
        )
        return 1
    _show(found)
    return 0


def _show(found: Found) -> None:
    from mappings.engine.complaints import visible  # noqa: PLC0415 - light

    def say(text: str = "") -> None:
        click.echo(visible(text))

    say(f"known as  {', '.join(sorted(found.who.texts))}")
    if found.forgotten:
        say("forgotten nothing of them is kept or sent; muster forget --allow-back takes that back")
    for one in found.held:
        out = ", opted out" if one.wanted.get("opted_out") else ""
        say(
            f"there     {one.kind}, {one.name}: {one.key} (id {one.contact_id or 'unknown'}){out}, by {one.mapping}, last {one.delivered_at[:19]}Z"
        )
        say(f"          {_values(one.wanted)}")
    for _, key, origin, since in found.consents:
        said = "the destination" if origin == "destination" else f"the source of {origin}"
        say(f"no mail   {key}: {said} said so, {since[:19]}Z")
    for mapping, missed in found.missed:
        done = f"the run {missed.done} did what the mapping says" if missed.done else "nothing was done"
        say(
            f"vanished  {missed.key}: not in the source of {mapping} since {missed.since[:19]}Z (the run {missed.run}); {done}"
        )
    for happened in found.happened:
        _one(happened, say)


def _one(one: Happened, say: Any) -> None:
    say()
    place = f"row {one.row:,}" + (f", line {one.line:,}" if one.line else "")
    say(f"{one.at[:19]}Z  {one.run}  {one.mapping} ({one.verb}), {place} of {one.source}")
    reason = one.reason or one.code
    say(f"  became  {one.outcome or 'nothing yet'}" + (f": {reason}" if reason else ""))
    for message in one.problems:
        say(f"  said    {message}")
    if one.sent is not None:
        say(f"  sent    {_values(one.sent)}")
    elif one.cells:
        cells = (f"{name}: {text}" for name, text in one.cells.items() if text)
        say(f"  row     {', '.join(cells)}")


def _values(wanted: dict[str, Any]) -> str:
    """The values, tags and lists of a contact in a line."""
    said = [f"{tag} {text}" for tag, text in wanted.get("texts", {}).items()]
    said += [f"{name} {', '.join(wanted[name])}" for name in ("tags", "lists") if wanted.get(name)]
    return "; ".join(said) or "nothing kept of it"

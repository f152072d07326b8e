"""muster forget: takes a person out of everything that muster keeps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from flows.forgetting import Forgot
    from flows.ledger import Ledger
    from flows.ledger.people import Held

__all__ = ["command"]


@click.command("forget")
@click.argument("person", metavar="EMAIL|ID")
@click.option(
    "--delete-there", is_flag=True, help="Also delete the contact at destinations whose API can (Loops)."
)
@click.option("--allow-back", is_flag=True, help="Take it back: later exports may bring the person in again.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(person: str, *, delete_there: bool, allow_back: bool, yes: bool, as_json: bool) -> int:
    """Remove a person from ledger, reports, kept rows, Prefect's own database and logs, and keep the counts.

    A keyed hash of their addresses and ids stays: no later export brings them back (their rows are `protected`) until
    --allow-back. It says what is still at the destinations. Meant are also the ids under which a mapping's source knows
    the person, and the addresses that they had before.
    """
    from flows.cli.opening import ledger_here  # noqa: PLC0415 - only this verb

    with ledger_here() as ledger:
        if allow_back:
            return _allow_back(ledger, person, as_json=as_json)
        who = ledger.people.who(person)
        if not who.texts:
            raise CannotStart(
                f"The ledger knows nobody with the id {person}.",
                "Give the address, or look with muster find.",
            )
        traces = list(ledger.people.traces(who))
        if not as_json:
            click.echo(f"meant     {', '.join(sorted(who.texts))}")
            click.echo(
                f"ledger    {len(traces):,} times sent or about to be, in {len({one.run for one in traces}):,} runs"
            )
        _ask(yes=yes)
        deleted = _deleted(ledger, ledger.people.held(who)) if delete_there else {}
        from flows.forgetting import forget  # noqa: PLC0415 - as above

        forgot = forget(ledger.database.home, ledger, who)
        return _told(forgot, deleted, as_json=as_json)


def _ask(*, yes: bool) -> None:
    from flows.cli.answering import somebody_there  # noqa: PLC0415 - only this verb

    if yes:
        return
    if not somebody_there():
        raise CannotStart(
            "This cannot be taken back, and nothing was removed yet.", "If that is meant, add --yes."
        )
    if not click.confirm("This cannot be taken back. Go on?", err=True):
        raise CannotStart("Stopped by you; nothing was removed.", "")


def _allow_back(ledger: Ledger, person: str, *, as_json: bool) -> int:
    mappings = [name for (name,) in ledger.database.ask("select distinct mapping from run")]
    removed = ledger.forgotten.allow_back(mappings, person)
    if as_json:
        click.echo(json.dumps({"schema_version": 1, "allowed_back": removed > 0}))
    elif removed:
        click.echo("The next sync may bring this person in again, as somebody new.")
    if not removed:
        raise CannotStart(
            "Nobody was forgotten under that address or id.", "Give the one that was given to muster forget."
        )
    return 0


def _told(forgot: Forgot, deleted: dict[tuple[str, str, str], str], *, as_json: bool) -> int:
    """What was done, what is still somewhere; the exit code."""
    home_left = [str(path) for path in forgot.left]
    unreached = forgot.unreached
    there = [_facts(one, deleted) for one in forgot.held]
    if as_json:
        found = {
            "schema_version": 1,
            "sent": forgot.sent,
            "runs": forgot.runs,
            "there": there,
            "left": home_left,
            "unreached": unreached,
        }
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        click.echo(
            f"removed   from {forgot.sent:,} deliveries and the folders of {forgot.runs:,} runs; their counts stay"
        )
        click.echo("blocked   later exports do not bring them back; muster forget --allow-back lets them")
        for one in there:
            state = one["deleted"] or "is still there: delete the contact in the destination's own app"
            click.echo(
                f"there     {one['destination']}, {one['account']}: {one['key']} (id {one['contact_id'] or 'unknown'}) {state}"
            )
        click.echo("not ours  the source's files, copies that people made, a Prefect server of your own")
        for path in home_left:
            click.echo(f"LEFT      {path} still has it; end what works with it and say this again", err=True)
        for address in unreached:
            click.echo(
                f"LEFT      {address} may still have it; say this again when it can be reached, and what was dropped there is answered",
                err=True,
            )
    return 1 if home_left or unreached or any(one["deleted"].startswith("could") for one in there) else 0


def _facts(one: Held, deleted: dict[tuple[str, str, str], str]) -> dict[str, Any]:
    said = deleted.get((one.kind, one.name, one.key), "")
    return {"destination": one.kind, "account": one.name, "base_url": one.base_url, "key": one.key, "contact_id": one.contact_id, "deleted": said}  # fmt: skip


def _deleted(ledger: Ledger, held: list[Held]) -> dict[tuple[str, str, str], str]:
    """Deletes the contacts at the destinations that can; what became of each, by kind, account and key."""
    return asyncio.run(_deleting(ledger, held))


async def _deleting(ledger: Ledger, held: list[Held]) -> dict[tuple[str, str, str], str]:
    from connectors.base import Deletes  # noqa: PLC0415 - only where something is deleted
    from connectors.kinds import destination_module  # noqa: PLC0415 - as above
    from connectors.pace import Pace  # noqa: PLC0415 - as above
    from flows.opt_outs import tag_of  # noqa: PLC0415 - as above
    from flows.settings import Settings  # noqa: PLC0415 - as above

    found: dict[tuple[str, str, str], str] = {}
    for one in held:
        connector: Any = destination_module(one.kind).Connector
        if not connector.deletes:
            continue
        access = Settings().access(one.kind, one.name, connector.default_base_url)
        if access.base_url != one.base_url:
            continue
        pace = Pace(connector.per_second, ledger.bookings(one.account))
        async with connector(base_url=access.base_url, key=access.key, turns=pace) as destination:
            destination.rules = replace(destination.rules, key=tag_of(destination, one.key))
            if isinstance(destination, Deletes):
                done = await destination.delete(one.key, one.contact_id)
                said = {"deleted": "was deleted", "already_gone": "was gone already"}.get(done.code)
                found[one.kind, one.name, one.key] = (
                    said or f"could not be deleted ({done.reason or done.code})"
                )
    return found

"""muster verify: is there what was delivered?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import CannotStart
from flows.cli.watchers import Lines, Live, watcher

if TYPE_CHECKING:
    from flows.verification import Cost, Verification

__all__ = ["ask_about", "command"]

_ASKED_ABOVE = 300
"""So many requests are made without being asked."""
_SHOWN = 20
_SAYS = {
    "subscribed": "may be mailed there, and wants no mail",
    "missing": "is not there",
    "different": "is otherwise there",
    "unexpected": "should not be there",
}


@click.command("verify")
@click.argument("target", metavar="MAPPING|RUN")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only so many contacts, evenly from all; the same ones each time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked.")
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write verify.csv into this folder.")
def command(target: str, sample: int | None, as_json: bool, yes: bool, report_dir: Path | None) -> int:
    """Read contacts back and compare them with what was delivered: all of MAPPING's, or those of RUN.

    Nothing is written there. Exits with 0 where all is as it was delivered, 1 where something differs, 2 where it could not be told.
    """
    from flows.verification import find_target, verify, write  # noqa: PLC0415 - only this verb

    found_target = find_target(target)
    with watcher() as watching:

        def confirm(cost: Cost) -> None:
            ask_about(cost, watching, yes=yes)

        found = asyncio.run(verify(found_target, watching, confirm, sample=sample))
    if report_dir is not None:
        write(found, report_dir)
    if as_json:
        click.echo(json.dumps(found.facts(), ensure_ascii=False, indent=2))
    else:
        _show(found)
    return found.exit_code


def ask_about(cost: Cost, watching: Lines | Live, *, yes: bool) -> None:
    """Says how many requests it takes, and asks where that is many. Raises CannotStart when the answer is no."""
    from flows.cli.answering import somebody_there  # noqa: PLC0415 - only this verb
    from flows.report.wording import duration  # noqa: PLC0415 - as above

    how = "page by page" if cost.paged else "one by one"
    requests = f"{cost.requests:,} request{'' if cost.requests == 1 else 's'} at most"
    takes = f"{_contacts(cost.contacts)} to read back, {how}: {requests}, {duration(cost.minutes)}."
    watching.say(f"cost      {takes}")
    if cost.requests <= _ASKED_ABOVE or yes:
        return
    if not somebody_there():
        raise CannotStart(takes, "If that is meant, add --yes; --sample 500 reads fewer.")
    watching.close()
    if not click.confirm("Go on?", err=True):
        raise CannotStart("Stopped by you; nobody was asked.", "")


def _show(found: Verification) -> None:
    from flows.cli.showing import console_for_people  # noqa: PLC0415 - only for people
    from flows.report.wording import short  # noqa: PLC0415 - as above
    from flows.verification import CSV  # noqa: PLC0415 - as above
    from mappings.engine.complaints import visible  # noqa: PLC0415 - as above

    console = console_for_people()
    console.print(f"\n{_verdict(found)}", style="bold", markup=False)
    for name, count in found.counts.items():
        console.print(f"  {count:,} {name}: {_SAYS[name]}", markup=False)
    if found.not_read:
        console.print(
            f"  {len(found.not_read):,} could not be looked up; look for them in the destination's own app.",
            markup=False,
        )
    if found.findings:
        console.print()
    for one in found.findings[:_SHOWN]:
        values = f"should be {short(one.should_be)}, is {short(one.is_there)}"
        console.print(visible(f"{one.finding}  {one.key}  {one.field}: {values}"), markup=False)
    if len(found.findings) > _SHOWN:
        console.print(f"… and {len(found.findings) - _SHOWN:,} more, all in the file", markup=False)
    if found.there is not None and found.of == found.contacts and found.there > found.of:
        more = found.there - found.of
        console.print(f"\nThe account holds {more:,} more, which this did not deliver.", markup=False)
    if found.findings:
        console.print(f"\ndifferences  {found.folder / CSV}", markup=False, soft_wrap=True)


def _verdict(found: Verification) -> str:
    of = "" if found.contacts == found.of else f" (a sample of {found.of:,})"
    read = found.contacts - len(found.not_read)
    if not found.findings:
        are = "is there as it was" if read == 1 else "are there as they were"
        return f"{_contacts(read)}{of} {are} delivered last."
    return f"{found.differing:,} of {_contacts(read)}{of} {'differs' if found.differing == 1 else 'differ'} from what was delivered last."


def _contacts(count: int) -> str:
    return f"{count:,} contact{'' if count == 1 else 's'}"

"""muster optouts: who wants no mail, for the CRM."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import CannotStart, CredentialsError, LedgerError, Unreachable
from connectors.kinds import destination_module, kinds
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.ledger import Account, Ledger
    from flows.opt_outs import OptOut, Said

__all__ = ["command"]

_ASKED_ABOVE = 300
"""So many look-ups are made without being asked."""
_NAME = "optouts.csv"


@click.command("optouts")
@click.argument("destination", required=False)
@click.option("--account", default=None, metavar="A", help="Which account of that kind, main by default.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"Where the CSV goes: a file, or - for standard output; {_NAME} in the home folder if not said.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Only what is known from this day (UTC) on, such as 2026-01-31.",
)
@click.option("--offline", is_flag=True, help="Ask no destination: only what the ledger knows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked.")
def command(
    destination: str | None, account: str | None, output: str | None, since: dt.datetime | None, offline: bool,
    as_json: bool, yes: bool,
) -> int:  # fmt: skip
    """Export everybody of whom an opt-out is known, as CSV for the CRM: from DESTINATION, or from all that are in use.

    Each destination is asked who is unsubscribed, cleaned or complained; the ledger keeps that and adds what the mappings' sources
    and the suppression file said. Where a destination lists nobody, each contact that the ledger knows is looked up.
    """
    from flows.ledger.opening import open_ledger, there_is_a_ledger  # noqa: PLC0415 - only this verb
    from flows.opt_outs import export, listed  # noqa: PLC0415 - as above
    from flows.suppressions import Suppressions  # noqa: PLC0415 - as above

    if destination is not None:
        destination_module(destination)  # refuses a kind that nobody knows
    home = Settings().home_here()
    if offline and not there_is_a_ledger(home):
        raise LedgerError(
            f"There is no ledger in {home}.", "Go to the folder of the mapping, or set MUSTER_HOME."
        )
    suppressions = Suppressions.read(home)
    ledger = open_ledger(home)
    day = since.strftime("%Y-%m-%d") if since is not None else ""
    found: list[OptOut] = []
    refused = 0
    try:
        new = "   NEW: nothing was delivered from here before" if ledger.database.new else ""
        _say(f"ledger   {ledger.database.shown}{new}")
        for kind, name in _meant(ledger, destination, account, offline=offline):
            there, said = asyncio.run(_asked(ledger, kind, name, offline=offline, yes=yes))
            refused += said.refused
            if there is not None:
                found += export(ledger, there, said, day)
    finally:
        ledger.close()
    found += listed(suppressions, found)
    _tell(found, refused)
    if output is not None or not as_json:
        _write(
            found,
            Path(output) if output not in (None, "-") else home / _NAME,
            standard=output == "-" and not as_json,
        )
    if as_json:
        shown = [dataclasses.asdict(one) for one in found]
        click.echo(
            json.dumps(
                {"schema_version": 1, "opt_outs": shown, "not_looked_up": refused},
                ensure_ascii=False,
                indent=2,
            )
        )
    return 1 if refused else 0


def _meant(
    ledger: Ledger, destination: str | None, account: str | None, *, offline: bool
) -> list[tuple[str, str]]:
    """Kinds and names of the accounts: the one that was named, else those that the ledger knows or that have a key."""
    if destination is not None:
        return [(destination, account or "main")]
    settings = Settings()
    meant = {(one.kind, one.name) for one in ledger.accounts.known()}
    if not offline:
        meant |= {(kind, "main") for kind in kinds("destinations") if settings.get(f"{kind.upper()}_API_KEY")}
    meant = {one for one in meant if account in (None, one[1])}
    if not meant:
        raise CannotStart(
            "There is no account to ask: the ledger knows none, and no key is set.",
            "Name one, such as muster optouts campaignlark, with its key in the environment or in a .env file.",
        )
    return sorted(meant)


async def _asked(
    ledger: Ledger, kind: str, name: str, *, offline: bool, yes: bool
) -> tuple[Account | None, Said]:
    """The account, and what its destination says. Raises CannotStart."""
    from connectors.pace import Pace  # noqa: PLC0415 - only where somebody is asked
    from flows.changed_key import settled  # noqa: PLC0415 - as above
    from flows.opt_outs import Said, ask  # noqa: PLC0415 - as above
    from flows.options import Options  # noqa: PLC0415 - as above

    connector: Any = destination_module(kind).Connector
    base_url = Settings().base_url(kind, name, connector.default_base_url)
    known = next(
        (
            one
            for one in ledger.accounts.known()
            if (one.kind, one.name, one.base_url) == (kind, name, base_url)
        ),
        None,
    )
    where = f"{kind}, {name} at {base_url}"
    if not connector.mails_people:
        _say(f"{where}: it mails nobody, so nobody opts out there; what the sources said is exported.")
        return known, Said()
    if offline:
        _say(f"{where}: not asked" if known is not None else f"{where}: the ledger knows nothing of it")
        return known, Said()
    try:
        access = Settings().access(kind, name, connector.default_base_url)
        account = ledger.accounts.seen(kind, name, access.base_url, access.key)
        pace = Pace(connector.per_second, ledger.bookings(account.id))
        async with connector(base_url=access.base_url, key=access.key, turns=pace) as destination:
            _say(f"asking   {where}")
            account = await settled(account, access.key, ledger, destination, Options(), _Saying())
            if not connector.surveys:
                _ask(where, len(ledger.opt_outs.keys(account.id)), connector.per_second, yes=yes)
            return account, await ask(destination, ledger, account)
    except (CredentialsError, Unreachable) as error:
        fix = f"{error.fix} With --offline only what the ledger knows is exported.".strip()
        raise type(error)(error.what, fix) from error


def _ask(where: str, lookups: int, per_second: float, *, yes: bool) -> None:
    """Says how many requests it takes, and asks where that is many. Raises CannotStart when the answer is no."""
    from flows.report.wording import duration  # noqa: PLC0415 - only where it is said

    takes = f"{where} lists nobody: {lookups:,} requests for those that the ledger knows, {duration(lookups / per_second / 60)}."
    _say(takes)
    if lookups <= _ASKED_ABOVE or yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CannotStart(takes, "If that is meant, add --yes; --offline asks nobody.")
    if not click.confirm("Go on?", err=True):
        raise CannotStart("Stopped by you; nobody was asked.", "")


def _tell(found: list[OptOut], refused: int) -> None:
    """Who said how many, on standard error."""
    from flows.opt_outs import counted  # noqa: PLC0415 - only this verb

    for (said_by, status), count in counted(found).most_common():
        _say(f"{count:>7,}  {said_by}" + (f", {status} there" if status else ""))
    _say(f"{len(found):>7,}  in all")
    if refused:
        _say(
            f"{refused:,} could not be looked up; look for them in the destination's own app, or start again."
        )


def _write(found: list[OptOut], path: Path, *, standard: bool) -> None:
    """The CSV, readable by its owner alone. Raises CannotStart."""
    from flows.opt_outs import write_csv  # noqa: PLC0415 - only this verb
    from flows.report.writing import whole  # noqa: PLC0415 - as above

    if standard:
        write_csv(found, sys.stdout.buffer)
        sys.stdout.flush()
        return
    try:
        with whole(path) as file:
            write_csv(found, file)
    except OSError as error:
        raise CannotStart(
            f"The opt-outs cannot be written to {path}: {error.strerror or error}.",
            "Name a file in a folder that is there and yours.",
        ) from error
    _say(f"written  {path}")


def _say(line: str) -> None:
    from mappings.engine.complaints import visible  # noqa: PLC0415 - light

    click.echo(visible(line), err=True)


class _Saying:
    """What a watcher says, and nothing of its stages."""

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...
    def outcome(self, name: str) -> None: ...

    def say(self, line: str) -> None:
        _say(line)

    def held(self, waits: bool) -> None: ...

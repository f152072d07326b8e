"""muster doctor: is everything there that a sync needs?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from connectors.errors import CredentialsError, LedgerError, MusterError, SourceError
from connectors.kinds import destination_module, kinds
from flows.cli.doctor_places import places, shared_places
from flows.open_questions import known_answers
from flows.settings import Settings
from mappings.engine.complaints import listed

__all__ = ["command"]

_NEEDED = ("prefect", "fastapi", "pyarrow", "pandas", "pydantic", "httpx", "aiohttp")
_ROOM = 500 * 2**20


@click.command("doctor")
@click.argument("destination", required=False)
@click.option(
    "--probe",
    metavar="ADDRESS",
    help="Settle what DESTINATION's documentation leaves open, with a throwaway contact of this address.",
)
@click.option(
    "--notify",
    "told",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Send a test message to this receiver (MUSTER_NOTIFY_NAME), or to all that are set.",
)
@click.option("--account", default="main", metavar="NAME", help="Which account is probed, main by default.")
@click.option("--yes", is_flag=True, help="Probe without being asked.")
def command(destination: str | None, probe: str | None, told: str | None, account: str, yes: bool) -> int:
    """Check the installation, the ledger, credentials and reachability; only DESTINATION's if it is given.

    With --probe the account itself is asked: which answers hold is said and written to a file that check, plan, sync and the
    sandbox follow. It says first what it would write, and asks.
    """
    if told is not None:
        if destination is not None or probe is not None:
            raise click.UsageError(
                "--notify tries receivers, and nothing else: muster doctor --notify [NAME]."
            )
        from flows.cli import notifying  # noqa: PLC0415 - only where it is asked for

        return notifying.try_receivers(told)
    if probe is not None:
        if destination is None:
            raise click.UsageError(
                "Name the destination to be probed: muster doctor DESTINATION --probe ADDRESS."
            )
        from flows.cli import probing  # noqa: PLC0415 - only where it is asked for

        return probing.probe(destination, account, probe, yes=yes)
    wrong = 0
    checks: list[tuple[str, Callable[[], Iterator[tuple[bool, str, str]]]]] = [
        ("installation", _installation), ("ledger", _ledger), ("Prefect", _prefect),
        ("places that machines share", shared_places),
        ("places of reports and fixes", places),
        ("destinations", lambda: _destinations(destination)),
    ]  # fmt: skip
    for title, check in checks:
        for number, (good, what, fix) in enumerate(check()):
            if not number:
                click.echo(title)
            click.echo(f"  {'ok ' if good else 'NOT'}  {what}")
            if not good:
                wrong += 1
                click.echo(f"       {fix}")
    click.echo("\nEverything is there." if not wrong else f"\n{wrong} to mend.")
    return 0 if not wrong else 2


def _installation() -> Iterator[tuple[bool, str, str]]:
    yield (
        sys.version_info >= (3, 11),
        f"Python {platform.python_version()}",
        "muster needs Python 3.11 or newer.",
    )
    for name in _NEEDED:
        try:
            yield True, f"{name} {version(name)}", ""
        except PackageNotFoundError:
            yield (
                False,
                f"{name} is missing",
                "Install muster again: pip install --force-reinstall muster-sync.",
            )


def _ledger() -> Iterator[tuple[bool, str, str]]:
    from flows.ledger.opening import open_ledger, there_is_a_ledger  # noqa: PLC0415 - only this check

    home = Settings().home_here()
    if Settings(home=home).ledger_url():
        yield _shared_ledger(home)
        yield from _suppressed(home)
        return
    try:
        there = there_is_a_ledger(home)
    except MusterError as error:
        yield False, error.what, error.fix
        return
    if not there:
        parent = next(folder for folder in (home, *home.parents) if folder.exists())
        yield (
            os.access(parent, os.W_OK),
            f"none yet in {home}; the first sync makes it",
            f"{parent} may not be written: set MUSTER_HOME.",
        )
        return
    try:
        database = open_ledger(home).database
    except MusterError as error:
        yield False, error.what, error.fix
        return
    runs = database.ask("select count(*) from run")[0][0]
    database.close()
    yield True, f"{database.shown}: whole, {runs:,} runs", ""
    free = shutil.disk_usage(home).free
    yield (
        free > _ROOM,
        f"{free / 2**30:.1f} GiB free on its disk",
        "Make room: a run keeps a copy of its file.",
    )


def _shared_ledger(home: Path) -> tuple[bool, str, str]:
    """Whether it answers, and how quickly: each answer of a destination waits for that."""
    from flows.ledger.opening import open_ledger  # noqa: PLC0415 - only this check

    try:
        ledger = open_ledger(home)
        try:
            [(server,)] = ledger.database.ask("select current_setting('server_version')")
            began = time.perf_counter()
            [(runs,)] = ledger.database.ask("select count(*) from run")
            took = (time.perf_counter() - began) * 1000
        finally:
            ledger.close()
    except MusterError as error:
        return False, error.what, error.fix
    return True, f"{ledger.database.shown}: PostgreSQL {server}, {runs:,} runs, answers in {took:.1f} ms", ""


def _suppressed(home: Path) -> Iterator[tuple[bool, str, str]]:
    """Whose lists count on this machine: all that share the ledger, and this one's is told to them."""
    from flows.ledger.opening import open_ledger  # noqa: PLC0415 - only this check
    from flows.suppressed import suppressed_elsewhere  # noqa: PLC0415 - as above

    with contextlib.suppress(LedgerError):  # said above
        ledger = open_ledger(home)
        try:
            suppressed_elsewhere(ledger, home)
            for name, count in ledger.suppressed.homes().items():
                yield (
                    True,
                    f"suppress.txt of {name}: {count:,} {'entry' if count == 1 else 'entries'}, heeded by all machines",
                    "",
                )
        except SourceError as error:
            yield False, error.what, error.fix
        finally:
            ledger.close()


def _prefect() -> Iterator[tuple[bool, str, str]]:
    from flows.prefect_server import configured_url, healthy  # noqa: PLC0415 - only this check

    url = configured_url()
    if not url:
        yield True, "no server is configured: each run starts its own", ""
        return
    yield (
        healthy(url),
        f"the configured server {url}",
        "Start it, or unset PREFECT_API_URL; muster then starts its own.",
    )


def _destinations(wanted: str | None) -> Iterator[tuple[bool, str, str]]:
    known = kinds("destinations")
    if wanted is not None and wanted not in known:
        yield False, f"muster knows no destination {wanted}", f"It knows: {', '.join(known)}."
        return
    for kind in [wanted] if wanted else known:
        yield asyncio.run(_reached(kind, asked=wanted is not None))


async def _reached(kind: str, *, asked: bool) -> tuple[bool, str, str]:
    from connectors.pace import Pace  # noqa: PLC0415 - only this check

    connector: Any = destination_module(kind).Connector
    try:
        access = Settings().access(kind, "main", connector.default_base_url)
    except CredentialsError as error:
        if asked or os.environ.get(f"{kind.upper()}_API_KEY"):
            return False, f"{kind}: {error.what}", error.fix
        return True, f"{kind}: no key is set, so it was not asked", ""
    settled: list[str] = []
    try:
        async with connector(
            base_url=access.base_url, key=access.key, turns=Pace(connector.per_second)
        ) as destination:
            destination.answers = known_answers(
                Settings(), Settings().home_here(), kind, "main", access.base_url, settled.append
            )
            schema = await destination.read_schema()
    except MusterError as error:
        return False, f"{kind}: {error.what}", error.fix
    fields = ", ".join(
        f"{field.name} ({field.type}{': ' + listed(field.options) if field.options else ''})"
        for field in schema.fields
    )
    lists = [name for name, number in schema.lists.items() if name != number]  # ids stand for lists, too
    said = f"{kind} at {access.base_url}\n         merge tags: {fields}"
    for what, names in (("tags", list(schema.tags)), ("lists", lists)):
        if what not in schema.refuses:
            numbers = "known by their numbers only" if what in schema.numbered else ""
            said += f"\n         {what}: {numbers or ', '.join(names) or 'none'}"
    return True, said + "".join(f"\n         {line}" for line in settled), ""

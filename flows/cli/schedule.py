"""muster schedule: a sync as a Prefect deployment."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from connectors.errors import CannotStart
from flows.cli.options import Allowed, Span
from flows.schedule import Schedule, Scheduled, as_prefect_yaml

__all__ = ["command"]


@click.command("schedule")
@click.argument("mapping", required=False)
@click.argument("source", required=False)
@click.option("--cron", metavar="LINE", help='When: a cron line, such as "0 6 * * *".')
@click.option(
    "--every", type=Span(least=1.0), metavar="SPAN", help="When: a span, such as 15m, 6h or 1d; a number alone is seconds."
)  # fmt: skip
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="Whose clock the cron line means, such as Europe/Berlin.",
)
@click.option("--name", metavar="NAME", help="What it is called in Prefect; the mapping's name if not given.")
@click.option(
    "--pool",
    metavar="POOL",
    help="The work pool whose workers run it; without it muster serve does, on this machine.",
)
@click.option(
    "--overlap",
    type=click.Choice(["wait", "skip"]),
    default="wait",
    show_default=True,
    help="Where another run of the mapping is at work.",
)
@click.option(
    "--on-guard",
    type=click.Choice(["stop", "ask"]),
    default="stop",
    show_default=True,
    help="Where a guard trips: stop, or wait for somebody to let it pass in Prefect's UI.",
)
@click.option(
    "--allow",
    multiple=True,
    type=Allowed(),
    metavar="NAME[=N]",
    help="What each run may pass or start; with a number, that many at most.",
)
@click.option(
    "--new-ledger",
    is_flag=True,
    help="Begin the ledger now where there is none: a worker never does by itself.",
)
@click.option(
    "--fixes",
    is_flag=True,
    help="Not the sync, but what is dropped into the folder of the mapping's fixes:, as muster fixes does it.",
)
@click.option("--list", "lists", is_flag=True, help="List the scheduled syncs: when, next run, last state.")
@click.option("--pause", metavar="NAME", help="Begin no more runs of this one.")
@click.option("--resume", metavar="NAME", help="Begin runs of this one again.")
@click.option("--remove", metavar="NAME", help="Take this one away; ledger and reports stay.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(
    mapping: str | None, source: str | None, cron: str | None, every: float | None, timezone: str, name: str | None, pool: str | None,
    overlap: str, on_guard: str, allow: tuple[str, ...], new_ledger: bool, fixes: bool, lists: bool, pause: str | None, resume: str | None, remove: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Let Prefect run the sync of MAPPING by itself. Named again, it is renewed.

    \b
    muster schedule crm.yml --cron "0 6 * * *" --timezone Europe/Berlin
    muster schedule crm.yml exports/today.csv --every 6h --overlap skip
    muster schedule crm.yml --fixes --every "5 minutes"
    muster schedule --list
    muster schedule --pause crm

    SOURCE is what muster sync takes; without it, the mapping's own source is read each time.
    """  # noqa: D301 - a backspace keeps the lines as they are
    chosen = [lists, pause is not None, resume is not None, remove is not None, mapping is not None]
    if sum(chosen) != 1:
        raise click.UsageError(
            "Say one thing: MAPPING with --cron or --every, or --list, --pause, --resume or --remove."
        )
    if mapping is None:
        _speak_to_prefect(_home_here())
        return _look_after(lists=lists, pause=pause, resume=resume, remove=remove, as_json=as_json)
    if fixes:
        if source is not None or allow or new_ledger:
            raise click.UsageError(
                "--fixes looks into the folder that the mapping names, with nothing allowed: leave SOURCE, --allow and --new-ledger out."
            )
        return _schedule_fixes(mapping, _when(cron, every, timezone), name, pool or "", as_json=as_json)
    return _schedule(
        mapping, source, _when(cron, every, timezone), name, pool or "", new_ledger=new_ledger, as_json=as_json,
        more={"overlap": overlap, "on_guard": on_guard, **({"allow": list(allow)} if allow else {})},
    )  # fmt: skip


def _schedule(
    given: str, source: str | None, schedule: Schedule, name: str | None, pool: str, *, more: dict[str, Any], new_ledger: bool, as_json: bool,
) -> int:  # fmt: skip
    from flows.deployed import refuse_keys, refuse_to_ask  # noqa: PLC0415 - only this verb
    from flows.ledger.opening import open_ledger, there_is_a_ledger  # noqa: PLC0415 - as above
    from flows.opening import load_mapping  # noqa: PLC0415 - as above
    from flows.settings import Settings, find_mapping, note_settings  # noqa: PLC0415 - as above

    if source == "-":
        raise CannotStart(
            "A schedule has no standard input, which - stands for.", "Name a file, a pattern or an address."
        )
    refuse_keys(mapping=given, source=source)
    path = find_mapping(given).resolve()
    mapping = load_mapping(path)
    said = mapping.source
    if source is None and said.path is None and said.inbox is None and not said.of_database():
        raise CannotStart(
            "No file was named, and the mapping has neither a source.path nor an inbox.",
            "Name a file, or give the mapping one of them.",
        )
    refuse_to_ask(given, source, more.get("on_guard", ""))
    home, url = Settings(path).home(path).absolute(), Settings(path).ledger_url()
    if new_ledger and not there_is_a_ledger(home, url):
        open_ledger(home, url).close()
        note_settings(home, path)
    parameters: dict[str, Any] = {"mapping": str(path), "home": str(home), **more}
    if source is not None:
        parameters["source"] = source if "://" in source else str(Path(source).expanduser().absolute())
    about = f"{mapping.title or mapping.name}: {path.name} to {mapping.destination.kind}"
    return _deployed("sync", name or mapping.name, about, parameters, schedule, home, pool, as_json=as_json)


def _schedule_fixes(given: str, schedule: Schedule, name: str | None, pool: str, *, as_json: bool) -> int:
    from flows.deployed import refuse_keys  # noqa: PLC0415 - only this verb
    from flows.fixes.folder import FixesFolder  # noqa: PLC0415 - as above

    refuse_keys(mapping=given)
    fixes = FixesFolder.of(given)
    home, mapping = fixes.home.absolute(), fixes.mapping
    with fixes.ledger():  # it has to be there
        parameters = {"mapping": str(fixes.path), "home": str(home)}
    about = f"{mapping.title or mapping.name}: what is dropped into {fixes.shown}"
    return _deployed(
        "fixes", name or f"{mapping.name}-fixes", about, parameters, schedule, home, pool, as_json=as_json
    )


def _deployed(
    does: str, called: str, about: str, parameters: dict[str, Any], schedule: Schedule, home: Path, pool: str, *, as_json: bool,
) -> int:  # fmt: skip
    from flows.ledger.opening import there_is_a_ledger  # noqa: PLC0415 - only this verb
    from flows.settings import Settings  # noqa: PLC0415 - as above

    _speak_to_prefect(home)

    from flows.viewer.deployments import ENTRYPOINTS, POOL, Wanted, deploy, queue_of  # noqa: PLC0415 - Prefect takes seconds

    new = asyncio.run(deploy(Wanted(called, about, parameters, schedule, home, pool, does)))
    snippet = as_prefect_yaml(
        called, ENTRYPOINTS[does], parameters, schedule, pool or POOL, "" if pool else queue_of(home)
    )
    if as_json:
        facts = {
            "name": called,
            "new": new,
            "schedule": str(schedule),
            "parameters": parameters,
            "pool": pool or POOL,
        }
        click.echo(json.dumps({**facts, "prefect_yaml": snippet}, ensure_ascii=False, indent=2))
        return 0
    click.echo(
        f"{'Scheduled' if new else 'Renewed'}: {called}, {'' if schedule.cron else 'every '}{schedule}."
    )
    click.echo(f"ledger    {home}")
    url = Settings(Path(parameters["mapping"])).ledger_url()
    if not there_is_a_ledger(home, url):
        click.echo(
            "          There is none yet, and a worker does not begin one unasked. If it is to be on this machine: run muster sync "
            "once, or say --new-ledger."
        )
    click.echo(
        f"runs in   {'the work pool ' + pool if pool else f'muster serve {home.parent}, which has to be at work'}"
    )
    click.echo(f"\nThe same in a prefect.yaml:\n\n{snippet}", nl=False)
    return 0


def _when(cron: str | None, every: float | None, timezone: str) -> Schedule:
    import zoneinfo  # noqa: PLC0415 - only this verb

    if (cron is None) == (every is None):
        raise click.UsageError('Say when, in one way: --cron "0 6 * * *" or --every 6h.')
    try:
        zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(f"There is no time zone {timezone}. Such as Europe/Berlin.") from None
    if cron is not None:
        return Schedule(cron=" ".join(cron.split()), timezone=timezone)
    return Schedule(every=every, timezone=timezone)


def _home_here() -> Path:
    from flows.settings import Settings  # noqa: PLC0415 - only this verb

    return Settings().home_here()


def _speak_to_prefect(home: Path) -> None:
    """Sets Prefect's address: the configured server, or that of muster serve. Raises CannotStart where there is neither."""
    import os  # noqa: PLC0415 - only this verb

    from flows.prefect_server import configured_url, healthy  # noqa: PLC0415 - as above
    from flows.serving import served_url  # noqa: PLC0415 - as above

    url = configured_url() or served_url(home)
    if not url:
        raise CannotStart(
            "No Prefect server is configured, and muster serve is not at work for this folder.",
            f"Start one in another terminal: muster serve {home.parent}. Or set PREFECT_API_URL to the address of yours.",
        )
    if not healthy(url):
        raise CannotStart(
            f"Prefect's server at {url} does not answer.",
            "Start it, or set PREFECT_API_URL to the right address.",
        )
    os.environ["PREFECT_API_URL"] = url
    os.environ.setdefault("DO_NOT_TRACK", "1")


def _look_after(
    *, lists: bool, pause: str | None, resume: str | None, remove: str | None, as_json: bool
) -> int:
    from flows.viewer import deployments  # noqa: PLC0415 - Prefect takes seconds

    if lists:
        found = asyncio.run(deployments.listed())
        if as_json:
            facts = [
                dataclasses.asdict(one)
                | {
                    name: at and at.isoformat()
                    for name in ("next_run", "last_run")
                    for at in [getattr(one, name)]
                }
                for one in found
            ]
            click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        else:
            _show(found)
        return 0
    name, what, doing = next(
        (name, what, doing)
        for name, what, doing in (
            (pause, "Paused", deployments.paused), (resume, "Resumed", deployments.resumed), (remove, "Removed", deployments.removed),
        )
        if name is not None
    )  # fmt: skip
    asyncio.run(doing(name))
    click.echo(json.dumps({"name": name, "did": what.lower()}) if as_json else f"{what}: {name}.")
    return 0


def _show(found: list[Scheduled]) -> None:
    if not found:
        click.echo('No sync is scheduled. muster schedule MAPPING --cron "0 6 * * *" makes one.')
        return
    from rich.table import Table  # noqa: PLC0415 - only for people

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("name", "when", "next run", "last run", "last state", "pool"):
        table.add_column(column, no_wrap=True)
    for one in found:
        next_run = (
            "paused" if one.paused else f"{one.next_run:%Y-%m-%d %H:%M:%S}Z" if one.next_run else "none"
        )
        last = f"{one.last_run:%Y-%m-%d %H:%M:%S}Z" if one.last_run else "never"
        table.add_row(one.name, one.schedule, next_run, last, one.last_state, one.pool)
    console = console_for_people()
    console.print(table)
    for one in found:
        if one.last_message and one.last_state != "Completed":
            console.print(f"{one.name}: {one.last_message}", markup=False)

"""muster init: a mapping for a file, to begin with."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connectors.errors import MusterError
from flows.cli.reading import as_said, database_options, of_database, reading_options
from mappings.engine.complaints import listed, visible

__all__ = ["command"]


@click.command("init")
@click.argument("file", required=False)
@click.option(
    "--to",
    "destination",
    metavar="DESTINATION",
    help="Where the contacts go, such as campaignlark.",
)
@click.option(
    "-o", "--out", metavar="MAPPING", help="Where it is written, NAME.yml here by default; - prints it."
)
@click.option(
    "--update",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="MAPPING",
    help="Instead, print as a diff what this mapping needs where the columns of FILE have changed.",
)
@click.option("--offline", is_flag=True, help="Do not ask the destination for its fields and tags.")
@reading_options
@database_options
@click.option(
    "--take",
    type=click.Choice(["newest", "all"]),
    help="Of several files that FILE's pattern finds: the newest each time, or all as one source.",
)
@click.option(
    "--plan/--no-plan",
    default=True,
    help="Whether it is said what a sync by the mapping would do; where the account can be asked.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(
    file: str | None,
    destination: str | None,
    out: str | None,
    update: Path | None,
    offline: bool,
    take: str | None,
    plan: bool,
    as_json: bool,
    **reading: Any,
) -> int:
    """Write a mapping for FILE: columns matched by name and values to DESTINATION's fields, with every doubt said.

    FILE is a file, a pattern, an address such as https://… or s3://…, or - for standard input. A file that is there is never written
    over, and nothing is sent. Where the file does not say who wants mail, the mapping mails nobody until you decide.
    """
    if out == "-" and as_json:
        raise click.UsageError("-o - and --json would both print on standard output; leave one of them out.")
    settings, database = as_said(reading), of_database(reading, file)
    if file is None and not database:
        raise click.UsageError("Say what the mapping is for: FILE, or --database NAME.")
    from connectors.kinds import destination_module  # noqa: PLC0415 - only this verb
    from flows import first_mapping as first  # noqa: PLC0415 - as above

    if update is not None:
        from flows.cli.init_update import propose  # noqa: PLC0415 - only where it is asked for

        given = _given(file, database, take, update)
        return propose(update, given, file, settings, offline=offline, as_json=as_json)
    if destination is None:
        raise click.UsageError("Say where the contacts go: --to DESTINATION.")
    connector: Any = destination_module(destination).Connector
    given = _given(file, database, take, Path(out) if out not in {None, "-"} else None)
    target = None if out == "-" else Path(out) if out else Path(f"{first.name_of(given.name)}.yml")
    if target is not None:
        first.check_place(target, given.files)
    looked = first.look_at(given, settings)
    if offline:
        schema, why = first.fields_as_read(destination, connector, target)
    else:
        schema, why = asyncio.run(first.fields_of(destination, connector, target))
    if why:
        said = (
            f"The fields of {destination} could not be read, so only the documented ones are used.\n  {why}"
        )
        click.echo(visible(said), err=True)
    suggestion = first.first_mapping(
        looked, schema, destination=destination, connector=connector, reading=settings, target=target
    )
    again = _named_again(file, given)
    facts = _facts(suggestion, looked, target, "ADDRESS" if given.secret and again else again, why)
    if target is None:
        click.echo(suggestion.text, nl=False)
    else:
        first.write(target, suggestion.text)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        for line in _lines(facts):
            click.echo(visible(line), err=target is None)
    if plan and target is not None and not (why or offline or as_json):
        _plan(str(target), again)
    return 0


def _given(file: str | None, database: dict[str, str], take: str | None, mapping: Path | None) -> Any:
    """What was named; its settings are those that a sync by the mapping will have."""
    from connectors.sources.given import given_database, given_file  # noqa: PLC0415 - only this verb
    from flows.settings import Settings  # noqa: PLC0415 - as above

    setting = Settings(mapping).get
    if file is None:
        return given_database(database, setting)
    return given_file(file, take=take or "only", beside=Path.cwd(), setting=setting)


def _named_again(file: str | None, given: Any) -> str | None:
    """What the next command has to be told of the file; nothing where the mapping says it, and a person need not see it."""
    of_this_machine = given.place is not None and "take" not in given.source
    return file if of_this_machine or file == "-" or not given.said else None


def _plan(mapping: str, file: str | None) -> None:
    """What a sync by the new mapping would do. It is the next thing that a person asks, and no part of writing it: what stops it is said."""
    from flows.cli.plan import run_plan  # noqa: PLC0415 - only where there is an account
    from flows.cli.showing_plan import show_plan  # noqa: PLC0415 - as above
    from flows.cli.watchers import watcher  # noqa: PLC0415 - as above
    from flows.options import Options  # noqa: PLC0415 - as above

    click.echo("\nWhat a sync by it would do (muster plan):\n")
    try:
        with watcher() as watching:
            found = asyncio.run(
                run_plan(mapping, file, Options(verb="plan"), watching, everybody=False, yes=True)
            )
    except MusterError as error:
        click.echo(visible(f"No plan could be made: {error.what}\n  {error.fix}".rstrip()), err=True)
        return
    show_plan(found, [])


def _facts(suggestion: Any, looked: Any, target: Path | None, again: str | None, why: str) -> dict[str, Any]:
    draft = suggestion.draft
    written = "MAPPING" if target is None else str(target)
    return {
        "mapping": None if target is None else str(target),
        "name": draft.name,
        "source": dict(draft.origin.source),
        "why": looked.why,
        "rows_looked_at": looked.cells.num_rows,
        "live": not why,
        "why_not_live": why,
        "key": draft.key,
        "person": draft.person or None,
        "fields": {tag: ", ".join((match.column, *match.also)) for tag, match in draft.fields.items()},
        "guessed": {tag: ", ".join((match.column, *match.also)) for tag, match in draft.guessed.items()},
        "confidence": {tag: match.confidence for tag, match in draft.fields.items()},
        "tags": draft.tags.column if draft.tags else None,
        "opted_out": list(draft.consent.columns),
        "newcomers": suggestion.mapping.consent.newcomers,
        "ignored": dict(draft.ignored),
        "examples": len(draft.examples),
        "doubts": [*looked.odd, *draft.doubts()],
        "next": shlex.join(
            ["muster", "check", written, *([again] if again else []), *(["--offline"] if why else [])]
        ),
    }


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    if facts["mapping"]:
        yield f"{facts['mapping']} is written; {facts['rows_looked_at']:,} rows were looked at."
    if facts["why"]:
        yield f"It is a {facts['source']['kind']}: {facts['why']}."
    yield from _matched(facts)
    yield from _undecided(facts)
    left = {name: why for name, why in facts["ignored"].items() if why}
    yield from _section("In doubt:", facts["doubts"])
    yield from _section("Left out, but look:", [f"{name}: {why}" for name, why in left.items()])
    guessed = {name for names in facts["guessed"].values() for name in (names, *names.split(", "))}
    plain = [name or "(no name)" for name, why in facts["ignored"].items() if not why and name not in guessed]
    if plain:
        yield from ("", f"Left out: {listed(plain, most=20)}")
    yield ""
    if not facts["live"]:
        yield "With a key, the same command with another -o matches the account's own fields, too."
    yield f"It passes muster check: {facts['examples']} examples, each column used or left out on purpose."
    yield f"Next:  {facts['next']}"


def _matched(facts: dict[str, Any]) -> Iterator[str]:
    rows = [*facts["fields"].items()]
    rows += [(name, facts[name]) for name in ("person", "tags") if facts[name]]
    rows += [("opted out", ", ".join(facts["opted_out"]))] if facts["opted_out"] else []
    rows += [("newcomers", facts["newcomers"])]
    width = max(len(name) for name, _ in (*rows, *facts["guessed"].items()))
    yield from _section("", [f"{name:<{width}}  {column}" for name, column in rows])
    yield from _section(
        "Not sent yet, as the account could not be asked; in the mapping these are comments:",
        [f"{tag:<{width}}  {column}" for tag, column in facts["guessed"].items()],
    )


def _undecided(facts: dict[str, Any]) -> Iterator[str]:
    if not facts["opted_out"]:
        yield from _section(
            "No column says for sure who opted out, so nobody is mailed: new contacts arrive as UNSUBSCRIBED.",
            [
                "Under consent: in the mapping, name the column under opted_out:. Or, if all of them want mail,",
                "say why under assumed:, and write newcomers: SUBSCRIBED.",
            ],
        )
    elif facts["newcomers"] == "UNSUBSCRIBED":
        yield from _section(
            "Not everything about consent is clear, so new contacts arrive as UNSUBSCRIBED.",
            ["Settle the doubts under consent: in the mapping, then write newcomers: SUBSCRIBED."],
        )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        if title:
            yield title
        yield from (f"  {line}" for line in lines)

"""muster check: is the mapping right?"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

import click

from connectors.errors import CredentialsError, MappingError, SourceError
from connectors.kinds import destination_module
from flows.consent import complaint_of
from flows.field_list import beside, keep, kept_of
from flows.guards import set_by_mapping
from flows.missing import Missing, missing
from flows.open_questions import known_answers
from flows.opening import (
    check_examples,
    check_key,
    load_mapping,
    make_application,
    numbers_said,
    open_source_of,
    suppressions_of,
)
from flows.settings import Settings, find_mapping
from flows.suppressions import Suppressions
from mappings.engine.applying import Application
from mappings.engine.complaints import listed
from mappings.engine.document import Mapping
from mappings.engine.schema import Schema

__all__ = ["command"]


@click.command("check")
@click.argument("names", nargs=-1, metavar="MAPPING [FILE]")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Look across all mappings of the folders named instead (here if none is), offline.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Do not ask the destination: go by its fields and tags as they were read last, or the documented ones.",
)
@click.option(
    "--keep-fields",
    is_flag=True,
    help="Keep the account's fields and tags in a file beside the mapping, to commit: --offline goes by it, in CI as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings.")
def command(
    names: tuple[str, ...],
    everything: bool,
    offline: bool,
    keep_fields: bool,
    as_json: bool,
    fail_on_warning: bool,
) -> int:
    """Check MAPPING: its grammar, its merge tags and tags against the live account, its examples, its columns against FILE.

    Without FILE, the mapping's own source is looked at if there is one. Nothing is sent. What has to be created in the
    destination's app first is listed at the end.
    """
    if everything:
        from flows.cli.check_all import check_all  # noqa: PLC0415 - only where it is asked for

        return check_all(names, as_json=as_json, fail_on_warning=fail_on_warning)
    if not 1 <= len(names) <= 2:
        raise click.UsageError(
            "Name a mapping, and the file to check it against: muster check MAPPING [FILE]."
        )
    try:
        path = find_mapping(names[0])
        document = load_mapping(path)
    except MappingError as error:
        error.facts = _wrong(error)
        raise
    connector: Any = destination_module(document.destination.kind).Connector
    answers = _answers(document, path, connector)
    if offline and keep_fields:
        raise click.UsageError("--keep-fields has to ask the account; leave --offline out.")
    home = Settings(path).home(path)
    kept = kept_of(document, path, home) if offline else None
    if kept is not None:
        schema = kept.schema
    elif offline:
        schema = connector.documented_schema(answers) if answers else connector.documented_schema()
    else:
        schema = asyncio.run(_live(document, path, connector, answers))
        at = document.destination.kind, document.destination.account
        keep(schema, *at, home=home)
        kept_in = keep(schema, *at, near=beside(path, *at)) if keep_fields else None
        if kept_in is not None:
            click.echo(
                f"{kept_in} holds the account's fields and tags; commit it beside the mapping.", err=as_json
            )
    absent = missing(document, schema, connector)
    try:
        facts = _checked(document, path, names[1] if len(names) > 1 else None, schema, connector)
        _refuse(absent, document)
    except MappingError as error:
        wrong = MappingError(error.what + _said(absent, document), error.fix)
        wrong.facts = {**_wrong(error), **_listed(absent)}
        raise wrong from None
    facts |= _listed(absent)
    facts["fields_read_at"] = kept.read_at if kept else None
    facts["fields_read_from"] = str(kept.path) if kept else None
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        _show(facts)
        click.echo(_said(absent, document).lstrip("\n"), nl=bool(absent))
    return 1 if fail_on_warning and (facts["unmapped"] or facts["required_not_mapped"]) else 0


def _wrong(error: MappingError) -> dict[str, Any]:
    """For scripts: what is wrong with a mapping."""
    return {"right": False, "complaints": error.what.splitlines()}


def _checked(
    document: Mapping, path: Path, file: str | None, schema: Schema, connector: Any
) -> dict[str, Any]:
    """What there is to say of a mapping that is right. Raises MappingError with what is not."""
    header, unread = _header(document, path, file)
    check_key(document, connector)
    columns = tuple(document.columns()) if header is None else header[0]
    application = make_application(document, schema, columns)
    complaint_of(document, columns, header[1] if header else (), mails_people=connector.mails_people)
    check_examples(document, schema)
    suppressions = suppressions_of(document, path, Settings(path).home(path))
    facts = _facts(document, application, schema, None if header is None else header[2], suppressions)
    return {**facts, "source_unread": unread or None}


def _refuse(absent: list[Missing], document: Mapping) -> None:
    """Raises MappingError where something has to be created in the app, should nothing else be wrong."""
    if not all(one.by_sync for one in absent):
        raise MappingError(f"{document.file} names what {document.destination.kind} does not have.")


def _listed(absent: list[Missing]) -> dict[str, Any]:
    """For scripts: what has to be created in the app, and what the sync creates."""
    return {
        "to_create": [dataclasses.asdict(one) for one in absent if not one.by_sync],
        "created_by_sync": [dataclasses.asdict(one) for one in absent if one.by_sync],
    }


def _said(absent: list[Missing], document: Mapping) -> str:
    """For people: a line for each, what is to be created in the app first."""
    destination = document.destination
    why = "create_missing: tags" if destination.create_missing else "unknown: create"
    said = ""
    for by_sync, title in (
        (
            False,
            f"To be created in the app of {destination.kind}, account {destination.account}, first (unless only misspelled):",
        ),
        (True, f"Created by the sync ({why}):"),
    ):
        those = [one for one in absent if one.by_sync == by_sync]
        if those:
            width = max(len(one.name) for one in those)
            said += f"\n\n{title}\n" + "\n".join(
                f"  {one.what:<5}  {one.name:<{width}}{_proposed(one)}".rstrip() for one in those
            )
    return said


def _proposed(one: Missing) -> str:
    """The rest of a line: type, label, options, and what is wrong with the name."""
    if one.what != "field":
        return ""
    said = f"  {one.type}  labelled {one.label}"
    if one.options:
        more = ", and what else the file holds" if one.more_options else ""
        said += f"; options: {listed(one.options)}{more}"
    return said + (
        f"\n         not with this name: {one.problem}; call it otherwise in the mapping, too"
        if one.problem
        else ""
    )


def _answers(document: Mapping, path: Path, connector: Any) -> Map[str, str]:
    """What is known of the account beyond its API's documentation."""
    settings, there = Settings(path), document.destination
    base_url = settings.base_url(there.kind, there.account, connector.default_base_url)
    say = functools.partial(click.echo, err=True)
    return known_answers(settings, settings.home(path), there.kind, there.account, base_url, say)


async def _live(document: Mapping, path: Path, connector: Any, answers: Map[str, str]) -> Schema:
    from connectors.pace import Pace  # noqa: PLC0415 - only when somebody is asked

    access = Settings(path).access(
        document.destination.kind, document.destination.account, connector.default_base_url
    )
    async with connector(
        base_url=access.base_url, key=access.key, turns=Pace(connector.per_second)
    ) as destination:
        destination.answers = answers
        schema: Schema = await destination.read_schema()
        return schema


def _header(
    document: Mapping, path: Path, file: str | None
) -> tuple[tuple[tuple[str, ...], tuple[str, ...], str] | None, str]:
    """The columns of the source and its known opt-out columns, None where no file is named or there yet, or it cannot be read from here; and why."""
    try:
        source = open_source_of(document, path, file)
    except (SourceError, CredentialsError) as error:
        if file is not None:
            raise
        return None, error.what
    return (source.header, source.facts.opt_out_columns, str(source.path)), ""


def _facts(
    document: Mapping,
    application: Application,
    schema: Schema,
    source: str | None,
    suppressions: Suppressions,
) -> dict[str, Any]:
    uses = application.uses() if source is not None else []
    missing = [field.name for field in schema.fields if field.required and field.name not in document.fields]
    return {
        "right": True,
        "mapping": {"name": document.name, "sha256": document.sha256, "path": document.file},
        "live": schema.live,
        "fixed": schema.fixed,
        "not_checked": numbers_said(document, schema),
        "merge_tags": {tag: application.type_of(tag) for tag in document.fields},
        "examples": len(document.examples),
        "source": source,
        "columns": {use.name: use.use for use in uses},
        "unmapped": [use.name for use in uses if use.use == "unmapped"],
        "required_not_mapped": missing,
        "suppressed": {
            "files": [str(one) for one in suppressions.files],
            **suppressions.counts,
            "said": suppressions.said,
        },
        "guards": set_by_mapping(document.guards),
        "allowed": list(document.automations.allow) if document.automations is not None else [],
    }


def _show(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['mapping']['path']} is right.")
    where = "the account's own fields" if facts["live"] else "the documented fields only (offline)"
    if facts["fields_read_at"]:
        where = f"the account's fields as they were on {facts['fields_read_at'][:10]} ({facts['fields_read_from']})"
    where = "the documented fields, which every account has" if facts["fixed"] else where
    click.echo(f"  {len(facts['merge_tags'])} merge tags, checked against {where}")
    if facts["not_checked"]:
        click.echo(f"  {facts['not_checked']}")
    click.echo(
        f"  {facts['examples']} examples pass"
        if facts["examples"]
        else "  no examples: yet the mapping cannot test itself"
    )
    for name, limit in facts["guards"].items():
        click.echo(f"  guard {name}: trips {limit}")
    if facts["allowed"]:
        click.echo(f"  allowed in every run: {', '.join(facts['allowed'])}")
    if facts["source"] is None:
        click.echo(f"  no file was looked at: {facts['source_unread']}")
        click.echo("  name one to check the columns")
    else:
        used = sum(use == "used" for use in facts["columns"].values())
        ignored = sum(use == "ignored" for use in facts["columns"].values())
        click.echo(f"  {facts['source']}: {used} columns used, {ignored} ignored")
    if facts["suppressed"]["said"]:
        click.echo(f"  suppressed: {facts['suppressed']['said']}")
    for name in facts["unmapped"]:
        click.echo(f"  warning: the column '{name}' is not used. Map it, or add it under ignore:.")
    for name in facts["required_not_mapped"]:
        click.echo(
            f"  warning: {name} is required there and not mapped; new contacts without it are refused."
        )

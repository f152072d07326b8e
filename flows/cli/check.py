"""muster check: is the mapping right?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from connectors.base import destination_module
from connectors.errors import SourceError
from flows.consent import complaint_of
from flows.opening import check_examples, load_mapping, make_application, open_source_of
from flows.settings import Settings, find_mapping
from mappings.engine.applying import Application
from mappings.engine.document import Mapping
from mappings.engine.schema import Schema

__all__ = ["command"]


@click.command("check")
@click.argument("mapping")
@click.argument("file", required=False)
@click.option("--offline", is_flag=True, help="Do not ask the destination for its fields and tags.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(mapping: str, file: str | None, offline: bool, as_json: bool) -> int:
    """Check MAPPING: its grammar, its merge tags and tags against the live account, its examples, its columns against FILE.

    Without FILE, the mapping's own source is looked at if there is one. Nothing is sent.
    """
    path = find_mapping(mapping)
    document = load_mapping(path)
    connector: Any = destination_module(document.destination.kind).Connector
    schema = connector.documented_schema() if offline else asyncio.run(_live(document, path, connector))
    header = _header(document, path, file)
    columns = tuple(document.columns()) if header is None else header[0]
    application = make_application(document, schema, columns)
    complaint_of(document, columns, header[1] if header else (), mails_people=connector.mails_people)
    check_examples(document, schema)
    facts = _facts(document, application, schema, None if header is None else header[2])
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        _show(facts)
    return 0


async def _live(document: Mapping, path: Path, connector: Any) -> Schema:
    from connectors.pace import Pace  # noqa: PLC0415 - only when somebody is asked

    access = Settings(path).access(
        document.destination.kind, document.destination.account, connector.default_base_url
    )
    async with connector(
        base_url=access.base_url, key=access.key, turns=Pace(connector.per_second)
    ) as destination:
        schema: Schema = await destination.read_schema()
        return schema


def _header(
    document: Mapping, path: Path, file: str | None
) -> tuple[tuple[str, ...], tuple[str, ...], str] | None:
    """The columns of the file and its known opt-out columns; None where no file is named or there yet."""
    try:
        source = open_source_of(document, path, file)
    except SourceError:
        if file is not None:
            raise
        return None
    return source.header, source.facts.opt_out_columns, str(source.path)


def _facts(document: Mapping, application: Application, schema: Schema, source: str | None) -> dict[str, Any]:
    uses = application.uses() if source is not None else []
    missing = [field.name for field in schema.fields if field.required and field.name not in document.fields]
    return {
        "mapping": {"name": document.name, "sha256": document.sha256, "path": document.file},
        "live": schema.live,
        "merge_tags": {tag: application.type_of(tag) for tag in document.fields},
        "examples": len(document.examples),
        "source": source,
        "columns": {use.name: use.use for use in uses},
        "unmapped": [use.name for use in uses if use.use == "unmapped"],
        "required_not_mapped": missing,
    }


def _show(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['mapping']['path']} is right.")
    where = "the account's own fields" if facts["live"] else "the documented fields only (offline)"
    click.echo(f"  {len(facts['merge_tags'])} merge tags, checked against {where}")
    click.echo(
        f"  {facts['examples']} examples pass"
        if facts["examples"]
        else "  no examples: yet the mapping cannot test itself"
    )
    if facts["source"] is None:
        click.echo("  no file was looked at: name one to check the columns")
    else:
        used = sum(use == "used" for use in facts["columns"].values())
        ignored = sum(use == "ignored" for use in facts["columns"].values())
        click.echo(f"  {facts['source']}: {used} columns used, {ignored} ignored")
    for name in facts["unmapped"]:
        click.echo(f"  warning: the column '{name}' is not used. Map it, or add it under ignore:.")
    for name in facts["required_not_mapped"]:
        click.echo(
            f"  warning: {name} is required there and not mapped; new contacts without it are refused."
        )

"""muster init --update: what an existing mapping needs where the export's columns have changed, as a diff."""

from __future__ import annotations

import asyncio
import difflib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connectors.errors import MappingError
from connectors.kinds import destination_module
from connectors.sources.given import Given
from flows import first_mapping as first
from flows.opening import load_mapping
from mappings.engine.complaints import MappingInvalid, visible
from mappings.engine.reading import read_mapping_text
from mappings.engine.suggesting.renewing import Renewal, renewed

__all__ = ["propose"]


def propose(
    given: Path, lying: Given, file: str | None, reading: dict[str, Any], *, offline: bool, as_json: bool
) -> int:
    """Prints the diff for what lies there, which was named as `file`; nothing is written. Raises MappingError, SourceError."""
    document = load_mapping(given)
    kind = document.destination.kind
    connector: Any = destination_module(kind).Connector
    looked = first.look_at(lying, {**document.source.reading(), **reading})
    schema, why = (
        first.fields_as_read(kind, connector, given)
        if offline
        else asyncio.run(first.fields_of(kind, connector, given))
    )
    draft = first.first_mapping(
        looked, schema, destination=kind, connector=connector, reading=reading, target=given
    ).draft
    found = renewed(document.text, document, looked.source.header, draft)
    try:
        read_mapping_text(found.text, given.name)
    except MappingInvalid as error:
        raise MappingError(
            f"The changes that {given} needs cannot be put into its text: {error}",
            "Change it by hand; muster check names each column.",
        ) from None
    diff = "".join(
        difflib.unified_diff(
            document.text.splitlines(keepends=True),
            found.text.splitlines(keepends=True),
            str(given),
            str(given),
            n=2,
        )
    )
    if as_json:
        facts = {
            "renamed": found.renamed,
            "added": found.added,
            "ignored": found.ignored,
            "gone": found.gone,
            "diff": diff,
        }
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return 0
    click.echo(visible(diff), nl=False)
    shown = looked.source.path if file is None or lying.secret else file
    again = "--database …" if file is None else "ADDRESS" if lying.secret else shlex.quote(file)
    for line in _said(found, given, str(shown), again, why):
        click.echo(visible(line), err=True)
    return 0


def _said(found: Renewal, given: Path, file: str, again: str, why: str) -> Iterator[str]:
    if found.text and not (found.renamed or found.added or found.ignored or found.gone):
        yield f"Nothing to change: each column of {file} is used or left out in {given}."
        return
    for old, new in found.renamed.items():
        yield f"'{old}' is gone and '{new}' is new: taken for the same column."
    for tag, name in found.added.items():
        yield f"'{name}' is new and goes into {tag}."
    for name in found.ignored:
        yield f"'{name}' is new and fits no field: left out."
    for name in found.gone:
        yield f"'{name}' is gone, and nothing is like it: take its rule away, or export it again."
    if why:
        yield f"The account's fields could not be read, so only the documented ones were looked at. {why}"
    if found.renamed or found.added or found.ignored:
        yield f"Nothing was written. Look at the diff; to apply it: muster init {again} --update {shlex.quote(str(given))} | patch -p0"

"""muster init --update: what an existing mapping needs where the export's columns have changed, as a diff."""

from __future__ import annotations

import asyncio
import codecs
import difflib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from connectors.errors import MappingError
from connectors.kinds import destination_module
from connectors.sources.given import Given
from flows import first_mapping as first
from flows.opening import load_mapping
from mappings.engine.cleaning import clean_text
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
    mark = "\ufeff" if given.read_bytes().startswith(codecs.BOM_UTF8) else ""
    diff = _diff(mark, document.text, found.text, str(given))
    if as_json:
        facts = {
            "renamed": found.renamed,
            "added": found.added,
            "ignored": found.ignored,
            "gone": found.gone,
            "heard": found.heard,
            "unheard": found.unheard,
            "diff": diff,
        }
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return 0
    # patch compares each letter, and a terminal is not to be spoken to
    click.echo(visible(diff) if sys.stdout.isatty() else diff, nl=False)
    shown = looked.source.path if file is None or lying.secret else file
    again = "--database …" if file is None else "ADDRESS" if lying.secret else shlex.quote(file)
    opted_out = document.consent.opted_out if document.consent else None
    heard = {clean_text(name) for name in opted_out.from_} if opted_out else set()
    for line in _said(found, given, str(shown), again, why, heard):
        click.echo(visible(line), err=True)
    return 0


def _diff(mark: str, before: str, after: str, name: str) -> str:
    """The change as `patch` takes it, letter by letter: also where the last line does not end, and ends are those of Windows."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", f"{mark}{text}") for text in (before, after))
    found = difflib.unified_diff(old, new, name, name, n=2)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found
    )


def _said(found: Renewal, given: Path, file: str, again: str, why: str, opt_outs: set[str]) -> Iterator[str]:
    changed = found.renamed or found.added or found.ignored or found.heard
    if found.text and not (changed or found.gone or found.unheard):
        yield f"Nothing to change: each column of {file} is used or left out in {given}."
        return
    for old, new in found.renamed.items():
        yield f"'{old}' is gone and '{new}' is new: taken for the same column."
    for tag, name in found.added.items():
        yield f"'{name}' is new and goes into {tag}."
    for name in found.ignored:
        yield f"'{name}' is new and fits no field: left out."
    for name in found.heard:
        yield f"'{name}' is new and says who opted out: heard under consent:."
    for name in found.unheard:
        yield f"'{name}' is new and may say who wants mail: hear it under consent:, or leave it out under ignore:. The diff does neither."
    for name in found.gone:
        if name in opt_outs:
            yield f"'{name}' is gone, and said who opted out: export it again, or name what says so now under consent:."
        else:
            yield f"'{name}' is gone, and nothing is like it: take its rule away, or export it again."
    if why:
        yield f"The account's fields could not be read, so only the documented ones were looked at. {why}"
    if changed:
        yield f"Nothing was written. Look at the diff; to apply it: muster init {again} --update {shlex.quote(str(given))} | patch {shlex.quote(str(given))}"

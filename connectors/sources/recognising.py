"""Which product's export a file is: by its columns, or by what is in an archive."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from connectors.base import Source, SourceFacts
from connectors.errors import SourceError
from connectors.kinds import kinds, source_module
from connectors.sources.export import Export, folded
from connectors.sources.opening import open_any, open_table
from mappings.engine.complaints import listed

__all__ = ["Recognised", "archived_as", "checked", "facts_of", "open_recognised", "opened", "recognised"]


@dataclass(frozen=True, slots=True)
class Recognised:
    """A kind of source, and why a file is taken for one; `why` is empty for a format that is no product's export."""

    kind: str
    why: str = ""


def open_recognised(path: Path, settings: Mapping[str, Any]) -> tuple[Recognised, Source]:
    """The file, opened as the export that it is, or else in its format. Raises SourceError."""
    if (archive := archived_as(path)) is not None:
        opened_archive: Source = source_module(archive.kind).open_source(path, settings)
        return archive, opened_archive
    format_, table = open_any(path, settings)
    found = recognised(table.header)
    if found is None:
        return Recognised(format_), table
    source: Source = source_module(found.kind).open_source(path, settings)
    return found, source


def archived_as(path: Path) -> Recognised | None:
    """The kind of export that is an archive of just such files; None where it is none. Raises SourceError."""
    for kind, module in _modules().items():
        if hasattr(module, "archived") and (why := module.archived(path)):
            return Recognised(kind, why)
    return None


def recognised(header: Sequence[str]) -> Recognised | None:
    """The kind of export that has such a header; None where none has, or two are as likely.

    A column tells the more, the fewer products have it.
    """
    found = []
    for kind, module in _modules().items():
        export: Export = module.EXPORT
        for sign in export.signs_in(header):
            rank = sum(1 / _known_by()[folded(name)] for name in sign)
            found.append((rank, kind, f"{listed(sign)} are columns of {export.product}'s export"))
    best = max((rank for rank, _, _ in found), default=0.0)
    likely = {kind: why for rank, kind, why in found if rank == best}
    return Recognised(*likely.popitem()) if len(likely) == 1 else None


def opened(path: Path, settings: Mapping[str, Any], export: Export) -> Source:
    """The table at `path` with what is known of the export.

    Columns may have been taken out of it. Raises SourceError where it is another product's, or none of it is known.
    """
    source = open_table(path, settings)
    checked(path, source.header, export)
    source.facts = export.facts(source.header)
    return source


def checked(path: Path, header: Sequence[str], export: Export) -> None:
    """Raises SourceError where the file at `path` is another product's by its header, or none of it is known."""
    if export.signs_in(header):
        return
    other = recognised(header)
    if other is not None:
        raise SourceError(
            f"{path} is no export from {export.product}: {other.why}.",
            f"Say kind: {other.kind} in the mapping, or name another file.",
        )
    facts = export.facts(header)
    if not facts.meanings and not facts.consents:
        raise SourceError(
            f"{path} is no export from {export.product}: its columns are {listed(header)}.",
            "Name the export itself, or say kind: csv_file in the mapping; muster peek shows how a file is read.",
        )


def facts_of(kind: str, header: Sequence[str]) -> SourceFacts:
    """What a kind of source knows of a header, without a file."""
    module = source_module(kind)
    facts: SourceFacts = module.EXPORT.facts(header) if hasattr(module, "EXPORT") else SourceFacts()
    return facts


@functools.cache
def _known_by() -> Mapping[str, int]:
    """How many products have a column, by its folded name."""
    return Counter(name for module in _modules().values() for name in module.EXPORT.names())


@functools.cache
def _modules() -> Mapping[str, ModuleType]:
    """Each kind that says what is known of its export. One of another package that does not is named by hand."""
    modules = {kind: source_module(kind) for kind in kinds("sources")}
    return {kind: module for kind, module in modules.items() if hasattr(module, "EXPORT")}

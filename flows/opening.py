"""What has to fit together before a run: a mapping, its source, the destination's schema, the mapping's own examples."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from connectors.base import Rules, Source, source_module
from connectors.errors import MappingError, SourceError
from connectors.sources.finding import find, readable
from mappings.engine.applying import Application
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.examples import failing_examples
from mappings.engine.reading import read_mapping
from mappings.engine.schema import Schema

__all__ = ["check_examples", "load_mapping", "make_application", "open_source_of", "rules_of"]


def load_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises MappingError with all complaints."""
    try:
        return read_mapping(path)
    except MappingInvalid as error:
        raise MappingError(str(error), "") from None
    except OSError as error:
        raise MappingError(
            f"The mapping {path} cannot be read: {error.strerror}.", "Check its rights."
        ) from None


def open_source_of(mapping: Mapping, path: Path, given: str | None) -> Source:
    """The source that was named, or the mapping's own. Raises SourceError, MappingError."""
    module = source_module(mapping.source.kind)
    if given is not None:
        file = find(given, take=mapping.source.take, beside=Path.cwd())
    elif mapping.source.path is None:
        raise SourceError(
            "No file was named, and the mapping has no source.path.", "Name a file: muster sync MAPPING FILE."
        )
    else:
        file = find(mapping.source.path, take=mapping.source.take, beside=path.resolve().parent)
    source: Source = module.open_source(readable(file.resolve()), mapping.source.reading())
    return source


def make_application(mapping: Mapping, schema: Schema, header: tuple[str, ...]) -> Application:
    """The mapping made ready for a header and a schema. Raises MappingError with all complaints."""
    try:
        return Application(mapping, schema, header, _today())
    except MappingInvalid as error:
        raise MappingError(str(error), "") from None


def _today() -> dt.date:
    """The day here, by the clock of this machine: spans such as 90 days are counted from it."""
    return dt.datetime.now().astimezone().date()


def rules_of(mapping: Mapping, application: Application) -> Rules:
    return Rules(
        write=mapping.write,
        gone=mapping.gone,
        newcomers=mapping.consent.newcomers if mapping.consent else "SUBSCRIBED",
        types={tag: application.type_of(tag) for tag in mapping.fields},
        writes={tag: rule.write for tag, rule in mapping.fields.items() if rule.write is not None},
        blanks={tag: mapping.blank_rule(tag) for tag in mapping.fields if mapping.blank_rule(tag) != "keep"},
        together=mapping.together,
        tags=mapping.tags.write if mapping.tags else "add",
        lists=mapping.lists.write if mapping.lists else "add",
        key=mapping.key,
        lookup=mapping.destination.lookup,
    )


def check_examples(mapping: Mapping, schema: Schema) -> None:
    """Runs the mapping's own examples. Raises MappingError with those that fail."""
    failing = list(failing_examples(mapping, schema, _today()))
    if failing:
        raise MappingError(
            "The mapping's own examples fail:\n" + "\n".join(f"  {c}" for c in failing),
            "Mend the rule or the example.",
        )

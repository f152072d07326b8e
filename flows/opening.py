"""What has to fit together before a run: a mapping, its source, the destination's schema, the mapping's own examples."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from connectors.base import Rules, Source
from connectors.errors import MappingError, SourceError
from connectors.sources.fetching import Address, fetch, is_address, shown_address
from connectors.sources.finding import find, find_all, readable
from connectors.sources.headers import refuse_doubts
from connectors.sources.name_parts import NameParts
from connectors.sources.opening import open_all, open_fetched, open_kind
from connectors.sources.sql_query import open_database
from flows.settings import Settings
from flows.suppressions import Suppressions
from mappings.engine.applying import Application
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.examples import failing_examples
from mappings.engine.reading import read_mapping
from mappings.engine.schema import Schema

__all__ = [
    "check_examples",
    "check_key",
    "load_mapping",
    "make_application",
    "named_source",
    "numbers_said",
    "open_source_of",
    "rules_of",
    "rules_with",
    "suppressions_of",
    "today",
    "types_of",
]


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
    source = named_source(mapping, path, given)
    refuse_doubts(source.path, source.oddities)
    return source


def named_source(mapping: Mapping, path: Path, given: str | None) -> Source:
    """The same, also where it is in doubt which column is which: to look at it. Raises SourceError, MappingError."""
    said = mapping.source
    if given is None and said.inbox is not None:
        raise SourceError(
            f"The mapping reads what arrives in {said.inbox}, and no file of it was named.",
            "muster plan MAPPING shows what arrived; or name a file.",
        )
    if given is None and (wanted := said.of_database()):
        return open_database(wanted, Settings(path).get)
    named = said.path if given is None else given
    if named is None:
        raise SourceError(
            "No file was named, and the mapping has no source.path.", "Name a file: muster sync MAPPING FILE."
        )
    beside = path.resolve().parent if given is None else Path.cwd()
    parts = NameParts.of(said.path or "") if said.take == "all" else NameParts(named)
    pattern = parts.glob if given is None else given
    if is_address(pattern):
        fetched = fetch(pattern, take=said.take, beside=beside, setting=Settings(path).get)
        if said.take != "all":
            return open_fetched(said.kind, fetched[0], said.reading())
        return open_all(said.kind, fetched, Address(shown_address(named)), parts, said.reading())
    if said.take == "all":
        files = [file.resolve() for file in find_all(pattern, beside=beside)]
        return open_all(said.kind, files, beside / named, parts, said.reading())
    file = find(named, take=said.take, beside=beside)
    return open_kind(said.kind, readable(file.resolve()), said.reading())


def suppressions_of(mapping: Mapping, path: Path, home: Path) -> Suppressions:
    """Who is never written to: the mapping's own files, and the home folder's. Raises SourceError."""
    beside = path.resolve().parent
    return Suppressions.read(home, [beside / Path(name).expanduser() for name in mapping.suppress])


def make_application(
    mapping: Mapping, schema: Schema, header: tuple[str, ...], day: dt.date | None = None
) -> Application:
    """The mapping made ready for a header and a schema, on a day or today. Raises MappingError with all complaints."""
    try:
        return Application(mapping, schema, header, day or today())
    except MappingInvalid as error:
        raise MappingError(str(error), "") from None


def today() -> dt.date:
    """The day here, by the clock of this machine: spans such as 90 days are counted from it."""
    return dt.datetime.now().astimezone().date()


def rules_of(mapping: Mapping, application: Application) -> Rules:
    """What the mapping says about writing."""
    return rules_with(mapping, {tag: application.type_of(tag) for tag in mapping.fields})


def types_of(mapping: Mapping, schema: Schema) -> dict[str, str]:
    """The types of all fields of the destination and the mapping, by merge tag."""
    types: dict[str, str] = {tag: rule.type or "text" for tag, rule in mapping.fields.items()}
    return types | {known.name: known.type for known in schema.fields}


def rules_with(mapping: Mapping, types: dict[str, str]) -> Rules:
    """The same with the destination's types of fields, by merge tag."""
    return Rules(
        write=mapping.write,
        gone=mapping.gone,
        newcomers=mapping.consent.newcomers if mapping.consent else "SUBSCRIBED",
        unknown_opted_out=mapping.consent.unknown_opted_out if mapping.consent else "create",
        types=types,
        writes={tag: rule.write for tag, rule in mapping.fields.items() if rule.write is not None},
        blanks={tag: mapping.blank_rule(tag) for tag in mapping.fields if mapping.blank_rule(tag) != "keep"},
        together=mapping.together,
        tags=mapping.tags.write if mapping.tags else "add",
        lists=mapping.lists.write if mapping.lists else "add",
        key=mapping.key,
        tracked=_tracked(mapping),
        lookup=mapping.destination.lookup or mapping.destination.undo == "full",
    )


def _tracked(mapping: Mapping) -> frozenset[str] | None:
    tracked = mapping.automations.tracked if mapping.automations is not None else None
    return None if tracked is None else frozenset(tracked)


def check_key(mapping: Mapping, connector: Any) -> None:
    """Raises MappingError where the destination knows its contacts by other merge tags than the mapping's key, or cannot do with vanished people what it says."""
    if mapping.key not in connector.keys:
        raise MappingError(
            f"{mapping.file}:{mapping.line_of('key')}: key: {mapping.key} is not how {mapping.destination.kind} knows a contact.",
            f"Say key: {' or '.join(connector.keys)}.",
        )
    _check_vanished(mapping, connector)


def _check_vanished(mapping: Mapping, connector: Any) -> None:
    """Raises MappingError where something is to be done with vanished people, and the destination changes only who is in a row."""
    acts = mapping.vanished is not None and mapping.vanished.acts
    if acts and not hasattr(connector, "restore"):
        raise MappingError(
            f"{mapping.file}:{mapping.line_of('vanished')}: {mapping.destination.kind} changes nobody who is in no row.",
            "Say vanished: report.",
        )


def numbers_said(mapping: Mapping, schema: Schema) -> str:
    """What is not checked of tags and lists that are known by their numbers only; '' where there is nothing to say."""
    kinds = [
        kind for kind in ("tags", "lists") if kind in schema.numbered and getattr(mapping, kind) is not None
    ]
    if not kinds:
        return ""
    return f"{' and '.join(kinds)} are sent as numbers; whether they exist there cannot be asked beforehand"


def check_examples(mapping: Mapping, schema: Schema) -> None:
    """Runs the mapping's own examples. Raises MappingError with those that fail."""
    failing = list(failing_examples(mapping, schema, today()))
    if failing:
        raise MappingError(
            "The mapping's own examples fail:\n" + "\n".join(f"  {c}" for c in failing),
            "Mend the rule or the example.",
        )

"""What a mapping names and the destination does not have: fields, tags and lists to be created there, or by the sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mappings.engine.document import Mapping, Names, Rule
from mappings.engine.schema import Schema

__all__ = ["Missing", "missing"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something to be created. `what` is field, tag or list; `type` and `label` are proposals for a field.

    `options` are those that the mapping gives; `more_options`: the file may hold others. `problem` says why the
    destination cannot have the name, `by_sync` that the sync creates it.
    """

    what: str
    name: str
    type: str = ""
    label: str = ""
    options: tuple[str, ...] = ()
    more_options: bool = False
    problem: str = ""
    by_sync: bool = False


def missing(mapping: Mapping, schema: Schema, connector: Any) -> list[Missing]:
    """In the order of the mapping; nothing where nobody could be asked what is there."""
    if not schema.live:
        return []
    return [*_fields(mapping, schema, connector), *_tags(mapping, schema), *_lists(mapping, schema)]


def _fields(mapping: Mapping, schema: Schema, connector: Any) -> Iterator[Missing]:
    for tag, rule in mapping.fields.items():
        if schema.field(tag) is not None or tag in schema.reserved:
            continue
        type_ = _type(rule)
        options = tuple(dict.fromkeys(_options(rule))) if type_ in ("choice", "choices") else ()
        yield Missing(
            "field", tag, connector.field_types.get(type_, type_), tag.replace("_", " ").strip().title(), options,
            more_options=bool(options) and (rule.otherwise == "as_is" or rule.values is None),
            problem=connector.name_problem(tag),
        )  # fmt: skip


def _type(rule: Rule) -> str:
    """What the mapping says the values are; a table of values means a choice among them."""
    if rule.type is not None:
        return rule.type
    if rule.values:
        return "choices" if rule.split else "choice"
    written = rule.model_fields_set
    return "boolean" if {"truthy", "falsy"} & written else "text"


def _options(rule: Rule) -> Iterator[str]:
    """Every value that the mapping itself gives."""
    cases = rule.cases or ()
    given = [*(rule.values or {}).values(), rule.value, rule.default, *(case.value for case in cases)]
    for text in given:
        yield from (part.strip() for part in (text or "").split(rule.split or "\0") if part.strip())


def _tags(mapping: Mapping, schema: Schema) -> Iterator[Missing]:
    created = mapping.tags is not None and mapping.tags.unknown == "create"
    by_sync = created or mapping.destination.create_missing == "tags"
    for name in _unknown(mapping.tags, schema.tags) if "tags" not in schema.numbered else ():
        yield Missing("tag", name, by_sync=by_sync)


def _lists(mapping: Mapping, schema: Schema) -> Iterator[Missing]:
    for name in _unknown(mapping.lists, schema.lists) if "lists" not in schema.numbered else ():
        yield Missing("list", name)


def _unknown(names: Names | None, known: Iterable[str]) -> list[str]:
    """The names that the mapping gives and that are not there, each once; what is only taken away need not be there."""
    there = {name.casefold() for name in known}
    given = [name for name, place in names.given() if place[0] != "remove"] if names else []
    first: dict[str, str] = {}
    for name in given:
        first.setdefault(name.casefold(), name)
    return [name for folded, name in first.items() if folded not in there]

"""A mapping suggested for a file: which column goes where, and what is not sure.

`suggest` looks at the names of the columns and at the cells of some rows, and gives the text of a mapping that holds what
`muster check` asks. What it is not sure of it says, in the text as comments and to its caller as sentences. `names` and
`words` are the tables; `column`, `dates` and `options` look at cells; `fields` and `consent` decide; `draft` is what was
decided, `examples` and `writing` make a text of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from mappings.engine.applying import Application
from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.examples import failing_examples
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema
from mappings.engine.suggesting.column import Column, columns_of, shown
from mappings.engine.suggesting.consent import find_opt_outs
from mappings.engine.suggesting.draft import Draft, Origin
from mappings.engine.suggesting.examples import add_examples
from mappings.engine.suggesting.fields import (
    Match,
    Matches,
    address_column,
    is_whole,
    match_fields,
    whole_name,
)
from mappings.engine.suggesting.names import BY_NAME, BY_VALUES, USUAL, fold
from mappings.engine.suggesting.options import separator_of, spelled
from mappings.engine.suggesting.words import means_yes
from mappings.engine.suggesting.writing import flow, written

__all__ = ["NoAddresses", "Origin", "Suggestion", "suggest"]

_PERSONS = (
    "recordid", "contactid", "id", "customerid", "customerno", "customernumber", "userid", "leadid", "personid", "memberid",
    "subscriberid", "uniqueid", "leid", "euid", "crmid", "kundennummer", "kundennr", "kundenid", "mitgliedsnummer", "contactno",
)  # fmt: skip
_TAG_NAMES = (
    "tags",
    "tag",
    "labels",
    "label",
    "lists",
    "list",
    "segments",
    "interests",
    "emailtags",
    "groups",
    "schlagworte",
)
_GONE = ("isdeleted", "deleted", "geloscht", "isarchived", "archived", "archiviert", "supprime", "eliminado")
_MOST_TAG_TEXTS = 200
_ROUNDS = 50


class NoAddresses(ValueError):  # noqa: N818 - it says what the file lacks
    """No column holds what the destination knows people by."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The mapping as text and as it is read back, and the draft with all that was not sure."""

    text: str
    mapping: Mapping
    draft: Draft = field(repr=False)


def suggest(
    header: Sequence[str],
    cells: pa.Table,
    schema: Schema,
    *,
    origin: Origin,
    name: str,
    destination: str,
    schema_address: str,
) -> Suggestion:
    """A mapping of the file's columns to the fields of `schema`.

    `cells` are the rows to look at, a text column for each name in `header`. Raises NoAddresses.
    """
    columns = columns_of(header, cells, origin.meanings, origin.formats)
    draft = _drafted(columns, schema, origin, name, destination)
    for _ in range(_ROUNDS):
        draft.ignored = _ignored(header, draft)
        draft.examples = []
        text = written(draft, schema_address)
        try:
            mapping = read_mapping_text(text, f"{name}.yml")
            Application(mapping, schema, header)
            add_examples(draft, mapping, schema, columns)
            text = written(draft, schema_address)
            mapping = read_mapping_text(text, f"{name}.yml")
            failing = list(failing_examples(mapping, schema))
            if failing:
                raise MappingInvalid(failing)  # noqa: TRY301 - told apart below
        except MappingInvalid as error:
            if not _without(draft, error):
                raise
        else:
            return Suggestion(text, mapping, draft)
    raise AssertionError(
        "each round leaves a column out"
    )  # pragma: no cover - there are fewer fields than rounds


def _drafted(columns: list[Column], schema: Schema, origin: Origin, name: str, destination: str) -> Draft:
    key = next(known for known in schema.fields if known.type == "email")
    address, others = address_column(columns, key, origin.list_separator)
    if address is None:
        raise NoAddresses(key.name)
    consent = find_opt_outs([column for column in columns if column.name != address.column], origin.consents)
    free = [column for column in columns if column.name not in {address.column, *consent.columns}]
    rest = [known for known in schema.fields if known.name != key.name]
    found = match_fields(free, rest, origin.list_separator)
    _add_names(found, free, rest)
    draft = Draft(
        name=name,
        origin=origin,
        destination=destination,
        key=key.name,
        fields={
            key.name: address,
            **{one.name: found.fields[one.name] for one in rest if one.name in found.fields},
        },
        consent=consent,
        person=_person([column for column in columns if column.name != address.column], origin.person_column),
        missing=tuple(one.name for one in rest if one.required and one.name not in found.fields),
        asks_newcomers="unconfirmed" not in schema.refuses,
    )
    draft.person_doubt = _lines_below(columns, draft.person)
    draft.ignored = {**others, **found.left, **_look_again(columns, draft)}
    free = [column for column in free if column.name not in draft.used()]
    _add_tags(draft, free, schema)
    if not schema.live:
        _guess(draft, free)
    return draft


def _person(columns: Sequence[Column], known: str) -> str:
    """The column with the source's own number of each person: always there, and never twice, if that is not known anyway.

    Of a known one most cells have to be there: lines below the rows, as Salesforce's reports have, are no persons.
    """
    always = [column for column in columns if column.filled and not column.blanks]
    named = {name: column for column in reversed(always) if (name := fold(column.name)) in _PERSONS}
    different = {name: column.name for name, column in named.items() if len(column.counts) == column.filled}
    given = [column.name for column in columns if known and column.name == known and column.share > 0.5]
    return next(iter(given + [different[name] for name in _PERSONS if name in different]), "")


def _lines_below(columns: Sequence[Column], person: str) -> str:
    """What is to be said where rows lack the number of their person."""
    without = next((column.blanks for column in columns if column.name == person), 0)
    if not without:
        return ""
    return (
        f"rows without it: {without:,}; if they are no people, as the lines below the rows of a report are, where:"
        f" {flow({person: {'blank': False}})} leaves them out"
    )


def _add_names(found: Matches, columns: Sequence[Column], fields: Sequence[Field]) -> None:
    used = {match.column for match in found.fields.values()}
    either = [column for column in columns if column.name in used and is_whole(column)]
    free = [column for column in columns if column.name not in used]
    named = whole_name(free, fields, found) or whole_name(either, fields, found)
    found.fields |= named
    for match in named.values():
        found.left.pop(match.column, None)


def _look_again(columns: Sequence[Column], draft: Draft) -> dict[str, str]:
    """Columns that are left out and say something of who should be sent."""
    found = {}
    for column in columns:
        name, yes = fold(column.name), [text for text in column.counts if means_yes(text)]
        if name in _GONE and yes:
            rows = sum(column.counts[text] for text in yes)
            found[column.name] = (
                f"it says who was deleted (rows: {rows:,}); where: {flow({column.name: {'not': yes}})} leaves them out"
            )
        different = len(column.counts)
        if not draft.person and name in _PERSONS and 10 * different > 9 * column.filled > 9 * different:
            found[column.name] = (
                f"it looks like the number of a person, but some repeat (rows: {column.filled - different:,}); if those are one"
                " person each, say person:, and a changed address stays one contact"
            )
    return found


def _add_tags(draft: Draft, columns: Sequence[Column], schema: Schema) -> None:
    """Tags are mapped where the account has all of them; it would refuse the others' rows."""
    names = {name.casefold() for name in schema.tags}
    for column in columns:
        named = fold(column.name) in _TAG_NAMES
        if not (named or (names and column.distinct <= _MOST_TAG_TEXTS)) or not column.counts:
            continue
        separator = separator_of(column.in_lines, schema.tags, draft.origin.list_separator)
        found = spelled(column.in_lines, schema.tags, separator)
        missing = {**dict.fromkeys(found.table, 2), **found.unknown}
        if not missing and draft.tags is None and (named or len(column.counts) > 1):
            rests_on, doubts = (
                (BY_NAME, ()) if named else (BY_VALUES, ("found by its values, not by its name",))
            )
            draft.tags = Match(column.name, rests_on, {"split": separator}, doubts)
            draft.ignored.pop(column.name, None)
        elif named and not schema.live:
            draft.ignored[column.name] = "it looks like tags; which ones the account has could not be read"
        elif named and missing:
            which = shown(dict(sorted(missing.items(), key=lambda one: -one[1])))
            draft.ignored[column.name] = (
                f"it looks like tags, and the account lacks {len(missing):,} of them{f' ({which})' if which else ''};"
                f" create them there, or say unknown: create; then tags: {flow({'from': column.name, 'split': separator})}"
            )


def _guess(draft: Draft, columns: Sequence[Column]) -> None:
    usual = [Field(name, name, type_) for name, type_ in USUAL.items() if name not in draft.fields]
    free = [column for column in columns if column.name not in draft.used()]
    found = match_fields(free, usual, draft.origin.list_separator)
    _add_names(found, free, usual)
    for tag, match in found.fields.items():
        type_ = USUAL[tag]
        keys = match.keys if type_ == "text" else {"type": type_, **match.keys}
        draft.guessed[tag] = replace(match, keys=keys)


def _ignored(header: Sequence[str], draft: Draft) -> dict[str, str]:
    used = draft.used()
    names = Counter(clean_text(name) for name in header)
    found = {name: draft.ignored.get(name, "") for name in names if name not in used}
    twice = {name: "a second column of this name cannot be told apart" for name in used if names[name] > 1}
    return found | twice


def _without(draft: Draft, error: MappingInvalid) -> bool:
    """Leaves out what the complaints are about. False where that is nothing that can be left out."""
    left = False
    for complaint in error.complaints:
        parts = complaint.key.replace("[", ".").split(".")
        tag = (
            parts[1]
            if parts[0] == "fields" and len(parts) > 1
            else parts[2]
            if parts[1:2] == ["contact"]
            else ""
        )
        if parts[0] == "tags" and draft.tags:
            draft.ignored[draft.tags.column] = "muster could not use it as tags"
            draft.tags, left = None, True
        elif tag in draft.fields and tag != draft.key:
            draft.ignored[draft.fields.pop(tag).column] = f"muster could not use it for {tag}"
            left = True
    return left

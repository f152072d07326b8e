"""Whether a mapping fits a header and a destination's schema: everything that does not is told before the first row."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf

import pyarrow as pa

from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import Complaint, listed, nearest
from mappings.engine.document import Mapping, Names, Rule
from mappings.engine.memberships import number_of
from mappings.engine.parting import complaints_of_vanished
from mappings.engine.problems.codes import CODES
from mappings.engine.problems.problem import Problem
from mappings.engine.rules.split import several
from mappings.engine.schema import Field, Schema
from mappings.engine.transforms.choices import SEPARATOR
from mappings.engine.typed import typed

__all__ = ["complaints", "is_ignored"]

# What may stand in a field of the destination's type.
_FITS = {
    "number": {"number", "integer", "money"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "date": {"date"},
    "datetime": {"date", "datetime"},
    "country": {"country"},
    "choice": {"choice"},
    "choices": {"choices"},
    "email": {"email"},
}
# Which types a key of a field speaks of.
_SPEAKS_OF = {
    "format": ("date", "datetime"),
    "timezone": ("datetime",),
    "region": ("phone",),
    "decimal": ("number", "money"),
    "thousands": ("number", "money"),
}
_REST = "rest"
"""Under `ignore:`, all columns that are not used."""
_LIKENESS = 0.7  # of columns: 'Email' is no 'Keine E-Mails', and 'Name' no 'First Name'
_MEANT_AS_CONSTANT = ("choice", "choices", "country", "boolean", "number", "integer", "date", "datetime")


def complaints(
    mapping: Mapping, schema: Schema, at: MappingOf[str, int], header: Sequence[str]
) -> Iterator[Complaint]:
    """Everything that does not fit. `at` holds the columns' positions by their cleaned names."""
    yield from _of_columns(mapping, schema, at, header)
    for tag, rule in mapping.fields.items():
        yield from _of_field(mapping, schema, tag, rule)
    if mapping.blank != "keep":
        yield from _of_clearing(mapping, schema, "blank")
    yield from _of_what_it_cannot(mapping, schema)
    yield from _of_what_is_tracked(mapping, schema)
    for kind, names in (("tags", mapping.tags), ("lists", mapping.lists)):
        if names is not None:
            yield from _of_names(mapping, schema, kind, names)
    yield from complaints_of_vanished(mapping, schema)


def _of_columns(
    mapping: Mapping, schema: Schema, at: MappingOf[str, int], header: Sequence[str]
) -> Iterator[Complaint]:
    columns = mapping.columns()
    gone = [
        (mapping.line_of(*place), place, name)
        for name, places in columns.items()
        if clean_text(name) not in at
        for place in places
        if not _may_be_absent(mapping, at, place, name)
    ]
    another_file = len({name for *_, name in gone}) * 2 > len(columns) > 2
    told = False
    for line, place, name in sorted(gone, key=lambda one: one[0]):
        like = nearest(name, _to_choose_from(name, place, header), _LIKENESS)
        fix = f"Did you mean '{like}'?" if like else "" if told else _what_there_is(mapping, header)
        told = told or not like
        constant = _constant(mapping, schema, place, name, sure=not like and not another_file)
        key = ".".join(map(str, place))
        rule = mapping.fields[str(place[1])] if place[0] == "fields" else None
        several = rule.from_ if rule is not None and rule.absent == "blank" else None
        what = f"none of the columns {listed(several)}" if several else f"no column '{name}'"
        yield Complaint(mapping.file, line, key, f"the file has {what}.", f"{fix} {constant}".strip())


def _to_choose_from(name: str, place: Sequence[str | int], header: Sequence[str]) -> Sequence[str]:
    """The columns that may be meant: for one with opt-outs none that says the opposite, however alike their names are."""
    if place[0] != "consent":
        return header
    from mappings.engine.suggesting.consent import speak_alike  # noqa: PLC0415 - it imports this

    return [other for other in header if speak_alike(name, other)]


def _may_be_absent(mapping: Mapping, at: MappingOf[str, int], place: Sequence[str | int], name: str) -> bool:
    """Whether a field does without this column: another one of its columns is there, or is complained of already."""
    rule = mapping.fields.get(str(place[1])) if place[0] == "fields" else None
    if rule is None or rule.absent == "refuse" or rule.from_ is None:
        return False
    return name != rule.from_[0] or any(clean_text(other) in at for other in rule.from_)


def is_ignored(name: str, patterns: Sequence[str]) -> bool:
    """Whether `ignore:` leaves out a column that is not used; `Amount [EUR]` means also itself."""
    return _REST in patterns or any(
        name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns
    )


def _what_there_is(mapping: Mapping, header: Sequence[str]) -> str:
    """The columns that the mapping says nothing of: a renamed one is among them. Otherwise all of the file's."""
    used = {clean_text(name) for name in mapping.columns()}
    patterns = [clean_text(pattern) for pattern in mapping.ignore]
    new = [
        name for name in header if (clean := clean_text(name)) not in used and not is_ignored(clean, patterns)
    ]
    if new and len(new) < len(header):
        return f"Columns of the file that the mapping does not name: {listed(new)}."
    return f"The file has: {listed(header)}."


def _constant(mapping: Mapping, schema: Schema, place: Sequence[str | int], name: str, *, sure: bool) -> str:
    """The hint for `country: US`, where the value stands where a column's name belongs; '' where it is not likely."""
    if len(place) != 2 or place[0] != "fields":
        return ""
    tag = str(place[1])
    rule, known = mapping.fields[tag], schema.field(tag)
    if rule.from_ != (name,):
        return ""
    type_ = rule.type or (known.type if known else "text")
    if type_ in _MEANT_AS_CONSTANT:
        wrong = typed(rule, known, pa.array([clean_text(name)])).wrong
        if wrong or (type_ in ("choice", "choices") and not (known and known.options)):
            return ""
    elif not sure:
        return ""
    shown = f'"{name}"' if any(letter in name for letter in ":#{}[],&*!|>'%@`") else name
    return f"If {name} is the value itself, write {tag}: {{value: {shown}}}."


def _of_field(mapping: Mapping, schema: Schema, tag: str, rule: Rule) -> Iterator[Complaint]:
    known = schema.field(tag)

    def complaint(key: str, what: str, fix: str) -> Complaint:
        place = f"fields.{tag}.{key}" if key else f"fields.{tag}"
        line = mapping.line_of("fields", tag, key) if key else mapping.line_of("fields", tag)
        return Complaint(mapping.file, line, place, what, fix)

    if known is None and tag in schema.reserved:
        what = f"'{tag}' is a name that the destination keeps for itself; no field of a mapping can have it."
        yield complaint("", what, schema.reserved[tag])
        return
    if known is None and schema.live:
        like = nearest(tag, schema.names())
        fix = f"Did you mean {like}?" if like else f"It has: {', '.join(schema.names())}."
        yield complaint("", f"the destination has no merge tag '{tag}'.", fix)
        return
    if known and rule.type and known.type != "text" and rule.type not in _FITS.get(known.type, {rule.type}):
        yield complaint(
            "type",
            f"{tag} is of type {known.type} at the destination and cannot hold {rule.type}.",
            f"Leave type: out, or use {' or '.join(sorted(_FITS[known.type]))}.",
        )
    if known and known.type == "text" and rule.type == "choices" and rule.part is None and rule.join is None:
        what = f"{tag} holds one text at the destination, and choices are several."
        yield complaint("type", what, 'Leave type: out and add join: ", " to put them together.')
    type_ = rule.type or (known.type if known else None)
    for key, types in _SPEAKS_OF.items():
        if type_ is not None and type_ not in types and getattr(rule, key) is not None:
            yield complaint(
                key,
                f"{key}: is for {' and '.join(types)}, and {tag} is of type {type_}.",
                "Leave it out, or say type:.",
            )
    if type_ not in (None, "choices") and rule.split is not None and rule.part is None and rule.join is None:
        yield complaint(
            "split",
            f"split: finds several values, and {tag} is of type {type_} and holds one.",
            "Add part: first or last to take one of them, or join: to put them together.",
        )
    if rule.blank in ("clear", "clear_ours"):
        yield from _of_clearing(mapping, schema, "fields", tag, "blank")
    yield from _of_constants(mapping, tag, rule, known)


def _of_clearing(mapping: Mapping, schema: Schema, *place: str) -> Iterator[Complaint]:
    if "blank_clear" in schema.refuses:
        yield Complaint(
            mapping.file,
            mapping.line_of(*place),
            ".".join(place),
            "how this destination empties a value is not documented, so clear is refused.",
            f"Use blank: keep, or ask the account: muster doctor {mapping.destination.kind} --probe ADDRESS.",
        )


def _of_what_it_cannot(mapping: Mapping, schema: Schema) -> Iterator[Complaint]:
    """Write modes and consent that the destination's API has no request for."""

    def complaint(what: str, fix: str, *place: str) -> Complaint:
        return Complaint(mapping.file, mapping.line_of(*place), ".".join(place), what, fix)

    if mapping.write == "replace" and "replace" in schema.refuses:
        what = "this destination has no way to replace a whole contact."
        yield complaint(what, "Use write: merge; blank: clear empties what is blank in the source.", "write")
    unconfirmed = mapping.consent is not None and mapping.consent.newcomers == "UNCONFIRMED"
    if unconfirmed and "unconfirmed" in schema.refuses:
        what = "this destination asks nobody who comes in over its API whether they want mail."
        yield complaint(what, "Use SUBSCRIBED or UNSUBSCRIBED.", "consent", "newcomers")


def _of_what_is_tracked(mapping: Mapping, schema: Schema) -> Iterator[Complaint]:
    tracked = mapping.automations.tracked if mapping.automations is not None else None
    known = {*schema.names(), *schema.watched}
    for name in tracked or () if schema.live else ():
        if name not in known:
            like = nearest(name, known)
            fix = f"Did you mean {like}?" if like else f"It has: {', '.join(sorted(known))}."
            line = mapping.line_of("automations", "tracked")
            what = f"the destination has no merge tag '{name}' that could be watched."
            yield Complaint(mapping.file, line, "automations.tracked", what, fix)


def _of_constants(mapping: Mapping, tag: str, rule: Rule, known: Field | None) -> Iterator[Complaint]:
    """Constants, defaults, cases and tables are known before any row: what they give has to be right."""
    given: list[tuple[tuple[str | int, ...], str | None]] = [(("default",), rule.default)]
    given += [(("values", name), text) for name, text in (rule.values or {}).items()]
    if rule.values is None and rule.match is None and rule.split is None and rule.part is None:
        given += [(("value",), rule.value)]
        given += [(("cases", index, "value"), case.value) for index, case in enumerate(rule.cases or ())]
    for place, text in given:
        if text is None or text == "":
            continue
        choices = (rule.type or (known.type if known else "")) == "choices"
        read = several(text, rule.split or ";") if choices else clean_text(text)
        for wrong in typed(rule, known, pa.array([read]), split=SEPARATOR if choices else None).wrong:
            if CODES[wrong.code].severity == "error":
                problem = Problem.of(
                    wrong.code, row=0, line=0, column=tag, **{"value": text, "field": tag, **wrong.detail}
                )
                line = mapping.line_of("fields", tag, *place)
                key = f"fields.{tag}" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
                options = f"It has: {wrong.detail['options']}." if wrong.code == "choice_unknown" else ""
                yield Complaint(mapping.file, line, key, problem.message, options)


def _of_names(mapping: Mapping, schema: Schema, kind: str, names: Names) -> Iterator[Complaint]:
    line = mapping.line_of(kind)
    if kind in schema.refuses:
        yield Complaint(mapping.file, line, kind, f"this destination has no {kind}.", f"Leave {kind}: out.")
        return
    removes = names.write != "add" or names.remove
    if removes and f"{kind}_off" in schema.refuses:
        what = f"this destination has no way to take {kind} away."
        yield Complaint(mapping.file, line, kind, what, "Leave write: and remove: out.")
    creates = names.unknown == "create"
    if creates and f"create_{kind}" in schema.refuses:
        what = f"{kind} cannot be created over this destination's API."
        yield Complaint(
            mapping.file,
            mapping.line_of(kind, "unknown"),
            f"{kind}.unknown",
            what,
            "Create them there first.",
        )
    if kind in schema.numbered:
        yield from _of_numbers(mapping, kind, names)
        return
    if creates or not schema.live or (kind == "tags" and mapping.destination.create_missing == "tags"):
        return
    there = {name.casefold(): name for name in (schema.tags if kind == "tags" else schema.lists)}
    for name, place in names.given():
        if clean_text(name).casefold() not in there:
            like = nearest(name, there.values())
            fix = (
                f"Did you mean {like}?"
                if like
                else "Create it there first"
                + (", or say destination: {create_missing: tags}." if kind == "tags" else ".")
            )
            dotted = kind + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
            what = f"the destination has no {kind[:-1]} '{name}'."
            yield Complaint(mapping.file, mapping.line_of(kind, *place), dotted, what, fix)


def _of_numbers(mapping: Mapping, kind: str, names: Names) -> Iterator[Complaint]:
    for name, place in names.given():
        if not number_of(clean_text(name)):
            dotted = kind + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
            what = f"'{name}' is no number, and this destination knows its {kind} by their numbers only."
            fix = "Write the number as its app shows it, such as 12."
            yield Complaint(mapping.file, mapping.line_of(kind, *place), dotted, what, fix)

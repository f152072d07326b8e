"""Whether what is to be done with vanished people fits the destination and the mapping itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import Complaint, nearest
from mappings.engine.document import Mapping, Names, Rule
from mappings.engine.memberships import number_of
from mappings.engine.problems.codes import CODES
from mappings.engine.problems.problem import Problem
from mappings.engine.rules.split import several
from mappings.engine.schema import Field, Schema
from mappings.engine.transforms import Converted
from mappings.engine.transforms.choices import SEPARATOR
from mappings.engine.typed import typed

__all__ = ["complaints_of_vanished", "set_texts"]


def complaints_of_vanished(mapping: Mapping, schema: Schema) -> Iterator[Complaint]:
    """Everything of `vanished:` that does not fit."""
    vanished = mapping.vanished
    if vanished is None:
        return
    for tag in vanished.set_:
        yield from _of_value(mapping, schema, tag, vanished.set_[tag])
    for kind, removal, names in (
        ("tags", vanished.tags, mapping.tags),
        ("lists", vanished.lists, mapping.lists),
    ):
        if removal is not None:
            yield from _of_removal(mapping, schema, kind, removal.remove, names)


def set_texts(mapping: Mapping, schema: Schema) -> dict[str, str]:
    """The canonical text of each value that vanished people get, by merge tag."""
    given = mapping.vanished.set_ if mapping.vanished is not None else {}
    return {tag: str(_read(schema.field(tag), text).values[0].as_py()) for tag, text in given.items()}


def _read(known: Field | None, text: str) -> Converted:
    """A value as the destination's own type reads it: what the mapping says of the source's cells is not meant."""
    rule = Rule.model_validate({"value": text})
    choices = known is not None and known.type == "choices"
    read = several(text, ";") if choices else clean_text(text)
    return typed(rule, known, pa.array([read]), split=SEPARATOR if choices else None)


def _complaint(mapping: Mapping, what: str, fix: str, *place: str | int) -> Complaint:
    whole = ("vanished", *place)
    return Complaint(mapping.file, mapping.line_of(*whole), ".".join(map(str, whole)), what, fix)


def _of_value(mapping: Mapping, schema: Schema, tag: str, text: str) -> Iterator[Complaint]:
    known = schema.field(tag)
    if known is None and tag in schema.reserved:
        what = f"'{tag}' is a name that the destination keeps for itself."
        yield _complaint(mapping, what, schema.reserved[tag], "set", tag)
        return
    if known is None and schema.live:
        like = nearest(tag, schema.names())
        fix = f"Did you mean {like}?" if like else f"It has: {', '.join(schema.names())}."
        yield _complaint(mapping, f"the destination has no merge tag '{tag}'.", fix, "set", tag)
        return
    if not clean_text(text):
        yield _complaint(mapping, f"{tag} has no value to be set to.", "Write one.", "set", tag)
        return
    if known is not None and known.immutable:
        yield _complaint(mapping, f"{tag} cannot be changed there.", "Set another field.", "set", tag)
    for wrong in _read(known, text).wrong:
        if CODES[wrong.code].severity == "error":
            problem = Problem.of(
                wrong.code, row=0, line=0, column=tag, **{"value": text, "field": tag, **wrong.detail}
            )
            options = f"It has: {wrong.detail['options']}." if wrong.code == "choice_unknown" else ""
            yield _complaint(mapping, problem.message, options, "set", tag)


def _of_removal(
    mapping: Mapping, schema: Schema, kind: str, remove: Sequence[str], names: Names | None
) -> Iterator[Complaint]:
    if kind in schema.refuses or f"{kind}_off" in schema.refuses:
        what = f"this destination has no way to take {kind} away."
        yield _complaint(mapping, what, f"Leave {kind}: out.", kind)
        return
    brought = {clean_text(name).casefold() for name in names.brings()} if names is not None else set()
    for index, name in enumerate(remove):
        place = (kind, "remove", index)
        if kind in schema.numbered and not number_of(clean_text(name)):
            what = f"'{name}' is no number, and this destination knows its {kind} by their numbers only."
            yield _complaint(mapping, what, "Write the number as its app shows it, such as 12.", *place)
        elif names is None or (not names.from_ and clean_text(name).casefold() not in brought):
            what = f"this mapping gives nobody the {kind[:-1]} '{name}', and takes away only what it gave."
            like = nearest(name, list(names.brings()) if names is not None else [])
            yield _complaint(mapping, what, f"Did you mean {like}?" if like else "Leave it out.", *place)

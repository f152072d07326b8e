"""A mapping's own examples, run through the mapping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from mappings.engine.applying import Application
from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import Complaint, nearest
from mappings.engine.contact import rendered
from mappings.engine.document import Mapping
from mappings.engine.frame import Frame
from mappings.engine.schema import Schema

__all__ = ["failing_examples"]


def failing_examples(mapping: Mapping, schema: Schema, today: dt.date | None = None) -> Iterator[Complaint]:
    """A complaint for each example whose row becomes something else than it says; `today` unless the example says `on:`."""
    header = list(mapping.columns())
    known = {clean_text(name): name for name in header}
    for index, example in enumerate(mapping.examples):
        line = mapping.line_of("examples", index)
        strange = [name for name in example.row if clean_text(name) not in known]
        for name in strange:
            like = nearest(name, header)
            yield Complaint(
                mapping.file,
                line,
                f"examples[{index}].row",
                f"the mapping reads no column '{name}'.",
                f"Did you mean '{like}'?" if like else "",
            )
        if not strange:
            yield from _failing(mapping, schema, index, header, line, today)


def _failing(
    mapping: Mapping, schema: Schema, index: int, header: list[str], line: int, today: dt.date | None
) -> Iterator[Complaint]:
    example = mapping.examples[index]
    cells = {clean_text(name): text or "" for name, text in example.row.items()}
    table = pa.table({name: pa.array([cells.get(clean_text(name), "")], pa.string()) for name in header})
    application = Application(mapping, schema, header, example.on or today)
    mapped = application.apply(Frame(table, np.array([1]), np.array([1])))
    [contact] = application.contacts(mapped, [0])
    wrongs = [problem for problem in mapped.problems if problem.severity == "error"]
    errors = [problem.code for problem in wrongs]
    warnings = [problem.code for problem in mapped.problems if problem.severity == "warning"]

    def wrong(key: str, expected: object, got: object) -> Complaint:
        place = f"examples[{index}].{key}"
        return Complaint(
            mapping.file, line, place, f"the example says {expected!r}, the mapping gives {got!r}."
        )

    filtered = not mapped.kept[0]
    if example.filtered is not None and example.filtered != filtered:
        yield wrong("filtered", example.filtered, filtered)
    if example.invalid is not None and (sorted(set(example.invalid)) != sorted(set(errors)) or filtered):
        yield wrong("invalid", sorted(example.invalid), "filtered" if filtered else sorted(errors))
    expects_contact = any(said is not None for said in (example.contact, example.tags, example.lists))
    if expects_contact and example.invalid is None and (errors or filtered):
        becomes = [f"invalid: {one.code} in {one.column}: {one.message}" for one in wrongs] or [
            "filtered: where: leaves it out."
        ]
        what = f"the example says that the row is sent, the mapping makes it {' '.join(becomes)}"
        yield Complaint(mapping.file, line, f"examples[{index}].contact", what)
        return
    if example.warning is not None and sorted(set(example.warning)) != sorted(set(warnings)):
        yield wrong("warning", sorted(example.warning), sorted(warnings))
    if example.opted_out is not None and example.opted_out != contact.opted_out:
        yield wrong("opted_out", example.opted_out, contact.opted_out)
    for kind, said, got in (("tags", example.tags, contact.tags), ("lists", example.lists, contact.lists)):
        if said is not None and sorted(t.casefold() for t in said) != sorted(t.casefold() for t in got):
            yield wrong(kind, sorted(said), sorted(got))
    for tag, expected in (example.contact or {}).items():
        text = contact.texts.get(tag)
        value = None if text is None else rendered(text, application.type_of(tag))
        if not _same(expected, value):
            yield wrong(f"contact.{tag}", expected, value)


def _same(expected: object, got: object) -> bool:
    """Whether YAML text means the JSON value: `42` is 42, `true` is true, none is blank."""
    if isinstance(got, list):
        return isinstance(expected, list) and [str(part) for part in expected] == got
    if isinstance(got, bool):
        return str(expected).lower() == str(got).lower()
    if got is None:
        return expected in (None, "")
    return expected is not None and str(expected) == str(got)

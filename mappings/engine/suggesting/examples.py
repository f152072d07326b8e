"""Examples for a suggested mapping: invented people in the shape of the file's rows.

Nothing that says something of a person is taken from the file. Only what is chosen from a list (options, countries, yes and no,
tags) is as it stands there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mappings.engine.applying import Application
from mappings.engine.contact import rendered
from mappings.engine.document import Mapping
from mappings.engine.frame import Frame
from mappings.engine.schema import Schema
from mappings.engine.suggesting.column import Column
from mappings.engine.suggesting.draft import Draft
from mappings.engine.suggesting.fields import Match
from mappings.engine.suggesting.names import meaning

__all__ = ["add_examples"]

_INVENTED = {
    "first_name": "Ann", "last_name": "Example", "full_name": "Ann Example", "phone": "+44 20 7946 0958",
    "company": "Example Ltd", "job_title": "Engineer", "street": "1 Example Street", "city": "Springfield",
    "postal_code": "01234", "state": "Example State", "website": "https://example.com", "language": "en",
    "source": "example",
}  # fmt: skip
_LISTED = ("choice", "choices", "country", "boolean")
_MOMENT = {
    "YYYY": "1990", "YY": "90", "MMMM": "May", "MMM": "May", "MM": "05", "DD": "17", "hh": "09", "mm": "45", "ss": "00",
    "a": "AM",
}  # fmt: skip


def add_examples(draft: Draft, mapping: Mapping, schema: Schema, columns: Sequence[Column]) -> None:
    """Fills `draft.examples`; what becomes of each row is what the mapping itself makes of it."""
    by_name = {column.name: column for column in columns}
    email = draft.fields[draft.key].column
    full = {email: " Ann@Example.COM "}
    for tag, match in draft.fields.items():
        text = "" if tag == draft.key else _cell(tag, match, by_name[match.column], schema)
        if text:
            full.setdefault(match.column, text)
    if draft.tags:  # the first cell of tags; all of them exist, or the column would not be used
        full.setdefault(draft.tags.column, next(iter(by_name[draft.tags.column].in_lines)))
    consent = draft.consent
    rows = [full]
    if consent.columns:
        full |= dict.fromkeys(consent.columns, consent.unless[0])
        rows.append({email: "bob@example.com", consent.columns[0]: consent.when[0]})
    rows.append({email: "nobody"})
    draft.examples = [one for row in rows if (one := _worked_out(mapping, schema, row))]


def _worked_out(mapping: Mapping, schema: Schema, row: dict[str, str]) -> dict[str, Any]:
    """The example with what becomes of its row. Cells that make it invalid are left out, but the address."""
    header = list(mapping.columns())
    application = Application(mapping, schema, header)
    table = pa.table({name: pa.array([row.get(name, "")], pa.string()) for name in header})
    mapped = application.apply(Frame(table, np.array([1]), np.array([1])))
    wrong = [problem for problem in mapped.problems if problem.severity == "error"]
    shorter = {name: cell for name, cell in row.items() if all(name != problem.column for problem in wrong)}
    if wrong and mapping.fields[mapping.key].columns()[0] in shorter:
        return _worked_out(mapping, schema, shorter)
    if wrong:
        return {"row": row, "invalid": sorted({problem.code for problem in wrong})}
    [contact] = application.contacts(mapped, [0])
    found: dict[str, Any] = {
        "row": row,
        "contact": {tag: rendered(text, application.type_of(tag)) for tag, text in contact.texts.items()},
    }
    if contact.tags:
        found["tags"] = list(contact.tags)
    if mapping.consent and mapping.consent.opted_out:
        found["opted_out"] = contact.opted_out
    return found


def _cell(tag: str, match: Match, column: Column, schema: Schema) -> str:
    """An invented cell, or one that stands in the file where it is chosen from a list."""
    if "part" in match.keys:
        return _INVENTED["full_name"]
    known = schema.field(tag)
    type_ = known.type if known else "text"
    if type_ in ("date", "datetime"):
        return _moment(match.keys)
    if type_ in ("number", "integer"):
        return "42"
    if type_ in _LISTED:
        return _listed(type_, match, column, known.options if known else ())
    return _INVENTED.get(meaning(tag) or meaning(match.column), "Example")


def _listed(type_: str, match: Match, column: Column, options: Sequence[str]) -> str:
    if type_ == "boolean":
        return str([*match.keys.get("truthy", []), "yes"][0])
    if type_ == "country":
        return "Germany"
    known = {option.casefold() for option in options} | {
        name.casefold() for name in match.keys.get("values", {})
    }
    split = match.keys.get("split")
    for text in column.in_lines if split else column.counts:
        parts = [part.strip() for part in text.split(split)] if split else [text]
        if all(part.casefold() in known for part in parts if part):
            return text
    return next(iter(options), "")


def _moment(keys: Map[str, Any]) -> str:
    """A day in the column's format, and not one of the file's: a birthday says who somebody is."""
    return re.sub(
        "YYYY|YY|MMMM|MMM|MM|DD|hh|mm|ss|a",
        lambda token: _MOMENT[token.group()],
        keys.get("format", "YYYY-MM-DD"),
    )

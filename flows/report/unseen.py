"""Values that stood in no `values:` table of the mapping: grouped, each with the line to add."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.report.details import UnseenValue
from flows.report.failures import parts
from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import nearest
from mappings.engine.document import Mapping, Rule
from mappings.engine.schema import Field, Schema
from mappings.engine.typed import typed

__all__ = ["unseen_values"]

_MOST = 50
_PLAIN = re.compile(r"[^\W_][\w .+/()-]*(?<! )")
_OF_YAML = frozenset(("null", "~"))


def unseen_values(folder: Path, mapping: Mapping, schema: Schema) -> list[UnseenValue]:
    """The commonest first, at most fifty of a field; read from the run's `folder`."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in parts(folder, "problems"):
        table = pq.read_table(path, columns=["code", "column", "value"])
        found = table.filter(pc.equal(table["code"], "value_unknown")).group_by(["column", "value"])
        for one in found.aggregate([("code", "count")]).to_pylist():
            counts[one["column"], one["value"]] += one["code_count"]
    unseen = []
    for tag, rule in mapping.fields.items():
        if rule.values is None:
            continue
        column = " / ".join(rule.columns()) or tag
        table = {clean_text(name).casefold() for name in rule.values}
        known = schema.field(tag)
        mine = [
            (value, count)
            for (name, value), count in counts.most_common()
            if (name == column or name in rule.columns()) and value.casefold() not in table
        ]
        unseen += [
            UnseenValue(
                field=tag,
                column=column,
                value=value,
                count=count,
                line=_line(rule, known, value),
            )
            for value, count in mine[:_MOST]
        ]
    return unseen


def _line(rule: Rule, known: Field | None, value: str) -> str:
    """The line to add under `values:`: what the value is as it stands, or the nearest of the destination's options."""
    options = known.options if known else ()
    right = typed(rule, known, pa.array([value])).values[0].as_py()
    like = right or nearest(value, options) or None
    others = ", ".join(option for option in options if option != like)
    if like is not None:
        return f"{_yaml(value)}: {_yaml(like)}" + (f"   # or {others}" if others else "")
    type_ = rule.type or (known.type if known else "text")
    return f"{_yaml(value)}:   # one of {others}" if others else f"{_yaml(value)}:   # of type {type_}"


def _yaml(text: str) -> str:
    """A text as YAML, quoted where it has to be.

    >>> _yaml("Gold"), _yaml("a: b"), _yaml("null")
    ('Gold', '"a: b"', '"null"')
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)

"""What a destination found wrong with a contact, told in the words of the mapping: columns, and the line to add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.engine.document import Mapping as Document
from mappings.engine.problems.problem import Problem

__all__ = ["Columns", "columns_of", "told"]

Columns = Mapping[str, Sequence[str]]
"""By merge tag: the columns behind it."""

_NEEDS_QUOTES = frozenset(":#{}[],&*!|>'\"%@`?-")


def columns_of(mapping: Document) -> dict[str, Sequence[str]]:
    """The columns of the fields, and of the tags where they have some."""
    columns: dict[str, Sequence[str]] = {tag: rule.columns() for tag, rule in mapping.fields.items()}
    return columns | ({"tags": mapping.tags.from_} if mapping.tags else {})


def told(problem: Sequence[Any], *, row: int, line: int, columns: Columns) -> Problem:
    """A problem as a destination has it: code, merge tag, value, detail. Raises KeyError for a code that is not documented.

    `beside` in the detail names a merge tag that can stand in for the blank one; the fix then has the mapping's `rule`.
    """
    code, tag, value, detail = problem
    known: dict[str, Any] = {"field": tag, **detail}
    if "beside" in known:
        known["rule"] = _line(tag, columns.get(tag, ()), columns.get(str(known["beside"]), ()))
    column = " / ".join(columns.get(tag, ())) or tag
    return Problem.of(code, row=row, line=line, column=column, value=str(value), **known)


def _line(tag: str, own: Sequence[str], beside: Sequence[str]) -> str:
    """The field with the columns of another one after its own.

    >>> _line("state", ["State"], ["City"]), _line("state", [], ["Town: name"]), _line("state", ["State"], [])
    ('state: {from: [State, City]}', 'state: {from: "Town: name"}', 'state: {from: State, default: …}')
    """
    names = [_quoted(name) for name in dict.fromkeys((*own, *beside))]
    from_ = f"[{', '.join(names)}]" if len(names) > 1 else "".join(names)
    if set(beside) - set(own):
        return f"{tag}: {{from: {from_}}}"
    return f"{tag}: {{from: {from_}, default: …}}" if names else f"{tag}: {{value: …}}"


def _quoted(name: str) -> str:
    """A column's name as YAML needs it."""
    if name and name == name.strip() and not _NEEDS_QUOTES & set(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""`mappings/CASES.md` is true: each of its lines is a test, and each key of the grammar has a line."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import mappings
from mappings.engine.applying import Application
from mappings.engine.complaints import MappingInvalid
from mappings.engine.contact import rendered
from mappings.engine.document import Mapping
from mappings.engine.document.words import Part
from mappings.engine.documenting import DOCUMENTED
from mappings.engine.examples import _same
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped
from mappings.engine.reading import _Tree, read_mapping_text
from mappings.engine.schema import Field, Schema
from mappings.engine.transforms import types
from tests.mappings import editor
from tests.mappings.fragments import around

TEXT = (Path(mappings.__file__).parent / "CASES.md").read_text("utf-8")
HEADING = "| what somebody wants | how it is said | a row | what becomes of it |"
NAMES = ("tags", "tags_off", "lists", "lists_off")
LISTS = {"invalid", "warning", "reported", *NAMES}


@dataclass(frozen=True)
class Case:
    wish: str
    mapping: str
    rows: list[dict[str, str]]
    result: dict[str, Any]


def tables(heading: str) -> Iterator[list[str]]:
    r"""The cells of each line of the tables with this heading; \| is a bar."""
    inside = False
    for line in TEXT.splitlines():
        inside = line.startswith("|") and (inside or line == heading)
        if inside and line != heading and not line.startswith("|---"):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def plain(cell: str) -> dict[str, Any]:
    """The YAML of a cell's spans, read as a mapping is: text is text."""
    found = spans(cell)
    return _Tree("CASES.md").read("\n".join(found))[0] if found else {}


def cases() -> Iterator[Case]:
    for wish, said, rows, result in tables(HEADING):
        each = [plain(row) for row in rows.split(" and then ")]
        cells = [
            {"Email": "ann@example.com", **{name: text or "" for name, text in row.items()}} for row in each
        ]
        yield Case(wish, around(spans(said)), cells, plain(result))


def imagined() -> Schema:
    """The destination that CASES.md describes."""
    fields = []
    for tag, type_, more in tables("| field | type | |"):
        [name], said = spans(tag), plain(more)
        limit = int(said["longest"]) if "longest" in said else None
        fields.append(Field(name, name, type_, options=tuple(said.get("options", ())), max_length=limit))
    tags, lists = (
        {name: at for at, name in enumerate(spans(line))}
        for line in re.findall(r"^Its (?:tags|lists): .+$", TEXT, re.MULTILINE)
    )
    return Schema(fields=tuple(fields), tags=tags, lists=lists)


ALL = list(cases())
SCHEMA = imagined()
[TODAY] = map(dt.date.fromisoformat, re.findall(r"today is (\d{4}-\d\d-\d\d)", TEXT))


def applied(case: Case) -> tuple[Application, Mapped]:
    header = list(case.rows[0])
    table = pa.table({name: pa.array([row[name] for row in case.rows], pa.string()) for name in header})
    application = Application(read_mapping_text(case.mapping, "news.yml"), SCHEMA, header, TODAY)
    numbers = np.arange(1, len(case.rows) + 1)
    return application, application.apply(Frame(table, numbers, numbers + 1))


def sent(mapping: Mapping, mapped: Mapped) -> int:
    """Which of several rows with one key is sent, as `flows.matching` chooses it."""
    rows = range(len(mapped))
    if mapping.duplicates.keep == "first":
        return 0
    return max(rows, key=lambda row: (0 if mapped.age is None else mapped.age[row], row))


def became(case: Case) -> dict[str, Any]:
    """Everything that a result may say."""
    application, mapped = applied(case)
    mapping, at = application.mapping, sent(application.mapping, mapped)
    found: dict[str, Any] = {}
    for word, severity in (("invalid", "error"), ("warning", "warning")):
        found[word] = sorted({p.code for p in mapped.problems if p.row == at + 1 and p.severity == severity})
    found["reported"] = [
        use.name for use in application.uses() if use.use == "unmapped" and use.name != "Email"
    ]
    kept = bool(mapped.kept[at])
    if not kept or (mapping.where and not found["invalid"]):
        found["filtered"] = not kept
    [contact] = application.contacts(mapped, [at])
    if kept and mapping.consent and mapping.consent.opted_out:
        found["opted_out"] = contact.opted_out
    if kept and not found["invalid"]:
        found |= {kind: sorted(getattr(contact, kind)) for kind in NAMES}
        found["person"] = contact.person
        for tag in mapping.fields:
            text = contact.texts.get(tag)
            found[tag] = None if text is None else rendered(text, application.type_of(tag))
        if "email_address" not in case.result:
            del found["email_address"]
    of_nothing = {word for word in (*LISTS, "person") if not found.get(word)}
    return {word: what for word, what in found.items() if word not in of_nothing}


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.wish)
def test_the_row_becomes_what_the_case_says(case: Case) -> None:
    if "complaint" in case.result:
        with pytest.raises(MappingInvalid) as refused:
            applied(case)
        assert case.result["complaint"] in str(refused.value)
        return
    found = became(case)
    assert found.keys() == case.result.keys(), found
    for word, said in case.result.items():
        wanted = sorted([said] if isinstance(said, str) else said) if word in LISTS else said
        got = sorted(found[word]) if word in LISTS else found[word]
        assert _same(wanted, got), (word, wanted, got)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.wish)
def test_editors_find_nothing_wrong_in_it(case: Case) -> None:
    assert editor.complaints(case.mapping) == []


def test_there_are_many_cases_and_no_wish_twice() -> None:
    assert len(ALL) >= 45
    assert len({case.wish for case in ALL}) == len(ALL)


# each key has a case

A_FILE = "how a file is read, not what becomes of a row"
THERE = "speaks of a contact that is at the destination already"
PEOPLE = "for people; nothing becomes of it"
SYNC = "speaks of the sync as a whole"
NOT_THERE = "speaks of who is in no row of the file"
WITHOUT_A_CASE = {
    ("Mapping", "title"): PEOPLE,
    ("Mapping", "description"): PEOPLE,
    ("Mapping", "examples"): "an example is what a case is here",
    ("Mapping", "write"): THERE,
    ("Mapping", "gone"): THERE,
    ("Mapping", "blank"): THERE,
    ("Mapping", "together"): THERE,
    ("Mapping", "suppress"): "names a file that is read beside the mapping",
    ("Rule", "blank"): THERE,
    ("Rule", "write"): THERE,
    ("Names", "write"): THERE,
    ("Consent", "unknown_opted_out"): "speaks of whether a contact is at the destination already",
    ("Consent", "newcomers"): "speaks of whether a contact is at the destination already",
    ("SourceSettings", "path"): A_FILE,
    **{("SourceSettings", name): A_FILE for name in ("inbox", "files", "done", "settled", "every")},
    ("SourceSettings", "take"): A_FILE,
    ("SourceSettings", "encoding"): A_FILE,
    ("SourceSettings", "delimiter"): A_FILE,
    ("SourceSettings", "quote"): A_FILE,
    ("SourceSettings", "header_line"): A_FILE,
    ("SourceSettings", "sheet"): A_FILE,
    ("SourceSettings", "at"): A_FILE,
    **{("SourceSettings", name): A_FILE for name in ("database", "table", "query")},
    ("SourceSettings", "member"): A_FILE,
    ("Destination", "account"): SYNC,
    ("Destination", "rate"): SYNC,
    ("Destination", "share"): SYNC,
    ("Destination", "patience"): SYNC,
    ("Destination", "list_hours"): SYNC,
    ("Destination", "senders"): SYNC,
    ("Destination", "create_missing"): SYNC,
    ("Mapping", "automations"): SYNC,
    ("Automations", "allow"): SYNC,
    ("Automations", "tracked"): THERE,
    ("SourceSettings", "complete"): NOT_THERE,
    ("Mapping", "vanished"): NOT_THERE,
    **{("Vanished", name): NOT_THERE for name in ("report", "set", "tags", "lists", "unsubscribe")},
    ("Removal", "remove"): NOT_THERE,
    ("Mapping", "guards"): SYNC,
    **{
        ("Guards", name): SYNC
        for name in ("shrunk", "invalid", "changes", "opt_outs", "vanished", "resubscribes", "failures")
    },
    **{("Limit", name): SYNC for name in ("share", "floor")},
    **{("TypedLimit", name): SYNC for name in ("share", "floor", "typed")},
    ("Mapping", "notify"): SYNC,
    **{("Mapping", name): SYNC for name in ("reports", "fixes")},
    **{("Reports", name): SYNC for name in ("to", "link", "files")},
    **{("Fixes", name): SYNC for name in ("at", "settled")},
    **{("Notify", name): SYNC for name in ("to", "on", "remind")},
    ("Destination", "undo"): "asks the destination, which a case has not",
    ("Destination", "lookup"): "asks the destination, which a case has not",
}


def said(value: Any) -> Iterator[tuple[str, str]]:
    """The keys that are written in a part of a mapping, and in the parts inside."""
    if isinstance(value, Part):
        for name in value.model_fields_set:
            yield type(value).__name__, type(value).model_fields[name].alias or name
            yield from said(getattr(value, name))
    elif isinstance(value, dict | tuple):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from said(inside)


def test_each_key_has_a_case_or_a_reason_why_it_has_none() -> None:
    known = {
        (part.__name__, field.alias or name)
        for _, part in DOCUMENTED
        for name, field in part.model_fields.items()
        if part.__name__ != "Example"
    }
    shown = {key for case in ALL for key in said(read_mapping_text(case.mapping))}
    assert sorted(known - shown - WITHOUT_A_CASE.keys()) == []
    assert sorted(WITHOUT_A_CASE.keys() - (known - shown)) == []


def test_each_type_has_a_case() -> None:
    rules = [(tag, rule) for case in ALL for tag, rule in read_mapping_text(case.mapping).fields.items()]
    shown = {rule.type or next(f.type for f in SCHEMA.fields if f.name == tag) for tag, rule in rules}
    assert sorted(set(types()) - shown) == []

"""The whole grammar: mappings and rows are drawn, and the columns give what a plain reference gives row by row.

`REFERENCE_EXAMPLES=5000` in the environment looks longer.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.engine.applying import Application
from mappings.engine.frame import Frame, Misread
from mappings.engine.mapped import Mapped
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema
from tests.mappings.reference import Expected, expected

TODAY = dt.date(2026, 11, 20)
FIELDS = (
    Field("email_address", "Email Address", "email", required=True),
    Field("first_name", "First Name", "text"),
    Field("last_name", "Last Name", "text", max_length=10),
    Field("note", "Note", "text"),
    Field("plan", "Plan", "choice", options=("Free", "Silver", "Gold")),
    Field("interests", "Interests", "choices", options=("News", "Events", "Web")),
    Field("score", "Score", "number"),
    Field("age", "Age", "integer"),
    Field("customer", "Customer", "boolean"),
    Field("seen_at", "Seen At", "datetime", form="rfc3339"),
    Field("joined_on", "Joined On", "date"),
)
TAGS: dict[str, int | str] = {"crm": 1, "VIP": 2, "event-2026": 3, "Straße": 4}
LISTS: dict[str, int | str] = {"Newsletter": "n", "Partners": "p"}

# What the cells of each column are mostly, and of every column sometimes.
CELLS: dict[str, list[str]] = {
    "Email": ["ann@example.com", " Bob@Example.COM", "", "nobody", "cy@gmial.com", "\u200b", "dee+1@mail.example.org"],
    "Work": ["", "w@example.com", "x", "ann@example.com"],
    "Plan": ["", "gold", " SILVER ", "tin", "Größe", "GRÖSSE", "01234", "Gold!", "free"],
    "Text": ["", "x", "7", "-07", "\u00a0y  z ", "order 42!", "a*b.c", "Hauptstraße 5", "e-mail - phone", "vip (old)", "xyxy"],
    "Many": ["", "vip;crm", "CRM; ", "new;NEW;fan", "News;web", "News, Events", "a - b-c - a", "vip\nFan\r\n\ncrm", "\n ", ";", "x|y", "Web"],
    "Number": ["", "7", "1,234.50", "1.234,5", "1'000", "$5", "(12.00)", "-3 €", "1e3", "many", "1.234", "12,34,567", "0.50", "3.-"],
    "Day": ["", "2026-11-20", "2026-08-22", "2026-08-21", "31/02/2026", "20/11/2026", "5.1.25", "2026-03-29 02:30", "2026-10-25T02:30:00",
            "2026-11-01T10:00:00Z", "2027-01-01 08:00", "20 Nov 2026", "2024-02-29", "soon", "2026-11-20T23:30:00.5-02:00", "9999-12-31"],
    "Flag": ["", "yes", "NO", "1", "maybe", "ja", " On ", "false"],
    "Name": ["", "Ann Lee", "Dr. Vincent Willem van Gogh", "Gogh, Vincent van", "Madonna", "Mr. Smith", "John Q. Public Jr.", "J. R. R. Tolkien", "李 小龙"],
    "Source Id": ["", "7", " 00A ", "00a"],
}  # fmt: skip
HEADER = (*CELLS, "hs_score", "Owner")
EVERYTHING = sorted({text for texts in CELLS.values() for text in texts})
DATES = ["DD/MM/YYYY", "D.M.YY", "DD MMM YYYY", "YYYY-MM-DD hh:mm", ["YYYY-MM-DD", "DD/MM/YYYY"]]
SPANS = ["90 days", "1 day", "last 2 weeks", "next 6 weeks", "3 months", "2 years", "Next 1 month"]
WORDS = ["gold", "Gold ", "GRÖSSE", "größe", "vip", "crm", "7", "x", "yes", "", "straße"]
PATTERNS = [r"(\d+)", "^x", "[a-z]+$", "x|y", "(a|b)(-)?", r"\bvip\b", "o.*d", "", "^$", "(?i)GOLD", "ö", r"(x)?y"]  # fmt: skip
LIKES = ["*gold*", "?", "*", "a*b.c", "hauptstra?e*", "*STRASSE*", "*(old)", "", "[x]", "v?p*", "*.com"]


def some(*options: Any, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(options), min_size=1, max_size=most, unique=True)


def one(*options: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(options)


COLUMN = one(*CELLS)
ONE_IN_FOUR = one(False, False, False, True)


# conditions


@st.composite
def wheres(draw: st.DrawFn, deep: bool = True) -> Any:
    """What a column has to hold."""
    words = st.one_of(one(*WORDS), some(*WORDS))
    key = draw(one("in", "in", "blank", "like", "match", "date", "number", *(["not", "two"] if deep else [])))
    if key == "in":
        found: Any = draw(words)
        return draw(one(found, {"in": found}))
    if key == "blank":
        return {"blank": draw(one("yes", "no"))}
    if key == "like":
        return {"like": draw(st.one_of(one(*LIKES), some(*LIKES)))}
    if key == "match":
        return {"match": draw(one(*PATTERNS))}
    if key == "date":
        found = draw(
            one(
                {"within": draw(one(*SPANS))}, {"older_than": draw(one("90 days", "1 month", "2 years"))},
                {"since": "2026-08-22"}, {"before": "2026-11-20"}, {"since": "2026-01-01", "before": "2027-01-01"},
                {"within": "1 year", "older_than": "90 days"},
            )
        )  # fmt: skip
        return found | ({"format": draw(one(*DATES))} if draw(st.booleans()) else {})
    if key == "number":
        bounds = some("at_least", "at_most", "above", "below", most=2)
        return {bound: draw(one(7, "-7", 5.0, 1000)) for bound in draw(bounds)}
    if key == "not":
        return {"not": draw(st.one_of(words, wheres(deep=False)))}
    both = [draw(wheres(deep=False)) for _ in range(2)]
    return {
        name: said for where in both for name, said in (where if isinstance(where, dict) else {"in": where}).items()
    }  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn, deep: bool = True) -> dict[str, Any]:
    found = {name: draw(wheres()) for name in draw(some(*CELLS, most=2))}
    if deep and draw(one(True, False, False)):
        groups = draw(st.lists(conditions(deep=False), min_size=1, max_size=3))
        found["any"] = [{name: said for name, said in group.items() if name != "any"} for group in groups]
        if draw(st.booleans()):
            return {"any": found["any"]}
    return found


# fields

FITTING = {
    "email": ["Email", "Work"], "choice": ["Plan"], "choices": ["Many", "Plan"], "number": ["Number"], "money": ["Number"],
    "integer": ["Number", "Text"], "boolean": ["Flag"], "date": ["Day"], "datetime": ["Day"],
    "text": ["Text", "Name", "Plan", "Many", "Source Id"],
}  # fmt: skip
RIGHT = {
    "email": ["d@example.com", "e@gmial.com"], "choice": ["gold", "Free"], "choices": ["web", "News"], "number": ["3", "-07"],
    "money": ["3", "$12"], "integer": ["5", "-07"], "text": ["k", " Ö  o", ""],
}  # fmt: skip
MAY_BE = {
    "text": ["text"] * 8 + ["integer", "number", "money", "boolean", "date", "datetime", "email", "choice", "choices"],
    "short": ["text", "text", "integer", "boolean", "date"], "number": ["number", "money", "integer"], "datetime": ["datetime", "date"],
}  # fmt: skip
WRITTEN = {
    "DD/MM/YYYY": "24/12/2025",
    "D.M.YY": "24.12.25",
    "DD MMM YYYY": "24 dec 2025",
    "YYYY-MM-DD hh:mm": "2025-12-24 10:00",
}


TEMPLATES = ["{Plan} {Text}", "{Name}, {Plan}", "Dear {Name} of {Text}!", "{Number}", "({Many}) - {Text}", "in {Plan} at {Flag}", "k"]  # fmt: skip
JOINS = [", ", "", " / ", "-"]
SPLITS = [";", ",", " - ", "|", "; ", "\n"]


@st.composite
def readings(draw: st.DrawFn, type_: str) -> tuple[dict[str, Any], list[str]]:
    """How a type is read, and texts of the mapping that are right so."""
    rule: dict[str, Any] = {}
    if type_ in ("date", "datetime"):
        formats = draw(one("", "", *DATES))
        rule |= {"format": formats} if formats else {}
        if type_ == "datetime":
            rule |= draw(one({}, {"timezone": "Europe/Berlin"}, {"timezone": "America/New_York"}))
        first = formats if isinstance(formats, str) else formats[0]
        return rule, [WRITTEN.get(first, "2025-12-24")]
    if type_ in ("number", "money"):
        rule |= draw(one({}, {"decimal": "."}, {"decimal": ","}))
        marks = [mark for mark in (",", ".", " ", "'") if mark != rule.get("decimal", ".")]
        rule |= draw(one({}, *({"thousands": mark} for mark in marks)))
    if type_ == "boolean":
        own = {"truthy": ["Ja", "maybe"], "falsy": ["nein", "NO"]}
        return draw(one(({}, ["yes", "0"]), ({}, ["yes", "0"]), (own, ["ja", "nein"])))
    return rule, RIGHT[type_]


@st.composite
def origins(draw: st.DrawFn, type_: str, right: list[str]) -> dict[str, Any]:
    """Where a value comes from."""
    fitting = one(*FITTING[type_])
    columns = st.lists(st.one_of(fitting, fitting, COLUMN), min_size=1, max_size=3, unique=True)
    kind = draw(one("from", "from", "from", "from", "cases", "template", "value"))
    if kind == "from":
        found: dict[str, Any] = {"from": draw(columns)}
        if len(found["from"]) > 1:
            return found | draw(one({}, {"take": "first_valid"}, {"join": draw(one(*JOINS))}))
        return draw(one(found, {"from": found["from"][0]}))
    if kind == "cases":
        given = st.one_of(
            st.builds(lambda text: {"value": text}, one(*right)),
            st.builds(lambda names: {"from": names}, columns),
            st.builds(lambda text: {"template": text}, one(*TEMPLATES)),
        )
        cases = [{"when": draw(conditions())} | draw(given) for _ in range(draw(st.integers(1, 3)))]
        return {"cases": [*cases[:-1], draw(one(cases[-1], cases[-1], {**cases[-1], "when": {}}))]}
    return {kind: draw(one(*right) if kind == "value" else one(*TEMPLATES))}


@st.composite
def makings(draw: st.DrawFn, type_: str, rule: dict[str, Any], right: list[str]) -> dict[str, Any]:
    """What is made of a text: of an origin's texts, other texts."""
    made: dict[str, Any] = {}
    if draw(ONE_IN_FOUR) and "value" not in rule:
        made["match"] = draw(one(*PATTERNS))
    splits = {"split": draw(one(*SPLITS[: -1 if made else None]))}  # a pattern sees no line breaks
    part = draw(one({"part": "first"}, {"part": "last"}))
    if "join" in rule:
        made |= draw(one({}, splits))
    elif type_ == "choices":
        made |= draw(one({}, splits, splits)) | draw(one({}, {}, part))
    elif draw(ONE_IN_FOUR):
        made |= splits | draw(one(part, part if "take" in rule else {"join": draw(one(*JOINS))}))
    elif type_ == "text" and draw(ONE_IN_FOUR):
        made |= part
    if draw(ONE_IN_FOUR) and "value" not in rule:
        keys = draw(some("gold", "GRÖSSE ", "x", "vip", "yes", "7", "crm", "NO", "ja", most=4))
        made["values"] = {key: draw(one(*right, None)) for key in keys}
        if type_ == "choices":
            made["values"] |= {"yes": f"News{made.get('split', ';')}Web"}
    if made.keys() & {"values", "match"} or "cases" in rule:
        as_is = [{"otherwise": "as_is"}] if "values" in made or "cases" not in rule else []
        made |= draw(one({}, {"otherwise": "reject"}, {"otherwise": "blank"}, *as_is))
    return made


@st.composite
def rules(draw: st.DrawFn, field: Field) -> Any:
    """A rule of the whole grammar that the field may have."""
    type_ = draw(one(*MAY_BE.get("short" if field.max_length else field.type, [field.type])))
    rule, right = draw(readings(type_))
    rule |= {"type": type_} if type_ != field.type else {}
    rule |= draw(origins(type_, right))
    rule |= draw(makings(type_, rule, right))
    if (type_, field.type) == ("choices", "text") and not rule.keys() & {"part", "join"}:
        rule["part"] = "first"  # several are no text
    for more in ({"default": draw(one(*right))}, {"required": "true"}, {"max_length": draw(one(6, 10))}):
        if draw(ONE_IN_FOUR) and ("max_length" not in more or type_ == "text"):
            rule |= more
    return draw(one(rule, rule["from"])) if rule.keys() == {"from"} else rule


# tags and lists


@st.composite
def memberships(draw: st.DrawFn, there: Sequence[str]) -> Any:
    unknown = draw(one("reject", "reject", "create"))
    name = one(*there, *([" NEW  one", "fan", "Fan"] if unknown == "create" else [there[0].upper()]))
    said = st.fixed_dictionaries({"name": name, "truthy": some("ja", "x", "YES"), "falsy": some("nein", "no", "maybe")})  # fmt: skip
    flags = st.dictionaries(one("Flag", "Flag", "Text"), st.one_of(name, some(*there), said), max_size=2)
    case = st.fixed_dictionaries({"when": conditions(), "name": name})
    columns = st.lists(one("Many", "Many", "Plan", "Flag"), max_size=2, unique=True)
    names: dict[str, Any] = {"unknown": unknown}
    for key, drawn in (
        ("from", columns), ("split", one(",", "\n", " - ", ";", "|")), ("always", st.one_of(name, some(*there))),
        ("flags", flags), ("cases", st.lists(case, max_size=2)), ("remove", flags), ("write", one("add", "own", "replace")),
    ):  # fmt: skip
        if draw(st.booleans()):
            names[key] = draw(drawn)
    return names


@st.composite
def mappings(draw: st.DrawFn) -> str:
    chosen = draw(st.lists(st.sampled_from(FIELDS[1:]), max_size=4, unique=True))
    email = one("Email", "Email", {"from": ["Email", "Work"], "take": "first_valid"})
    fields = {"email_address": draw(st.one_of(email, email, rules(FIELDS[0])))}
    fields |= {field.name: draw(rules(field)) for field in chosen}
    mapping: dict[str, Any] = {
        "name": "news", "source": {"kind": "csv_file"}, "key": "email_address", "fields": fields,
        "destination": {"kind": "campaignlark"} | draw(one({}, {"create_missing": "tags"})),
    }  # fmt: skip
    opted_out = [
        "Flag", ["Flag", "Source Id"], {"from": "Plan", "when": ["gold", "GRÖSSE"], "unless": " SILVER"},
    ]  # fmt: skip
    newest = [{"newest": "Day"}, {"newest": "Day", "format": DATES[0]}, {"newest": "Day", "format": DATES[3]}]
    for key, drawn in (
        ("tags", memberships(list(TAGS))), ("lists", memberships(list(LISTS))), ("where", conditions()),
        ("person", one("Source Id", "Email")), ("consent", st.builds(lambda said: {"opted_out": said}, one(*opted_out))),
        ("duplicates", one("first", *newest)), ("ignore", one(["hs_*"], ["Owner", "Name"], "rest", ["own*"])),
    ):  # fmt: skip
        if draw(one(True, False, *([False] if key in ("lists", "where") else []))):
            mapping[key] = draw(drawn)
    return json.dumps(mapping, ensure_ascii=False, indent=1)


# rows

ROWS = st.lists(
    st.tuples(*(st.one_of(*[one(*texts)] * 6, one(*EVERYTHING)) for texts in CELLS.values())), max_size=8
)


def framed(rows: Sequence[Sequence[str]], misread: Sequence[int]) -> Frame:
    cells = [
        [*("" for _ in row), "", ""] if at in misread else [*row, "1", "o"] for at, row in enumerate(rows)
    ]
    columns = [pa.array([row[index] for row in cells], pa.string()) for index in range(len(HEADER))]
    return Frame(
        pa.Table.from_arrays(columns, names=list(HEADER)),
        np.arange(1, len(rows) + 1),
        np.arange(2, len(rows) + 2),
        tuple(Misread(at, "row_misaligned", "too many cells", rows[at]) for at in misread),  # type: ignore[arg-type]
    )


def as_rows(found: Mapped, spelled: dict[str, str]) -> Iterator[Expected]:
    """The rows of the columns; names that are not there are told without case, like the reference does."""
    for at in range(len(found)):
        names = {kind: joined[at].as_py().split("\x1f") for kind, joined in found.names.items()}
        yield Expected(
            values={tag: values[at].as_py() for tag, values in found.values.items()},
            key=found.key[at].as_py(),
            person=found.person[at].as_py(),
            names={
                kind: sorted({spelled.get(name, name.casefold()) for name in all_ if name})
                for kind, all_ in names.items()
            },
            opted_out=bool(found.opted_out[at]),
            kept=bool(found.kept[at]),
            invalid=bool(found.invalid[at]),
            age=None if found.age is None else int(found.age[at]),
            codes=[(p.code, p.column) for p in found.problems if p.row == found.rows[at]],
        )


def parts(frame: Frame, cuts: Sequence[int]) -> Iterator[Frame]:
    """The frame in pieces, which are slices of its memory."""
    for first, last in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        yield Frame(
            frame.cells.slice(first, last - first),
            frame.rows[first:last],
            frame.lines[first:last],
            tuple(Misread(bad.at - first, bad.code, bad.detail, bad.cells) for bad in frame.misread if first <= bad.at < last),
        )  # fmt: skip


@settings(max_examples=int(os.environ.get("REFERENCE_EXAMPLES", "50")), deadline=None)
@given(mappings(), ROWS, st.booleans(), st.data())
def test_columns_give_what_a_plain_reference_gives_row_by_row(
    text: str, rows: list[tuple[str, ...]], live: bool, data: st.DataObject
) -> None:
    schema = Schema(FIELDS, TAGS, LISTS, live=live)
    application = Application(read_mapping_text(text), schema, HEADER, TODAY)
    misread = (
        data.draw(st.one_of(st.just(()), st.sets(st.integers(0, len(rows) - 1), max_size=1))) if rows else ()
    )
    frame = framed(rows, sorted(misread))
    whole = application.apply(frame)
    there = {name: name for name in (*TAGS, *LISTS)} if live else {}
    assert list(as_rows(whole, there)) == [
        expected(
            application.mapping,
            schema,
            TODAY,
            dict.fromkeys(HEADER, "") if at in misread else dict(zip(HEADER, row, strict=False)),
            misread=at in misread,
        )
        for at, row in enumerate(rows)
    ]
    # however the rows are cut into frames, also where these are slices of other memory
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=2)))
    cut = [application.apply(part) for part in parts(frame, cuts)]
    assert [row for part in cut for row in as_rows(part, there)] == list(as_rows(whole, there))
    assert [p for part in cut for p in part.problems] == whole.problems
    assert np.concatenate([part.content for part in cut]).tolist() == whole.content.tolist()
    # and whichever of them are taken
    chosen = np.array(sorted(data.draw(st.sets(st.integers(0, len(rows) - 1)))) if rows else [], np.int64)
    taken = application.apply(frame.take(chosen))
    assert taken.content.tolist() == whole.content[chosen].tolist()
    assert list(application.contacts(taken, range(len(chosen)))) == list(
        application.contacts(whole, chosen.tolist())
    )
    # a name has one spelling, wherever it stands
    for kind in ("tags", "lists"):
        names = {
            name
            for joined in (whole.names.get(kind), whole.names.get(f"{kind}_off"))
            for text in (joined.to_pylist() if joined is not None else ())
            for name in text.split("\x1f")
        }
        assert len(names) == len({name.casefold() for name in names})

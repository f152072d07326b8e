"""What a mapping says, one row at a time in plain Python: the engine's columns are held against it.

It is written from the words of the grammar (the descriptions in the document's model, `mappings/README.md`, the rules'
docstrings) and shares nothing with the engine but the document, the cleaning of a cell and the names of the codes. It is
slow and plain on purpose, and knows only those types that its test generates.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from nameparser import HumanName

from mappings.engine.cleaning import clean_text
from mappings.engine.document import Case, Flag, Mapping, Names, Rule
from mappings.engine.schema import Field, Schema
from tests.mappings.reference_types import TYPES, Wrong, boolean, universal
from tests.mappings.reference_where import all_hold

Code = tuple[str, str]
"""A problem's code, and the column or columns behind it."""
WARNINGS = {"email_typo_domain", "consent_not_understood", "age_unreadable"}
OLDEST = -(2**63)


@dataclass
class Expected:
    """What becomes of a row."""

    values: dict[str, str | None] = field(default_factory=dict)
    key: str = ""
    person: str = ""
    names: dict[str, list[str]] = field(default_factory=dict)
    opted_out: bool = False
    kept: bool = True
    invalid: bool = False
    age: int | None = None
    codes: list[Code] = field(default_factory=list)


def expected(
    mapping: Mapping, schema: Schema, today: dt.date, raw: MappingOf[str, str], *, misread: bool = False
) -> Expected:
    """What becomes of a row, of which `raw` are the cells."""
    row = Row(raw, today)
    found = Expected()
    for tag, rule in mapping.fields.items():
        found.values[tag], codes = value(row, tag, rule, schema.field(tag), key=tag == mapping.key)
        found.codes += codes
    found.key = found.values[mapping.key] or ""
    found.person = row.cell(mapping.person) if mapping.person else ""
    for kind, names, code, there in (
        ("tags", mapping.tags, "tag_unknown", schema.tags),
        ("lists", mapping.lists, "list_unknown", schema.lists),
    ):
        if names is not None:
            brings = kind == "tags" and mapping.destination.create_missing == "tags"
            spelled = {name.casefold(): name for name in there if schema.live}
            given, taken, codes = memberships(row, names, spelled, code, brings=brings, asked=schema.live)
            found.names[kind] = given
            if names.remove:
                found.names[f"{kind}_off"] = taken
            found.codes += codes
    holds, unclear = all_hold(row.cell, row.today, mapping.where)
    found.kept = holds is not False
    found.codes += [("condition_unclear", column) for column in unclear]
    if mapping.duplicates.newest is not None:
        found.age, codes = age(row.cell(mapping.duplicates.newest), mapping.duplicates.format or ())
        found.codes += [(code, mapping.duplicates.newest) for code, _ in codes]
    found.opted_out, codes = consent(row, mapping)
    found.codes += codes
    if found.opted_out and found.person and not found.key:
        shown = " / ".join(mapping.fields[mapping.key].columns()) or mapping.key
        found.codes.append(("opt_out_without_key", shown))
    found.invalid = any(code not in WARNINGS for code, _ in found.codes)
    if misread:
        found.kept, found.invalid, found.codes = True, True, [("row_misaligned", "")]
    if not found.kept:
        found.codes = []
    return found


class Unclear(Exception):  # noqa: N818 - what a cell is
    """Whether conditions hold cannot be told for the cells of these columns."""

    def __init__(self, columns: list[str]) -> None:
        super().__init__(columns)
        self.columns = columns


class Row:
    """The cells of a row, and the day on which it is looked at."""

    def __init__(self, raw: MappingOf[str, str], today: dt.date) -> None:
        self.raw = {clean_text(name): text for name, text in raw.items()}
        self.today = today

    def cell(self, name: str) -> str:
        return clean_text(self.raw[clean_text(name)])

    def text(self, name: str, separator: str | None) -> str:
        """The cell as it is divided; a line break is looked for before cleaning makes a space of it."""
        return divisible(self.raw[clean_text(name)], separator)

    def pieces(self, name: str, separator: str) -> list[str]:
        """Several values in one cell."""
        return pieces(self.raw[clean_text(name)], separator)


def divisible(raw: str, separator: str | None) -> str:
    if separator is None or clean_text(f"a{separator}a") == f"a{separator}a":
        return clean_text(raw)
    return separator.join(pieces(raw, separator))


def pieces(raw: str, separator: str) -> list[str]:
    if clean_text(f"a{separator}a") != f"a{separator}a":
        one_line_end = [text.replace("\r\n", "\n").replace("\r", "\n") for text in (raw, separator)]
        found = one_line_end[0].split(one_line_end[1])
    elif separator[0] == separator[-1] == " ":  # where it stands between spaces, these belong to it
        found = f" {clean_text(raw)} ".split(separator)
    else:
        found = clean_text(raw).split(separator.strip())
    return [text for text in map(clean_text, found) if text]


def once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


# fields


def value(row: Row, tag: str, rule: Rule, known: Field | None, *, key: bool) -> tuple[str | None, list[Code]]:
    """A merge tag's value, and what is wrong with it."""
    shown = " / ".join(rule.columns()) or tag
    type_ = rule.type or (known.type if known else "text")
    columns = rule.from_ or ()
    tried = [(name, (name,)) for name in columns] if rule.take == "first_valid" else [(shown, columns)]
    first_wrong: list[Code] = []
    for name, some in tried:
        text, codes = read(row, rule, type_, some, name)
        if not codes and not text and rule.default is not None and rule.take == "first":
            text = several(rule.default, rule, type_)
        found, more = typed(text, rule, known, type_)
        codes += [(code, name) for code in more]
        errors = [code for code in codes if code[0] not in WARNINGS]
        if rule.take == "first" or (found is not None and not errors):
            break
        first_wrong = first_wrong or codes
    else:
        found, codes = None, first_wrong
        if not codes and rule.default is not None:
            found, more = typed(several(rule.default, rule, type_), rule, known, type_)
            codes = [(code, shown) for code in more]
    if found is None and not codes and (rule.required or key):
        codes = [("key_blank" if key else "required_blank", shown)]
    return found, codes


Text = str | list[str]
"""A text, or where the type or `split:` makes several of it, these."""


def several(text: str, rule: Rule, type_: str) -> Text:
    """A text of the mapping itself."""
    return once(pieces(text, rule.split or ";")) if type_ == "choices" else clean_text(text)


def read(row: Row, rule: Rule, type_: str, columns: tuple[str, ...], shown: str) -> tuple[Text, list[Code]]:
    """What stands in the source after all rules but the default and the type, or what is wrong with it."""
    divides = type_ == "choices" or (rule.split and (rule.part or rule.join is not None))
    separator = (rule.split or ";") if divides else None
    try:
        text: Text = begun(row, rule, columns, separator)
        if rule.match is not None and text:
            text = matched(text, rule.match, rule.otherwise or "reject")
        if separator is not None:
            text = pieces(text, separator)
            text = text[:1] if rule.part == "first" else text[-1:] if rule.part == "last" else once(text)
        elif rule.part is not None:
            text = part_of_name(text, rule.part)
        if rule.values is not None:
            own = separator if type_ == "choices" else None
            each = [text] if isinstance(text, str) else text
            found = [
                name for one in each for name in translated(one, rule.values, rule.otherwise or "reject", own)
            ]
            text = found[0] if isinstance(text, str) else once(filter(None, found))
    except Unclear as unclear:
        return "", [("condition_unclear", column) for column in unclear.columns]
    except Wrong as wrong:
        return "", [(wrong.code, shown)]
    if isinstance(text, list) and type_ != "choices":
        text = clean_text((rule.join or "").join(text))
    return text, []


def begun(row: Row, rule: Rule, columns: tuple[str, ...], separator: str | None) -> str:
    """The text that a rule begins with."""
    origin: Rule | Case = rule
    if rule.cases is not None:
        fitting = case_of(row, rule.cases)
        if fitting is None and rule.otherwise == "reject":
            raise Wrong("no_case")
        if fitting is None:
            return ""
        origin, columns = fitting, fitting.from_ or ()
    if origin.value is not None:
        return divisible(origin.value, separator)
    if origin.template is not None:
        return template(row, origin.template, separator)
    texts = [row.text(name, separator) for name in columns if row.cell(name)]
    if rule.join is not None and len(rule.from_ or ()) > 1:
        return divisible((rule.join if separator is None else separator).join(texts), separator)
    return texts[0] if texts else ""


def matched(text: str, pattern: str, otherwise: str) -> str:
    """What a pattern finds; of several pairs of parentheses what the first holds that holds something."""
    hit = re.search(pattern, text, re.ASCII)
    if hit is None:
        if otherwise == "reject":
            raise Wrong("not_matched")
        return text if otherwise == "as_is" else ""
    found = (given.strip() for given in (hit.groups(default="") if hit.re.groups else [hit[0]]))
    return next(filter(None, found), "")


def translated(
    text: str, table: MappingOf[str, str | None], otherwise: str, separator: str | None
) -> list[str]:
    """What the table makes of a value."""
    known = {clean_text(name).casefold(): given or "" for name, given in table.items()}
    if not text:
        return [""]
    if text.casefold() in known:
        given = known[text.casefold()]
        return [clean_text(given)] if separator is None else pieces(given, separator)
    if otherwise == "reject":
        raise Wrong("value_unknown")
    return [text if otherwise == "as_is" else ""]


def case_of(row: Row, cases: Iterable[Case]) -> Case | None:
    """The first case that fits."""
    for case in cases:
        holds, unclear = all_hold(row.cell, row.today, case.when)
        if holds is None:
            raise Unclear(unclear)
        if holds:
            return case
    return None


def template(row: Row, text: str, separator: str | None) -> str:
    """What stands before a blank column goes with it; a sign between two columns needs both, a word the second."""
    opening, *rest = re.split(r"\{(.*?)\}", text)
    if not rest:
        return divisible(text, separator)
    filled, before = "", ""
    for name, after in zip(rest[::2], rest[1::2], strict=True):
        if row.cell(name):
            filled += (before if filled or re.search(r"\w", before) else "") + row.text(name, separator)
        before = after
    return divisible(opening + filled + before, separator) if filled else ""


def part_of_name(text: str, which: str) -> str:
    name = HumanName(text)
    if which == "last":
        return f"{name.last} {name.suffix}".strip()
    first, *middle = [name.first, *name.middle.split()]
    if len(first.rstrip(".")) > 1:  # not J. R. R. Tolkien
        middle = [word for word in middle if len(word.rstrip(".")) > 1]
    return " ".join([first, *middle]).strip()


# types


def typed(text: Text, rule: Rule, known: Field | None, type_: str) -> tuple[str | None, list[str]]:
    """The canonical text, and the codes of what is wrong."""
    if not text:
        return None, []
    codes = []
    try:
        found = TYPES[type_](text, rule, known)
    except Wrong as wrong:
        return None, [wrong.code]
    if type_ == "email" and found.endswith("@gmial.com"):
        codes.append("email_typo_domain")
    limits = [limit for limit in (rule.max_length, known.max_length if known else None) if limit]
    return found, codes + ["too_long"] * any(len(found) > limit for limit in limits)


# memberships, consent, age


def memberships(
    row: Row, rule: Names, there: dict[str, str], code: str, *, brings: bool, asked: bool
) -> tuple[list[str], list[str], list[Code]]:
    """The names that the row gives and takes away. Those that are not there are told without case."""
    creates = rule.unknown == "create"
    flags = [name for flag in rule.flags.values() for name in flag.names]
    own = [*rule.always, *flags, *(name for case in rule.cases for name in case.names)]
    known = {clean_text(name).casefold() for name in own if creates or brings} | there.keys()
    given: list[str] = list(rule.always)
    codes: list[Code] = []
    for column in rule.from_:
        names = row.pieces(column, rule.split)
        if asked and not creates and any(name.casefold() not in known for name in names):
            codes.append((code, column))
        else:
            given += names
    given += flagged(row, rule.flags, codes)
    for case in rule.cases:
        fits, unclear = all_hold(row.cell, row.today, case.when)
        given += case.names if fits else ()
        codes += [("condition_unclear", column) for column in unclear]
    taken = flagged(row, rule.remove, codes)
    return spelled(given, there), spelled(taken, there), codes


def flagged(row: Row, flags: MappingOf[str, Flag], codes: list[Code]) -> list[str]:
    """The names of the columns that say yes; a blank is a no, too."""
    names: list[str] = []
    for column, flag in flags.items():
        text = row.cell(column)
        try:
            names += flag.names if text and boolean(text, flag.truthy, flag.falsy) == "true" else ()
        except Wrong as wrong:
            codes.append((wrong.code, column))
    return names


def spelled(names: Iterable[str], there: dict[str, str]) -> list[str]:
    folded = [clean_text(name).casefold() for name in names]
    return sorted({there.get(name, name) for name in folded})


def consent(row: Row, mapping: Mapping) -> tuple[bool, list[Code]]:
    """Any column opts out; what is in neither list does, too, and is told."""
    rule = mapping.consent.opted_out if mapping.consent else None
    out, codes = False, []
    for column in rule.from_ if rule else ():
        text = row.cell(column).casefold()
        when, unless = (
            [clean_text(t).casefold() for t in texts]
            for texts in (rule.when if rule else (), rule.unless if rule else ())
        )
        if text in when:
            out = True
        elif text and text not in unless:
            out = True
            codes.append(("consent_not_understood", column))
    return out, codes


def age(text: str, formats: Iterable[str]) -> tuple[int, list[Code]]:
    if not text:
        return OLDEST, []
    try:
        return int(universal(text, formats, "UTC").timestamp()), []
    except Wrong:
        return OLDEST, [("age_unreadable", text)]

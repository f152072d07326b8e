"""Which column goes into which field, and how: by their names, and by what the cells hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mappings.engine.complaints import listed
from mappings.engine.rules.split import pieces
from mappings.engine.schema import Field
from mappings.engine.suggesting.column import Column, misfits, shown
from mappings.engine.suggesting.countries import translated
from mappings.engine.suggesting.dates import how_written
from mappings.engine.suggesting.names import (
    BY_EXPORT,
    BY_NAME,
    BY_SPELLING,
    BY_SYNONYM,
    BY_VALUES,
    fold,
    likeness,
    meaning,
)
from mappings.engine.suggesting.options import separator_of, spelled
from mappings.engine.suggesting.words import means_no, means_yes
from mappings.engine.transforms import Settings

__all__ = ["Match", "Matches", "address_column", "is_whole", "match_fields", "whole_name"]

_MOST_OPTIONS = 50
_EITHER = ("nombre", "nome", "nom", "naam")
_CHANGED = (
    "lastmodifieddate",
    "lastmodified",
    "lastmodifiedon",
    "systemmodstamp",
    "updatedat",
    "lastupdated",
    "modifiedon",
    "lastchanged",
)
_ADDRESS = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+")
_GUARD = re.compile(r"'[\d+=@-]")
_CALLED = {
    "date": "dates with day, month and year", "datetime": "dates with day, month and year", "country": "countries",
    "boolean": "yes or no", "number": "numbers", "integer": "whole numbers", "url": "web addresses", "phone": "phone numbers",
    "email": "e-mail addresses",
}  # fmt: skip
# A cell that does not fit makes its row invalid: a person who does not arrive is worse than a field that stays blank.
_MOST_WRONG = 0.2
_CONFIDENCE = {
    BY_EXPORT: "sure: a known column of this export",
    BY_NAME: "sure: the same name",
    BY_SYNONYM: "likely: another name for it",
    BY_VALUES: "a guess, by its values",
    BY_SPELLING: "a guess, by its spelling",
}
# How much a name is worth against how well a column is filled, where several columns hold addresses.
_WORTH = {BY_EXPORT: 1.0, BY_NAME: 1.0, BY_SYNONYM: 0.95, BY_VALUES: 0.4, BY_SPELLING: 0.8}


@dataclass(frozen=True, slots=True)
class Match:
    """A field gets its value from a column, or where that is blank from `also`; `keys` are the rule's keys besides `from`."""

    column: str
    rests_on: int
    keys: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def confidence(self) -> str:
        """How sure it is, and why."""
        return _CONFIDENCE[self.rests_on]


@dataclass(slots=True)
class Matches:
    """What was found: matches by merge tag, and why columns that look like a field's are not used."""

    fields: dict[str, Match] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def address_column(
    columns: Sequence[Column], key: Field, separator: str
) -> tuple[Match | None, dict[str, str]]:
    """The best column of e-mail addresses, and the others with what is to be said of them."""
    found: list[tuple[float, int, Column, int]] = []
    for column in columns:
        rests_on = likeness(column.name, key, column.known)
        mostly = column.addresses * 2 >= column.filled and column.addresses > 0
        if rests_on is None and mostly:
            rests_on = BY_VALUES
        if rests_on is None or (column.filled and not column.addresses):
            continue
        # Who looks after a contact has an address, too, and is there again and again.
        different = len(column.counts) / column.filled if column.filled else 1.0
        share = column.addresses / len(column.cells) if len(column.cells) else 1.0
        found.append((_WORTH[rests_on] * different * share, -column.at, column, rests_on))
    if not found:
        return None, {}
    found.sort(key=lambda one: one[:2], reverse=True)
    _, _, best, rests_on = found[0]
    doubts = [] if rests_on < BY_VALUES else [_only_like(rests_on, key.name)]
    again = best.filled - len({text.casefold() for text in best.counts})
    if again and best.addresses:
        newest = next((one.name for one in columns if fold(one.name) in _CHANGED and one.filled), "")
        doubts.append(
            f"of {best.filled:,} cells {again:,} repeat an earlier one; the last row of each is sent"
            + (f", and with duplicates: {{newest: {newest}}} the newest" if newest else "")
        )
    keys: dict[str, Any] = {}
    several = sum(count for text, count in best.counts.items() if _all_addresses(text, separator))
    if several:
        keys = {"split": separator, "part": "first"}
        doubts.append(
            f"of {best.filled:,} cells {several:,} hold several addresses; the first of each is sent"
        )
    wrong = best.filled - best.addresses - several
    if not best.addresses and len(best.cells):
        doubts.append("the rows looked at hold no address")
    elif wrong * 5 > best.filled:
        doubts.append(f"of {best.filled:,} cells {wrong:,} are no addresses; such rows are invalid")
    if len(found) > 1:
        names = ", ".join(column.name for _, _, column, _ in found[1:5])
        doubts.append(f"addresses are also in {names}")
    # of a known export they are the same person's; elsewhere they may be those of whoever looks after a contact
    others = {
        column.name: "it holds addresses, too; "
        + (
            f"from: {_pair(best.name, column.name)} takes the first that is not blank"
            if known == BY_EXPORT
            else f"{best.name} is used"
        )
        for _, _, column, known in found[1:]
    }
    return Match(best.name, rests_on, keys, tuple(doubts)), others


def _all_addresses(text: str, separator: str) -> bool:
    """Whether a cell holds several addresses and nothing else."""
    parts = pieces(text, separator) if text.count("@") > 1 else []
    return len(parts) > 1 and all(_ADDRESS.fullmatch(part) for part in parts)


def match_fields(columns: Sequence[Column], fields: Sequence[Field], separator: str) -> Matches:
    """The best column for each field; a column goes to one field at most."""
    pairs = []
    for place, wanted in enumerate(fields):
        for column in columns:
            rests_on = likeness(column.name, wanted, column.known)
            if rests_on is None and _chosen(column, wanted):
                rests_on = BY_VALUES
            if rests_on is not None:
                pairs.append((rests_on, -column.share, column.at, place, column, wanted))
    pairs.sort(key=lambda pair: pair[:4])
    found = Matches()
    used: set[str] = set()
    for rests_on, _, _, _, column, wanted in pairs:
        if column.name in used:
            continue
        if wanted.name in found.fields:
            first = found.fields[wanted.name].column
            if rests_on <= BY_SYNONYM:
                found.left.setdefault(
                    column.name,
                    f"it fits {wanted.name}, too; from: {_pair(first, column.name)} takes the first that is not blank",
                )
            continue
        match = _match(column, wanted, rests_on, separator)
        if isinstance(match, Match):
            found.fields[wanted.name] = match
            used.add(column.name)
        else:
            found.left.setdefault(column.name, match)
    for name in used:
        found.left.pop(name, None)
    _add_numbers(found, columns, used)
    return found


def _add_numbers(found: Matches, columns: Sequence[Column], used: set[str]) -> None:
    """Where a kind of export has several columns of telephone numbers, the first that is not blank is taken, in the export's order."""
    numbers = sorted((one for one in columns if one.known == "phone"), key=lambda one: one.place)
    by_name = {one.name: one for one in numbers}
    for tag, match in found.fields.items():
        if match.column not in by_name or match.keys.get("type", "") != "phone":
            continue
        fit = [
            one
            for one in numbers
            if one.name == match.column or (one.name not in used and not _phone(one)[1])
        ]
        names = [one.name for one in fit]
        found.fields[tag] = replace(match, column=names[0], also=tuple(names[1:]))
        for name in names:
            found.left.pop(name, None)


def is_whole(column: Column) -> bool:
    """Whether a column holds whole names though its name may also mean first names, as `Nombre` and `Nome` do."""
    several = sum(count for text, count in column.counts.items() if " " in text)
    return fold(column.name) in _EITHER and several * 2 > column.filled


def whole_name(columns: Sequence[Column], fields: Sequence[Field], found: Matches) -> dict[str, Match]:
    """First and last names out of a column with both. Beside a column of first names, `Name` is the last name."""
    wanted = {meaning(field.name): field.name for field in reversed(fields) if field.type == "text"}
    first, last = wanted.get("first_name", ""), wanted.get("last_name", "")
    whole = (one for one in columns if one.filled and (one.meaning == "full_name" or is_whole(one)))
    column = next(whole, None)
    if column is None or not first or not last or last in found.fields:
        return {}
    several = sum(count for text, count in column.counts.items() if " " in text)
    if first in found.fields and found.fields[first].column != column.name:
        doubt = f"taken for the last name, as {found.fields[first].column} is the first"
        return {last: Match(column.name, BY_SYNONYM, {}, (doubt,))} if fold(column.name) == "name" else {}
    if several * 2 <= column.filled:
        return {}
    doubt = "part: knows titles and von, and takes a company's name for a person's"
    return {
        first: Match(column.name, BY_SYNONYM, {"part": "first"}, (f"cut out of the whole name; {doubt}",)),
        last: Match(column.name, BY_SYNONYM, {"part": "last"}, ("cut out of the whole name",)),
    }


def _pair(first: str, second: str) -> str:
    return f"[{first}, {second}]"


def _only_like(rests_on: int, name: str) -> str:
    if rests_on == BY_VALUES:
        return "found by its values, not by its name"
    return f"its name is only like {name}"


def _chosen(column: Column, wanted: Field) -> bool:
    """Whether a column's values are a choice field's options, and more than one of them."""
    if not wanted.options or column.distinct > _MOST_OPTIONS or len(column.counts) < 2:
        return False
    options = {option.casefold() for option in wanted.options} | set(wanted.spellings)
    return all(text.casefold() in options for text in column.counts) and column.meaning == ""


def _match(column: Column, wanted: Field, rests_on: int, separator: str) -> Match | str:
    """The match with the rule's keys, or why the values do not fit the field."""
    doubts = [] if rests_on < BY_VALUES else [_only_like(rests_on, wanted.name)]
    keys: dict[str, Any] = {}
    wrong, which = 0, ""
    match wanted.type:
        case "date" | "datetime":
            written = how_written(column, wanted.type)
            keys, wrong = dict(written.keys), written.wrong
            doubts += [written.doubt] if written.doubt else []
        case "choice" | "choices":
            return _choice(column, wanted, rests_on, doubts, separator)
        case "country":
            table, strange = translated(column)
            wrong, which = sum(strange.values()), f" ({shown(strange)})" if shown(strange) else ""
            keys = {"values": table, "otherwise": "as_is"} if table else {}
        case "boolean":
            keys, wrong = _yes_or_no(column)
        case "text" if meaning(wanted.name) == "phone":
            keys, doubt = _phone(column)
            doubts += [doubt] if doubt else []
        case "text":
            pass
        case _:
            wrong = misfits(column, wanted.type, Settings())
    if wrong > _MOST_WRONG * column.filled:
        return f"its name fits {wanted.name}, but of its {column.filled:,} cells {wrong:,} are no {_CALLED.get(wanted.type, wanted.type)}"
    if wrong:
        doubts.append(
            f"of {column.filled:,} cells {wrong:,}{which} do not fit; such rows are invalid until somebody mends them"
        )
    if wanted.type == "text" and _guarded(column):
        keys["match"] = "^'?(.*)"
        doubts.append("a spreadsheet's ' stands before its cells, and match: takes it away")
    return Match(column.name, rests_on, keys, tuple(doubts))


def _guarded(column: Column) -> bool:
    """Whether most cells begin with the apostrophe that keeps a spreadsheet from reading a number or a formula."""
    return sum(n for text, n in column.counts.items() if _GUARD.match(text)) * 2 > column.filled


def _choice(column: Column, wanted: Field, rests_on: int, doubts: list[str], usual: str) -> Match | str:
    keys: dict[str, Any] = {}
    if not wanted.options:
        return Match(column.name, rests_on, keys, tuple(doubts))
    separator = None
    if wanted.type == "choices":
        separator = separator_of(column.in_lines, wanted.options, usual)
        keys["split"] = separator
    found = spelled(
        column.in_lines if separator else column.counts, wanted.options, separator, wanted.spellings
    )
    unknown = found.unknown.total()
    which = f" ({shown(found.unknown)})" if shown(found.unknown) else ""
    if unknown > _MOST_WRONG * (unknown + found.known):
        return (
            f"its name fits {wanted.name}, but of {unknown + found.known:,} values {unknown:,}{which} are none of its options"
            f" ({listed(wanted.options)}); translate them with values:"
        )
    if found.table:
        keys |= {"values": found.table, "otherwise": "as_is"}
    if found.guessed:
        doubts.append("under values: some are only alike")
    if unknown:
        doubts.append(
            f"of {unknown + found.known:,} values {unknown:,}{which} are none of the options; such rows are invalid until"
            " values: translates them"
        )
    return Match(column.name, rests_on, keys, tuple(doubts))


def _yes_or_no(column: Column) -> tuple[dict[str, Any], int]:
    wrong = misfits(column, "boolean", Settings())
    if not wrong:
        return {}, 0
    yes = [text for text in column.counts if means_yes(text)]
    no = [text for text in column.counts if means_no(text)]
    own = sum(count for text, count in column.counts.items() if not means_yes(text) and not means_no(text))
    return ({"truthy": yes or ["yes"], "falsy": no or ["no"]}, own) if own < wrong else ({}, wrong)


def _phone(column: Column) -> tuple[dict[str, Any], str]:
    """Numbers become E.164 where that makes no row invalid; which country the others belong to, no file says."""
    wrong = misfits(column, "phone", Settings())
    if not wrong:
        return {"type": "phone"}, ""
    return {}, (
        f"of {column.filled:,} numbers {wrong:,} have no country code, or are none, so all are sent as they are; with"
        " type: phone and region: DE or the like they would be checked"
    )

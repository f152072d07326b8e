"""vCards (2.1, 3.0, 4.0): each card is a row, its properties are columns that are named as people call them.

`Email` is the address that is preferred, or the first one; `Email (work)` the first of that type, `Email 2` what has no column of its
own; likewise phones and addresses. Other properties keep their names. `line` is that of BEGIN:VCARD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.row_source import Row, RowSource, check_columns
from connectors.sources.vcards import Card, Property, cards

__all__ = ["FORMAT", "SETTINGS", "open_source", "recognises"]

FORMAT = "a vCard file"
SETTINGS: tuple[str, ...] = ()
_SIGN = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
_NAMES = ("Last name", "First name", "Middle name", "Prefix", "Suffix")
_ADDRESS = ("PO box", "Address line 2", "Street", "City", "Region", "Postcode", "Country")
_PLAIN = {
    "FN": "Full name",
    "NICKNAME": "Nickname",
    "TITLE": "Job title",
    "ROLE": "Role",
    "NOTE": "Note",
    "URL": "Website",
}
_SAME = {"cell": "mobile", "internet": "", "voice": "", "x-internet": "", "text": "", "uri": "", "msg": "", "dom": "", "intl": "", "postal": "", "parcel": ""}  # fmt: skip
_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d)(?::?(\d\d))?.*)?")
_MOST = 9


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 - others look further
    """Whether it begins with a card."""
    return _SIGN.match(head) is not None


def open_source(path: Path, settings: Mapping[str, Any]) -> RowSource:  # noqa: ARG001 - it has none
    """The cards in the file at `path`. Raises SourceError."""
    names: dict[str, None] = {}
    versions: dict[str, None] = {}
    for card in cards(path):
        for name, text in _cells(card):
            names.setdefault(name)
            if name == "VERSION":
                versions.setdefault(text)
        check_columns(path, len(names))
    names.pop("VERSION", None)
    if not names:
        raise SourceError(f"{path} holds no card with anything in it.", "Export it again.")
    oddities: list[Oddity] = []
    reading = {"format": "vCard", "version": ", ".join(versions) or "not said"}
    return RowSource(
        path, list(names), lambda: _rows(path, list(names), oddities), reading=reading, oddities=oddities
    )


def _rows(path: Path, names: list[str], oddities: list[Oddity]) -> Iterator[Row]:
    places = {name: at for at, name in enumerate(names)}
    odd = guessed = first_odd = first_guessed = 0
    for card in cards(path):
        cells = [""] * len(names)
        for name, text in _cells(card):
            at = places.get(name)
            if at is not None and text:
                cells[at] = f"{cells[at]};{text}" if cells[at] else text
        odd, first_odd = odd + card.odd, first_odd or (card.line if card.odd else 0)
        guessed, first_guessed = guessed + card.guessed, first_guessed or (card.line if card.guessed else 0)
        if card.whole:
            yield Row(card.line, cells)
        else:
            yield Row(card.line, cells, "row_cut_off", "a card without END:VCARD")
    if odd:
        what = (
            "lines are no properties and were passed over"
            if odd > 1
            else "line is no property and was passed over"
        )
        oddities.append(Oddity("odd_lines", f"{odd:,} {what}; see the card on line {first_odd}.", first_odd))
    if guessed:
        what = "texts are" if guessed > 1 else "text is"
        oddities.append(
            Oddity("encoding_guessed", f"{guessed:,} {what} neither UTF-8 nor what the card says, and read as Windows-1252; see the card on line {first_guessed}.", first_guessed)
        )  # fmt: skip


def _cells(card: Card) -> Iterator[tuple[str, str]]:
    """(column, text) of all that a card holds; a column that comes twice has several values."""
    labels = {one.group: one.plain() for one in card.properties if one.name == "X-ABLABEL" and one.group}
    for one in card.properties:
        if one.name == "N":
            yield from zip(_NAMES, (", ".join(filter(None, part)) for part in one.parts()), strict=False)
        elif one.name == "ORG":
            company, *units = (", ".join(part) for part in one.parts())
            yield "Company", company
            yield "Department", ", ".join(filter(None, units))
        elif one.name == "BDAY":
            yield "Birthday", _day(one.plain())
        elif one.name == "CATEGORIES":
            yield "Categories", ";".join(filter(None, one.values()))
        elif one.name in _PLAIN:
            yield _PLAIN[one.name], one.plain()
        elif one.name not in ("EMAIL", "TEL", "ADR", "X-ABLABEL", "PRODID"):
            yield one.name, one.plain()
    for name, column in (("EMAIL", "Email"), ("TEL", "Phone")):
        for suffix, one in _placed([p for p in card.properties if p.name == name], labels):
            yield f"{column}{suffix}", re.sub(r"^(mailto|tel):", "", one.plain(), flags=re.IGNORECASE)
    for suffix, one in _placed([p for p in card.properties if p.name == "ADR"], labels):
        parts = (", ".join(filter(None, part)) for part in one.parts())
        yield from ((f"{column}{suffix}", text) for column, text in zip(_ADDRESS, parts, strict=False))


def _placed(several: list[Property], labels: Mapping[str, str]) -> Iterator[tuple[str, Property]]:
    """What is added to the column's name, for each of a card's addresses, phones or postal addresses."""
    filled = [one for one in several if one.text.strip(" ;")]
    if not filled:
        return
    first = min(filled, key=lambda one: one.preferred)
    yield "", first
    taken: set[str] = set()
    number = 1
    for one in filled:
        type_ = _type_of(one, labels)
        if type_ and type_ not in taken:
            taken.add(type_)
            yield f" ({type_})", one
        elif one is not first and number < _MOST:
            number += 1
            yield f" {number}", one
        elif one is not first:
            yield f" {_MOST}", one


def _type_of(one: Property, labels: Mapping[str, str]) -> str:
    """home, work, mobile, fax and the like, or the label that Apple's programs give."""
    if label := labels.get(one.group):
        found = _LABEL.fullmatch(label)
        return (found[1] if found else label).strip().lower()[:40]
    types = [_SAME.get(type_, type_) for type_ in one.types]
    return " ".join(dict.fromkeys(sorted(filter(None, types))))[:40]


def _day(text: str) -> str:
    """As ISO 8601 writes it; a day without a year, or what is no day, as it is.

    >>> _day("19900304"), _day("1990-03-04T00:00:00Z"), _day("--0304")
    ('1990-03-04', '1990-03-04', '--0304')
    """
    found = _DAY.fullmatch(text)
    return f"{found[1]}-{found[2]}-{found[3]}" if found else text

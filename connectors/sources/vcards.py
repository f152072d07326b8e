"""vCards as RFC 2426 (3.0), RFC 6350 (4.0) and the older 2.1 write them: cards, their properties, and what these hold.

Lines are unfolded, quoted-printable and character sets decoded, escapes undone. Pictures, sounds and keys are passed over.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import SourceError
from connectors.sources.settling import LONGEST_ROW

__all__ = ["Card", "Property", "cards"]

_PASSED_OVER = {"PHOTO", "LOGO", "SOUND", "KEY"}
_HEAD = re.compile(r'((?:[^":;]|"[^"]*")*)((?:;(?:[^":;]|"[^"]*")*)*):', re.DOTALL)
_PARAMETER = re.compile(r';((?:[^":;]|"[^"]*")*)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ENCODINGS = {"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"}


@dataclass(frozen=True, slots=True)
class Property:
    """One line: `types` are its TYPE parameters in lower case, `preferred` is lower for what is preferred (1 to 100)."""

    name: str
    group: str
    types: tuple[str, ...]
    preferred: int
    text: str
    old: bool
    """Whether it is of a card of version 2.1, which knows no escapes but that of a semicolon."""

    def parts(self) -> list[list[str]]:
        """The components that semicolons part, each the values that commas part, escapes undone."""
        return [
            [self._plain(text) for text in _split(component, "" if self.old else ",")]
            for component in _split(self.text, ";")
        ]

    def values(self) -> list[str]:
        """The values that commas part."""
        return [self._plain(text) for text in _split(self.text, ",")]

    def plain(self) -> str:
        """The whole value, escapes undone."""
        return self._plain(self.text)

    def _plain(self, text: str) -> str:
        if self.old:
            return text.replace("\\;", ";").strip()
        return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], text).strip()


@dataclass(slots=True)
class Card:
    """A card, and the line of its BEGIN. `whole` is false where the file ends inside of it; `odd` counts lines that are no properties, `guessed` texts that are not UTF-8."""

    line: int
    properties: list[Property] = field(default_factory=list)
    whole: bool = True
    odd: int = 0
    guessed: int = 0


def cards(path: Path) -> Iterator[Card]:
    """All cards of the file in order. Raises SourceError where one is too long."""
    card: Card | None = None
    inside = size = 0
    old = False
    for line, raw in _unfolded(path):
        upper = raw.strip().upper()
        if upper == b"BEGIN:VCARD":
            inside += 1
            if inside == 1:
                card, old, size = Card(line), False, 0
        elif card is None:
            continue
        elif upper == b"END:VCARD":
            inside -= 1
            if not inside:
                yield card
                card = None
        elif inside == 1 and raw.strip():  # what is deeper is the card of an agent
            size += len(raw)
            if size > LONGEST_ROW:
                raise _too_long(path, card.line)
            if upper.startswith(b"VERSION:2"):
                old = True
            _read(card, raw, old=old)
    if card is not None:
        card.whole = False
        yield card


def _too_long(path: Path, line: int) -> SourceError:
    return SourceError(
        f"{path}: the card on line {line} is longer than {LONGEST_ROW >> 20} MB.",
        "Look at it; the file may be damaged.",
    )


def _unfolded(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with those that go on with it, and its number."""
    held, at, number = b"", 1, 0
    with path.open("rb") as file:
        while raw := file.readline(LONGEST_ROW):
            number += 1
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            text = raw.rstrip(b"\r\n")
            if held.endswith(b"=") and _is_printable(held):
                held = held[:-1] + text
            elif text[:1] in (b" ", b"\t") and held:
                held += text[1:]
            else:
                if held:
                    yield at, held
                held, at = text, number
            if len(held) >= LONGEST_ROW:
                raise _too_long(path, at)
    if held:
        yield at, held


def _is_printable(line: bytes) -> bool:
    return b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()


def _read(card: Card, raw: bytes, *, old: bool) -> None:
    """Adds the property that a line is."""
    found = _HEAD.match(raw.decode("latin-1"))  # a byte a character: the value is cut by it
    if found is None:
        card.odd += 1
        return
    group, _, name = found[1].upper().rpartition(".")
    if name in _PASSED_OVER or not name.strip():
        return
    types: list[str] = []
    preferred, encoding, charset = 100, "", "utf-8"
    for parameter in _PARAMETER.findall(found[2]):
        key, _, value = parameter.partition("=")
        value, key = value.strip('" '), key.strip().upper()
        if not value and key in _KNOWN_ENCODINGS:
            key, value = "ENCODING", key
        if key == "ENCODING":
            encoding = value.upper()
        elif key == "CHARSET":
            charset = value
        elif key == "PREF":
            preferred = int(value) if value.isdecimal() and len(value) < 4 else 99
        elif key == "TYPE" or not value:
            types += [one.strip().lower() for one in (value or key).split(",")]
    if "pref" in types:
        preferred = min(preferred, 1)
    value_bytes = raw[found.end() :]
    if encoding == "QUOTED-PRINTABLE":
        value_bytes = quopri.decodestring(value_bytes)
    text = _decoded(value_bytes, charset)
    if text is None:
        card.guessed += 1
        text = value_bytes.decode("cp1252", "replace")
    card.properties.append(
        Property(name, group, tuple(one for one in types if one != "pref"), preferred, text, old)
    )


def _decoded(value: bytes, charset: str) -> str | None:
    for name in (charset, "utf-8"):
        try:
            return value.decode(name)
        except (LookupError, ValueError):
            continue
    return None


def _split(text: str, sign: str) -> list[str]:
    """Cut at a sign that no backslash stands before."""
    if not sign:
        return [text]
    cuts = [found.start() for found in re.finditer(rf"\\.|{sign}", text, re.DOTALL) if found[0] == sign]
    return [
        text[begin:end]
        for begin, end in zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(text)], strict=True)
    ]

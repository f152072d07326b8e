"""A JSON document that is read as it streams: the elements of its lists one by one, whatever its size.

Numbers stay the texts that they are. Memory is bounded by the longest element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from connectors.errors import SourceError
from connectors.sources.settling import LONGEST_ROW

__all__ = ["DEEPEST", "Number", "Pairs", "Walk", "decoder"]

DEEPEST = 100
_AT_ONCE = 1 << 20
_BLANK = re.compile(r"[ \t\n\r]*")
_Found = tuple[str, int, Any]


class Pairs(list[tuple[str, Any]]):
    """An object as it is written: keys with values, in order, repeated ones too."""


class Number(str):
    """A number as it is written."""

    __slots__ = ()


decoder = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=Number
)


class Walk:
    """Goes through a document once."""

    def __init__(self, file: TextIO, where: str) -> None:
        self._file = file
        self._where = where
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def elements(self) -> Iterator[_Found]:
        """(path of the list, dotted; line on which the element begins, from 1; the element) of every list that is in no list.

        An element of an outer value that is no list is not given. Raises SourceError where it is no JSON, or an element is too long.
        """
        try:
            if self._next() in "[{":
                yield from self._inside("", 0)
            else:
                self._value()
            rest = self._next()
        except RecursionError:
            raise self._broken(f"it is nested more than {DEEPEST} deep") from None
        except UnicodeDecodeError:
            raise SourceError(
                f"{self._where} is no UTF-8.", "JSON is UTF-8: save or export it again."
            ) from None
        if rest:
            raise self._broken(f"it goes on with {rest!r} after its end")

    def whole(self) -> tuple[int, Any]:
        """The document as one value, with the line on which it begins. Raises SourceError."""
        self._next()
        try:
            return self._line, self._value()
        except RecursionError:
            raise self._broken(f"it is nested more than {DEEPEST} deep") from None

    def _inside(self, path: str, deep: int) -> Iterator[_Found]:
        """The list or the object that begins here."""
        if deep > DEEPEST:
            raise RecursionError
        opening = self._take()
        closing = "]" if opening == "[" else "}"
        if self._next() == closing:
            self._take()
            return
        while True:
            if opening == "[":
                self._next()
                line = self._line
                yield path, line, self._value()
            else:
                yield from self._member(path, deep)
            sign = self._next()
            if sign not in (",", closing):
                raise self._broken(f"{sign!r} stands where a comma or {closing} belongs" if sign else "")
            self._take()
            if sign == closing:
                return

    def _member(self, path: str, deep: int) -> Iterator[_Found]:
        if self._next() != '"':
            raise self._broken("a name in quotes is missing")
        name = self._value()
        if self._next() != ":":
            raise self._broken("a colon is missing")
        self._take()
        if self._next() in ("[", "{"):
            yield from self._inside(f"{path}.{name}" if path else str(name), deep + 1)
        else:
            self._value()

    def _value(self) -> Any:
        while True:
            try:
                found, end = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                certain = not error.msg.startswith("Unterminated") and error.pos < len(self._text) - 16
                if certain or not self._more():
                    self._go(min(error.pos, len(self._text)))
                    raise self._broken(error.msg[:1].lower() + error.msg[1:]) from None
                if len(self._text) > LONGEST_ROW:
                    raise SourceError(
                        f"{self._where}: the element on line {self._line} is longer than {LONGEST_ROW >> 20} MB.",
                        "Look at it; or say at: with the path of the list that has the contacts.",
                    ) from None
                continue
            if end == len(self._text) and self._more():
                continue  # a number may go on
            self._go(end)
            return found

    def _next(self) -> str:
        """The next sign that is not blank; '' at the end."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._go(found.end() if found else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _go(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        part = "" if self._ended else self._file.read(_AT_ONCE)
        self._ended = not part
        self._text, self._at = self._text[self._at :] + part, 0
        return not self._ended

    def _broken(self, why: str) -> SourceError:
        if self._at >= len(self._text) - 1 and self._ended:
            return SourceError(f"{self._where} ends in the middle, on line {self._line}.", "Export it again.")
        return SourceError(
            f"{self._where} is no JSON on line {self._line}: {why}.", "Correct it there, or export it again."
        )

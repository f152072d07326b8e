"""Which files an inbox means: a pattern, in which {YYYY-MM-DD} says where the day stands in a name."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from dataclasses import dataclass

from connectors.errors import MappingError
from connectors.sources.name_parts import DIGITS, TOKEN, TOKENS

__all__ = ["Pattern"]

_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """`glob` finds the files; `name` reads the day of a file's name, as `format`; both '' where the pattern names none."""

    glob: str
    name: str = ""
    format: str = ""

    @classmethod
    def of(cls, pattern: str) -> Pattern:
        """Reads a pattern as a mapping has it. Raises MappingError.

        >>> Pattern.of("exports/crm_{YYYY-MM-DD}*.csv").glob
        'exports/crm_????-??-??*.csv'
        """
        found = _BRACES.findall(pattern)
        if not found:
            return cls(pattern)
        folder, name = posixpath.split(pattern)
        inside = _BRACES.search(name)
        tokens = TOKEN.findall(found[0])
        if len(found) > 1 or inside is None or not {"YYYY", "MM", "DD"} <= set(tokens):
            raise MappingError(
                f"inbox: {{{found[0]}}} is not understood.",
                "Say once, in the file's name, where its day stands: contacts_{YYYY-MM-DD}.csv or {YYYYMMDDhhmm}.",
            )
        shape = inside[1]
        before, after = name[: inside.start()], name[inside.end() :]
        digits, format_ = re.escape(shape), shape.replace("%", "%%")
        for token in tokens:
            digits = digits.replace(token, DIGITS[token], 1)
            format_ = format_.replace(token, TOKENS[token], 1)
        expression = f"{_expression(before)}({digits}){_expression(after)}"
        wild = TOKEN.sub(lambda token: "?" * len(token[0]), shape)
        return cls(posixpath.join(folder, before + wild + after), expression, format_)

    def sorts(self, name: str, modified: dt.datetime) -> str:
        """A text by which files sort: the day of the name, where the pattern has one, then the time, then the name.

        '' for a name in which there is no such day: that file is not meant.
        """
        written = modified.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        if not self.name:
            return f"{written} {name}"
        found = re.fullmatch(self.name, name)
        try:
            day = dt.datetime.strptime(found[1], self.format) if found else None  # noqa: DTZ007 - only sorted by
        except ValueError:
            day = None
        return "" if day is None else f"{day.isoformat()} {written} {name}"


def _expression(glob: str) -> str:
    """A part of a name as a regular expression."""
    signs = {"*": ".*?", "?": "."}
    return "".join(signs.get(sign, re.escape(sign)) for sign in glob)

"""What a file's name says: `exports/{region}-{YYYY-MM-DD}.csv` finds files, and gives each the columns `_region` and `_day`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import SourceError

__all__ = ["DIGITS", "TOKEN", "TOKENS", "NameParts"]

TOKENS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "hh": "%H", "mm": "%M", "ss": "%S"}
DIGITS = {token: rf"\d{{{len(token)}}}" for token in TOKENS}
TOKEN = re.compile("|".join(TOKENS))
_BRACES = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*/", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)
_DAY = "day"


@dataclass(frozen=True, slots=True)
class NameParts:
    """`glob` finds the files; `names` are the columns of the parts; `expression` finds the parts in a path, `format` reads the day."""

    glob: str
    names: tuple[str, ...] = ()
    expression: str = ""
    format: str = ""

    @classmethod
    def of(cls, pattern: str) -> NameParts:
        """Reads a pattern as a mapping has it. Raises SourceError.

        >>> NameParts.of("exports/{region}-{YYYY-MM-DD}*.csv").glob
        'exports/*-????-??-??*.csv'
        >>> NameParts.of("sftp://crm@host/out/{region}.csv").columns(Path("sftp:/host/out/north.csv"))
        {'_region': 'north'}
        """
        expression = day = ""
        names: list[str] = []
        address = _HOST.match(pattern)  # may hold a name, and is no part of a file's
        glob, at = (address[0], address.end()) if address else ("", 0)
        for found in _BRACES.finditer(pattern):
            before, inside = pattern[at : found.start()], found[1]
            at = found.end()
            wild, part, name = "*", "([^/]+?)", inside
            if "YYYY" in inside:
                name = _DAY
                wild = TOKEN.sub(lambda token: "?" * len(token[0]), inside)
                part = f"({TOKEN.sub(lambda token: DIGITS[token[0]], re.escape(inside))})"
                day = TOKEN.sub(lambda token: TOKENS[token[0]], inside.replace("%", "%%"))
            if not _NAME.fullmatch(name) or name in names:
                raise SourceError(
                    f"path: {{{inside}}} is not understood, or stands there twice.",
                    "Name a part of the file's name, such as {region}, or say how its day is written, such as {YYYY-MM-DD}.",
                )
            names.append(name)
            glob += before + wild
            expression += _expression(before) + part
        return cls(glob + pattern[at:], tuple(names), expression + _expression(pattern[at:]), day)

    def columns(self, path: Path) -> dict[str, str]:
        """The parts of a path, by column; blank where it is not one that the pattern finds."""
        found = re.search(f"(?:^|/){self.expression}$", path.as_posix()) if self.names else None
        texts = found.groups() if found else [""] * len(self.names)
        return {f"_{name}": self._text(name, text) for name, text in zip(self.names, texts, strict=True)}

    def _text(self, name: str, text: str) -> str:
        """A day as ISO 8601 has it, with the time where the pattern has one; a text that is no day as it is."""
        if name != _DAY or not text:
            return text
        try:
            found = dt.datetime.strptime(text, self.format)  # noqa: DTZ007 - a name has no time zone
        except ValueError:
            return text
        return found.isoformat(sep=" ") if "%H" in self.format else found.date().isoformat()


def _expression(glob: str) -> str:
    """A part of a pattern as a regular expression."""
    signs = {"**/": "(?:.*/)?", "*": "[^/]*?", "?": "[^/]"}
    return "".join(signs.get(sign, re.escape(sign)) for sign in re.findall(r"\*\*/|.", glob, re.DOTALL))

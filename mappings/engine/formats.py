"""Formats of dates and times as people write them, such as `DD/MM/YYYY`."""

from __future__ import annotations

import re

__all__ = ["pattern_of", "strptime_of", "unclear"]

_TOKENS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "DD": "%d",
    "D": "%d",
    "hh": "%H",
    "HH": "%H",
    "h": "%H",
    "H": "%H",
    "mm": "%M",
    "ss": "%S",
    "a": "%p",
    "A": "%p",
    "Z": "%z",
}
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
_ALIKE = {"%y": "%Y", "%B": "%m", "%b": "%m"}


def strptime_of(tokens: str) -> str:
    """`DD/MM/YYYY` as strptime says it.

    >>> strptime_of("DD/MM/YYYY hh:mm")
    '%d/%m/%Y %H:%M'
    """
    twelve = re.search(r"[aA]\b|[aA]$", tokens) is not None
    pattern = _TOKEN.sub(lambda token: _TOKENS[token.group()], tokens.replace("%", "%%"))
    return pattern.replace("%H", "%I") if twelve and "%p" in pattern else pattern


def pattern_of(tokens: str) -> str:
    """A pattern of the text that a format means, so that nothing is guessed: `5/6/24` is no DD/MM/YYYY."""
    parts = []
    last = 0
    for token in _TOKEN.finditer(tokens):
        parts.append(re.escape(tokens[last : token.start()]))
        name = token.group()
        if name == "YYYY":
            parts.append(r"\d{4}")
        elif name in ("MMMM", "MMM"):
            parts.append(r"[^\W\d_]+\.?")
        elif name in ("a", "A"):
            parts.append(r"[AaPp][Mm]")
        elif name == "Z":
            parts.append(r"(?:Z|[+-]\d{2}:?\d{2})")
        else:
            parts.append(r"\d{2}" if name == "YY" else r"\d{1,2}")
        last = token.end()
    return "".join(parts) + re.escape(tokens[last:])


def unclear(tokens: str) -> str:
    """What is wrong with a format, or an empty text. `mm` are minutes: `YYYY-mm-DD` would make May a January.

    >>> unclear("DD/MM/YYYY"), unclear("YYYY-mm-DD")
    ('', 'it names no month; months are MM')
    """
    found = [_ALIKE.get(name, name) for name in (_TOKENS[t] for t in _TOKEN.findall(tokens))]
    rest = re.search(r"(?i)([dmyhs])\1+|%.?", _TOKEN.sub("\x00", tokens))
    if rest:
        return f"'{rest.group()}' means nothing in it"
    if "%Y" not in found:
        return "it names no year; years are YYYY"
    if "%m" not in found:
        return "it names no month; months are MM"
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice:
        named = [
            token for token in _TOKEN.findall(tokens) if _ALIKE.get(_TOKENS[token], _TOKENS[token]) == twice
        ]
        return f"it names the same part twice: {' and '.join(named)}"
    return ""

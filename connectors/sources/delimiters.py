"""The signs that part a file's rows and cells: delimiter, quotes, escapes, line endings.

What is not named is found by reading the first rows with each candidate: the one with which they come out most
like a table is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.errors import SourceError
from connectors.sources.columns import kind_of
from connectors.sources.first_rows import VALUE, FirstRow, first_rows
from connectors.sources.rows import Syntax

__all__ = ["escaping", "line_endings", "signs", "stand_in_for"]

LIKELY = (",", ";", "\t", "|")
RARER = {
    "§": 0.9,
    "¦": 0.9,
    "\x1f": 1.0,
    "\x01": 1.0,
    "^": 0.85,
    "~": 0.85,
    ":": 0.6,
    "#": 0.5,
    "!": 0.5,
    " ": 0.35,
}
_IN_VALUES = ": #!"
"""Delimiters that times, dates and addresses hold as well."""
_LONGEST_TIME = 40
"""Bytes; more than that is not a day and a time alone."""
SECOND = "^~|;:#!§¦\t, "
"""What a delimiter of two signs ends with, and no cell begins with everywhere."""
STAND_INS = "\x1f\x1e\x1d\x1c"
"""One byte that stands for a delimiter of several bytes while the file is read."""


def signs(body: bytes, delimiter: str | None, quote: str | None, *, returns: bool) -> tuple[str, str]:
    """Delimiter (blank: one column) and quote, found where they are None. Raises SourceError where they are the same."""
    named = delimiter is not None
    if delimiter is None:
        delimiter = _delimiter(body, quote, returns)
    if quote is None:
        quote = _quote(body, delimiter)
    if not named and delimiter:
        delimiter = _with_its_second_sign(
            body, delimiter, Syntax(delimiter.encode(), quote.encode(), returns=returns)
        )
    if delimiter and delimiter == quote:
        raise SourceError(
            f"delimiter and quote are both {quote!r}.", "Correct them under source: in the mapping."
        )
    return delimiter, quote


def stand_in_for(path: Path, text: bytes, delimiter: str) -> bytes:
    """One byte that `text` does not hold, for a delimiter of several; blank for one of one. Raises SourceError."""
    if len(delimiter.encode()) < 2:
        return b""
    for sign in STAND_INS:
        if sign.encode() not in text:
            return sign.encode()
    raise SourceError(
        f"{path} holds too many control characters to be read with the delimiter {delimiter!r}.",
        "Export it with commas or tabs.",
    )


def escaping(body: bytes, plain: Syntax, settings: Mapping[str, Any]) -> Syntax:
    """`plain`, with backslashes as escapes where `settings` says so or the rows show it. Raises SourceError."""
    slashed = replace(plain, backslash=True)
    named = settings.get("escape")
    if named is None:
        return slashed if _slashes(body, plain, slashed) else plain
    if named not in {"doubled", "backslash"}:
        raise SourceError(f"escape: '{named}' is not known.", "Use one of: doubled, backslash.")
    return slashed if named == "backslash" else plain


def line_endings(text: bytes, quote: str | None) -> tuple[bool, str]:
    """Whether a lone carriage return ends rows, and the line endings as a person says them."""
    both, feeds = text.count(b"\r\n"), text.count(b"\n")
    lone, feeds = text.count(b"\r") - both, feeds - both
    # beside other endings a lone return is text, unless rows come out more even when it ends them
    returns = lone > 0 and (
        both + feeds == 0 or _evenness(text, quote, True) > _evenness(text, quote, False) + 0.01
    )
    kinds = {"CRLF (Windows)": both, "LF (Unix)": feeds, "CR (old Mac)": lone if returns else 0}
    used = [name for name, count in kinds.items() if count]
    return returns, used[0] if len(used) == 1 else f"mixed: {', '.join(used)}" if used else "none (one line)"


def _evenness(text: bytes, quote: str | None, returns: bool) -> float:
    marks = b'"' if quote is None else quote.encode()
    fits = [
        _fit(text, sign, Syntax(sign.encode(), marks, returns=returns))
        for sign in (*LIKELY, *RARER)
        if sign.encode() in text
    ]
    best = max(fits, key=lambda fit: fit.score, default=None)
    if best is None or best.score == 0:
        return float(returns and text.count(b"\r") > 2 * text.count(b"\n"))
    even = (
        sum(1 for row in best.rows if len(row.cells) == best.width) - 1 - sum(row.stray for row in best.rows)
    )
    return even / len(best.rows)


@dataclass(frozen=True, slots=True)
class _Fit:
    score: float
    width: int
    rows: list[FirstRow]


def _fit(text: bytes, delimiter: str, syntax: Syntax) -> _Fit:
    """How well rows come out as a table."""
    rows = first_rows(text, syntax, 200)
    counts = Counter(len(row.cells) for row in rows)
    wide = {count: n for count, n in counts.items() if count > 1}
    if not wide:
        return _Fit(0.0, 1, rows)
    width = max(wide, key=lambda count: (wide[count] * (count - 1) ** 0.5, count))
    full = [row for row in rows if len(row.cells) == width]
    share = len(full) / len(rows)
    near = sum(1 for row in rows if 1 < len(row.cells) < width) / len(rows)
    cells = [cell for row in full for cell in row.cells]
    foreign = [
        sign.encode() for sign in LIKELY if sign != delimiter and not (sign == "," and delimiter == ";")
    ]
    marred = sum(1 for cell in cells if any(sign in cell for sign in foreign)) / len(cells)
    strays = sum(row.stray for row in full) / len(full)
    typed = sum(1 for cell in cells if not cell or VALUE.fullmatch(cell)) / len(cells)
    headed = 1.0 if len(rows[0].cells) == width else 0.75
    score = (
        (share + 0.3 * near)
        * (1 - 1 / (width + 0.5))
        * (1 - 0.6 * marred)
        * (1 - min(strays, 0.5))
        * (0.8 + 0.2 * typed)
        * headed
    )
    rare = 1.0 if delimiter[0] in LIKELY else RARER.get(delimiter[0], 0.5)
    even = share == 1 and not strays and width > 3  # what is rare is likely where nothing speaks against it
    score *= rare**0.4 if even else rare
    spaced = delimiter.endswith(" ") or all(cell.startswith(b" ") for cell in cells[1::2])
    if width == 2 and headed < 1 and spaced:
        score = 0.0  # "Lannister, Tyrion" under "Name"
    return _Fit(score, width, rows)


def _delimiter(body: bytes, quote: str | None, returns: bool) -> str:
    best, chosen = 0.0, ""
    for sign in (*LIKELY, *RARER):
        if sign.encode() not in body:
            continue
        for candidate in (sign, *_pair(body, sign)):
            marks = _quote(body, candidate) if quote is None else quote
            plain = Syntax(candidate.encode(), marks.encode(), returns=returns)
            score = _fit(body, candidate, plain).score
            if marks and b"\\" + plain.quote in body:
                score = max(score, _fit(body, candidate, replace(plain, backslash=True)).score)
            if score > best + 0.001:
                best, chosen = score, candidate
    if best <= 0.2 or (chosen and chosen in _IN_VALUES and _whole_lines(body, quote, returns)):
        return ""
    return chosen


def _pair(body: bytes, sign: str) -> list[str]:
    """The sign with the one that nearly always follows it, if there is one."""
    text = body[:200_000].decode("utf-8", "replace")
    following = Counter(re.findall(re.escape(sign) + "(.)", text, re.DOTALL))
    second, count = following.most_common(1)[0] if following else ("", 0)
    return [sign + second] if second in SECOND and second and count > 0.6 * following.total() else []


def _with_its_second_sign(body: bytes, delimiter: str, syntax: Syntax) -> str:
    """The delimiter, with the sign that follows it in every place, as in `a, b, c` or `a||b||c`."""
    rows = first_rows(body, syntax, 200)
    usual = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
    cells = [row.cells for row in rows if len(row.cells) == usual]
    if len(cells) < 2 or len(delimiter) > 1 or usual < 2:
        return delimiter
    if all(len(row) % 2 and not any(row[1::2]) for row in cells) and any(any(row[2:]) for row in cells):
        return delimiter * 2
    starts = {cell.decode("utf-8", "replace")[:1] for row in cells for cell in row[1:]}
    second = starts.pop() if len(starts) == 1 else ""
    return delimiter + second if second in SECOND else delimiter


def _whole_lines(body: bytes, quote: str | None, returns: bool) -> bool:
    """Whether a line is a value by itself, such as a time, so that what parts it is no delimiter."""
    marks = b'"' if quote is None else quote.encode()
    rows = first_rows(body, Syntax(b"", marks, returns=returns), 100)[1:]
    texts = [row.cells[0] for row in rows]
    whole = sum(1 for text in texts if len(text) <= _LONGEST_TIME and kind_of(text) in {"time", "date"})
    whole += sum(1 for text in texts if kind_of(text) == "url")
    return whole > 0.9 * len(rows)


def _quote(text: bytes, delimiter: str) -> str:
    """Single quotes only where they, and not double ones, stand around cells."""
    border = re.escape(delimiter.encode()) if delimiter else b"\n"
    sample = text[:200_000]
    double = len(re.findall(rb"(?:^|" + border + rb')"', sample, re.MULTILINE))
    opening = len(re.findall(rb"(?:^|" + border + rb")'", sample, re.MULTILINE))
    closing = len(re.findall(rb"'(?=" + border + rb"|\r?$)", sample, re.MULTILINE))
    either = len(re.findall(rb"(?:^|" + border + rb")'(?=" + border + rb"|\r?$)", sample, re.MULTILINE))
    if either:  # such as the last quote of 'a,' in a line: they count as what makes both even
        opened = min(max((closing - (opening - either)) // 2, 0), either)
        opening, closing = opening - either + opened, closing - opened
    even = min(opening, closing) > 1 and 0.8 <= opening / closing <= 1.25
    return "'" if even and opening > 4 * double else '"'


def _slashes(body: bytes, plain: Syntax, slashed: Syntax) -> bool:
    """Whether a backslash before a quote makes it text: the reading with fewer strays and more even rows."""
    if not plain.quote or b"\\" + plain.quote not in body:
        return False
    place = body.index(b"\\" + plain.quote)
    begin = max(body.rfind(b"\n", 0, max(0, place - 20_000)), 0)
    verdicts = []
    for syntax in (plain, slashed):
        rows = first_rows(body[:20_000], syntax, 100) + first_rows(body, syntax, 200, begin)
        usual = Counter(len(row.cells) for row in rows).most_common(1)[0]
        verdicts.append((sum(row.stray for row in rows) + len(rows) - usual[1]) / len(rows))
    return verdicts[1] < verdicts[0]

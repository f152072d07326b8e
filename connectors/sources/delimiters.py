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
STAND_INS = "\x1f\x1e\x1d\x1c"
"""One byte that stands for a delimiter of several bytes while the file is read."""


def signs(body: bytes, delimiter: str | None, quote: str | None, *, returns: bool) -> tuple[str, str]:
    """Delimiter (blank: one column) and quote, found where they are None. Raises SourceError where they are the same."""
    named = delimiter is not None
    if delimiter is None:
        delimiter = _delimiter(body, quote, returns)
    if quote is None:
        quote = _quote(body, delimiter)
    if delimiter == "," and not named and quote and _spaced(body, quote):
        delimiter = ", "
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
        for sign in LIKELY
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
    if delimiter not in LIKELY:
        score *= RARER.get(delimiter, 0.5)
    if width == 2 and headed < 1 and all(cells[i + 1].startswith(b" ") for i in range(0, len(cells), 2)):
        score = 0.0  # "Lannister, Tyrion" under "Name"
    return _Fit(score, width, rows)


def _delimiter(body: bytes, quote: str | None, returns: bool) -> str:
    best, chosen = 0.0, ""
    for candidate in (*LIKELY, *RARER):
        sign = candidate.encode()
        if sign not in body:
            continue
        marks = _quote(body, candidate) if quote is None else quote
        fit = _fit(body, candidate, Syntax(sign, marks.encode(), returns=returns))
        if fit.score > best + 0.001:
            best, chosen = fit.score, candidate
    return chosen if best > 0.2 else ""


def _quote(text: bytes, delimiter: str) -> str:
    """Single quotes only where they, and not double ones, stand around cells."""
    border = re.escape(delimiter.encode()) if delimiter else b"\n"
    single = len(
        re.findall(rb"(?:^|" + border + rb")'[^'\n]*'(?=" + border + rb"|\r?$)", text[:200_000], re.MULTILINE)
    )
    double = len(re.findall(rb"(?:^|" + border + rb')"', text[:200_000], re.MULTILINE))
    return "'" if single > 1 and double == 0 else '"'


def _spaced(body: bytes, quote: str) -> bool:
    """`a, "b, c", d`: the space belongs to the delimiter, or the quotes would not count."""
    mark = re.escape(quote.encode())
    after_space = len(re.findall(rb", " + mark, body[:200_000]))
    return (
        after_space > 0
        and not re.search(rb"," + mark, body[:200_000])
        and not re.search(rb",[^ \r\n,]", _unquoted(body[:200_000], mark))
    )


def _unquoted(body: bytes, mark: bytes) -> bytes:
    return re.sub(mark + rb"[^" + mark + rb"]*" + mark, b"", body)


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

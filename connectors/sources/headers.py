"""The header of a CSV file: which line it is on, and the names of its columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.columns import SPOKEN, kind_of, seen_in
from connectors.sources.first_rows import VALUE, FirstRow, first_rows
from connectors.sources.rows import LINE_END, Syntax, read_row

__all__ = [
    "Header",
    "find_header",
    "header_at",
    "header_row",
    "no_header",
    "plain_header",
    "refuse_doubts",
    "unique_names",
]

_SPEAKS = (
    ("email", re.compile(rb"e-?mail|correo|courriel", re.IGNORECASE)),
    ("url", re.compile(rb"\burl\b|website|homepage", re.IGNORECASE)),
    ("date", re.compile(rb"\bdate\b|datum|fecha|birthday|geburtstag", re.IGNORECASE)),
)
DOUBTS = {
    "no_header": "Write a line with the names above the rows, or say header_line: 0 under source: in the mapping"
    " (--header-line 0 for muster peek and init): the columns are then called column 1, column 2, and so on."
    " If that line is the header all the same, say its number instead.",
    "header_misaligned": "Give the header as many names as the rows have cells: add the delimiter that is missing"
    " between two names, or remove the one too many. If it is right as it is, say header_line: and its number"
    " under source: in the mapping.",
}


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file, of one line or several. `line` is where it begins, 0: there is none. Rows begin at `stop`.

    `cells` are as the file has them, `names` without those of other lines that say the same; both of several lines
    put together with spaces. `begins` is where its last line does. `first` is the line of the first row where there is
    no header, else 0.
    """

    line: int
    start: int
    stop: int
    cells: tuple[bytes, ...]
    names: tuple[bytes, ...]
    begins: int
    first: int = 0


def refuse_doubts(path: Path, oddities: list[Oddity]) -> None:
    """Raises SourceError where it is in doubt which column is which, so that nobody's row is read by wrong names."""
    for oddity in oddities:
        if oddity.code in DOUBTS:
            raise SourceError(f"{path}: {oddity.message}", DOUBTS[oddity.code])


def header_at(
    path: Path, body: bytes, syntax: Syntax, wanted: Any, *, first: int, rows: list[FirstRow]
) -> FirstRow:
    """The row on the line `wanted`, counted from 1; `body` begins on the line `first`. Raises SourceError.

    `rows`: the first rows of the file, for the complaint.
    """
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise SourceError(
            f"header_line: {wanted!r} is not the number of a line.", "Count the file's lines from 1."
        )
    at, line = 0, first
    while line < wanted and at < len(body):
        found = LINE_END.search(body, at)
        at, line = (found.end(), line + 1) if found else (len(body), line)
    found_rows = first_rows(body, syntax, 1, at, line) if line == wanted else []
    if not found_rows or found_rows[0].line != wanted:
        near = ", ".join(str(row.line) for row in rows[:5])
        raise SourceError(
            f"{path}: line {wanted} holds no header.", f"The first lines with text are: {near}."
        )
    return found_rows[0]


def find_header(rows: list[FirstRow], oddities: list[Oddity]) -> Header:
    """The row of names: the first that is wide enough and has names where the rows below have values.

    Where a row stands there that is certainly none, the file has no header; where names are repeated, or groups of
    them stand above, the header has several lines.
    """
    width = _usual_width(rows)
    chosen = _chosen(rows, width)
    other = _other_delimiter(rows, chosen, width, oddities)
    if other is not None:
        header = other
    elif without := _without(rows, chosen, width, oddities):
        return without
    else:
        header = _of_several_lines(rows, chosen, width)
    _say_preamble(rows, header.line, "header", oddities)
    _say_doubts(header, rows, oddities)
    return header


def header_row(rows: list[FirstRow], oddities: list[Oddity]) -> Header:
    """The same for a table whose rows come to us as rows, such as a sheet's: its header is one of them."""
    width = _usual_width(rows)
    chosen = _chosen(rows, width)
    if without := _without(rows, chosen, width, oddities):
        return without
    _say_preamble(rows, rows[chosen].line, "header", oddities)
    _say_like_data(rows[chosen], oddities)
    return plain_header(rows[chosen])


def _without(rows: list[FirstRow], chosen: int, width: int, oddities: list[Oddity]) -> Header | None:
    """The columns where what would be the header is certainly a row; None where it may be a header."""
    why = _why_a_row(rows, chosen) if chosen == 0 or len(rows[chosen].cells) == width else ""
    if not why:
        return None
    text = (
        f"There is no header: {why} on line {rows[chosen].line}, where a name belongs."
        " The columns are called column 1, column 2, and so on here."
    )
    oddities.append(Oddity("no_header", text, rows[chosen].line))
    _say_preamble(rows, rows[chosen].line, "rows", oddities)
    return no_header(rows, chosen)


def no_header(rows: list[FirstRow], first: int = 0) -> Header:
    """The columns of a file without a header, whose rows begin with the one at `first`."""
    width = _usual_width(rows[first:])
    names = tuple(f"column {at}".encode() for at in range(1, width + 1))
    row = rows[first]
    return Header(0, row.start, row.start, (), names, row.start, row.line)


def plain_header(row: FirstRow) -> Header:
    """A header of one row."""
    return Header(row.line, row.start, row.stop, tuple(row.cells), tuple(row.cells), row.start)


def _usual_width(rows: list[FirstRow]) -> int:
    counts = Counter(len(row.cells) for row in rows)
    return max(counts, key=lambda count: (counts[count] * max(count - 1, 0.5) ** 0.5, count))


def _chosen(rows: list[FirstRow], width: int) -> int:
    counts = Counter(len(row.cells) for row in rows)
    first = len(rows[0].cells)
    usual = (
        first > 1
        and counts[first] - 1 >= 0.2 * (len(rows) - 1)
        and _filled(rows[0]) >= 0.5 * first
        and _nameable(rows[0])
    )
    if width <= 1 or usual:
        return 0
    chosen = next((i for i, row in enumerate(rows[:60]) if _is_header(rows, i, width)), -1)
    if chosen >= 0:
        return chosen
    # nothing looks like names: the first row of the usual width, if there is one
    return next((i for i, row in enumerate(rows) if len(row.cells) == width and _filled(row) > 1), 0)


def _other_delimiter(rows: list[FirstRow], chosen: int, width: int, oddities: list[Oddity]) -> Header | None:
    """A header right above the rows that is parted by another sign than they are; where it may as well be prose, that is said."""
    for place in range(min(chosen + 1, len(rows) - 1)):
        row, below = rows[place], rows[place + 1]
        if len(row.cells) != 1 or len(below.cells) != width or width < 3:
            continue
        if below.line > row.line + 1 or any(_contrast(below, rows[place + 2 :], width)):
            continue  # what stands below is the header
        text = row.cells[0]
        for sign in (b",", b";", b"\t", b"|", b" "):
            cells = read_row(text, 0, len(text), Syntax(sign)).cells
            own = FirstRow(row.line, row.start, cells, 0, row.stop)
            prose = sign == b" " and not _why_a_row(rows, place + 1)
            if not (len(cells) == width and _filled(own) == width and _nameable(own)):
                continue
            if not prose:
                return plain_header(own)
            text_said = f"Line {row.line} may be the header, parted by blanks: it has as many words as the rows have cells."
            oddities.append(Oddity("header_misaligned", text_said, row.line))
    return None


def _why_a_row(rows: list[FirstRow], place: int) -> str:
    """What shows that a row is certainly no header; "" where it may be one."""
    row = rows[place]
    below = [other.cells for other in rows[place + 1 :] if len(other.cells) == len(row.cells)]
    kinds = [kind_of(cell) for cell in row.cells]
    under = [{kind_of(cells[at]) for cells in below[:50]} - {""} for at in range(len(kinds))]
    for kind in kinds:
        if kind in {"email", "url"}:
            return f"{SPOKEN[kind]} stands"
    for kind, seen in zip(kinds, under, strict=True):
        if kind in {"date", "time"} and seen == {kind}:
            return f"{SPOKEN[kind]} stands"
    names = any(
        kind == "text" and seen and "text" not in seen for kind, seen in zip(kinds, under, strict=True)
    )
    for cell, kind, seen in zip(row.cells, kinds, under, strict=True):
        if (
            kind == "number"
            and seen == {kind}
            and not names
            and re.search(rb"\d{5}|\d[.,]\d|[^\d\s,.-]", cell)
        ):
            return f"{SPOKEN[kind]} stands"
    return ""


def _of_several_lines(rows: list[FirstRow], chosen: int, width: int) -> Header:
    """The chosen row, and those that belong to it: groups of names above, or the same names again below."""
    last = chosen
    first = rows[chosen]
    if (
        len(first.cells) == width > 2
        and len(rows) > chosen + 2
        and 2 <= _filled(first) < width
        and rows[chosen + 1].line == first.line + 1
        and _is_lower_line(rows, chosen + 1, width)
    ):
        last = chosen + 1
    while (
        _filled(first) > 1
        and last + 1 < len(rows)
        and rows[last + 1].cells == first.cells
        and _nameable(first)
    ):
        last += 1
    lines = [row.cells for row in rows[chosen : last + 1]]
    each = list(zip(*lines, strict=True))
    whole = tuple(b" ".join(filter(None, cells)) for cells in each)
    names = tuple(b" ".join(dict.fromkeys(filter(None, cells))) for cells in each)
    return Header(first.line, first.start, rows[last].stop, whole, names, rows[last].start)


def _is_lower_line(rows: list[FirstRow], place: int, width: int) -> bool:
    """Whether a row below the first names has names as well: in every cell, also above columns of values."""
    row = rows[place]
    filled = len(row.cells) == width == _filled(row)
    return filled and _nameable(row) and any(_contrast(row, rows[place + 1 :], width))


def _say_preamble(rows: list[FirstRow], line: int, what: str, oddities: list[Oddity]) -> None:
    if rows[0].line < line:
        before = (
            f"The first {line - 1} lines come before the {what} and stay"
            if line > 2
            else f"The first line comes before the {what} and stays"
        )
        oddities.append(Oddity("preamble", f"{before} out of the rows.", 1))


def _say_doubts(header: Header, rows: list[FirstRow], oddities: list[Oddity]) -> None:
    _say_like_data(FirstRow(header.line, header.start, list(header.cells), 0, header.stop), oddities)
    why = _why_misaligned(header, [other.cells for other in rows if other.start >= header.stop])
    if why:
        oddities.append(Oddity("header_misaligned", why, header.line))


def _say_like_data(row: FirstRow, oddities: list[Oddity]) -> None:
    if not _nameable(row) and _filled(row):
        shown = next(
            c
            for c in row.cells
            if c.strip() and (VALUE.fullmatch(c) or len(c) > 150 or not _nameable(FirstRow(0, 0, [c], 0, 0)))
        )
        oddities.append(
            Oddity(
                "header_like_data",
                f"The header on line {row.line} looks like data ('{shown[:40].decode('utf-8', 'replace')}'):"
                " the file may have no header at all, and its first row would then be missing from the rows.",
                row.line,
            )
        )


def _why_misaligned(header: Header, below: list[list[bytes]]) -> str:
    """Why it is not certain which column each name belongs to; "" where it is."""
    names = header.cells
    counts = Counter(len(cells) for cells in below if len(cells) > 1)
    usual, count = counts.most_common(1)[0] if counts else (len(names), 0)
    if usual == len(names) or count < 2 or count < 0.6 * len(below) or len(names) < 2:
        return ""
    has = f"The header on line {header.line} has {len(names)} names and most rows have {usual} cells, so it is not clear"
    if len(names) > usual:
        inner = [name for name in names[:usual] if not name.strip()]
        return f"{has} which column each name belongs to." if inner else ""
    rows = [cells for cells in below if len(cells) == usual]
    if any(cell.strip() for cells in rows for cell in cells[len(names) :]):
        return f"{has} which column each name belongs to."
    said = [_said(name) for name in names]
    kinds = seen_in(rows, usual).kinds
    extra = usual - len(names)

    def odd(begin: int) -> int:
        places = [at if at < begin else at + extra for at in range(len(names))]
        pairs = zip(said, (kinds[place] for place in places), strict=True)
        return sum(1 for kind, seen in pairs if kind and seen and kind not in seen)

    moved = min(odd(begin) for begin in range(len(names)))
    return f"{has} which column each name belongs to." if moved < odd(len(names)) else ""


def _said(name: bytes) -> str:
    """The kind of cells that a name speaks of; "" where it is not known."""
    for kind, words in _SPEAKS:
        if words.search(name):
            return kind
    return ""


def _is_header(rows: list[FirstRow], place: int, width: int) -> bool:
    row = rows[place]
    filled = _filled(row)
    below = rows[place + 1 : place + 60]
    if filled == 0 or (filled == 1 and width > 2) or not _nameable(row):
        return False
    if len(row.cells) >= width:
        return filled >= 0.5 * width or any(_contrast(row, below, width))
    if len(row.cells) < 2:
        return False
    # narrower than the rows: a header only if no row just below is a better one
    better = next((other for other in below[:30] if len(other.cells) == width and _nameable(other)), None)
    gap = bool(below) and below[0].line > row.line + 1
    if better is not None and any(_contrast(better, [r for r in below if r.line > better.line], width)):
        return False
    return len(row.cells) >= max(2, 0.6 * width) and not gap


def _contrast(row: FirstRow, below: list[FirstRow], width: int) -> list[bool]:
    kinds = _typed([other for other in below if len(other.cells) == width], width)
    return [
        kind and bool(cell.strip()) and not VALUE.fullmatch(cell)
        for kind, cell in zip(kinds, row.cells, strict=False)
    ]


def _filled(row: FirstRow) -> int:
    return sum(1 for cell in row.cells if cell.strip())


def _nameable(row: FirstRow) -> bool:
    """Whether the cells could be the names of columns."""
    return all(
        len(cell) <= 150
        and not VALUE.fullmatch(cell)
        and not re.search(rb"\d{4}-\d\d-\d\d|\d\d[./]\d\d[./]\d{2,4}", cell)
        for cell in row.cells
        if cell.strip()
    )


def _typed(rows: list[FirstRow], width: int) -> list[bool]:
    """Which columns hold values (numbers, addresses, dates) in most of `rows`."""
    kinds = []
    for place in range(width):
        cells = [row.cells[place] for row in rows if len(row.cells) > place and row.cells[place].strip()]
        kinds.append(bool(cells) and sum(1 for cell in cells if VALUE.fullmatch(cell)) >= 0.7 * len(cells))
    return kinds


def unique_names(cells: tuple[str, ...], line: int, oddities: list[Oddity]) -> tuple[str, ...]:
    """Names without spaces around them, each one once: `Email (2)`, `column 3`. `line` is the header's, from 1.

    What was renamed is added to `oddities`.
    """
    found = [cell.strip().strip("\ufeff").strip() for cell in cells]
    taken = {name for name in found if name}
    names: list[str] = []
    for place, name in enumerate(found, start=1):
        if not name or name in names:
            base, count = (name, 2) if name else (f"column {place}", 1)
            unique = f"{base} ({count})" if name else base
            while unique in taken:
                count += 1
                unique = f"{base} ({count})"
            taken.add(unique)
            names.append(unique)
            if name:
                text = f"Column {place} is named '{name}' like one before it; it is called '{unique}' here."
                oddities.append(Oddity("header_repeated", text, line))
            else:
                text = f"Column {place} has no name; it is called '{unique}' here."
                oddities.append(Oddity("header_blank", text, line))
        else:
            names.append(name)
    return tuple(names)

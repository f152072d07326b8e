"""Tables written in random dialects are read back unchanged with nothing declared.

The class that holds: a header of different words; at least four rows that are as wide as it, with a number and an
e-mail address in each; whatever text in the other cells, of one line or several, in quotes where it has to be. The
delimiter is one of those below, the quote is double, or single around every cell; a quote inside of quotes is doubled
or, where it is a double one, has a backslash before it (then no other backslash is in the file); rows end with LF, CRLF or, where the
delimiter is a comma, semicolon, tab or pipe and quotes are double and doubled, CR; blank lines may
stand between them, and lines of prose and Excel's `sep=` line before the header; the encoding is a Unicode one, with a
mark or without. Outside of it a file may mean two things: bare apostrophes at the ends of unquoted
cells, say, or a backslash that is text beside one that is an escape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.sources.csv_file import open_source

Table = list[list[str]]
DELIMITERS = (",", ";", "\t", "|", "^", "~", "§", "\x1f", ", ", "; ", "||", "~^")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Written:
    """A dialect: how a table is written."""

    delimiter: str
    quote: str
    escape: str
    ending: str
    every: bool
    encoding: str
    before: tuple[str, ...]
    blank_after: frozenset[int]

    def cell(self, text: str) -> str:
        needed = re.search("[\n\r\"' " + re.escape(self.delimiter) + "]", text) or not text.isprintable()
        if not (self.every or needed):
            return text
        return self.quote + text.replace(self.quote, self.escape + self.quote) + self.quote

    def bytes(self, table: Table) -> bytes:
        lines = [*self.before]
        for place, row in enumerate(table):
            lines.append(self.delimiter.join(map(self.cell, row)))
            lines += [""] if place in self.blank_after else []
        return (self.ending.join(lines) + self.ending).encode(self.encoding)

    def lines(self, table: Table) -> list[int]:
        """On which line each row begins."""
        line, found = 1 + len(self.before), []
        for place, row in enumerate(table):
            found.append(line)
            line += 1 + sum(len(re.findall("\r\n|\n|\r", cell)) for cell in row) + (place in self.blank_after)
        return found


NAME = st.text(st.sampled_from("abcdeéö"), min_size=1, max_size=6)
TEXTS = st.one_of(
    st.just(""), st.text(st.sampled_from("abcdeéö ,;|:-'"), max_size=12), st.text(st.sampled_from("xyé ,;\t|'\"\n^~"), max_size=8),
)  # fmt: skip


@st.composite
def dialects(draw: st.DrawFn) -> Written:
    quote = draw(st.sampled_from('""\''))
    delimiter = draw(st.sampled_from(DELIMITERS))
    before = draw(st.sampled_from([(), (), ("Contacts of today", "")]))
    if not before and len(delimiter) == 1 and draw(st.booleans()):
        before = (f"sep={delimiter}",)
    escape = draw(st.sampled_from(['"', "\\"])) if quote == '"' else quote
    plain = delimiter in ",;\t|" and escape == quote == '"'
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"] if plain else ["\n", "\r\n"]))
    return Written(
        delimiter=delimiter, quote=quote, escape=escape, ending=ending,
        every=quote == "'" or draw(st.booleans()), encoding=draw(st.sampled_from(ENCODINGS)), before=before,
        blank_after=draw(st.frozensets(st.integers(1, 12), max_size=2)),
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Table:
    others = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    header = ["number", "email", *(f"t{name}" for name in others)]
    rows = draw(
        st.lists(st.lists(TEXTS, min_size=len(others), max_size=len(others)), min_size=4, max_size=12)
    )
    return [header, *([str(n + 1), f"user{n}@{len(row[0])}.example", *row] for n, row in enumerate(rows))]


@settings(
    max_examples=100, phases=(Phase.generate,), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(tables(), dialects())
def test_a_table_in_a_random_dialect_comes_back_unchanged_with_nothing_declared(
    tmp_path: Path, table: Table, written: Written
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(written.bytes(table))
    source = open_source(path, {})
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for frame in source.frames():
        assert not frame.misread
        rows += list(zip(*(column.to_pylist() for column in frame.cells.columns), strict=True))
        lines += frame.lines.tolist()
    assert source.header == tuple(table[0])
    assert rows == [tuple(row) for row in table[1:]]
    assert lines == written.lines(table)[1:]

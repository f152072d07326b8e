"""What may have happened to a table: each pollution of the Pollock benchmark, and those that it leaves out.

Pollock: Vitagliano et al., "Pollock: A Data Loading Benchmark", PVLDB 16(8), 2023; the list is that of the README of
github.com/HPI-Information-Systems/Pollock. Its files are not used here: these are made from our own tables.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace

from polluted.tables import Table

__all__ = ["QUOTED", "Polluted", "also", "extra_quotes", "pollock"]


@dataclass(frozen=True)
class Polluted:
    """A polluted file, and the rows that a reader should find in it, the header first."""

    family: str
    name: str
    content: bytes
    expected: Table


@dataclass(frozen=True)
class Style:
    """How a table is written. `escape`: what stands before a quote inside quotes. `every`: all cells are quoted."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    ending: str = "\r\n"
    every: bool = False

    def cell(self, text: str) -> str:
        if not self.quote:
            return text
        signs = (self.delimiter, self.quote, "\n", "\r", ". ")
        if not self.every and not any(sign in text for sign in signs):
            return text
        escape = self.quote if self.escape == '"' else self.escape
        inner = text.replace("\\", "\\\\") if self.escape == "\\" else text
        return self.quote + inner.replace(self.quote, escape + self.quote) + self.quote

    def line(self, row: list[str]) -> str:
        return self.delimiter.join(map(self.cell, row))

    def text(self, table: Table) -> str:
        return "".join(self.line(row) + self.ending for row in table)


PLAIN = Style()
QUOTED = Style(every=True)


def pollock(table: Table, plain: Style = PLAIN) -> Iterator[Polluted]:
    """The table as it is, written `plain`, and each pollution of the benchmark."""
    for family, name, text, expected in _whole(table, plain):
        yield Polluted(family, name, text.encode(), expected)
    for place in range(len(table)):
        for family, name, line in _rows(table[place], place, plain):
            lines = [plain.line(row) for row in table]
            lines[place] = line
            yield Polluted(family, name, "".join(one + plain.ending for one in lines).encode(), table)


def _whole(table: Table, plain: Style) -> Iterator[tuple[str, str, str, Table]]:
    text = plain.text(table)
    header, rows = table[0], table[1:]
    yield "source", "source", text, table
    yield "no_payload", "no_payload", "", []
    yield "no_trailing_newline", "no_trailing_newline", text.removesuffix("\r\n"), table
    yield "double_trailing_newline", "double_trailing_newline", text + "\r\n", table
    yield "no_header", "no_header", plain.text(rows), rows
    for count in (2, 3):
        joined = [" ".join([name] * count) for name in header]
        yield (
            "header_multirow",
            f"header_multirow_{count}",
            plain.line(header) + "\r\n" + plain.text([header] * (count - 2)) + text,
            [joined, *rows],
        )
    blanks = [""] * (len(header) - 1)
    yield (
        "preamble",
        "preamble",
        plain.text([["Exported for the board", *blanks], ["", *blanks]]) + text,
        table,
    )
    for name, width in (("less", len(header) - 1), ("same", len(header)), ("more", len(header) + 1)):
        second = [(row + row[:1])[:width] for row in table]
        yield "multitable", f"multitable_{name}", text + plain.text(second), table
    yield "header_only", "header_only", plain.text([header]), [header]
    yield "one_data_row", "one_data_row", plain.text(table[:2]), table[:2]
    yield "record_delimiter_CR", "record_delimiter_CR", replace(plain, ending="\r").text(table), table
    yield "record_delimiter_LF", "record_delimiter_LF", replace(plain, ending="\n").text(table), table
    for name, sign in (("tab", "\t"), ("semicolon", ";"), ("space", " "), ("comma_space", ", ")):
        yield (
            f"field_delimiter_{name}",
            f"field_delimiter_{name}",
            replace(plain, delimiter=sign).text(table),
            table,
        )
    yield "quotation_single", "quotation_single", replace(plain, quote="'", escape="").text(table), table
    yield "escape_backslash", "escape_backslash", replace(plain, escape="\\").text(table), table
    yield "escape_missing", "escape_missing", replace(plain, escape="").text(table), table


def _rows(row: list[str], place: int, plain: Style) -> Iterator[tuple[str, str, str]]:
    cells = [plain.cell(cell) for cell in row]
    for at, cell in enumerate(cells):
        where = f"row{place}_col{at}"
        yield "row_more_sep", f"row_more_sep_{where}", ",".join([*cells[:at], "", *cells[at:]])
        if at:
            yield (
                "row_less_sep",
                f"row_less_sep_{where}",
                ",".join([*cells[: at - 1], cells[at - 1] + cell, *cells[at + 1 :]]),
            )
    yield "row_space", f"row_space_{place}", " ".join(cells)


def extra_quotes(table: Table, plain: Style = PLAIN) -> Iterator[Polluted]:
    """One quote too many at the beginning of a cell; it is text."""
    for place, row in enumerate(table):
        for at, text in enumerate(row):
            cells = [plain.cell(cell) for cell in row]
            cells[at] = f'""{text}"' if cells[at].startswith('"') else '"' + text
            lines = [plain.line(other) for other in table]
            lines[place] = ",".join(cells)
            meant = [list(other) for other in table]
            meant[place][at] = '"' + text
            content = "".join(line + plain.ending for line in lines).encode()
            yield Polluted("row_extra_quote", f"row_extra_quote_row{place}_col{at}", content, meant)


def also(table: Table) -> Iterator[Polluted]:
    """What the field produces besides: encodings, other delimiters, groups of names, notes below the rows, blanks."""
    text = PLAIN.text(table)
    header, rows = table[0], table[1:]
    for name, sign in (
        ("pipe", "|"),
        ("caret", "^"),
        ("tilde", "~"),
        ("colon", ":"),
        ("two_pipes", "||"),
        ("semicolon_space", "; "),
        ("two_tabs", "\t\t"),
        ("tilde_caret", "~^"),
        ("unit", "\x1f"),
        ("section", "§"),
    ):
        yield Polluted(
            f"delimiter_{name}", f"delimiter_{name}", Style(delimiter=sign).text(table).encode(), table
        )
    yield Polluted("all_quoted", "all_quoted", Style(every=True).text(table).encode(), table)
    yield Polluted(
        "all_quoted_semicolon_single",
        "all_quoted_semicolon_single",
        Style(delimiter=";", quote="'", escape="'", every=True).text(table).encode(),
        table,
    )
    encodings = {
        "utf-8-sig": "utf-8-sig",
        "utf-16": "utf-16",
        "utf-16-le": "utf-16-le",
        "utf-16-be": "utf-16-be",
        "cp1252": "cp1252",
        "latin-1": "latin-1",
        "mac": "mac_roman",
    }
    for name, encoding in encodings.items():
        try:
            yield Polluted(f"encoding_{name}", f"encoding_{name}", text.encode(encoding), table)
        except UnicodeEncodeError:
            known = [[cell.encode(encoding, "ignore").decode(encoding) for cell in row] for row in table]
            yield Polluted(f"encoding_{name}", f"encoding_{name}", PLAIN.text(known).encode(encoding), known)
    yield Polluted("two_marks", "two_marks", codecs.BOM_UTF8 * 2 + text.encode(), table)
    blanks = [""] * (len(header) - 1)
    notes = "Export of all, as of today\r\nby the CRM\r\n\r\n"
    yield Polluted("preamble_lines", "preamble_lines", (notes + text).encode(), table)
    yield Polluted(
        "preamble_comment", "preamble_comment", ("# made by a tool\r\n# version 2\r\n" + text).encode(), table
    )
    groups = [["Who", *blanks[:2], "What", *blanks[3:]], header]
    joined = [" ".join(filter(None, pair)) for pair in zip(*groups, strict=True)]
    yield Polluted(
        "header_groups", "header_groups", (PLAIN.text(groups) + PLAIN.text(rows)).encode(), [joined, *rows]
    )
    yield Polluted(
        "blank_lines",
        "blank_lines",
        "".join(
            PLAIN.line(row) + "\r\n" * (1 + (place % 5 == 0)) for place, row in enumerate(table)
        ).encode(),
        table,
    )
    yield Polluted(
        "mixed_endings",
        "mixed_endings",
        "".join(PLAIN.line(row) + ("\r\n", "\n")[place % 2] for place, row in enumerate(table)).encode(),
        table,
    )
    yield Polluted(
        "trailing_delimiters",
        "trailing_delimiters",
        "".join(PLAIN.line(row) + ",\r\n" for row in table).encode(),
        [[*row, ""] for row in table],
    )
    cut = [row[: len(row) - place % 3] for place, row in enumerate(rows)]
    yield Polluted("rows_cut_short", "rows_cut_short", PLAIN.text([header, *cut]).encode(), [header, *cut])
    yield Polluted("sep_line", "sep_line", ("sep=;\r\n" + Style(delimiter=";").text(table)).encode(), table)
    yield Polluted(
        "some_nul", "some_nul", text.replace("e", "e\0", 3).encode(), _replaced(table, "e", "e\0", 3)
    )
    yield Polluted(
        "long_cell",
        "long_cell",
        PLAIN.text([*table, [("word, " * 20_000).strip(), *rows[0][1:]]]).encode(),
        [*table, [("word, " * 20_000).strip(), *rows[0][1:]]],
    )
    one = [[row[1]] for row in table]
    yield Polluted("one_column", "one_column", PLAIN.text(one).encode(), one)
    twice = [[*header[:-1], header[0]], *rows]
    yield Polluted("name_twice", "name_twice", PLAIN.text(twice).encode(), twice)
    unnamed = [["", *header[1:]], *rows]
    yield Polluted("name_blank", "name_blank", PLAIN.text(unnamed).encode(), unnamed)


def _replaced(table: Table, old: str, new: str, count: int) -> Table:
    changed = [list(row) for row in table]
    for row in changed:
        for at, cell in enumerate(row):
            here = min(count, cell.count(old))
            row[at], count = cell.replace(old, new, here), count - here
    return changed

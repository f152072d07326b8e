"""How a CSV file is written: its encoding, delimiter, quotes, escapes, line endings, and the line of its header.

Everything is found from the first megabyte, except the encoding where that is plain ASCII; see encodings.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.columns import NOTHING_KNOWN, Columns, seen_in
from connectors.sources.delimiters import escaping, line_endings, signs, stand_in_for
from connectors.sources.encodings import SAMPLE, detect_encoding, spoken_encoding, text_of
from connectors.sources.first_rows import first_rows
from connectors.sources.formats import refuse_other_formats
from connectors.sources.headers import find_header, header_at, no_header, plain_header
from connectors.sources.rows import LINE_END, Syntax

__all__ = ["Dialect", "detect"]

NAMES = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon", " ": "space", "^": "caret", "~": "tilde",
    "§": "section sign", "": "none (one column)", "\x1f": "unit separator (U+001F)", "\x01": "U+0001", ", ": "comma and space",
}  # fmt: skip
SPOKEN = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "space": " ",
    "colon": ":",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, and where its rows begin. `delimiter` is blank where there is one column only."""

    encoding: str
    mark: int
    """Bytes of a byte order mark at the start."""
    delimiter: str
    quote: str
    backslash: bool
    returns: bool
    line_endings: str
    header_line: int
    header: tuple[str, ...]
    """The header's cells as they stand in the file, those of several lines together; none where it has no header."""
    names: tuple[str, ...]
    """What the columns are called in it."""
    begins: int
    """Where the rows begin, in bytes of what `Stream` yields."""
    first_line: int
    """The physical line of that place."""
    row_bytes: int
    """A row's usual length."""
    columns: Columns = NOTHING_KNOWN
    """What they hold, from the first rows."""
    header_text: bytes = b""
    """The header's last line as `Stream` yields it, without its line end; blank where it has one name or none."""
    stand_in: bytes = b""
    oddities: tuple[Oddity, ...] = field(default=())

    @property
    def syntax(self) -> Syntax:
        delimiter = self.stand_in or self.delimiter.encode()
        return Syntax(delimiter, self.quote.encode(), self.backslash, self.returns)

    def spoken(self) -> dict[str, Any]:
        """As a person would say it."""
        quotes = {'"': 'double quote (")', "'": "single quote (')", "": "none"}
        known = NAMES.get(self.delimiter, "")
        shown = f" ({self.delimiter})" if self.delimiter.strip() and self.delimiter.isprintable() else ""
        return {
            "encoding": spoken_encoding(self.encoding, self.mark),
            "delimiter": f"{known}{shown}".strip() if known else repr(self.delimiter),
            "quote": quotes.get(self.quote, self.quote),
            "escape": "backslash" if self.backslash else "doubled quote",
            "header_line": self.header_line or "none",
            "line_endings": self.line_endings,
        }


def detect(path: Path, settings: Mapping[str, Any]) -> Dialect:
    """The dialect of the file at `path`; what `settings` fixes is not searched. Raises SourceError."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
        refuse_other_formats(path, head)
        encoding, mark = detect_encoding(path, file, head, settings.get("encoding"))
    whole = len(head) < SAMPLE
    text = text_of(head[mark:], encoding, final=whole)
    if not whole:
        text = text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1] or text
        text = (
            text[:-1] + b"\n" if text.endswith(b"\r") else text
        )  # the \n of a \r\n may lie beyond the sample
    if not text.strip(b"\r\n \t\x00\xef\xbb\xbf"):
        raise SourceError(f"{path} has no header: it holds nothing but blank lines.", "Export it again.")
    return _layout(path, text, encoding, mark, settings)


def _layout(path: Path, text: bytes, encoding: str, mark: int, settings: Mapping[str, Any]) -> Dialect:
    oddities: list[Oddity] = []
    quote = _named(settings, "quote")
    returns, endings = line_endings(text, quote)
    begin, line = 0, 1
    while text.startswith(codecs.BOM_UTF8, begin):  # a second mark, left by a careless tool
        begin += 3
    delimiter = _named(settings, "delimiter")
    told = re.match(rb'"?sep=(.)"?[;,\t]*(\r\n|\n|\r)', text[begin : begin + 20])
    if told:  # Excel's own first line
        delimiter = told[1].decode("latin-1") if delimiter is None else delimiter
        begin, line = begin + told.end(), line + 1
    body = text[begin:]
    delimiter, quote = signs(body, delimiter, quote, returns=returns)
    stand_in = stand_in_for(path, text, delimiter)
    if stand_in:
        begin = len(text[:begin].replace(delimiter.encode(), stand_in))
        body = body.replace(delimiter.encode(), stand_in)
    syntax = escaping(body, Syntax(stand_in or delimiter.encode(), quote.encode(), returns=returns), settings)
    rows = first_rows(body, syntax, 400, line=line)
    wanted = settings.get("header_line")
    if wanted is None:
        header = find_header(rows, oddities)
    elif wanted == 0 and wanted is not False:
        header = no_header(rows)
    else:
        header = plain_header(header_at(path, body, syntax, wanted, first=line, rows=rows))

    def text_of_cell(cell: bytes) -> str:
        text = cell.decode("utf-8", "replace")
        return text.replace(stand_in.decode(), delimiter) if stand_in else text

    return Dialect(
        encoding=encoding,
        mark=mark,
        delimiter=delimiter,
        quote=quote,
        backslash=syntax.backslash,
        returns=returns,
        line_endings=endings,
        header_line=header.line,
        header=tuple(map(text_of_cell, header.cells)),
        names=tuple(map(text_of_cell, header.names)),
        begins=begin + header.stop,
        first_line=header.first or header.line + len(LINE_END.findall(body, header.start, header.stop)),
        row_bytes=max(2, sorted(row.stop - row.start for row in rows)[len(rows) // 2]),
        columns=seen_in([row.cells for row in rows if row.start >= header.stop], len(header.names)),
        header_text=body[header.begins : header.stop].rstrip(b"\r\n") if len(header.cells) > 1 else b"",
        stand_in=stand_in,
        oddities=tuple(oddities),
    )


def _named(settings: Mapping[str, Any], key: str) -> str | None:
    value = settings.get(key)
    if value is None:
        return None
    value = str(value)
    value = SPOKEN.get(value.strip().lower(), value)
    if key == "delimiter" and ("\n" in value or "\r" in value or '"' in value):
        raise SourceError(
            f"delimiter: {value!r} cannot part cells.", 'Use a sign such as "," or ";" or "\\t".'
        )
    if key == "quote":
        value = {"double": '"', "single": "'"}.get(value, value)
        if len(value.encode()) > 1:
            raise SourceError(f"quote: {value!r} is no single sign.", "Use \", ' or none.")
    return value

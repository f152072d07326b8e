r"""How a CSV file is written: its encoding, delimiter, quotes, escapes, line endings, and the line of its header.

Everything is found from the first megabyte, except where that is plain ASCII: then the file is searched for its
first other byte, which is cheap. From here on text is UTF-8 bytes, whatever the file holds: a byte that its
encoding does not know becomes `\xff`, which no UTF-8 text contains, and the row that holds it is told so.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import charset_normalizer

from connectors.base import Oddity
from connectors.errors import SourceError

__all__ = ["Dialect", "How", "Reading", "Syntax", "detect", "encoded", "is_utf8", "line_stop", "read_row"]

SAMPLE = 1 << 20
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
STAND_INS = "\x1f\x1e\x1d\x1c"
"""One byte that stands for a delimiter of several bytes while the file is read."""


# ── one row ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Syntax:
    """What read_row goes by; bytes of UTF-8. `returns`: a lone carriage return ends a row."""

    delimiter: bytes
    quote: bytes = b'"'
    backslash: bool = False
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a row. `stop`: where the next one begins. `stray`: quotes that were not in their place.
    `open`: a quoted cell has no end in sight.
    """

    cells: list[bytes]
    stop: int
    stray: int = 0
    open: bool = False


How = Literal["close", "inner", "line", "literal"]
MOST_STRAYS = 50
FEW_STRAYS = 12
"""Quotes out of place: in one cell, and in a row over many lines. Beyond them, the quote that opened it is no quote."""
_LINE_END = re.compile(rb"\r\n|\n|\r")
_ESCAPED = re.compile(rb"\\([\\\"'])")


def line_stop(data: bytes, at: int, end: int, returns: bool) -> tuple[int, int]:
    """(where the text of the line at `at` ends, where the next line begins)."""
    if returns:
        match = _LINE_END.search(data, at, end)
        return (match.start(), match.end()) if match else (end, end)
    found = data.find(b"\n", at, end)
    if found < 0:
        return end, end
    return (found - 1 if found > at and data[found - 1] == 13 else found), found + 1


def read_row(data: bytes, at: int, end: int, syntax: Syntax, how: How = "close") -> Reading:
    """The row that begins at `at`, leniently; never looks beyond `end`.

    A quote opens a cell only where the cell begins. Where one is followed by neither a delimiter, a line end nor
    another quote, `close` lets the cell end at the next delimiter and keeps its text as it stands, `inner` takes
    the quote as part of the quoted text. `line` is for one line: as `close`, but a quote without an end is text.
    `literal` takes all quotes as text. Where every quote is in its place, all agree.
    """
    delimiter, quote = syntax.delimiter, syntax.quote if how != "literal" else b""
    cells: list[bytes] = []
    stray = 0
    stop, following = line_stop(data, at, end, syntax.returns)
    while True:
        cell = _quoted(data, at, end, syntax, how) if quote and data.startswith(quote, at, end) else None
        if cell is not None and not (cell[3] and how == "line"):
            text, after, strays, is_open = cell
            stray += strays
            if is_open or (stray > FEW_STRAYS and after > stop):  # over many lines, with ever more strays
                return Reading([*cells, text], end, stray, open=True)
            if after > stop:
                stop, following = line_stop(data, after, end, syntax.returns)
            if after < stop and not (delimiter and data.startswith(delimiter, after)):
                # text after the closing quote
                found = data.find(delimiter, after, stop) if delimiter else -1
                border = found if found >= 0 else stop
                rest = data[after:border]
                text = data[at:border] if rest.strip() else text + rest
                stray += bool(rest.strip())
                after = border
            cells.append(text)
            if after >= stop:
                return Reading(cells, following, stray)
            at = after + len(delimiter)
            continue
        found = data.find(delimiter, at, stop) if delimiter else -1
        if found < 0:
            cells.append(data[at:stop])
            return Reading(cells, following, stray)
        cells.append(data[at:found])
        at = found + len(delimiter)


def _quoted(data: bytes, at: int, end: int, syntax: Syntax, how: How) -> tuple[bytes, int, int, bool]:
    """The quoted cell at `at`: its text, the place after its closing quote, strays, whether it stays open."""
    quote = syntax.quote[0]
    parts: list[bytes] = []
    stray = 0
    begin = look = at + 1
    while True:
        found = data.find(syntax.quote, look, end)
        if found < 0:
            parts.append(data[begin:end])
            break
        if syntax.backslash and _escapes(data, begin, found):
            look = found + 1
            continue
        after = data[found + 1] if found + 1 < end else -1
        if after == quote:
            parts.append(data[begin : found + 1])
            begin = look = found + 2
            continue
        ends = after in (-1, 10) or data.startswith(syntax.delimiter or b"\n", found + 1)
        ends = ends or (after == 13 and (syntax.returns or data[found + 2 : found + 3] == b"\n"))
        if ends or how == "close":
            parts.append(data[begin:found])
            return _plain(parts, syntax), found + 1, stray, False
        stray += 1
        look = found + 1
        if stray > MOST_STRAYS:
            break
    return _plain(parts, syntax), end, stray, True


def _escapes(data: bytes, begin: int, found: int) -> bool:
    """Whether an odd number of backslashes stands before `found`."""
    place = found
    while place > begin and data[place - 1] == 92:
        place -= 1
    return (found - place) % 2 == 1


def _plain(parts: list[bytes], syntax: Syntax) -> bytes:
    text = b"".join(parts)
    return _ESCAPED.sub(rb"\1", text) if syntax.backslash and b"\\" in text else text


# ── the dialect ──────────────────────────────────────────────────────────────────────────────────────────────


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
    """The header's cells as they stand in the file."""
    begins: int
    """Where the rows begin, in bytes of the stream that `stream_text` makes."""
    first_line: int
    """The physical line of that place."""
    row_bytes: int
    """A row's usual length."""
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
            "encoding": _spoken_encoding(self.encoding, self.mark),
            "delimiter": f"{known}{shown}".strip() if known else repr(self.delimiter),
            "quote": quotes.get(self.quote, self.quote),
            "escape": "backslash" if self.backslash else "doubled quote",
            "header_line": self.header_line,
            "line_endings": self.line_endings,
        }


def _spoken_encoding(encoding: str, mark: int) -> str:
    names = {
        "ascii": "ASCII (read as UTF-8)", "utf-8": "UTF-8", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE",
        "utf-32-le": "UTF-32 LE", "utf-32-be": "UTF-32 BE", "cp1252": "Windows-1252", "iso8859-1": "Latin-1",
    }  # fmt: skip
    name = names.get(encoding, f"Windows-{encoding[2:]}" if encoding.startswith("cp125") else encoding)
    return f"{name} with BOM" if mark else name


def detect(path: Path, settings: Mapping[str, Any]) -> Dialect:
    """The dialect of the file at `path`; what `settings` fixes is not searched. Raises SourceError."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
        _refuse_other_formats(path, head)
        encoding, mark = _encoding(path, file, head, settings.get("encoding"))
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


# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LEGACY = (
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "mac_roman",
    "cp850",
    "koi8_r",
    "cp1257",
    "iso8859-15",
)
LAST_STEP = [*LEGACY, "iso8859-2", "cp1255", "cp1256", "cp932", "gb18030", "big5", "cp949", "euc_jp"]

codecs.register_error("muster_mark", lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


def is_utf8(encoding: str) -> bool:
    return encoding in {"utf-8", "ascii"}


def text_of(raw: bytes, encoding: str, *, final: bool = True) -> bytes:
    r"""`raw` as UTF-8, with `\xff` for what the encoding does not know."""
    if is_utf8(encoding):
        return raw
    return encoded(codecs.getincrementaldecoder(encoding)("muster_mark").decode(raw, final))


def encoded(text: str) -> bytes:
    r"""UTF-8, with `\xff` for each half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\udcff", text).encode("utf-8", "surrogateescape")


def _encoding(path: Path, file: io.BufferedReader, head: bytes, named: Any) -> tuple[str, int]:
    """(codec, bytes of its mark)."""
    marked, mark = next(((name, len(mark)) for mark, name in MARKS if head.startswith(mark)), ("", 0))
    if named:
        codec = _codec(str(named))
        if codec in {"utf-16", "utf-32"}:
            return (marked, mark) if marked.startswith(codec) else (f"{codec}-le", 0)
        return codec, mark if marked == codec else 0
    if marked:
        return marked, mark
    wide = _wide(head)
    if wide:
        return wide, 0
    _refuse_binary(path, head)
    window = head
    while window and window.isascii():
        window = file.read(SAMPLE)
    if not window:
        return "ascii", 0
    window += file.readline(SAMPLE) if window is not head else b""
    known, unknown = _utf8_balance(window)
    if unknown and known:  # both: the rest of the file decides
        while more := file.read(SAMPLE):
            better, worse = _utf8_balance(more)
            known, unknown = known + better, unknown + worse
    if known >= 4 * unknown:
        return "utf-8", 0
    return _legacy(window), 0


def _codec(name: str) -> str:
    aliases = {"utf-8-sig": "utf-8", "ansi": "cp1252", "latin-1": "iso8859-1", "utf-16le": "utf-16-le"}
    wanted = aliases.get(name.strip().lower(), name.strip())
    try:
        found = codecs.lookup(wanted)
        b"".decode(found.name)  # refuses codecs that are not for text
    except (LookupError, ValueError):
        raise SourceError(
            f"encoding: '{name}' is not known.",
            "Use one of: utf-8, utf-16, windows-1252, latin-1, or leave it out.",
        ) from None
    return aliases.get(found.name, found.name)


def _wide(head: bytes) -> str:
    """UTF-16 without a mark shows as zero bytes at every other place."""
    if len(head) < 4:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if max(even, odd) < 4 and max(even, odd) < 0.4 * half:
        return ""
    if odd > 0.05 * half and even <= 0.02 * odd and head.count(b"\n\x00") + head.count(b"\r\x00") > 0:
        return "utf-16-le"
    if even > 0.05 * half and odd <= 0.02 * even and head.count(b"\x00\n") + head.count(b"\x00\r") > 0:
        return "utf-16-be"
    return ""


def _utf8_balance(window: bytes) -> tuple[int, int]:
    """(characters beyond ASCII that are valid UTF-8, bytes that are not)."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(window, final=False)
    unknown = len(re.findall("[\udc80-\udcff]", text))
    return sum(map(len, re.findall("[^\x00-\x7f]+", text))) - unknown, unknown


_RUN = re.compile(r"[^\W\d_]*[^\x00-\x7f][^\W\d_]*")


def _legacy(window: bytes) -> str:
    """The one-byte encoding in which the words look most like words; Windows-1252 where several do."""
    lines = b"\n".join(line for line in window.splitlines() if not line.isascii())[: 1 << 16]
    scores = {name: _wordlike(lines, name) for name in LEGACY}
    best = max(scores, key=lambda name: scores[name] + (0.06 if name == "cp1252" else 0))
    if scores[best] > 0.6:
        return best
    guess = charset_normalizer.from_bytes(lines, cp_isolation=LAST_STEP).best()
    return codecs.lookup(guess.encoding).name if guess else "cp1252"


def _wordlike(lines: bytes, encoding: str) -> float:
    """The share of words beyond ASCII that are plausible: one script, letters' case as in a word."""
    text = lines.decode(encoding, "replace")
    good = total = 0
    for match in _RUN.finditer(text):
        word = match.group()
        total += 1
        own = [letter for letter in word if letter > "\x7f"]
        if "\ufffd" in word or any(letter < "\xa0" for letter in own):
            continue
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if not all(letter.isalpha() for letter in own):  # signs stand beside words, not inside them
            inside = word[0].isalpha() and word[-1].isalpha() and word not in "ªº"
            good += not inside and all(letter in "€£§°«»®©ªº¿¡´·’‘“”–—…•™±½¼¾²³×\xa0" for letter in own)
            continue
        cyrillic = all("\u0400" <= letter <= "\u04ff" for letter in word)
        greek = all("\u0370" <= letter <= "\u03ff" for letter in word)
        latin = all(letter < "\u0250" for letter in word) and not re.search("[^\x00-\x7f]{3}", word)
        cased = not _odd_case(word)
        rare = any(letter in "ŸÐÞþðÝýƒ×÷ˆ˜" for letter in own)
        good += (
            (cyrillic or greek or latin)
            and cased
            and not rare
            and not (before + after).strip("\"' ,;\t|\r\n-./()0123456789@&:!?")
        )
    return good / total if total else 0.0


def _odd_case(word: str) -> bool:
    """A foreign capital after a small letter, as in `JosŽ`."""
    return any(a.islower() and b.isupper() and b > "\x7f" for a, b in itertools.pairwise(word))


# ── what is no CSV file at all ───────────────────────────────────────────────────────────────────────────────

SIGNS = (
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"), (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ", "an xz archive"), (b"(\xb5/\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!", "a RAR archive"), (b"PAR1", "a Parquet file"), (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"), (b"PK\x05\x06", "an empty zip archive"), (b"\x7fELF", "a program"),
)  # fmt: skip


def _refuse_other_formats(path: Path, head: bytes) -> None:
    looks = next((name for sign, name in SIGNS if head.startswith(sign)), "")
    if head.startswith(b"PK\x03\x04"):
        inside = (
            ("xl/", "an Excel workbook (.xlsx)"),
            ("opendocument.spreadsheet", "an ODS spreadsheet"),
            ("word/", "a Word document"),
        )
        looks = next((name for part, name in inside if part.encode() in head), "a zip archive")
    start = head[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        looks = "a web page, perhaps a login page that was saved instead of the export"
    elif start.startswith(b"<?xml"):
        looks = "an XML document"
    elif re.match(rb'(\[\s*)?\{\s*"[^"\n]*"\s*:', start):
        looks = "JSON"
    if looks:
        what = "Unpack it" if "archive" in looks else "Save or export it as CSV (UTF-8)"
        raise SourceError(f"{path} is no CSV file: it looks like {looks}.", f"{what} and name that file.")


def _refuse_binary(path: Path, head: bytes) -> None:
    control = len(head) - len(head.translate(None, bytes([*range(1, 7), 8, 11, *range(14, 26), 127])))
    if control > 0.05 * len(head) or head.count(0) > 0.2 * len(head):
        raise SourceError(
            f"{path} is no CSV file: it looks like binary data.",
            "Export it as CSV (UTF-8) and name that file.",
        )


# ── delimiter, quotes, header ────────────────────────────────────────────────────────────────────────────────

_VALUE = re.compile(  # what stands in rows rather than in headers
    rb"\s*(?:[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S+|[-+]?[\d.,' ]*\d\s*[%\xe2\x82\xac$]{0,3}|[$]\s*\d[\d.,]*"
    rb"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\+?[\d ()/.-]{6,}|true|false|\d{1,2}:\d\d(?::\d\d)?)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    start: int
    cells: list[bytes]
    stray: int
    stop: int


def _rows(text: bytes, syntax: Syntax, most: int, begin: int = 0, line: int = 1) -> list[_Row]:
    """The first rows of `text`; blank lines are left out."""
    rows: list[_Row] = []
    at = begin
    while at < len(text) and len(rows) < most:
        reading = read_row(text, at, min(len(text), at + 100_000), syntax)
        if reading.open or reading.stray:
            line_end = line_stop(text, at, len(text), syntax.returns)[1]
            if reading.open or reading.stop > line_end:
                reading = replace(read_row(text, at, line_end, syntax, "line"), stray=1)
        if text[at : reading.stop].strip(b"\r\n"):
            rows.append(_Row(line, at, reading.cells, reading.stray, reading.stop))
        line += len(_LINE_END.findall(text, at, reading.stop))
        at = reading.stop
    return rows


@dataclass(frozen=True, slots=True)
class _Fit:
    score: float
    width: int
    rows: list[_Row]


def _fit(text: bytes, delimiter: str, syntax: Syntax) -> _Fit:
    """How well rows come out as a table."""
    rows = _rows(text, syntax, 200)
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
    typed = sum(1 for cell in cells if not cell or _VALUE.fullmatch(cell)) / len(cells)
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


def _quote(text: bytes, delimiter: str) -> str:
    """Single quotes only where they, and not double ones, stand around cells."""
    border = re.escape(delimiter.encode()) if delimiter else b"\n"
    single = len(
        re.findall(rb"(?:^|" + border + rb")'[^'\n]*'(?=" + border + rb"|\r?$)", text[:200_000], re.MULTILINE)
    )
    double = len(re.findall(rb"(?:^|" + border + rb')"', text[:200_000], re.MULTILINE))
    return "'" if single > 1 and double == 0 else '"'


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


def _layout(path: Path, text: bytes, encoding: str, mark: int, settings: Mapping[str, Any]) -> Dialect:
    oddities: list[Oddity] = []
    quote = _named(settings, "quote")
    returns, endings = _endings(text, quote)
    begin, line = 0, 1
    while text.startswith(codecs.BOM_UTF8, begin):  # a second mark, left by a careless tool
        begin += 3
    delimiter = _named(settings, "delimiter")
    told = re.match(rb'"?sep=(.)"?[;,\t]*(\r\n|\n|\r)', text[begin : begin + 20])
    if told:  # Excel's own first line
        delimiter = told[1].decode("latin-1") if delimiter is None else delimiter
        begin, line = begin + told.end(), line + 1
    body = text[begin:]
    delimiter, quote = _signs(body, delimiter, quote, returns=returns)
    stand_in = _stand_in(path, text, delimiter)
    if stand_in:
        begin = len(text[:begin].replace(delimiter.encode(), stand_in))
        body = body.replace(delimiter.encode(), stand_in)
    syntax = _escaping(
        body, Syntax(stand_in or delimiter.encode(), quote.encode(), returns=returns), settings
    )
    rows = _rows(body, syntax, 400, line=line)
    if settings.get("header_line") is not None:
        header = _at_line(path, body, syntax, settings["header_line"], first=line, rows=rows)
    else:
        header = _header(rows, oddities)
    names = (cell.decode("utf-8", "replace") for cell in header.cells)
    return Dialect(
        encoding=encoding,
        mark=mark,
        delimiter=delimiter,
        quote=quote,
        backslash=syntax.backslash,
        returns=returns,
        line_endings=endings,
        header_line=header.line,
        header=tuple(name.replace(stand_in.decode(), delimiter) if stand_in else name for name in names),
        begins=begin + header.stop,
        first_line=header.line + len(_LINE_END.findall(body, header.start, header.stop)),
        row_bytes=max(2, sorted(row.stop - row.start for row in rows)[len(rows) // 2]),
        stand_in=stand_in,
        oddities=tuple(oddities),
    )


def _signs(body: bytes, delimiter: str | None, quote: str | None, *, returns: bool) -> tuple[str, str]:
    """Delimiter and quote, found where they are not named."""
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


def _stand_in(path: Path, text: bytes, delimiter: str) -> bytes:
    if len(delimiter.encode()) < 2:
        return b""
    for sign in STAND_INS:
        if sign.encode() not in text:
            return sign.encode()
    raise SourceError(
        f"{path} holds too many control characters to be read with the delimiter {delimiter!r}.",
        "Export it with commas or tabs.",
    )


def _escaping(body: bytes, plain: Syntax, settings: Mapping[str, Any]) -> Syntax:
    slashed = replace(plain, backslash=True)
    named = settings.get("escape")
    if named is None:
        return slashed if _slashes(body, plain, slashed) else plain
    if named not in {"doubled", "backslash"}:
        raise SourceError(f"escape: '{named}' is not known.", "Use one of: doubled, backslash.")
    return slashed if named == "backslash" else plain


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
        rows = _rows(body[:20_000], syntax, 100) + _rows(body, syntax, 200, begin)
        usual = Counter(len(row.cells) for row in rows).most_common(1)[0]
        verdicts.append((sum(row.stray for row in rows) + len(rows) - usual[1]) / len(rows))
    return verdicts[1] < verdicts[0]


def _endings(text: bytes, quote: str | None) -> tuple[bool, str]:
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


# ── the header ───────────────────────────────────────────────────────────────────────────────────────────────


def _at_line(path: Path, body: bytes, syntax: Syntax, wanted: Any, *, first: int, rows: list[_Row]) -> _Row:
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise SourceError(
            f"header_line: {wanted!r} is not the number of a line.", "Count the file's lines from 1."
        )
    at, line = 0, first
    while line < wanted and at < len(body):
        found = _LINE_END.search(body, at)
        at, line = (found.end(), line + 1) if found else (len(body), line)
    found_rows = _rows(body, syntax, 1, at, line) if line == wanted else []
    if not found_rows or found_rows[0].line != wanted:
        near = ", ".join(str(row.line) for row in rows[:5])
        raise SourceError(
            f"{path}: line {wanted} holds no header.", f"The first lines with text are: {near}."
        )
    return found_rows[0]


def _filled(row: _Row) -> int:
    return sum(1 for cell in row.cells if cell.strip())


def _nameable(row: _Row) -> bool:
    """Whether the cells could be the names of columns."""
    return all(
        len(cell) <= 150
        and not _VALUE.fullmatch(cell)
        and not re.search(rb"\d{4}-\d\d-\d\d|\d\d[./]\d\d[./]\d{2,4}", cell)
        for cell in row.cells
        if cell.strip()
    )


def _typed(rows: list[_Row], width: int) -> list[bool]:
    """Which columns hold values (numbers, addresses, dates) in most of `rows`."""
    kinds = []
    for place in range(width):
        cells = [row.cells[place] for row in rows if len(row.cells) > place and row.cells[place].strip()]
        kinds.append(bool(cells) and sum(1 for cell in cells if _VALUE.fullmatch(cell)) >= 0.7 * len(cells))
    return kinds


def _header(rows: list[_Row], oddities: list[Oddity]) -> _Row:
    """The row of names: the first that is wide enough and has names where the rows below have values."""
    counts = Counter(len(row.cells) for row in rows)
    width = max(counts, key=lambda count: (counts[count] * max(count - 1, 0.5) ** 0.5, count))
    chosen = 0
    first = len(rows[0].cells)
    usual = (
        first > 1
        and counts[first] - 1 >= 0.2 * (len(rows) - 1)
        and _filled(rows[0]) >= 0.5 * first
        and _nameable(rows[0])
    )
    if width > 1 and not usual:
        chosen = next((i for i, row in enumerate(rows[:60]) if _is_header(rows, i, width)), -1)
        if chosen < 0:  # nothing looks like names: the first row of the usual width, if there is one
            chosen = next(
                (i for i, row in enumerate(rows) if len(row.cells) == width and _filled(row) > 1), 0
            )
    header = rows[chosen]
    if chosen:
        before = f"The first {header.line - 1} lines come" if header.line > 2 else "The first line comes"
        oddities.append(Oddity("preamble", f"{before} before the header and stays out of the rows.", 1))
    if not _nameable(header) and _filled(header):
        shown = next(
            c
            for c in header.cells
            if c.strip() and (_VALUE.fullmatch(c) or len(c) > 150 or not _nameable(_Row(0, 0, [c], 0, 0)))
        )
        oddities.append(
            Oddity(
                "header_like_data",
                f"The header on line {header.line} looks like data ('{shown[:40].decode('utf-8', 'replace')}'):"
                " the file may have no header at all, and its first row would then be missing from the rows.",
                header.line,
            )
        )
    return header


def _is_header(rows: list[_Row], place: int, width: int) -> bool:
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


def _contrast(row: _Row, below: list[_Row], width: int) -> list[bool]:
    kinds = _typed([other for other in below if len(other.cells) == width], width)
    return [
        kind and bool(cell.strip()) and not _VALUE.fullmatch(cell)
        for kind, cell in zip(kinds, row.cells, strict=False)
    ]

r"""The encoding of a CSV file: which one it is, and its text as UTF-8 bytes.

An encoding is found from the first megabyte, except where that is plain ASCII: then the file is searched for its
first other byte, which is cheap. From here on text is UTF-8 bytes, whatever the file holds: a byte that its
encoding does not know becomes `\xff`, which no UTF-8 text contains, and the row that holds it is told so.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from pathlib import Path
from typing import Any

import charset_normalizer

from connectors.errors import SourceError
from connectors.sources.formats import refuse_binary

__all__ = ["SAMPLE", "UNKNOWN", "detect_encoding", "encoded", "is_utf8", "spoken_encoding", "text_of"]

SAMPLE = 1 << 20
"""Bytes from which a file is judged."""
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
_RUN = re.compile(r"[^\W\d_]*[^\x00-\x7f][^\W\d_]*")
UNKNOWN = "muster_mark"
"""How codecs are told to decode what they do not know: as half a surrogate pair, which no text holds."""

codecs.register_error(UNKNOWN, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


def is_utf8(encoding: str) -> bool:
    return encoding in {"utf-8", "ascii"}


def text_of(raw: bytes, encoding: str, *, final: bool = True) -> bytes:
    r"""`raw` as UTF-8, with `\xff` for what the encoding does not know."""
    if is_utf8(encoding):
        return raw
    return encoded(codecs.getincrementaldecoder(encoding)(UNKNOWN).decode(raw, final))


def encoded(text: str) -> bytes:
    r"""UTF-8, with `\xff` for each half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\udcff", text).encode("utf-8", "surrogateescape")


def spoken_encoding(encoding: str, mark: int) -> str:
    """As a person would say it: `UTF-8 with BOM`. `mark`: bytes of the byte order mark."""
    names = {
        "ascii": "ASCII (read as UTF-8)", "utf-8": "UTF-8", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE",
        "utf-32-le": "UTF-32 LE", "utf-32-be": "UTF-32 BE", "cp1252": "Windows-1252", "iso8859-1": "Latin-1",
    }  # fmt: skip
    name = names.get(encoding, f"Windows-{encoding[2:]}" if encoding.startswith("cp125") else encoding)
    return f"{name} with BOM" if mark else name


def detect_encoding(path: Path, file: io.BufferedReader, head: bytes, named: Any) -> tuple[str, int]:
    """(codec, bytes of its mark). `head` is the first SAMPLE bytes, which `file` has behind it; `named` is what the
    mapping says. Raises SourceError.
    """
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
    refuse_binary(path, head)
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


_NO_FILES = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs", "oem"}
"""Codecs of Python that turn text into text, or that no file is written in."""


def _codec(name: str) -> str:
    aliases = {"utf-8-sig": "utf-8", "ansi": "cp1252", "latin-1": "iso8859-1", "utf-16le": "utf-16-le"}
    wanted = aliases.get(name.strip().lower(), name.strip())
    try:
        found: codecs.CodecInfo | None = codecs.lookup(wanted)
        b"".decode(wanted)  # refuses codecs that are not for text
    except (LookupError, ValueError):
        found = None
    if found is None or found.name in _NO_FILES:
        raise SourceError(
            f"encoding: '{name}' is not known.",
            "Use one of: utf-8, utf-16, windows-1252, latin-1, or leave it out.",
        )
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

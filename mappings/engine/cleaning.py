"""Cleaning of whole columns: white space, invisible characters, Unicode NFC.

Nearly all cells of nearly all files need nothing of it. So a column is first asked as a whole, by its bytes,
and only the cells that need a step go through it.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["clean", "clean_text", "folded"]

# Zero-width space, marks and overrides of direction, word joiners, byte order mark, soft hyphen, control characters.
_INVISIBLE = (
    r"[\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}\x{00AD}\x{061C}\x{180E}"
    r"\x00-\x08\x0E-\x1F\x7F\x{0080}-\x{0084}\x{0086}-\x{009F}]"
)
# Joiners hold emoji and some scripts together; beside ASCII or at an end they are leftovers.
_JOINER = r"[\x{200C}\x{200D}]"
_JOINER_AFTER_ASCII = r"(^|[\x00-\x7F])[\x{200C}\x{200D}]+"
_JOINER_BEFORE_ASCII = r"[\x{200C}\x{200D}]+($|[\x00-\x7F])"
_SPACES = r"[\s\x0B\x{0085}\p{Z}]+"
_NEEDS_SPACES = r"^[\s\x0B]|[\s\x0B]$|[\s\x0B]{2}|[\t\n\r\f\x0B]"
_NEEDS_STEPS = r"[^\x20-\x7E]"


def clean(texts: pa.Array) -> pa.Array:
    r"""The cells trimmed, with single inner spaces, without invisible characters, in NFC. Blank cells are ''.

    >>> clean(pa.array(["  Jos\u00e9 ", "a\u00a0\u200b b", "e\u0301"])).to_pylist()
    ['José', 'a b', 'é']
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if len(texts) == 0:
        return texts
    special = pc.match_substring_regex(texts, _NEEDS_STEPS) if _has_special(texts) else None
    if special is not None and pc.any(special).as_py():
        hard = texts.filter(special)
        hard = pc.replace_substring_regex(hard, _INVISIBLE_SPACES, " ")
        hard = pc.replace_substring_regex(hard, _INVISIBLE, "")
        hard = pc.replace_substring_regex(hard, _SPACES, " ")
        hard = pc.utf8_normalize(hard, form="NFC")
        if pc.any(
            pc.match_substring_regex(hard, _JOINER)
        ).as_py():  # after NFC, which makes ASCII of some letters
            hard = pc.replace_substring_regex(hard, _JOINER_AFTER_ASCII, r"\1")
            hard = pc.replace_substring_regex(hard, _JOINER_BEFORE_ASCII, r"\1")
            hard = pc.utf8_normalize(hard, form="NFC")
        texts = pc.replace_with_mask(texts, special, hard)
    spaced = pc.match_substring_regex(texts, _NEEDS_SPACES) if _has_space(texts) else None
    if spaced is not None and pc.any(spaced).as_py():
        loose = pc.replace_substring_regex(texts.filter(spaced), _SPACES, " ")
        loose = pc.utf8_trim(loose, characters=" ")
        texts = pc.replace_with_mask(texts, spaced, loose)
    return texts


# A control character that separates lines or cells is a space, not nothing.
_INVISIBLE_SPACES = r"[\t\n\r\f\x0B\x1C-\x1F\x{0085}\x{2028}\x{2029}]"


def clean_text(text: str) -> str:
    """One text, cleaned as a column would be: for names of columns and values in a mapping."""
    cleaned: str = clean(pa.array([unicodedata.normalize("NFC", text)], pa.string()))[0].as_py()
    return cleaned


def folded(texts: pa.Array) -> pa.Array:
    """For comparing without case: Python's case folding, worked out once for each distinct text."""
    if _plain_ascii(texts):
        return pc.ascii_lower(texts)
    distinct = texts.dictionary_encode()
    names = pa.array([name.casefold() for name in distinct.dictionary.to_pylist()], pa.string())
    return names.take(distinct.indices)


def _bytes(texts: pa.Array) -> np.ndarray:
    offsets, data = texts.buffers()[1], texts.buffers()[2]
    if data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _plain_ascii(texts: pa.Array) -> bool:
    found = _bytes(texts)
    return not found.size or int(found.max()) < 128


def _has_special(texts: pa.Array) -> bool:
    found = _bytes(texts)
    return bool(found.size) and (int(found.max()) > 126 or int(found.min()) < 32)


def _has_space(texts: pa.Array) -> bool:
    found = _bytes(texts)
    return bool(found.size) and int(found.min()) <= 32

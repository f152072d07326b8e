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


def clean(texts: pa.Array) -> pa.Array:
    r"""The cells trimmed, with single inner spaces, without invisible characters, in NFC. Blank cells are ''.

    >>> clean(pa.array(["  Jos\u00e9 ", "a\u00a0\u200b b", "e\u0301"])).to_pylist()
    ['José', 'a b', 'é']
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if len(texts) == 0:
        return texts
    special = _special(texts)
    if special is not None:
        distinct = texts.filter(special).dictionary_encode()  # names repeat
        hard = _cleaned(distinct.dictionary).take(distinct.indices)
        texts = pc.replace_with_mask(texts, special, hard)
    loose = _loose(texts)
    if loose is not None:
        tight = pc.replace_substring_regex(texts.filter(loose), " +", " ")
        tight = pc.utf8_trim(tight, characters=" ")
        texts = pc.replace_with_mask(texts, loose, tight)
    return texts


def _cleaned(hard: pa.Array) -> pa.Array:
    hard = pc.replace_substring_regex(hard, _INVISIBLE_SPACES, " ")
    hard = pc.replace_substring_regex(hard, _INVISIBLE, "")
    hard = pc.replace_substring_regex(hard, _SPACES, " ")
    hard = pc.utf8_normalize(hard, form="NFC")
    if pc.any(pc.match_substring_regex(hard, _JOINER)).as_py():
        # after NFC, which makes ASCII of some letters
        hard = pc.replace_substring_regex(hard, _JOINER_AFTER_ASCII, r"\1")
        hard = pc.replace_substring_regex(hard, _JOINER_BEFORE_ASCII, r"\1")
        hard = pc.utf8_normalize(hard, form="NFC")
    return hard


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


def _bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all cells, and where each begins and ends in them (one more than there are cells)."""
    offsets, data = texts.buffers()[1], texts.buffers()[2]
    if data is None:
        return np.empty(0, np.uint8), np.zeros(len(texts) + 1, np.int32)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]], ends - ends[0]


def _plain_ascii(texts: pa.Array) -> bool:
    found, _ = _bytes(texts)
    return not found.size or int(found.max()) < 128


def _special(texts: pa.Array) -> pa.Array | None:
    """Which cells hold more than printable ASCII; None where no cell does."""
    found, ends = _bytes(texts)
    if not found.size or (int(found.max()) <= 126 and int(found.min()) >= 32):
        return None
    return _cells_with((found > 126) | (found < 32), ends)


def _loose(texts: pa.Array) -> pa.Array | None:
    """Which cells begin or end with a space or hold two in a row; None where no cell does."""
    found, ends = _bytes(texts)
    space = found == 32
    if not space.any():
        return None
    filled = ends[1:] > ends[:-1]
    begins, stops = ends[:-1][filled], ends[1:][filled]
    at_edge = space[begins] | space[stops - 1]
    double = space[1:] & space[:-1]
    if not at_edge.any() and not double.any():
        return None
    loose = np.zeros(len(texts), bool)
    loose[filled] = at_edge
    if double.any():
        loose |= np.asarray(_cells_with(np.append(double, False), ends))
    return pa.array(loose)


def _cells_with(marked: np.ndarray, ends: np.ndarray) -> pa.Array:
    """Which cells hold a marked byte."""
    counts = np.zeros(len(marked) + 1, np.int32)
    np.cumsum(marked, out=counts[1:])
    return pa.array(counts[ends[1:]] > counts[ends[:-1]])

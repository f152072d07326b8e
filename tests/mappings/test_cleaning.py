"""Cleaning of whole columns is cleaning of each cell, however the column lies in memory."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.engine.cleaning import clean, clean_text, folded

INVISIBLE = {
    0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xFEFF, 0x7F,
    *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0x09), *range(0x0E, 0x1C), *range(0x80, 0x85),
    *range(0x86, 0xA0),
}  # fmt: skip
JOINERS = "\u200c\u200d"


def plain(text: str) -> str:
    """The reference: one cell, step by step, in plain Python."""
    text = "".join(letter for letter in text if ord(letter) not in INVISIBLE)
    text = "".join(" " if letter.isspace() else letter for letter in text)
    text = unicodedata.normalize("NFC", text)
    text = re.sub(rf"(^|(?<=[\x00-\x7f]))[{JOINERS}]+", "", text)
    text = re.sub(rf"[{JOINERS}]+($|(?=[\x00-\x7f]))", "", text)
    text = unicodedata.normalize("NFC", text)
    return re.sub(" +", " ", text).strip(" ")


def one(text: str) -> str:
    cleaned: str = clean(pa.array([text], pa.string()))[0].as_py()
    return cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann", "Ann"),
        ("", ""),
        ("   ", ""),
        (" Ann  Lee ", "Ann Lee"),
        ("Ann\tLee\r\nBerg", "Ann Lee Berg"),
        ("Ann\u00a0Lee\u3000Berg\u2009X", "Ann Lee Berg X"),
        ("Ann\u2028Lee\u2029Berg\u0085X", "Ann Lee Berg X"),
        ("a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg", "a b c d e f g"),
        ("\ufeffAnn", "Ann"),
        ("An\u200bn", "Ann"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066x\u2069", "x"),
        ("N\x00U\x00L", "NUL"),
        ("\x7fdel\x80\x9f", "del"),
        ("\u200b \u200b", ""),
        ("Jose\u0301", "José"),
        ("e\u200b\u0301", "é"),
        ("A\u030a", "Å"),
        ("\u212b", "Å"),
        ("ﬁ", "ﬁ"),
        ("½", "½"),
        ("ö\u200dö", "ö\u200dö"),
        ("a\u200db", "ab"),
        ("\u200cAnn\u200d", "Ann"),
        ("\u200d\u212a", "K"),
        ("é\u200d\u00a0", "é"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("👩🏽\u200d🚀 Ada", "👩🏽\u200d🚀 Ada"),
        ("🏳️\u200d🌈", "🏳️\u200d🌈"),
        ("🇩🇪", "🇩🇪"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("نیم\u200cفاصله ", "نیم\u200cفاصله"),
        ("क्\u200dष", "क्\u200dष"),
        ("Nguyễn Thị", "Nguyễn Thị"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        ("각", "각"),
        ("\u1100\u1161\u11a8", "각"),
        ("NA", "NA"),
        ("null", "null"),
        ("=1+1", "=1+1"),
    ],
)
def test_a_cell_is_cleaned(text: str, expected: str) -> None:
    assert one(text) == expected
    assert clean_text(text) == expected
    assert plain(text) == expected


def test_a_column_without_anything_to_do_is_the_same_column() -> None:
    column = pa.array(["Ann", "Lee", ""])
    assert clean(column) is column


# assigned letters only: libraries differ in what they know of the newest Unicode
_ODD = st.sampled_from(
    [*" \t\n\r\x00\x0b\x1f\x7f", "\u0085", "\u00a0", "\u200b", "\u200c", "\u200d", "\u200e", "\u2028", "\u202e",
     "\u2060", "\u3000", "\ufeff", "\u00ad", "\u0301", "\u0323", "\u030a", "e", "o", "é", "ö", "\u212a", "\u037e",
     "\u1fef", "\u2000", "👩", "🚀", "م", "ی", "क", "्", "a", "-", "\u1100", "\u1161", "\u11a8", "\u0344"]
)  # fmt: skip
_CELL = st.one_of(
    st.text(_ODD, max_size=12),
    st.text(st.characters(exclude_categories=["Cs", "Cn", "Co"]), max_size=12),
    st.text(st.characters(max_codepoint=127), max_size=12),
)
_CELLS = st.lists(_CELL, max_size=12)


@settings(max_examples=200, deadline=None)
@given(_CELLS)
@example(["\u200d\u212a"])
@example(["é\u200d\u00a0"])
@example(["e\u200d\u0301"])
def test_a_column_is_cleaned_as_each_of_its_cells_alone(cells: list[str]) -> None:
    assert clean(pa.array(cells, pa.string())).to_pylist() == [plain(cell) for cell in cells]


@settings(max_examples=200, deadline=None)
@given(_CELLS)
def test_cleaning_twice_is_cleaning_once(cells: list[str]) -> None:
    once = clean(pa.array(cells, pa.string()))
    assert clean(once).to_pylist() == once.to_pylist()


@settings(max_examples=100, deadline=None)
@given(_CELL)
def test_a_text_is_cleaned_as_a_column_is(text: str) -> None:
    assert clean_text(text) == one(text)


@settings(max_examples=100, deadline=None)
@given(_CELLS, st.integers(0, 6), st.integers(0, 6))
def test_a_slice_of_a_column_is_cleaned_like_a_column_of_its_own(
    cells: list[str], first: int, size: int
) -> None:
    column = pa.array(cells, pa.string()).slice(first, size)
    expected = [plain(cell) for cell in cells[first : first + size]]
    assert clean(column).to_pylist() == expected
    assert folded(clean(column)).to_pylist() == [cell.casefold() for cell in expected]


@settings(max_examples=100, deadline=None)
@given(st.lists(_CELLS, max_size=4))
def test_a_column_in_chunks_is_cleaned_like_one_in_a_piece(chunks: list[list[str]]) -> None:
    column = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
    assert clean(column).to_pylist() == [plain(cell) for chunk in chunks for cell in chunk]


@pytest.mark.parametrize(
    "column",
    [pa.array([], pa.string()), pa.array(["a"]).slice(1), pa.chunked_array([], pa.string()),
     pa.chunked_array([pa.array([], pa.string())])],
    ids=["empty", "empty slice", "no chunks", "an empty chunk"],
)  # fmt: skip
def test_an_empty_column_stays_empty(column: pa.Array | pa.ChunkedArray) -> None:
    found = clean(column)
    assert found.to_pylist() == []
    assert folded(found).to_pylist() == []


@settings(max_examples=100, deadline=None)
@given(_CELLS)
def test_folding_a_column_is_folding_each_text(cells: list[str]) -> None:
    assert folded(pa.array(cells, pa.string())).to_pylist() == [cell.casefold() for cell in cells]

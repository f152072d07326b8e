"""split: several values in one cell, trimmed, each once. With part: the first or the last, with join: all of them.

interests: {from: Interests, split: ";", join: ", "}
"""

from __future__ import annotations

import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean, clean_text
from mappings.engine.transforms import by_value
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["BREAK", "cleaned", "mark_of", "pieces", "several", "split"]

BREAK = "\ue01f"
"""Stands for a separator that cleaning would take away, such as a line break; from the private area of Unicode."""


@functools.lru_cache(maxsize=64)
def mark_of(separator: str) -> str:
    r"""What stands for a separator in a cleaned cell: BREAK where cleaning would make something else of it.

    >>> mark_of(";"), mark_of("\r\n") == BREAK
    (';', True)
    """
    return separator if clean_text(f"a{separator}a") == f"a{separator}a" else BREAK


def cleaned(cells: pa.Array, separator: str) -> pa.Array:
    r"""Cells cleaned, with BREAK in the place of a separator that cleaning would take away.

    >>> cleaned(pa.array([" a\r\nb ", "\n", "c "]), "\n").to_pylist() == [f"a{BREAK}b", "", "c"]
    True
    """
    if mark_of(separator) != BREAK:
        return clean(cells)
    marked = pc.replace_substring(_one_line_end(cells), _one_line_end(separator).as_py(), BREAK)
    return pc.utf8_trim(clean(marked), characters=f"{BREAK} ")


def _one_line_end(texts: pa.Array | str) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")


def pieces(text: str, separator: str) -> list[str]:
    """The values in a text, without blank ones. Spaces on both sides of a separator belong to it, on one side not.

    Where each value is in quotes, as Mailchimp writes tags, these are none of it.

    >>> pieces(" a ;; b;a", "; "), pieces("e-mail - phone", " - ")
    (['a', 'b', 'a'], ['e-mail', 'phone'])
    >>> pieces('"vip","fair, 2024"', ","), pieces('"vip" guest, press', ",")
    (['vip', 'fair, 2024'], ['"vip" guest', 'press'])
    """
    if text.startswith('"') and _quoted(separator.strip() or separator).fullmatch(text):
        return [part for part in (part.strip() for part in re.findall('"([^"]*)"', text)) if part]
    spaced = separator[0] == separator[-1] == " "
    found = f" {text} ".split(separator) if spaced else text.split(separator.strip())
    return [part for part in (part.strip() for part in found) if part]


@functools.lru_cache(maxsize=64)
def _quoted(mark: str) -> re.Pattern[str]:
    return re.compile(rf'"[^"]*"(?:\s*{re.escape(mark)}\s*"[^"]*")*')


def several(text: str, separator: str) -> str:
    r"""The values in a text of the mapping itself, put together with U+001F.

    >>> several("a ; b", ";")
    'a\x1fb'
    """
    [whole] = cleaned(pa.array([text], pa.string()), separator).to_pylist()
    return SEPARATOR.join(dict.fromkeys(pieces(whole, mark_of(separator))))


def split(texts: pa.Array, separator: str, part: str | None = None) -> pa.Array:
    r"""The values of each cell, put together with U+001F; with `part` only the first or the last.

    >>> split(pa.array(["b; a;b", "", "c"]), ";").to_pylist(), split(pa.array(["b; a"]), ";", "last").to_pylist()
    (['b\x1fa', '', 'c'], ['a'])
    """

    def one(text: str) -> str:
        found = list(dict.fromkeys(pieces(text, separator)))
        if part is not None:
            found = pieces(text, separator)
            found = found[:1] if part == "first" else found[-1:]
        return SEPARATOR.join(found)

    return by_value(texts, one).values.fill_null("")

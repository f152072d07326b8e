r"""match: what a regular expression finds, or what stands between its parentheses (RE2, which no text can slow down).

order: {from: Note, match: 'order (\d+)', otherwise: blank}
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Converted, Wrong

__all__ = ["groups", "match"]


def groups(pattern: str) -> int:
    """How many pairs of parentheses a pattern has that find something.

    >>> groups("a(?:b)(c)(d)")
    2
    """
    count = 0
    while True:
        try:
            pc.replace_substring_regex(pa.array([""]), f"(?:{pattern})", f"\\{count + 1}")
        except pa.ArrowInvalid:
            return count
        count += 1
        if count == 9:
            return count


def match(texts: pa.Array, pattern: str, otherwise: str) -> Converted:
    r"""What the pattern finds first in each text; of several pairs of parentheses the first that holds something.

    `otherwise` is what becomes of a text in which nothing is found: reject, blank or as_is.

    >>> found = match(pa.array(["order 42!", "none", ""]), r"order (\d+)", "reject")
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['42', None, ''], [1])
    >>> match(pa.array(["order 42", "#7"]), r"order (\d+)|#(\d+)", "reject").values.to_pylist()
    ['42', '7']
    """
    inside = f"(?:{pattern})" if groups(pattern) else f"({pattern})"
    distinct = texts.dictionary_encode()
    names = distinct.dictionary
    hit = pc.match_substring_regex(names, f"(?:{pattern})")
    found = pa.repeat("", len(names))
    for number in range(max(1, groups(pattern)), 0, -1):
        between = pc.replace_substring_regex(names, f"^(?s:.*?){inside}(?s:.*)$", f"\\{number}")
        between = pc.utf8_trim_whitespace(between)
        found = pc.if_else(pc.equal(between, ""), found, between)
    none = {"blank": "", "as_is": names}.get(otherwise, pa.scalar(None, pa.string()))
    found = pc.if_else(hit, found, none)
    found = pc.if_else(pc.equal(names, ""), "", found)
    values = found.take(distinct.indices)
    return Converted(
        values,
        [
            Wrong(at, "not_matched", {"pattern": pattern})
            for at in pc.indices_nonzero(pc.is_null(values)).to_pylist()
        ],
    )

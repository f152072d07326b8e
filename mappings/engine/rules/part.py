"""part: of a full name the first or the last names, without titles; particles stay with the last name.

first_name: {from: Name, part: first}
"""

from __future__ import annotations

import pyarrow as pa

from mappings.engine.transforms import by_value

__all__ = ["part"]

_INITIAL = 2


def part(texts: pa.Array, which: str) -> pa.Array:
    """The first names (with the middle ones, without initials behind a name) or the last ones (with what is added: Jr.).

    A single name is a first name. By the library nameparser.

    >>> names = pa.array(["Dr. Vincent Willem van Gogh", "Gogh, Vincent van", "Madonna", "Mr. Smith", "John Q. Public Jr."])
    >>> part(names, "first").to_pylist()
    ['Vincent Willem', 'Vincent', 'Madonna', '', 'John']
    >>> part(names, "last").to_pylist()
    ['van Gogh', 'van Gogh', '', 'Smith', 'Public Jr.']
    """
    from nameparser import HumanName  # noqa: PLC0415 - only where full names are split

    def one(text: str) -> str:
        name = HumanName(text)
        if which == "last":
            return " ".join(filter(None, (name.last, name.suffix)))
        middle = [word for word in name.middle.split() if len(word.rstrip(".")) >= _INITIAL]
        first = name.first
        if len(first.rstrip(".")) < _INITIAL:  # J. R. R. Tolkien
            return " ".join(filter(None, (first, name.middle)))
        return " ".join(filter(None, (first, *middle)))

    return by_value(texts, one).values.fill_null("")

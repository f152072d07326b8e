"""template: columns in a text. Blank columns leave no gap, and where all of them are blank, so is the text.

greeting: {template: "{Title} {First Name} {Last Name}"}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean

__all__ = ["template"]


def template(pieces: Sequence[tuple[str, str]], column: Callable[[str], pa.Array], size: int) -> pa.Array:
    """The texts; `pieces` are texts, each with the column that follows it ('' after the last).

    What stands before a blank column goes with it. Between two columns, a comma or a dash stays only where both sides of it
    hold something; words stay with the column they stand before.

    >>> cells = {"City": pa.array(["Rome", "", "Rome", ""]), "Country": pa.array(["IT", "IT", "", ""])}
    >>> template([("", "City"), (", ", "Country"), ("", "")], cells.__getitem__, 4).to_pylist()
    ['Rome, IT', 'IT', 'Rome', '']
    >>> template([("in ", "City"), (" of ", "Country"), ("!", "")], cells.__getitem__, 4).to_pylist()
    ['in Rome of IT!', 'in of IT!', 'in Rome!', '']
    >>> cells = {"Street": pa.array(["Main 1"]), "Zip": pa.array([""]), "City": pa.array(["Rome"])}
    >>> template([("", "Street"), (", ", "Zip"), (" ", "City"), ("", "")], cells.__getitem__, 1).to_pylist()
    ['Main 1, Rome']
    """
    texts = waiting = pa.repeat("", size)
    some = pa.repeat(False, size)
    opening, *between = [before for before, _ in pieces[:-1]] or [pieces[-1][0]]
    names = [name for _, name in pieces if name]
    if not names:
        return pa.repeat(clean(pa.array([pieces[-1][0]]))[0].as_py(), size)
    for before, name in zip(["", *between], names, strict=True):
        cells = column(name)
        there = pc.not_equal(cells, "")
        if any(letter.isalnum() for letter in before):
            glue = pc.if_else(there, before, "")
        else:  # a space behind a blank column takes the comma that stood before it
            waiting = before if before.strip() else pc.if_else(pc.equal(waiting, ""), before, waiting)
            glue = pc.if_else(pc.and_(some, there), waiting, "")
        waiting = pc.if_else(there, "", waiting)
        texts = pc.binary_join_element_wise(texts, glue, cells, "")
        some = pc.or_(some, there)
    whole = clean(pc.binary_join_element_wise(opening, texts, pieces[-1][0], ""))
    return pc.if_else(some, whole, "")

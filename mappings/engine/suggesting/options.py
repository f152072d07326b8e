"""Cells that hold one or several of a list of known names: a destination's options, or its tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from mappings.engine.complaints import nearest
from mappings.engine.rules.split import pieces
from mappings.engine.suggesting.names import fold

__all__ = ["Spelled", "separator_of", "spelled"]

_SEPARATORS = (";", ",", "|", "/", "\n")


@dataclass(slots=True)
class Spelled:
    """How cells name options. `table` translates what is spelled differently, `guessed` of it is only alike."""

    known: int = 0
    table: dict[str, str] = field(default_factory=dict)
    guessed: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)


def separator_of(counts: dict[str, int], names: Collection[str], usual: str) -> str:
    """What stands between several names in one cell: what makes most known names of them; `usual` where all are equal."""
    loose = {fold(name) for name in names}

    def parts(separator: str) -> tuple[int, int]:
        found = [(part, count) for text, count in counts.items() for part in _parts(text, separator)]
        return sum(count for part, count in found if fold(part) in loose), len(found)

    order = list(dict.fromkeys((usual, *_SEPARATORS)))
    # A name that holds the sign itself is not to be cut: most known names first, then the most parts.
    return max(order, key=lambda sign: (*parts(sign), -order.index(sign)))


def spelled(
    counts: dict[str, int], names: Iterable[str], separator: str | None, others: Iterable[str] = ()
) -> Spelled:
    """Each cell's names, found among `names` as the mapping does, without punctuation, or as a near spelling.

    `others` are texts, in lower case, that the destination's field takes for one of the names.
    """
    options = list(names)
    exact = {name.casefold() for name in options} | set(others)
    loose = {fold(name): name for name in reversed(options) if fold(name)}
    found = Spelled()
    for text, count in counts.items():
        for part in [text] if separator is None else _parts(text, separator):
            if part.casefold() in exact:
                found.known += count
            elif fold(part) in loose:
                found.table[part] = loose[fold(part)]
                found.known += count
            elif like := nearest(part, options, likeness=0.8):
                found.table[part] = like
                found.guessed.append(part)
                found.known += count
            else:
                found.unknown[part] += count
    return found


def _parts(text: str, separator: str) -> list[str]:
    """The values of a cell as the mapping will find them; lines of a cell are still lines here."""
    if separator.strip():
        return pieces(text, separator)
    return [part.strip() for part in text.split(separator) if part.strip()]

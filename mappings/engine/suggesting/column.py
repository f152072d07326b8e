"""A column of the file at hand: its name and the cells of the rows that were looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean, clean_text
from mappings.engine.suggesting.names import meaning
from mappings.engine.transforms import Settings, transform

__all__ = ["Column", "columns_of", "misfits", "shown"]

# YAML reads no longer keys, and the names of columns are keys in the examples.
_LONGEST_NAME = 200
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True)
class Column:
    """A column that a mapping can name. `name` and `cells` are cleaned, as the mapping will see them.

    `known` is what it stands for, `format` how its dates are written, and `place` where it stands among those that stand for the same,
    where the kind of export says so. `months_first` is true where other columns show that the file writes months before days.
    """

    name: str
    at: int
    cells: pa.Array
    given: pa.Array
    known: str = ""
    format: str = ""
    place: int = 0
    months_first: bool = False

    @cached_property
    def meaning(self) -> str:
        """What it stands for, by the kind of export or by its name; an empty text where nobody knows."""
        return self.known or meaning(self.name)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Each different text that is not blank, in order of appearance, and how often it is there."""
        found = pc.value_counts(self.cells.filter(pc.not_equal(self.cells, "")))
        return {one["values"].as_py(): one["counts"].as_py() for one in found}

    @cached_property
    def in_lines(self) -> dict[str, int]:
        """`counts`, with the breaks between the lines of a cell, which cleaning takes out and split: sees."""
        if not pc.any(pc.match_substring_regex(self.given, r"\S\s*\n\s*\S")).as_py():
            return self.counts
        found: dict[str, int] = {}
        for one in pc.value_counts(self.given):
            lines = [line for line in map(clean_text, (one["values"].as_py() or "").splitlines()) if line]
            text = "\n".join(lines)
            if text:
                found[text] = found.get(text, 0) + one["counts"].as_py()
        return found

    @cached_property
    def filled(self) -> int:
        return int(pc.sum(pc.not_equal(self.cells, "")).as_py() or 0)

    @cached_property
    def addresses(self) -> int:
        """How many cells are e-mail addresses."""
        maybe = self.cells.filter(pc.match_substring(self.cells, "@"))
        if not len(maybe):
            return 0
        return len(maybe) - int(transform("email")(maybe, Settings()).values.null_count)

    @cached_property
    def distinct(self) -> int:
        """How many different texts there are, a blank among them: quicker than counting each."""
        return int(pc.count_distinct(self.cells).as_py())

    @property
    def blanks(self) -> int:
        return len(self.cells) - self.filled

    @property
    def share(self) -> float:
        """Filled cells, from 0 to 1."""
        return self.filled / len(self.cells) if len(self.cells) else 0.0


def columns_of(
    header: Sequence[str],
    cells: pa.Table,
    meanings: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
) -> list[Column]:
    """The columns that a mapping can name: of those whose cleaned names are equal, it reads the first.

    `meanings` and `formats` are what the kind of export says of columns, by their names in `header`; the better of two that
    stand for the same comes first.
    """
    known, written = meanings or {}, formats or {}
    places = {name: place for place, name in enumerate(known)}
    found: dict[str, Column] = {}
    for at, given in enumerate(header):
        name = clean_text(given)
        if name and len(name) <= _LONGEST_NAME and name not in found:
            texts = cells.column(at)
            whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
            found[name] = Column(
                name,
                at,
                clean(whole),
                whole,
                known.get(given, ""),
                written.get(given, ""),
                places.get(given, 0),
            )
    months_first = _months_first(list(found.values()))
    return [replace(column, months_first=months_first) for column in found.values()]


def _months_first(columns: Sequence[Column]) -> bool:
    """Whether some dates of a file can only be read with the month first, and none only with the day first."""

    def any_is(pattern: str) -> bool:
        return any(pc.any(pc.match_substring_regex(column.cells, pattern)).as_py() for column in columns)

    late, any_day = "(?:1[3-9]|2[0-9]|3[01])", "[0-9]{1,2}"
    end = r"[/-](?:[0-9]{4}|[0-9]{2})\b"
    return any_is(f"^{any_day}[/-]{late}{end}") and not any_is(f"^{late}[/-]{any_day}{end}")


def misfits(column: Column, type_: str, settings: Settings) -> int:
    """How many filled cells are not of a type, as the mapping would read them."""
    texts = list(column.counts)
    if not texts:
        return 0
    values = transform(type_)(pa.array(texts, pa.string()), settings).values
    return sum(
        count
        for count, ok in zip(column.counts.values(), values.is_valid().to_pylist(), strict=True)
        if not ok
    )


def shown(counts: Mapping[str, int], most: int = 6) -> str:
    """A few texts for a comment; an empty text where they might say something of a person. A year says nothing.

    >>> shown({"gold": 7, "silver": 2, "Ann": 1}), shown({"ann@example.com": 2}), shown({"+49 30 123456": 9})
    ('gold, silver', '', '')
    """
    often = [text for text, count in counts.items() if count > 1]
    if len(counts) > 12 or any(
        len(text) > 30 or "@" in text or re.search(r"\d(?:.?\d){3}", _YEAR.sub("", text)) for text in often
    ):
        return ""
    return ", ".join(often[:most]) + (", …" if len(often) > most else "")

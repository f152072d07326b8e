"""where: which rows are meant, by what their columns hold.

where: {Stage: [lead, customer], Country: {not: [US]}, Last seen: {within: 90 days}}
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean_text, folded
from mappings.engine.document.where import Where
from mappings.engine.transforms import Settings
from mappings.engine.transforms.datetime import days
from mappings.engine.transforms.number import convert as numbers

__all__ = ["Answer", "all_hold", "holds"]

Bools = npt.NDArray[np.bool_]
_DAYS = ("YYYY-MM-DD", "YYYY/MM/DD")
# The day is the one that is written, whatever time and offset follow it.
_TIME = r"(?i)^(\d{4}[-/]\d{2}[-/]\d{2})[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?\s?(?:Z|UTC|[+-]\d{2}:?\d{2})?$"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the conditions hold, row by row; `unclear` where a cell cannot be compared, `cells` which ones."""

    holds: Bools
    unclear: Bools
    cells: dict[str, Bools]


def all_hold(
    conditions: Mapping[str, Where], column: Callable[[str], pa.Array], size: int, today: dt.date | None
) -> Answer:
    """Whether all conditions hold. One that fails decides, also where another cannot be compared.

    >>> cells = {"Stage": pa.array(["Lead", "lost", ""]), "Score": pa.array(["7", "x", "x"])}
    >>> read = all_hold({"Stage": Where(in_=("lead", "")), "Score": Where(at_least=5)}, cells.__getitem__, 3, None)
    >>> read.holds.tolist(), read.unclear.tolist()
    ([True, False, False], [False, False, True])
    """
    true, false, none = np.ones(size, bool), np.zeros(size, bool), np.zeros(size, bool)
    cells: dict[str, Bools] = {}
    for name, where in conditions.items():
        if where.any_ is not None:
            groups = [all_hold(group, column, size, today) for group in where.any_]
            some = np.logical_or.reduce([group.holds for group in groups])
            unsure = np.logical_or.reduce([group.unclear for group in groups]) & ~some
            for group in groups:
                for other, mask in group.cells.items():
                    cells[other] = cells.get(other, none) | (mask & group.unclear & unsure)
        else:
            some, unsure = holds(where, column(name), today)
            cells[name] = cells.get(name, none) | unsure
        true &= some
        false |= ~some & ~unsure
    return Answer(true, ~true & ~false, cells)


def holds(where: Where, texts: pa.Array, today: dt.date | None) -> tuple[Bools, Bools]:
    """Whether a column holds what it has to, and where that cannot be told because the cell is no date or number.

    >>> seen = pa.array(["2026-11-01", "2026-01-01", "soon", ""])
    >>> recent, unclear = holds(Where.model_validate({"within": "90 days"}), seen, dt.date(2026, 11, 20))
    >>> recent.tolist(), unclear.tolist()
    ([True, False, False, False], [False, False, True, False])
    >>> holds(Where.model_validate({"not": ["us"]}), pa.array(["US", "de", ""]), None)[0].tolist()
    [False, True, True]
    >>> holds(Where.model_validate({"like": "*@ACME.*"}), pa.array(["a@acme.com", "a@b.com"]), None)[0].tolist()
    [True, False]
    """
    size = len(texts)
    true, unclear = np.ones(size, bool), np.zeros(size, bool)
    if where.in_ is not None:
        wanted = pa.array([clean_text(text).casefold() for text in where.in_], pa.string())
        true &= np.asarray(pc.is_in(folded(texts), value_set=wanted))
    if where.blank is not None:
        true &= np.asarray(pc.equal(texts, "")) == where.blank
    if where.like is not None:
        true &= _alike(texts, [clean_text(text) for text in where.like])
    if where.match is not None:
        true &= np.asarray(pc.match_substring_regex(texts, where.match))
    for found, wrong in (_dates(where, texts, today), _numbers(where, texts)):
        true &= found | wrong
        unclear |= wrong
    if where.not_ is not None:
        opposite, unsure = holds(where.not_, texts, today)
        true &= ~opposite
        unclear |= unsure
    return true & ~unclear, unclear & true


def _alike(texts: pa.Array, patterns: list[str]) -> Bools:
    """Whether one of the patterns fits; `stra?e` and `*strasse` both mean Straße, which is folded to strasse.

    >>> _alike(pa.array(["Straße", "STRASSE", "Strase"]), ["stra?e", "*sse"]).tolist()
    [True, True, True]
    """
    forms = [(folded(texts), [pattern.casefold() for pattern in patterns])]
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        forms.append((pc.utf8_lower(texts), [pattern.lower() for pattern in patterns]))
    found = np.zeros(len(texts), bool)
    for cells, said in forms:
        for pattern in said:
            found |= np.asarray(pc.match_substring_regex(cells, _like(pattern)))
    return found


def _like(pattern: str) -> str:
    special = r"\.+^$()[]{}|"
    escaped = "".join("\\" + letter if letter in special else letter for letter in pattern)
    return "(?s)^" + escaped.replace("*", ".*").replace("?", ".") + "$"


def _dates(where: Where, texts: pa.Array, today: dt.date | None) -> tuple[Bools, Bools]:
    size = len(texts)
    bounds: list[tuple[str, Callable[[pa.Array, str], pa.Array]]] = []
    if where.since is not None:
        bounds.append((where.since.isoformat(), pc.greater_equal))
    if where.before is not None:
        bounds.append((where.before.isoformat(), pc.less))
    if where.within is not None or where.older_than is not None:
        if today is None:
            raise ValueError("a span of time was asked for, and nobody said which day it is")
        if where.within is not None:
            ends = sorted((where.within.reach(today), today))
            bounds += [(ends[0].isoformat(), pc.greater_equal), (ends[1].isoformat(), pc.less_equal)]
        if where.older_than is not None:
            bounds.append((where.older_than.reach(today).isoformat(), pc.less))
    if not bounds:
        return np.ones(size, bool), np.zeros(size, bool)
    if where.format is None:
        texts = pc.replace_substring_regex(texts, _TIME, r"\1")
    values, bad = days(texts, where.format or _DAYS, "")
    unclear = np.zeros(size, bool)
    unclear[bad] = True
    true = np.ones(size, bool)
    for day, compare in bounds:
        true &= np.asarray(pc.fill_null(compare(values, day), False))
    return true, unclear


def _numbers(where: Where, texts: pa.Array) -> tuple[Bools, Bools]:
    size = len(texts)
    bounds = [
        (bound, compare)
        for bound, compare in (
            (where.at_least, pc.greater_equal),
            (where.at_most, pc.less_equal),
            (where.above, pc.greater),
            (where.below, pc.less),
        )
        if bound is not None
    ]
    if not bounds:
        return np.ones(size, bool), np.zeros(size, bool)
    found = numbers(texts, Settings())
    unclear = np.zeros(size, bool)
    unclear[[wrong.at for wrong in found.wrong]] = True
    values = pc.cast(found.values, pa.float64())
    true = np.ones(size, bool)
    for bound, compare in bounds:
        true &= np.asarray(pc.fill_null(compare(values, bound), False))
    return true, unclear

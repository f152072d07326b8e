"""In which format a column's dates are written, as far as its values prove it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mappings.engine.formats import pattern_of
from mappings.engine.suggesting.column import Column, misfits
from mappings.engine.transforms import Settings

__all__ = ["Written", "how_written"]

_DAYS = (
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "DD-MM-YYYY", "MM-DD-YYYY",
    "DD/MM/YY", "MM/DD/YY", "DD.MM.YY", "DD MMM YYYY", "DD-MMM-YYYY", "MMM DD, YYYY", "DD MMMM YYYY", "MMMM DD, YYYY", "YYYYMMDD",
)  # fmt: skip
_TIMES = ("hh:mm", "hh:mm:ss", "hh:mm a", "hh:mm:ss a")
_ISO_OFFSET = re.compile(r"(?:Z|UTC|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Written:
    """How dates are written: `keys` of the rule, how many cells are not, and what is not proven."""

    keys: dict[str, str]
    wrong: int
    doubt: str = ""


def how_written(column: Column, wanted: str) -> Written:
    """The format that fits most cells; `wanted` is the destination's type, date or datetime.

    What the kind of export says stands, if it fits all of them: `03/04/2025` is no guess then.
    """
    if known := _as_known(column):
        return known
    best = Written({}, misfits(column, wanted, Settings()))
    if best.wrong == 0:
        return Written({}, 0, _without_format(column, wanted))
    first = list(column.counts)[:_LOOKED_AT]
    for format_, type_ in _formats(wanted, months_first=column.months_first):
        pattern = re.compile(pattern_of(format_))
        if any(pattern.fullmatch(text) for text in first):
            wrong = misfits(column, type_, Settings(formats=(format_,)))
            if wrong < best.wrong:
                best = Written({"type": type_, "format": format_}, wrong)
    return Written(best.keys, best.wrong, _doubt(column, best, wanted))


def _as_known(column: Column) -> Written | None:
    if not column.format:
        return None
    type_ = "datetime" if "hh" in column.format else "date"
    if misfits(column, type_, Settings(formats=(column.format,))):
        return None
    keys = {"type": type_, "format": column.format}
    return Written(keys, 0, _without_format(column, "datetime") if type_ == "datetime" else "")


def _formats(wanted: str, *, months_first: bool) -> list[tuple[str, str]]:
    order = sorted(_DAYS, key=lambda day: not day.startswith("MM")) if months_first else _DAYS
    days = [(day, "date") for day in order]
    if wanted == "date":
        return days
    return days + [
        (f"{day}{gap}{time}", "datetime") for day in order for gap in (" ", ", ") for time in _TIMES
    ]


def _without_format(column: Column, wanted: str) -> str:
    if not column.counts:
        return "the rows looked at hold no date that shows its format"
    timed = [text for text in column.counts if ":" in text]
    if wanted == "datetime" and any(not _ISO_OFFSET.search(text) for text in timed):
        return "times are taken as UTC; if they are not, add timezone: Europe/Berlin or the like"
    return ""


def _doubt(column: Column, best: Written, wanted: str) -> str:
    format_ = best.keys.get("format", "")
    if not format_:
        return _without_format(column, wanted)
    said = []
    twin = format_.replace("DD", "\0").replace("MM", "DD").replace("\0", "MM")
    swaps = "MMM" not in format_ and "." not in format_ and not format_.startswith("YYYY")
    either = swaps and _only(column, best.keys["type"], format_, twin)
    if swaps and misfits(column, best.keys["type"], Settings(formats=(twin,))) == best.wrong:
        other = (
            f"; other columns of the file are written {format_.split(' ')[0]}" if column.months_first else ""
        )
        said.append(f"the values do not show whether it is {format_} or {twin}{other}")
    elif either:
        said.append(f"{either:,} of the others can only be {twin}, so it is not sure how the rest is meant")
    if "YYYY" not in format_:
        said.append("years have two digits, and 69 to 99 are taken as 19…")
    if best.keys["type"] == "datetime":
        said.append(_without_format(column, wanted))
    return "; ".join(one for one in said if one)


def _only(column: Column, type_: str, format_: str, twin: str) -> int:
    """How many cells can be read with day and month the other way round alone."""
    neither = misfits(column, type_, Settings(formats=(format_, twin)))
    return misfits(column, type_, Settings(formats=(format_,))) - neither

"""datetime: a moment, with its time zone."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.formats import pattern_of, strptime_of
from mappings.engine.transforms import Converted, Settings, by_value

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)
_FRACTION = r"^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})[.,]\d{1,9}"
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """`YYYY-MM-DDThh:mm:ssZ`, in UTC. A text without an offset is in the mapping's `timezone`; a day alone stays that day.

    >>> berlin = Settings(timezone="Europe/Berlin")
    >>> convert(pa.array(["2024-05-17 13:45", "2024-05-17", "2024-05-17T13:45:00+02:00"]), berlin).values.to_pylist()
    ['2024-05-17T11:45:00Z', '2024-05-17T00:00:00Z', '2024-05-17T11:45:00Z']
    >>> [wrong.code for wrong in convert(pa.array(["2024-03-31 02:30", "soon"]), berlin).wrong]
    ['datetime_impossible', 'datetime_syntax']
    """
    zone = zoneinfo.ZoneInfo(settings.timezone)
    shown = " or ".join(settings.formats) or "YYYY-MM-DD hh:mm:ss"
    patterns = [strptime_of(text) for text in settings.formats]

    def canonical(text: str) -> str | tuple[str, dict[str, Any]]:
        found = _parsed(text, patterns) if patterns else _iso(text)
        if found is None:
            return "datetime_syntax", {"format": shown}
        moment, day_alone = found
        if day_alone:
            return f"{moment.date().isoformat()}T00:00:00Z"
        try:
            if moment.tzinfo is None:
                placed = moment.replace(tzinfo=zone)
                if placed.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != moment:
                    return "datetime_impossible", {"timezone": settings.timezone}
                if placed.utcoffset() != placed.replace(fold=1).utcoffset():
                    return "datetime_ambiguous", {"timezone": settings.timezone}
                moment = placed
            universal = moment.astimezone(dt.UTC).replace(tzinfo=None)
        except OverflowError:  # the last hours of the year 9999 are in the year 10000 elsewhere
            return "datetime_syntax", {"format": shown}
        return f"{universal.isoformat(timespec='seconds')}Z"

    return by_value(texts, canonical)


def days(texts: pa.Array, formats: tuple[str, ...], suffix: str) -> tuple[pa.Array, list[int]]:
    """Days as `YYYY-MM-DD` plus `suffix`, and the positions of what is none; each distinct text is read once."""
    distinct = texts.dictionary_encode()
    names = pc.replace_substring_regex(distinct.dictionary, _FRACTION, r"\1").to_pylist()
    known = _remembered(formats, suffix)
    new = [name for name in names if name not in known]
    if len(known) + len(new) > _MOST_REMEMBERED:
        known.clear()
        new = names
    known.update(_read_days(new, formats, suffix))
    values = pa.array([known[name] for name in names], pa.string()).take(distinct.indices)
    bad = pc.and_(pc.is_null(values), pc.not_equal(texts, ""))
    return values, pc.indices_nonzero(bad).to_pylist()


_MOST_REMEMBERED = 200_000


@functools.lru_cache(maxsize=64)
def _remembered(formats: tuple[str, ...], suffix: str) -> dict[str, str | None]:  # noqa: ARG001 - the cache's key
    """Days read before: birthdays repeat from frame to frame."""
    return {}


def _read_days(texts: list[str], formats: tuple[str, ...], suffix: str) -> dict[str, str | None]:
    names = pd.Series(texts, dtype=object)
    found: dict[str, str | None] = dict.fromkeys(texts)
    left = names[names != ""]
    for tokens in formats:
        fitting = left[left.str.fullmatch(pattern_of(tokens))] if len(left) else left
        if not len(fitting):
            continue
        pattern = strptime_of(tokens)
        if "%z" in pattern:  # the day is the one that is written, whatever the offsets are
            fitting, pattern = fitting.str.replace(_OFFSET, "", regex=True), pattern.replace("%z", "")
        read = pd.to_datetime(fitting, format=pattern, errors="coerce").dropna()
        days = read.dt.strftime("%Y-%m-%d" + suffix)
        found.update(zip(left[read.index], days, strict=True))
        left = left.drop(read.index)
    return found


def _iso(text: str) -> tuple[dt.datetime, bool] | None:
    found = _ISO.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, offset = found.groups()
    try:
        moment = dt.datetime(  # noqa: DTZ001 - the zone is given by the text or the mapping
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
        if offset:
            offset = "+00:00" if offset.upper() in ("Z", "UTC") else offset
            moment = moment.replace(tzinfo=dt.datetime.strptime(offset.replace(":", ""), "%z").tzinfo)
    except ValueError:
        return None
    return moment, hour is None


def _parsed(text: str, patterns: list[str]) -> tuple[dt.datetime, bool] | None:
    for pattern in patterns:
        try:
            moment = dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is given by the mapping
        except ValueError:
            continue
        return moment, not ("%H" in pattern or "%I" in pattern)
    return None

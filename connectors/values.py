"""Values as a destination writes them, compared with values as we send them."""

from __future__ import annotations

import datetime as dt
from typing import Any

__all__ = ["is_blank", "same"]


def is_blank(value: Any) -> bool:
    """Whether a value there is none.

    >>> is_blank(""), is_blank([]), is_blank(0), is_blank(False)
    (True, True, False, False)
    """
    return value is None or (isinstance(value, str | list) and not value)


def same(ours: Any, theirs: Any, type_: str = "text") -> bool:
    """Whether the destination's value means what we would send, however it writes it.

    >>> same(12.5, "12.50", "number"), same(True, "TRUE", "boolean"), same("Ann", "ann")
    (True, True, False)
    """
    if is_blank(theirs) or is_blank(ours):
        return is_blank(theirs) and is_blank(ours)
    if type_ in ("number", "integer"):
        try:
            return float(theirs) == float(ours)
        except (TypeError, ValueError):
            return False
    if type_ == "boolean":
        return str(theirs).lower() == str(ours).lower()
    if type_ in ("date", "datetime"):
        return _moment(str(theirs)) == _moment(str(ours))
    if type_ == "choices":
        return _parts(theirs) == _parts(ours)
    return str(theirs) == str(ours)


def _parts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else str(value).split(",")
    return sorted(str(part).strip() for part in listed)


def _moment(text: str) -> dt.datetime | str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

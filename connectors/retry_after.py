"""How long a destination asks to be left alone: the headers Retry-After and X-RateLimit-Reset (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["asked_to_wait"]

_LONGEST_WAIT = 300.0
_A_TIME = 1e9


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """How long to wait: Retry-After, and without it X-RateLimit-Reset, which is seconds or a time since 1970."""
    seconds = _seconds(headers.get("retry-after"))
    reset = headers.get("x-ratelimit-reset", "")
    if seconds is not None or not reset.isdecimal():
        return seconds
    moment = float(reset)
    return min(max(0.0, moment - time.time() if moment > _A_TIME else moment), _LONGEST_WAIT)


def _seconds(text: str | None) -> float | None:
    """Retry-After, which is seconds or a date, in seconds; None where it says nothing. Never more than five minutes."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), _LONGEST_WAIT)

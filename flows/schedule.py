"""When a sync runs by itself: a cron line or a span, in a time zone; and how that stands on a server."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["Schedule", "Scheduled", "as_prefect_yaml", "seconds_of"]

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)(?![a-z])\s*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of `cron` and `every`, in seconds.

    >>> str(Schedule(every=5400)), str(Schedule(cron="0 6 * * *", timezone="Europe/Berlin"))
    ('90m', '0 6 * * * Europe/Berlin')
    """

    cron: str = ""
    every: float | None = None
    timezone: str = "UTC"

    def __str__(self) -> str:
        if self.cron:
            return f"{self.cron} {self.timezone}"
        seconds = self.every or 0
        for unit in "dhm":
            if seconds and seconds % _SECONDS[unit] == 0:
                return f"{seconds / _SECONDS[unit]:g}{unit}"
        return f"{seconds:g}s"

    def written(self) -> dict[str, Any]:
        """As `prefect.yaml` has it."""
        when: dict[str, Any] = {"cron": self.cron} if self.cron else {"interval": self.every}
        return {**when, "timezone": self.timezone}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A deployment of a sync as the server has it. Moments are in UTC; `here` is the queue that it waits in."""

    name: str
    mapping: str
    source: str | None
    schedule: str
    pool: str
    here: str
    paused: bool
    next_run: dt.datetime | None
    last_run: dt.datetime | None
    last_state: str
    last_message: str


def seconds_of(text: str) -> float | None:
    """A span in seconds, None where it is none. A number alone is seconds.

    >>> seconds_of("15m"), seconds_of("5 minutes"), seconds_of("1h30m"), seconds_of("5 months"), seconds_of("90"), seconds_of("soon")
    (900.0, 300.0, 5400.0, None, 90.0, None)
    """
    text = text.strip().lower()
    if _NUMBER.fullmatch(text):
        return float(text)
    found = _SPAN.findall(text)
    if not found or _SPAN.sub("", text).strip():
        return None
    return sum(float(number) * _SECONDS[unit[0]] for number, unit in found)


def as_prefect_yaml(
    name: str, entrypoint: str, parameters: dict[str, Any], schedule: Schedule, pool: str, queue: str
) -> str:
    """The part of a `prefect.yaml` that makes the same deployment with `prefect deploy`. `queue` is '' for the pool's own."""
    deployment = {
        "name": name,
        "entrypoint": entrypoint,
        "parameters": parameters,
        "schedules": [schedule.written()],
        "work_pool": {"name": pool, **({"work_queue_name": queue} if queue else {})},
    }
    return yaml.safe_dump({"deployments": [deployment]}, sort_keys=False, allow_unicode=True, width=110)

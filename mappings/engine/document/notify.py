"""Who is told how a mapping stands, and of what."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from mappings.engine.document.words import Maybe, Part

__all__ = ["RECEIVER", "Notify", "State"]

State = Literal[
    "completed", "recovered", "needs_review", "stopped", "failed", "interrupted", "no_file", "fix_refused"
]
"""How a mapping stands: as its last run left it, that no file came, or that a file of fixes could not be used."""
_ON: tuple[State, ...] = (
    "recovered",
    "needs_review",
    "stopped",
    "failed",
    "interrupted",
    "no_file",
    "fix_refused",
)
RECEIVER = re.compile(r"[a-z][a-z0-9_]{0,40}")
"""The name of a receiver: a part of a setting's name."""
_AFTER = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(h|hour|d|day|w|week)s?", re.IGNORECASE)
_HOURS = {"h": 1, "hour": 1, "d": 24, "day": 24, "w": 168, "week": 168}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _names_only(names: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValueError, which never repeats what was written: an address may hold a key."""
    for name in names:
        if "/" in name or "@" in name or ":" in name:
            raise ValueError(
                "an address stands here, and addresses may hold secrets. Write a name such as ops, and set its address "
                "outside: MUSTER_NOTIFY_OPS in the environment or in .env, or MUSTER_NOTIFY_OPS_FILE."
            )
        if not RECEIVER.fullmatch(name) or name == "file" or name.endswith("_file"):
            raise ValueError(
                "a receiver's name has lower-case letters, digits and underscores, begins with a letter and does not end in file, such as ops."
            )
    return names


def _as_span(value: Any) -> Any:
    """A time after which somebody is told again.

    >>> _as_span("1 day"), _as_span("12 hours")
    (datetime.timedelta(days=1), datetime.timedelta(seconds=43200))
    """
    if not isinstance(value, str):
        return value
    found = _AFTER.fullmatch(value.strip())
    hours = float(found[1]) * _HOURS[found[2].lower()] if found else 0.0
    if hours <= 0:
        raise ValueError(f"'{value}' is no time; write one such as 12 hours, 1 day or 2 weeks.")
    return dt.timedelta(hours=hours)


Names = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    AfterValidator(_names_only),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{RECEIVER.pattern}$"},
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": f"^{RECEIVER.pattern}$"},
                    "minItems": 1,
                },
            ]
        }
    ),
]
States = Annotated[
    tuple[State, ...],
    Field(min_length=1),
    BeforeValidator(_as_list, json_schema_input_type=State | tuple[State, ...]),
]
Span = Annotated[
    dt.timedelta,
    BeforeValidator(_as_span),
    WithJsonSchema({"type": "string", "pattern": f"^{_AFTER.pattern}$"}),
]


class Notify(Part):
    """Who is told when the sync stands otherwise than before. Addresses are settings, never a part of a mapping."""

    to: Names = Field(
        description="names of receivers; where ops leads is the setting MUSTER_NOTIFY_OPS: a web address, or any that Apprise knows"
    )
    on: States = Field(
        _ON,
        description="what is told: needs_review, stopped, failed, interrupted, no_file, fix_refused, recovered; all of these by default. completed tells each run that went well",
    )
    remind: Maybe[Span] = Field(
        None,
        description="the same trouble is told again after so long, such as 1 day; otherwise once",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, str | list) else value

"""Which rows are meant: conditions on columns. Used for `where:` and for the `when:` of cases."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from mappings.engine.document.words import DateFormats, Maybe, Part, Pattern, Some

__all__ = ["Conditions", "Span", "Where", "columns_of", "counts_days"]

_SPAN = re.compile(r"(?:(next|last)\s+)?(\d{1,5})\s+(day|week|month|year)s?", re.IGNORECASE)
_LONGEST_DAYS = 36_525


class Span(Part):
    """A span of time before today, or after it."""

    count: int
    unit: Literal["day", "week", "month", "year"]
    ahead: bool = False

    def reach(self, today: dt.date) -> dt.date:
        """The day that is the span's other end.

        >>> Span(count=90, unit="day").reach(dt.date(2026, 11, 20)).isoformat()
        '2026-08-22'
        >>> Span(count=1, unit="month").reach(dt.date(2026, 3, 31)).isoformat()
        '2026-02-28'
        """
        count = self.count if self.ahead else -self.count
        if self.unit in ("day", "week"):
            return today + dt.timedelta(days=count * (7 if self.unit == "week" else 1))
        months = today.year * 12 + today.month - 1 + count * (12 if self.unit == "year" else 1)
        year, month = divmod(months, 12)
        return dt.date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def _as_span(value: Any) -> Any:
    if isinstance(value, Span):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    days = {"day": 1, "week": 7, "month": 31, "year": 366}
    if not found or int(found[2]) * days[found[3].lower()] > _LONGEST_DAYS:
        named = f"'{value}'" if isinstance(value, str) else "this"
        raise ValueError(f"{named} is no span of time; write one such as 90 days, 6 months or next 2 weeks.")
    return {
        "count": int(found[2]),
        "unit": found[3].lower(),
        "ahead": (found[1] or "").lower() == "next",
    }


def _as_where(value: Any) -> Any:
    return {"in": value} if isinstance(value, str | list) or value is None else value


def _plain_date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"'{value}' is no day; write it as YYYY-MM-DD.") from None
    return value


SpanText = Annotated[Span, BeforeValidator(_as_span, json_schema_input_type=str)]
Day = Annotated[dt.date, BeforeValidator(_plain_date, json_schema_input_type=str)]


class Where(Part):
    """What a column has to hold; all that is said has to hold. Texts are compared after trimming, without case."""

    in_: Maybe[Some] = Field(None, alias="in", description="any of these texts")
    not_: Maybe[Where] = Field(None, alias="not", description="the opposite of these texts, or of these keys")
    blank: Maybe[bool] = Field(None, description="yes: only blank cells; no: only filled ones")
    like: Maybe[Some] = Field(
        None, description='patterns such as "*@example.com": * is any text, ? any character'
    )
    match: Maybe[Pattern] = Field(None, description="a regular expression that is found in the text (RE2)")
    within: Maybe[SpanText] = Field(
        None, description="a date in this span up to today, such as 90 days; next 14 days looks ahead"
    )
    older_than: Maybe[SpanText] = Field(None, description="a date before this span, such as 2 years")
    since: Maybe[Day] = Field(None, description="this day or later, written as YYYY-MM-DD")
    before: Maybe[Day] = Field(None, description="earlier than this day, written as YYYY-MM-DD")
    at_least: Maybe[float] = Field(None, allow_inf_nan=False, description="a number from this one on")
    at_most: Maybe[float] = Field(None, allow_inf_nan=False, description="a number up to this one")
    above: Maybe[float] = Field(None, allow_inf_nan=False, description="a larger number")
    below: Maybe[float] = Field(None, allow_inf_nan=False, description="a smaller number")
    format: Maybe[DateFormats] = Field(None, description="how its dates are written, such as DD/MM/YYYY")
    any_: Maybe[tuple[dict[str, Where], ...]] = Field(
        None,
        alias="any",
        description="only where a column could stand: groups of conditions, one of which has to hold",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return _as_where(value)

    @field_validator("any_", mode="before")
    @classmethod
    def _groups(cls, value: Any) -> Any:
        return [with_groups(group) for group in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _something(self) -> Where:
        said = self.said()
        if not said:
            raise ValueError("say what the column has to hold, such as [lead, customer] or {blank: no}.")
        if self.format is not None and not said & {"within", "older_than", "since", "before"}:
            raise ValueError("format: is for dates; say within:, older_than:, since: or before:, too.")
        if self.older_than is not None and self.older_than.ahead:
            raise ValueError("older_than: looks back; write a span such as 2 years.")
        return self

    def said(self) -> set[str]:
        """The keys that are used, but for `format`."""
        return {
            field.alias or name
            for name, field in type(self).model_fields.items()
            if name != "format" and getattr(self, name) is not None
        }


def with_groups(value: Any) -> Any:
    """Conditions as they are written, with the group that stands under `any` widened."""
    if not isinstance(value, dict) or not isinstance(value.get("any"), list):
        return value
    if not any(isinstance(entry, dict) for entry in value["any"]):
        return value  # a column of this name
    return {**value, "any": {"any": value["any"]}}


def _alone(conditions: Mapping[str, Where]) -> Mapping[str, Where]:
    for name, where in conditions.items():
        if where.any_ is not None and (name != "any" or where.said() != {"any"}):
            raise ValueError(
                "any: holds groups of conditions and stands beside the columns, such as where: {any: [{A: x}, {B: y}]}."
            )
        for group in where.any_ or ():
            if not group:
                raise ValueError("a group under any: is empty; name a column in it.")
            _alone(group)
        if where.not_ is not None and where.not_.any_ is not None:
            raise ValueError("any: cannot stand under not:.")
    return conditions


Conditions = Annotated[
    dict[str, Where],
    BeforeValidator(with_groups, json_schema_input_type=dict[str, Where]),
    AfterValidator(_alone),
]
"""Column: what it has to hold. All of them have to; under `any`, one of several groups."""


def columns_of(conditions: Mapping[str, Where]) -> Iterator[str]:
    """The columns that conditions look at.

    >>> rows = {"Stage": Where(in_=("lead",)), "any": Where(any_=({"A": Where(blank=False)}, {"B": Where(blank=True)}))}
    >>> list(columns_of(rows))
    ['Stage', 'A', 'B']
    """
    for name, where in conditions.items():
        if where.any_ is None:
            yield name
        for group in where.any_ or ():
            yield from columns_of(group)


def counts_days(conditions: Mapping[str, Where]) -> bool:
    """Whether what they hold for is another day by day, because of spans up to today.

    >>> counts_days({"any": Where(any_=({"Seen": Where.model_validate({"not": {"within": "90 days"}})},))})
    True
    >>> counts_days({"Seen": Where.model_validate({"since": "2026-01-01"})})
    False
    """
    for where in conditions.values():
        if where.within is not None or where.older_than is not None:
            return True
        if where.not_ is not None and counts_days({"": where.not_}):
            return True
        if any(counts_days(group) for group in where.any_ or ()):
            return True
    return False

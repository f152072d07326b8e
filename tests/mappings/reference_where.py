"""The conditions of the reference, one cell at a time: true, false, or none where a cell cannot be compared."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingOf
from decimal import Decimal
from typing import Any

from mappings.engine.cleaning import clean_text
from mappings.engine.document import Where, columns_of
from tests.mappings.reference_types import Wrong, moment, number

Answer = bool | None


def conjunction(answers: Iterable[Answer]) -> Answer:
    """Whether all hold; one that fails decides, also where another cannot be told."""
    found = list(answers)
    return False if False in found else None if None in found else True


def all_hold(
    cell: Callable[[str], str], today: dt.date, conditions: MappingOf[str, Where]
) -> tuple[Answer, list[str]]:
    """Whether all conditions hold, and the columns for which that cannot be told, in the order of the mapping."""
    answers: list[Answer] = []
    unclear: set[str] = set()
    for name, where in conditions.items():
        if where.any_ is None:
            answers.append(holds(where, cell(name), today))
            unclear |= {name} if answers[-1] is None else set()
            continue
        groups = [all_hold(cell, today, group) for group in where.any_]
        some = [answer for answer, _ in groups]
        answers.append(True if True in some else None if None in some else False)
        if answers[-1] is None:
            unclear |= {column for _, columns in groups for column in columns}
    if conjunction(answers) is not None:
        return conjunction(answers), []
    return None, [column for column in dict.fromkeys(columns_of(conditions)) if column in unclear]


def holds(where: Where, text: str, today: dt.date) -> Answer:
    """Whether a cell holds what it has to."""
    answers: list[Answer] = []
    if where.in_ is not None:
        answers.append(text.casefold() in [clean_text(one).casefold() for one in where.in_])
    if where.not_ is not None:
        inner = holds(where.not_, text, today)
        answers.append(None if inner is None else not inner)
    if where.blank is not None:
        answers.append(where.blank == (text == ""))
    if where.like is not None:
        answers.append(any(like(text, clean_text(pattern)) for pattern in where.like))
    if where.match is not None:
        answers.append(re.search(where.match, text, re.ASCII) is not None)
    answers += [compared(text, test, where.format) for test in date_tests(where, today)]
    for bound, test in (
        (where.at_least, Decimal.__ge__),
        (where.at_most, Decimal.__le__),
        (where.above, Decimal.__gt__),
        (where.below, Decimal.__lt__),
    ):
        if bound is not None:
            try:
                answers.append(bool(text) and test(Decimal(number(text, ".", "")), Decimal(bound)))
            except Wrong:
                answers.append(None)
    return conjunction(answers)


def like(text: str, pattern: str) -> bool:
    """* is any text, ? any character; without case, where ß is as good as ss."""
    return any(
        re.fullmatch(
            "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in folded(pattern)),
            folded(text),
        )
        for folded in (str.casefold, str.lower)
    )


def date_tests(where: Where, today: dt.date) -> list[Callable[[dt.date], bool]]:
    since, before, within, older = where.since, where.before, where.within, where.older_than
    tests: list[Callable[[dt.date], bool]] = []
    if since is not None:
        tests.append(lambda day: day >= since)
    if before is not None:
        tests.append(lambda day: day < before)
    if within is not None:
        end = moved(today, within)
        tests.append(lambda day: min(today, end) <= day <= max(today, end))
    if older is not None:
        tests.append(lambda day: day < moved(today, older))
    return tests


def moved(today: dt.date, span: Any) -> dt.date:
    """The other end of a span: the same day of another month, or that month's last."""
    count = span.count if span.ahead else -span.count
    if span.unit in ("day", "week"):
        return today + count * dt.timedelta(weeks=span.unit == "week", days=span.unit == "day")
    months = today.year * 12 + today.month - 1 + count * (12 if span.unit == "year" else 1)
    for day in range(today.day, 0, -1):
        try:
            return dt.date(months // 12, months % 12 + 1, day)
        except ValueError:
            continue
    raise AssertionError


def compared(text: str, test: Callable[[dt.date], bool], formats: Iterable[str] | None) -> Answer:
    if not text:
        return False
    try:
        return test(moment(text, formats or ())[0].date())
    except Wrong:
        return None

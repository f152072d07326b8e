"""The types of the reference, one text at a time; only those that its test draws."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from email_validator import EmailNotValidError, validate_email

from mappings.engine.cleaning import clean_text
from mappings.engine.document import Rule
from mappings.engine.schema import Field


class Wrong(Exception):  # noqa: N818 - a code of a problem
    """A value that is not right."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def email(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        raise Wrong("email_syntax") from None


def integer(text: str) -> str:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.0+)?", text):
        raise Wrong("integer_syntax")
    return str(int(text.split(".", maxsplit=1)[0]))


def number(text: str, decimal: str, marks: str) -> str:
    """A number; its thousands may be marked by one of `marks`, all by the same."""
    sign, whole = ("-", text[1:]) if text[:1] == "-" else ("", text.removeprefix("+"))
    whole, _, power = whole.lower().partition("e") if "e" in whole.lower() else (whole, "", "0")
    whole, point, rest = whole.partition(decimal)
    if not re.fullmatch("[+-]?[0-9]{1,2}", power) or not re.fullmatch("[0-9]*", rest) or len(text) > 40:
        raise Wrong("number_syntax")
    used = set(whole) - set("0123456789")
    groups = whole.split(used.pop()) if len(used) == 1 and used <= set(marks) else [whole]
    sizes = [len(group) for group in groups[1:]]
    in_threes = len(groups[0]) in (1, 2, 3) and all(size == 3 for size in sizes)
    in_lakhs = len(groups[0]) in (1, 2) and sizes[-1:] == [3] and all(size == 2 for size in sizes[:-1])
    digits = "".join(groups)
    if not re.fullmatch("[0-9]*", digits) or (len(groups) > 1 and not in_threes and not in_lakhs):
        raise Wrong("number_syntax")
    if not digits and not (point and rest):
        raise Wrong("number_syntax")
    found = Decimal(f"{sign}{digits or 0}.{rest or 0}e{power}")
    shown = format(found, "f")
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) if found else "0"


AMOUNT = re.compile(
    r"(?P<open>\()?(?P<before>-)?\s*[$€]?\s*(?P<inner>-)?(?P<amount>[^-$€()].*?)?(?:[.,]-)?\s*[$€]?(?P<behind>-)?(?P<close>\))?"
)


def money(text: str, rule: Rule) -> str:
    """An amount: a currency before or behind it, a minus or parentheses, .- for no cents."""
    decimal, found = rule.decimal or ".", AMOUNT.fullmatch(text)
    if not found or not found["amount"] or bool(found["open"]) != bool(found["close"]):
        raise Wrong("number_syntax")
    signs = [found[sign] for sign in ("open", "before", "inner", "behind") if found[sign]]
    nobody_said = not rule.decimal and not rule.thousands
    if len(signs) > 1 or (nobody_said and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", found["amount"])):
        raise Wrong("number_syntax")  # 1.234 is a thousand, or has three decimals
    value = number(found["amount"], decimal, rule.thousands or ("," if decimal == "." else ".") + " '")
    return f"-{value}" if signs and value != "0" else value


def boolean(text: str, truthy: Iterable[str], falsy: Iterable[str]) -> str:
    for texts, said in ((truthy, "true"), (falsy, "false")):
        if text.casefold() in [clean_text(name).casefold() for name in texts]:
            return said
    raise Wrong("boolean_unknown")


def choice(text: str, known: Field | None) -> str:
    options = known.options if known else ()
    found = [option for option in options if option.casefold() == text.casefold()]
    if options and not found:
        raise Wrong("choice_unknown")
    return found[0] if found else text


def choices(texts: Iterable[str], known: Field | None) -> str:
    found = {choice(text, known): None for text in texts}
    options = known.options if known else ()
    return "\x1f".join(sorted(found, key=options.index) if options else found)


MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
SHAPES = {"YYYY": r"(?P<Y>\d{4})", "YY": r"(?P<y>\d\d)", "MMM": r"(?P<b>[A-Za-z]{3})", "MM": r"(?P<m>\d\d?)",
          "M": r"(?P<m>\d\d?)", "DD": r"(?P<d>\d\d?)", "D": r"(?P<d>\d\d?)", "hh": r"(?P<H>\d\d?)", "mm": r"(?P<M>\d\d?)"}  # fmt: skip
ISO = re.compile(
    r"(?P<Y>\d{4})[-/](?P<m>\d\d)[-/](?P<d>\d\d)"
    r"([T ](?P<H>\d\d):(?P<M>\d\d)(:(?P<S>\d\d)(\.\d+)?)? ?(?P<z>Z|[+-]\d\d:?\d\d)?)?"
)


def moment(text: str, formats: Iterable[str]) -> tuple[dt.datetime, bool]:
    """A day or a moment as it is written, and whether it has a time; ISO where no formats are named."""
    shapes = [re.compile(re.sub("|".join(SHAPES), lambda t: SHAPES[t[0]], re.escape(f))) for f in formats]
    for shape in shapes or [ISO]:
        found = shape.fullmatch(text)
        if not found:
            continue
        part = {name: given for name, given in found.groupdict().items() if given is not None}
        if "b" in part and part["b"].lower() not in MONTHS:
            continue
        year = int(part.get("Y") or (2000 if int(part["y"]) < 69 else 1900) + int(part["y"]))
        month = MONTHS.index(part["b"].lower()) + 1 if "b" in part else int(part["m"])
        try:
            day = dt.datetime(year, month, int(part["d"]), *(int(part.get(name, 0)) for name in "HMS"))  # noqa: DTZ001
        except ValueError:
            continue
        offset = part.get("z", "").replace(":", "")
        if offset:
            minutes = 0 if offset == "Z" else int(offset[1:3]) * 60 + int(offset[3:])
            day = day.replace(
                tzinfo=dt.timezone(dt.timedelta(minutes=-minutes if offset[0] == "-" else minutes))
            )
        return day, "H" in part
    raise Wrong("date_syntax")


def date(text: str, rule: Rule, known: Field | None) -> str:
    day, _ = moment(text, rule.format or ())
    # where no format is named, a date may have a time, but no offset: the day could be another
    if not rule.format and not re.fullmatch(
        r"\d{4}([-/])\d\d\1\d\d|\d{4}-\d\d-\d\d( \d\d:\d\d|[T ][\d:]{8})", text
    ):
        raise Wrong("date_syntax")
    return f"{day:%Y-%m-%d}" + ("T00:00:00Z" if known and known.form == "rfc3339" else "")


def universal(text: str, formats: Iterable[str], timezone: str) -> dt.datetime:
    """The moment in UTC; a day alone is its midnight there, wherever it was written."""
    try:
        found, timed = moment(text, formats)
    except Wrong:
        raise Wrong("datetime_syntax") from None
    if "/" in text and not formats:
        raise Wrong("datetime_syntax")
    if not timed:
        return found.replace(tzinfo=dt.UTC)
    if found.tzinfo is None:
        possible = {
            found.replace(tzinfo=zoneinfo.ZoneInfo(timezone), fold=fold).astimezone(dt.UTC) for fold in (0, 1)
        }
        zone = zoneinfo.ZoneInfo(timezone)
        real = [one for one in possible if one.astimezone(zone).replace(tzinfo=None) == found]
        if len(real) != 1:
            raise Wrong("datetime_ambiguous" if real else "datetime_impossible")
        found = real[0]
    return found.astimezone(dt.UTC)


def datetime(text: str, rule: Rule) -> str:
    return f"{universal(text, rule.format or (), rule.timezone or 'UTC'):%Y-%m-%dT%H:%M:%SZ}"


TYPES: dict[str, Callable[[Any, Rule, Field | None], str]] = {
    "text": lambda text, *_: text,
    "email": lambda text, *_: email(text),
    "integer": lambda text, *_: integer(text),
    "number": lambda text, rule, _: number(text, rule.decimal or ".", rule.thousands or ""),
    "money": lambda text, rule, _: money(text, rule),
    "boolean": lambda text, rule, _: boolean(text, rule.truthy, rule.falsy),
    "choice": lambda text, _, known: choice(text, known),
    "choices": lambda text, _, known: choices(text, known),
    "date": date,
    "datetime": lambda text, rule, _: datetime(text, rule),
}

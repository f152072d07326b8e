"""Wear: what spreadsheet programs make of a cell that nobody meant to change.

They take texts for numbers, dates and truth values, and save them as they show them. A cell that differs from the original
in such a way only is taken as it was. Where a person may as well have meant the change, it is theirs.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from itertools import product

from mappings.engine.cleaning import clean_text

__all__ = ["CELL_LIMIT", "is_one_day", "remade", "shortened", "styled", "worn"]

CELL_LIMIT = 32_767
"""So many units a cell of a workbook holds."""
_DIGITS = 15
"""So many digits of a number are kept."""
_NUMBER = re.compile(r"([+-]?)(\d+)(?:([.,])(\d+))?(?:[eE]([+-]?\d{1,3}))?")
_ERROR = re.compile(r"#(?:REF!|VALUE!|NAME\?|DIV/0!|N/A|NUM!|NULL!|SPILL!|CALC!|ERROR!|#+)|Err:\d{3}")
_ISO = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]([\d:.]+)Z?)?")
_NUMERIC = re.compile(r"(\d{1,2})([./-]) ?(\d{1,2})\2 ?(\d{4}|\d{2})(?:,? ([\d:.]+(?: ?[AaPp][Mm])?))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])[Mm])?")
_PAIR = re.compile(r"(\d{1,2})[-/.](\d{1,2})\.?")
_WORDS = re.compile(r"[^\W\d_]+")
_MONTHS = (
    ("jan", "januar", "january", "janvier", "enero", "gennaio"),
    ("feb", "februar", "february", "févr", "février", "febrero", "febbraio"),
    ("mar", "mrz", "mär", "märz", "march", "mars", "marzo"),
    ("apr", "april", "avr", "avril", "abril", "aprile"),
    ("may", "mai", "mayo", "maggio"),
    ("jun", "juni", "june", "juin", "junio", "giugno"),
    ("jul", "juli", "july", "juil", "juillet", "julio", "luglio"),
    ("aug", "august", "août", "agosto"),
    ("sep", "sept", "september", "septembre", "septiembre", "settembre"),
    ("oct", "okt", "october", "oktober", "octobre", "octubre", "ottobre"),
    ("nov", "november", "novembre", "noviembre"),
    ("dec", "dez", "december", "dezember", "déc", "décembre", "diciembre", "dicembre"),
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names}
_TRUTH = {
    "true": {"true", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar", "prawda", "sant"},
    "false": {"false", "falsch", "faux", "falso", "onwaar", "fałsz", "falskt"},
}
_NOT_IN_WINDOWS = b"\x81\x8d\x8f\x90\x9d"
Clock = tuple[int, int, int]


def worn(before: str, after: str, *, typed: bool = False, legacy: bool = False) -> bool:
    """Whether `after` is what a spreadsheet program makes of `before`.

    `typed` cells are numbers, dates and truth values of a workbook, written as texts by us; with `legacy` the file was
    saved as Windows-1252, which lacks most letters.

    >>> [worn("00123", "123"), worn("4915112345678", "4.91511E+12"), worn("2025-03-04", "04.03.2025"), worn("true", "WAHR")]
    [True, True, True, True]
    >>> [worn("123", "124"), worn("1.234", "1234"), worn("03/04/2025", "04/03/2025"), worn("03/04/2025", "2025-04-03")]
    [False, False, False, False]
    """
    return clean_text(before) == clean_text(after) or remade(before, after, typed=typed, legacy=legacy)


@functools.lru_cache(1 << 16)
def remade(before: str, after: str, *, typed: bool = False, legacy: bool = False) -> bool:
    """Likewise of texts that differ in more than white space and what cannot be seen: whole columns are quicker asked that themselves."""
    if shortened(before, CELL_LIMIT) == after:
        return True
    if not before or not after:
        return False
    if "'" + before == after or before == "'" + after or _ERROR.fullmatch(after):
        return True
    old, new = before.strip().removeprefix("'"), after.strip()
    return (
        _same_number(old, new, typed=typed)
        or _same_day(old, new, typed=typed)
        or new.casefold() in _TRUTH.get(old.casefold(), ())
        or (legacy and _same_but_for_letters(before, after))
        or after == _misread(before)
    )


def is_one_day(text: str) -> bool:
    """Whether a text is a day that could be written better, and in one reading only.

    >>> is_one_day("31/12/1985"), is_one_day("03/04/1985"), is_one_day("1985-12-31"), is_one_day("unknown")
    (True, False, False, False)
    """
    text = text.strip()
    return _ISO.fullmatch(text) is None and len({day for day, _ in _readings(text)}) == 1


def shortened(text: str, limit: int) -> str:
    """At most `limit` of the units a workbook counts in, of which a character outside the BMP takes two."""
    if len(text) * 2 <= limit:
        return text
    return text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", errors="ignore")


# ---- numbers


def _same_number(old: str, new: str, *, typed: bool) -> bool:
    first, second = _NUMBER.fullmatch(old), _NUMBER.fullmatch(new)
    if first is None or second is None:
        return False
    separators = {first[3], second[3]} - {None}
    if len(separators) > 1 and not typed:  # no program exchanges them: a person may have
        return False
    a, b = _value(first), _value(second)
    if a == b:
        return True
    shown = len((second[2] + (second[4] or "")).lstrip("0"))
    if second[5] is not None:
        return b in _rounded(a, shown)
    long = len((first[2] + (first[4] or "")).strip("0")) > _DIGITS
    return long and (b in _rounded(a, _DIGITS) or float(a) == float(b))


def _value(found: re.Match[str]) -> Decimal:
    sign, whole, _, rest, power = found.groups()
    return Decimal(f"{sign}{whole}.{rest or 0}E{power or 0}")


def _rounded(value: Decimal, digits: int) -> set[Decimal]:
    """The number with so many digits, as programs round it and as they cut it off."""
    if not value or not digits:
        return {value}
    unit = Decimal(1).scaleb(value.adjusted() - digits + 1)
    context_digits = max(0, value.adjusted() - unit.adjusted()) + 1
    if context_digits > 28:  # more than the decimal module keeps by itself
        return set()
    return {value.quantize(unit, rounding=how) for how in (ROUND_HALF_UP, ROUND_DOWN)}


# ---- days


def _same_day(old: str, new: str, *, typed: bool) -> bool:
    if (a := _clock(old)) is not None and a == _clock(new):
        return True
    iso = _ISO.fullmatch(old)
    if iso is not None:
        return any(
            day == _day(iso[1], iso[3], iso[4]) and _fits(iso[5], clock) for day, clock in _readings(new)
        )
    numbers = _NUMERIC.fullmatch(old)
    if numbers is not None:
        if typed:
            return bool({day for day, _ in _readings(old)} & {day for day, _ in _readings(new)})
        again = _NUMERIC.fullmatch(new)
        return (
            again is not None
            and (int(again[1]), again[2], int(again[3])) == (int(numbers[1]), numbers[2], int(numbers[3]))
            and int(again[4]) % 100 == int(numbers[4]) % 100
            and _fits(numbers[5], again[5])
        )
    pair = _PAIR.fullmatch(old)  # 10-12, which is shown as 12. Okt
    return pair is not None and any(
        {int(pair[1]), int(pair[2])} == {day.day, day.month} for day, _ in _readings(new, yearless=True)
    )


def _readings(text: str, *, yearless: bool = False) -> Iterator[tuple[dt.date, str | None]]:
    """The days that a text may be, each with its time of day as it stands there."""
    if found := _ISO.fullmatch(text):
        days = [(found[1], found[3], found[4])]
        clock = found[5]
    elif found := _NUMERIC.fullmatch(text):
        years = [found[4]] if len(found[4]) > 2 else ["19" + found[4], "20" + found[4]]
        days = [(year, *pair) for year, pair in product(years, ((found[1], found[3]), (found[3], found[1])))]
        clock = found[5]
    else:
        days, clock = list(_named(text, yearless=yearless)), None
    for year, month, day in days:
        if (known := _day(year, month, day)) is not None:
            yield known, clock


def _named(text: str, *, yearless: bool) -> Iterator[tuple[str, str, str]]:
    """The days of a text with the name of a month in it, such as 4-Mar-25 or Tuesday, March 4, 2025."""
    months = [_MONTH[word.casefold()] for word in _WORDS.findall(text) if word.casefold() in _MONTH]
    numbers = re.findall(r"\d+", text)
    if len(months) != 1 or len(text) > 40:
        return
    if yearless and len(numbers) == 1:
        yield "2000", str(months[0]), numbers[0]
    elif len(numbers) == 2:
        for day, year in (numbers, numbers[::-1]):
            for whole in [year] if len(year) == 4 else ["19" + year, "20" + year] if len(year) == 2 else []:
                yield whole, str(months[0]), day


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _fits(before: str | None, after: str | None) -> bool:
    """Whether a time of day is the same, or is not shown any more."""
    if after is None:
        return True
    return _clock(after) == (_clock(before) if before is not None else (0, 0, 0))


def _clock(text: str) -> Clock | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour = int(found[1])
    if found[4]:
        hour = hour % 12 + (12 if found[4] in "Pp" else 0)
    return hour, int(found[2]), int(found[3] or 0)


# ---- letters


def _same_but_for_letters(before: str, after: str) -> bool:
    """Whether only letters that Windows-1252 lacks are others: a question mark, or the letter without its accent."""
    if len(before) != len(after):
        return False
    for old, new in zip(before, after, strict=True):
        if old != new and (_in_windows(old) or (new != "?" and not new.isascii())):
            return False
    return True


def _misread(text: str) -> str:
    """UTF-8 as a program shows it that takes it for Windows-1252: MÃ¼ller."""
    if text.isascii():
        return ""
    return "".join(
        bytes([byte]).decode("cp1252" if byte not in _NOT_IN_WINDOWS else "latin-1") for byte in text.encode()
    )


def _in_windows(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


# ---- what was typed


def styled(text: str, others: Iterable[str]) -> str:
    """A number or a day that a person typed into a workbook, written as the other cells of its column are.

    >>> styled("1990-12-31", ["05/07/1980", "25/07/1980"]), styled("1990-12-31", ["05/07/1980"]), styled("1.5", ["2,25", ""])
    ('31/12/1990', '1990-12-31', '1,5')
    """
    cells = [cell.strip() for cell in others if cell.strip()]
    if re.fullmatch(r"-?\d+\.\d+", text):
        kinds = {found[3] for found in map(_NUMBER.fullmatch, cells) if found is not None and found[3]}
        return text.replace(".", ",") if kinds == {","} else text
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text)
    if found is None:
        return text
    order, separator = _order(cells)
    year, month, day = found.groups()
    ordered = {"dmy": (day, month, year), "mdy": (month, day, year)}.get(order)
    return text if ordered is None else separator.join(ordered)


def _order(cells: Sequence[str]) -> tuple[str, str]:
    """In which order a column's days are written, and with what between; '' where that is not certain."""
    found = [match for match in map(_NUMERIC.fullmatch, cells) if match is not None]
    if not found or any(_ISO.fullmatch(cell) for cell in cells):
        return "", ""
    separators = {match[2] for match in found}
    first, second = any(int(m[1]) > 12 for m in found), any(int(m[3]) > 12 for m in found)
    if len(separators) > 1 or first == second:
        return "", ""
    return ("dmy" if first else "mdy"), separators.pop()

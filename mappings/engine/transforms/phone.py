"""phone: E.164, by Google's rules."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Converted, Settings, Wrong, blank_as_null, by_value

# Ten digits behind +1 are the same number however they are grouped; most files hold many of them.
_GROUPED = r"^\+1[ .-]?\(?([2-9][0-9]{2})\)?[ .-]?([2-9][0-9]{2})[ .-]?([0-9]{4})$"


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """`+` and digits. A number without country code belongs to the mapping's `region`.

    >>> found = convert(pa.array(["+44 (0)20 7946 0958", "030 123456", "call me", ""]), Settings(region="DE"))
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['+442079460958', '+4930123456', None, None], [2])
    """
    grouped = pc.match_substring_regex(texts, _GROUPED)
    values = blank_as_null(texts)
    if pc.any(grouped).as_py():
        digits = _digits(texts.filter(grouped))
        values = pc.replace_with_mask(values, grouped, digits)
    rest = pc.and_not(pc.invert(grouped), pc.equal(texts, ""))
    if not pc.any(rest).as_py():
        return Converted(values)
    positions = pc.indices_nonzero(rest).to_pylist()
    checked = by_value(texts.filter(rest), functools.partial(_checked, region=settings.region))
    values = pc.replace_with_mask(values, rest, checked.values)
    return Converted(values, [Wrong(positions[bad.at], bad.code, bad.detail) for bad in checked.wrong])


_NO_COUNTRY = "it has no country code, and the mapping names no region:."
_SIZE = "it is too long or too short for its country."
# By the error types of phonenumbers: country code, no number, too short behind a prefix, too short, too long.
_WHY = ("its country code does not exist.", "it is not written as one number.", _SIZE, _SIZE, _SIZE)
# An extension may follow. Other letters are words, which Google's rules would dial: "ask for Ann" has 6 digits.
_EXTENSION = r"(?:[;,]?\s*(?:ext(?:ension|n)?|x|durchwahl|app?)[.:=]?\s*\d{1,7})?"
_NUMBER = re.compile(rf"(?:tel:)?[^A-Za-z]*{_EXTENSION}", re.IGNORECASE)
_SPREADSHEET = re.compile(r"\+?\d+\.0")


_DIAL = np.zeros(256, bool)
_DIAL[[ord(sign) for sign in "+0123456789"]] = True


def _digits(texts: pa.Array) -> pa.Array:
    """The texts with nothing but `+` and digits: as bytes of the whole column, a regex takes ten times as long."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    kept = _DIAL[data]
    counts = np.zeros(len(data) + 1, np.int32)
    np.cumsum(kept, out=counts[1:])
    ends = counts[offsets - offsets[0]]
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(data[kept]))


@functools.lru_cache(maxsize=200_000)
def _checked(text: str, region: str | None) -> str | tuple[str, dict[str, Any]]:
    import phonenumbers  # noqa: PLC0415 - slow to import, and only where phones are mapped

    if not any(map(str.isdigit, text)):
        return "phone_syntax", {"detail": "no number is in it."}
    if len(text) > 100:
        return "phone_syntax", {"detail": _SIZE}
    if _SPREADSHEET.fullmatch(text):
        return "phone_syntax", {"detail": "a spreadsheet made a decimal number of it."}
    if not _NUMBER.fullmatch(text):
        return "phone_syntax", {"detail": "it holds words."}
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        nowhere = error.error_type == 0 and region is None and text[:1] not in "+＋"
        return "phone_syntax", {"detail": _NO_COUNTRY if nowhere else _WHY[error.error_type]}
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        return "phone_syntax", {"detail": "its area code is missing."}
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        return "phone_syntax", {"detail": _SIZE}
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

"""The fields of a Corporate Merch contact and the rules that the update page gives for them.

Source: that page for the order, what is required, the values allowed and the formats; the public code that creates
contacts for the names, except those that are marked as guessed. The texts of refusals are inferred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from connectors.sandbox.corporate_merch_call import INFERRED
from connectors.sandbox.corporate_merch_places import PROVINCES, STATES, TERRITORIES
from connectors.sandbox.corporate_merch_workspace import MANY, Workspace

__all__ = ["CHOICES", "FIELDS", "GUESSED", "Field", "blank", "names", "problems", "shown_as"]

CHOICES = {
    "gender": ("male", "female"),
    "shirt_size": ("XS", "SM", "MD", "LG", "XL", "2XL", "3XL"),
    "type": ("employee", "client"),
}
EMAIL = re.compile(r"[^@\s.]+(\.[^@\s.]+)*@[^@\s.]+(\.[^@\s.]+)+")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _string(value: Any) -> str:
    return "" if isinstance(value, str) else "string"


def _email(value: Any) -> str:
    return _string(value) or ("" if EMAIL.fullmatch(value) else "email")


def _date(value: Any) -> str:
    if not isinstance(value, str) or not DATE.fullmatch(value):
        return "date"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "date"
    return ""


def _boolean(value: Any) -> str:
    return (
        "" if isinstance(value, bool) else "boolean"
    )  # "Accepts true or false"; that 1 and "true" are none is inferred


def _country(value: Any) -> str:
    return _string(value) or ("" if _is_country(value) else "chosen")


def _one_of(name: str) -> Callable[[Any], str]:
    return lambda value: _string(value) or ("" if value in CHOICES[name] else "chosen")


@lru_cache(maxsize=1024)
def _is_country(code: str) -> bool:
    import pycountry  # noqa: PLC0415 - reads its tables when it is first asked

    return bool(re.fullmatch("[A-Z]{2}", code)) and pycountry.countries.get(alpha_2=code) is not None


@dataclass(frozen=True, slots=True)
class Field:
    """A field: `check` gives the name of the text of its refusal. `other` stands beside a name that is guessed.

    `listed`: the create page has it among its parameters.
    """

    name: str
    check: Callable[[Any], str] = _string
    required: bool = False
    listed: bool = True
    other: str = ""


FIELDS = (
    Field("first_name", required=True),
    Field("last_name", required=True),
    Field("email", _email, required=True),
    Field("phone_number"),
    Field("gender", _one_of("gender")),
    Field("shirt_size", _one_of("shirt_size")),
    Field("birthday", _date),
    Field("country", _country, required=True),
    Field("address"),
    Field("address2"),
    Field("city", required=True),
    Field("state", required=True),
    Field("zip_code", required=True),
    Field("company_name"),
    Field("department"),
    Field("position"),
    Field("employment_status", listed=False, other="current_employment_status"),  # both names inferred
    Field("type", _one_of("type"), required=True),
    Field("employment_type"),
    Field("start_date", _date),
    Field("wedding_anniversary", _date),
    Field("client_since", _date, listed=False, other="client_since_date"),  # both names inferred
    Field("classification", listed=False, other="contact_classification"),  # both names inferred
    Field("address_validated", _boolean),
    Field(
        "address_forced", _boolean, other="address_force_accepted"
    ),  # create's name, and the other one inferred
    Field("address_verified", _boolean),
)
"""In the order of the update page; `lists` and `labels` follow."""
GUESSED = tuple(one.name for one in FIELDS if one.other)


def blank(value: Any) -> bool:
    """Null and empty text are no value, also for a required field; what they do to another one is a switch."""
    return value is None or (isinstance(value, str) and not value.strip())


def names(switches: Mapping[str, str], *, creating: bool) -> dict[str, str]:
    """The names that a body may have, each with the name of this module; two may mean the same field."""
    listed_only = creating and switches["create_takes"] == "listed"
    known: dict[str, str] = {}
    for field in FIELDS:
        if listed_only and not field.listed:
            continue
        if field.name == "address2" and creating:
            known |= dict.fromkeys(_second_line(switches), "address2")
            continue
        if switches.get(field.name):
            known[switches[field.name]] = field.name
            continue
        if not field.other or switches["guessed_names"] != "other":
            known[field.name] = field.name
        if field.other and switches["guessed_names"] != "table":
            known[field.other] = field.name
    return known if listed_only else known | {many: many for many in MANY}


def shown_as(field: Field, switches: Mapping[str, str]) -> str:
    """What an answer calls a field."""
    if switches.get(field.name):
        return switches[field.name]
    return field.other if field.other and switches["guessed_names"] == "other" else field.name


def _second_line(switches: Mapping[str, str]) -> tuple[str, ...]:
    """What create calls the second line: the code says `unit`, the update page says `address2`."""
    return ("unit", "address2") if switches["second_line"] == "both" else (switches["second_line"],)


class _Complaints:
    """Texts by the name that a field was sent under."""

    def __init__(self, sent_as: Mapping[str, str]) -> None:
        self.sent_as = sent_as
        self.texts: dict[str, list[str]] = {}

    def add(self, name: str, text: str, place: str = "", **more: str) -> None:
        shown = self.sent_as.get(name, name) + place
        said = INFERRED[text].format(name=shown.replace("_", " "), **more)
        self.texts.setdefault(shown, []).append(said)


def problems(
    values: Mapping[str, Any],
    sent_as: Mapping[str, str],
    workspace: Workspace,
    switches: Mapping[str, str],
    *,
    creating: bool,
) -> dict[str, list[str]]:
    """All that is wrong with what was sent, by the name it was sent under."""
    found = _Complaints(sent_as)
    refuses_blank = switches["blank_value"] == "refuse"
    for field in FIELDS:
        value = values.get(field.name)
        if blank(value):
            if field.required:
                found.add(field.name, "required")
            elif field.name in values and refuses_blank:
                found.add(field.name, "string")
        elif text := field.check(value):
            found.add(field.name, text)
    _check_address(values, found, street_needed=creating and switches["create_address"] == "street")
    if text := _state(values.get("country"), values.get("state"), switches):
        found.add("state", text)
    for many in MANY:
        if many in values and (refuses_blank or not blank(values[many])):
            _check_many(many, values[many], workspace, found)
    return found.texts


def _check_address(values: Mapping[str, Any], found: _Complaints, *, street_needed: bool) -> None:
    street, second = (not blank(values.get(name)) for name in ("address", "address2"))
    if street_needed and not street:
        found.add("address", "required")
    elif not street and not second:
        found.add("address", "without", other=found.sent_as.get("address2", "address2"))
        found.add("address2", "without", other="address")


def _check_many(many: str, given: Any, workspace: Workspace, found: _Complaints) -> None:
    if not isinstance(given, list):
        found.add(many, "array")
        return
    for place, number in enumerate(given):
        if type(number) is not int:
            found.add(many, "integer", f".{place}")
        elif number not in workspace.names(many):
            found.add(many, "chosen", f".{place}")


def _state(country: Any, state: Any, switches: Mapping[str, str]) -> str:
    """US and CA have codes, of which lower case is none (inferred); elsewhere any text will do."""
    if not isinstance(state, str) or blank(state):
        return ""
    if country == "US":
        known = STATES | (TERRITORIES if switches["us_territories"] == "accept" else frozenset())
        return "" if state in known else "chosen"
    return "chosen" if country == "CA" and state not in PROVINCES else ""

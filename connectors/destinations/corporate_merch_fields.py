"""The fields of a Corporate Merch contact, as its update page lists them: every account has these and no others.

No endpoint tells them. Whoever names another one is refused before anything is sent, because what the API does with
names that it does not know is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.engine.schema import Field, Schema

__all__ = ["BLOCK", "FLAGS", "STREET", "TYPES", "empties", "schema"]

STREET = ("address", "address2")
BLOCK = (*STREET, "city", "state", "zip_code", "country")
"""The lines of the address: one changes, and all of the row are sent."""
FLAGS = ("address_validated", "address_forced", "address_verified")
"""What was found out about an address, and does not hold of another one."""
_GENDERS = {
    "m": "male", "man": "male", "männlich": "male", "mann": "male",
    "f": "female", "w": "female", "woman": "female", "weiblich": "female", "frau": "female",
}  # fmt: skip
_SIZES = {
    "xs": ("x-small", "xsmall", "x small", "extra small", "extra-small"),
    "sm": ("s", "small"),
    "md": ("m", "med", "medium"),
    "lg": ("l", "large"),
    "xl": ("x-large", "xlarge", "x large", "extra large", "extra-large", "1xl"),
    "2xl": ("xxl", "2x", "xx-large", "xxlarge", "2x-large"),
    "3xl": ("xxxl", "3x", "xxx-large", "xxxlarge", "3x-large"),
}
_TYPES = {"employees": "employee", "staff": "employee", "clients": "client", "customer": "client"}
_FIELDS = (
    Field("first_name", "First name", "text", required=True),
    Field("last_name", "Last name", "text", required=True),
    Field("email", "Email", "email", required=True),
    Field("phone_number", "Phone number", "text"),
    Field("gender", "Gender", "choice", options=("male", "female"), spellings=_GENDERS, others="left_out"),
    Field(
        "shirt_size",
        "Shirt size",
        "choice",
        options=tuple(size.upper() for size in _SIZES),
        spellings={text: size.upper() for size, texts in _SIZES.items() for text in texts},
    ),
    Field("birthday", "Date of birth", "date"),
    Field("country", "Country", "country", required=True),
    Field("address", "Address", "text"),
    Field("address2", "Address line 2", "text"),
    Field("city", "City", "text", required=True),
    Field("state", "State", "text", required=True),
    Field("zip_code", "Zip code", "text", required=True),
    Field("company_name", "Company name", "text"),
    Field("department", "Department", "text"),
    Field("position", "Position", "text"),
    Field("employment_status", "Employment status", "text"),
    Field("type", "Type", "choice", required=True, options=("employee", "client"), spellings=_TYPES),
    Field("employment_type", "Employment type", "text"),
    Field("start_date", "Start date", "date"),
    Field("wedding_anniversary", "Wedding or work anniversary", "date"),
    Field("client_since", "Client since", "date"),
    Field("classification", "Classification", "text"),
    Field("address_validated", "Address validated", "boolean"),
    Field("address_forced", "Address forced", "boolean"),
    Field("address_verified", "Address verified", "boolean"),
)
TYPES = {field.name: field.type for field in _FIELDS}
_REFUSES = frozenset({"create_tags", "create_lists"})
"""Labels and lists are made in the app only."""


def empties(answers: Mapping[str, str]) -> str:
    """How a value is emptied: `null` is sent, it is `left_out`, or '' where that is not known, which no page says."""
    if answers.get("blank_value") == "clear":
        return "null"
    return "left_out" if answers.get("omitted") == "clear" else ""


def schema(answers: Mapping[str, str] | None = None) -> Schema:
    """All fields; labels (muster's tags) and lists are known by their ids only.

    `answers` is what is known beyond the documentation: whether a value can be emptied, and lists be left.
    """
    known = answers or {}
    refuses = _REFUSES if empties(known) else _REFUSES | {"blank_clear"}
    if known.get("lists") == "add":
        refuses |= {"tags_off", "lists_off"}
    return Schema(
        fields=_FIELDS, live=True, fixed=True, refuses=refuses, numbered=frozenset({"tags", "lists"})
    )

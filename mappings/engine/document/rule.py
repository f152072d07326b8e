"""How one merge tag gets its value."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mappings.engine.document.where import Conditions, columns_of
from mappings.engine.document.words import FALSY, TRUTHY, DateFormats, Maybe, Part, Pattern, Some, Text, Texts

__all__ = ["Case", "Origin", "Rule", "TypeName", "pieces_of"]

TypeName = Literal[
    "text",
    "email",
    "integer",
    "number",
    "money",
    "boolean",
    "date",
    "datetime",
    "country",
    "phone",
    "url",
    "choice",
    "choices",
]
_COLUMN = re.compile(r"\{([^{}]+)\}")


def pieces_of(template: str) -> list[tuple[str, str]]:
    """A template as texts, each with the column that follows it ('' after the last).

    >>> pieces_of("Dear {First Name}!")
    [('Dear ', 'First Name'), ('!', '')]
    """
    parts = _COLUMN.split(template)
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))


class Origin(Part):
    """Where a value comes from: exactly one of a column, a constant and a template."""

    from_: Maybe[Some] = Field(
        None, alias="from", description="a column, or several: the first that is not blank"
    )
    value: Maybe[Text] = Field(None, description="a constant, the same for every contact")
    template: str | None = Field(
        None,
        description='columns in a text, such as "{First Name} {Last Name}"; blank columns leave no gap, '
        "and where all of them are blank, so is the text",
    )

    @field_validator("template")
    @classmethod
    def _closed_braces(cls, template: str | None) -> str | None:
        if template is not None and re.search(r"[{}]", _COLUMN.sub("", template)):
            raise ValueError("each column stands between one { and one }, such as {First Name}.")
        return template

    def origins(self) -> list[str]:
        """The keys that say where the value comes from."""
        named = (("from", self.from_), ("value", self.value), ("template", self.template))
        return [name for name, there in named if there is not None]

    def columns(self) -> tuple[str, ...]:
        """The source columns it reads, in order."""
        if self.template is not None:
            return tuple(name for _, name in pieces_of(self.template) if name)
        return self.from_ or ()


class Case(Origin):
    """One case of several: the value that a contact gets where the conditions hold."""

    when: Conditions = Field(
        default_factory=dict, description="column: what it has to hold; without it, all other rows"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Case:
        if len(self.origins()) != 1:
            raise ValueError(
                "give each case exactly one of value: (a constant), from: (a column) or template:."
            )
        return self


class Rule(Origin):
    """How one merge tag gets its value."""

    cases: Maybe[tuple[Case, ...]] = Field(
        None, min_length=1, description="several values, each with the rows it is for; the first that fits"
    )
    take: Literal["first", "first_valid"] = Field(
        "first",
        description="of several columns the first that is not blank, or the first that is right for the type",
    )
    absent: Literal["refuse", "blank"] = Field(
        "refuse",
        description="blank: columns under from: that the file does not have count as blank, if it has one of them at least",
    )
    match: Maybe[Pattern] = Field(
        None,
        description="a regular expression (RE2): what it finds is the value, or what stands between its parentheses",
    )
    split: str | None = Field(
        None, min_length=1, description='what stands between several values in one cell, such as ";" or "\\n"'
    )
    part: Maybe[Literal["first", "last"]] = Field(
        None,
        description="of a full name the first or the last names; with split:, the first or the last value",
    )
    join: str | None = Field(
        None,
        description="puts several columns, or the values that split: found, together with this between them",
    )
    type: Maybe[TypeName] = Field(
        None, description="what the text is; the destination's own type if not said"
    )
    format: Maybe[DateFormats] = Field(
        None, description="how dates are written, such as DD/MM/YYYY; several are tried in turn"
    )
    timezone: str | None = Field(
        None, description="of times without an offset, such as Europe/Berlin; UTC if not said"
    )
    region: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="the country of phone numbers without a country code, such as DE",
    )
    decimal: Maybe[Literal[".", ","]] = Field(
        None, description="what stands before the decimals of a number; a point if not said"
    )
    thousands: Maybe[Literal[".", ",", " ", "'"]] = Field(
        None, description="what stands between the thousands of a number; type: money knows the usual ones"
    )
    truthy: Texts = Field(TRUTHY, description="the texts that mean yes")
    falsy: Texts = Field(FALSY, description="the texts that mean no")
    values: Maybe[dict[str, Text | None]] = Field(
        None, description="a table: source value to destination value"
    )
    otherwise: Maybe[Literal["as_is", "reject", "blank"]] = Field(
        None,
        description="what becomes of a value that is not in the table or not matched: reject (the row is invalid) if not "
        "said; where no case fits, blank",
    )
    default: Maybe[Text] = Field(None, description="used where the value is blank")
    required: bool = Field(False, description="a blank makes the row invalid")
    max_length: int | None = Field(
        None, ge=1, description="in characters, where the destination's limit is lower than it says"
    )
    blank: Maybe[Literal["keep", "clear", "clear_ours"]] = Field(
        None,
        description="what a blank does to the value at the destination; clear_ours: only to one that we delivered",
    )
    write: Maybe[Literal["always", "if_empty", "once"]] = Field(
        None,
        description="always: sent with every change, also when this field did not change; if_empty: only where the "
        "destination has nothing; once: never again after its first delivery",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Rule:
        given = self.origins() + (["cases"] if self.cases is not None else [])
        if len(given) != 1:
            raise ValueError(
                "give it exactly one of from: (a column), value: (a constant), template: or cases:"
                + (f"; here are {' and '.join(given)}." if given else ".")
            )
        several = len(self.from_ or ()) > 1
        if self.take == "first_valid" and not several:
            raise ValueError("take: first_valid needs several columns, such as from: [Email, Work email].")
        if self.absent == "blank" and not several:
            raise ValueError("absent: blank needs several columns, such as from: [Email, E-Mail].")
        if self.join is not None and not several and self.split is None:
            raise ValueError("join: needs several columns under from:, or split:.")
        if self.join is not None and self.take == "first_valid":
            raise ValueError(
                "join: puts all columns together, and take: first_valid takes one; keep one of them."
            )
        if self.join is not None and self.part is not None:
            raise ValueError("part: takes one value, and join: puts several together; keep one of them.")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError(
                f"thousands: and decimal: are both '{self.thousands}', so that 1{self.thousands}234 could be two numbers; "
                + ("say another decimal:." if self.decimal else "say decimal:, too.")
            )
        if self.otherwise is not None and self.values is None and self.match is None and self.cases is None:
            raise ValueError(
                "otherwise: says what becomes of a value that is not in values: or not matched; add one."
            )
        if self.otherwise == "as_is" and self.cases is not None and self.values is None:
            raise ValueError(
                "where no case fits there is no value to keep as it is; use otherwise: blank or reject."
            )
        return self

    @field_validator("cases")
    @classmethod
    def _reachable(cls, cases: tuple[Case, ...] | None) -> tuple[Case, ...] | None:
        for number, case in enumerate(cases or (), start=1):
            if not case.when and number < len(cases or ()):
                raise ValueError(f"the case number {number} has no when: and fits every row; put it last.")
        return cases

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None:
            from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - rarely needed

            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(
                    f"'{name}' is no time zone; write one such as Europe/Berlin or UTC."
                ) from None
        return name

    @field_validator("region")
    @classmethod
    def _known_region(cls, name: str | None) -> str | None:
        if name is not None:
            from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - only where phones are mapped

            if name not in SUPPORTED_REGIONS:
                meant = " The United Kingdom is GB." if name == "UK" else ""
                raise ValueError(f"'{name}' is no country with phone numbers; write one such as DE.{meant}")
        return name

    @field_validator("values")
    @classmethod
    def _one_line_each(cls, values: dict[str, str | None] | None) -> dict[str, str | None] | None:
        seen: dict[str, str] = {}
        for name in values or {}:
            folded = " ".join(name.split()).casefold()
            if folded in seen:
                raise ValueError(
                    f"'{seen[folded]}' and '{name}' are the same value: case and spaces do not count. Keep one of them."
                )
            seen[folded] = name
        return values

    def columns(self) -> tuple[str, ...]:
        """The source columns it reads, in order, each once."""
        if self.cases is None:
            return super().columns()
        names = [name for case in self.cases for name in (*columns_of(case.when), *case.columns())]
        return tuple(dict.fromkeys(names))

"""The model of a mapping's YAML document. Its JSON Schema is shipped as `mapping.schema.json`.

Short forms are widened before they are checked: a column's name alone is `{from: name}`, a single value is a
list of one. Everything arrives as text (see `reading`), and numbers are read from it here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from mappings.engine.formats import unclear

__all__ = [
    "Consent",
    "Destination",
    "Example",
    "Mapping",
    "OptedOut",
    "Rule",
    "SourceSettings",
    "Tags",
    "TypeName",
    "Where",
    "keys_of",
]

TypeName = Literal[
    "text",
    "email",
    "integer",
    "number",
    "boolean",
    "date",
    "datetime",
    "country",
    "phone",
    "url",
    "choice",
    "choices",
]
FALSY = ("false", "no", "0", "n", "f", "off")
TRUTHY = ("true", "yes", "1", "y", "t", "on")

_TEXT = {"type": ["string", "number", "boolean"]}
_TEXTS_SCHEMA = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_from(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


def _as_where(value: Any) -> Any:
    return {"in": value} if isinstance(value, str | list) or value is None else value


class _LeftOut:
    """Where nothing is said, the key is left out: editors do not offer null, though the reader takes it."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options = [option for option in handler(schema)["anyOf"] if option != {"type": "null"}]
        return options[0] if len(options) == 1 else {"anyOf": options}


_T = TypeVar("_T")
Maybe = Annotated[_T | None, _LeftOut()]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list), WithJsonSchema(_TEXTS_SCHEMA)]
Some = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}),
]
Text = Annotated[str, WithJsonSchema(_TEXT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SourceSettings(_Part):
    """What is read. Everything but `kind` is found out when it is not said here."""

    kind: str = Field(description="csv_file, or a known export such as hubspot_export")
    path: str | None = Field(
        None, description="a file or a pattern such as exports/*.csv, seen from the mapping's folder"
    )
    take: Literal["only", "newest"] = Field("only", description="which of several files the pattern finds")
    encoding: str | None = Field(None, description="such as utf-8 or windows-1252")
    delimiter: str | None = Field(None, description='such as "," or ";" or "\\t"')
    quote: str | None = Field(None, description="the character around cells")
    header_line: int | None = Field(None, ge=1, description="the physical line the column names are in")

    def reading(self) -> dict[str, Any]:
        """The settings that fix how the file is read."""
        given = {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "header_line": self.header_line,
        }
        return {name: value for name, value in given.items() if value is not None}


class Destination(_Part):
    """Where contacts go."""

    kind: str = Field(description="campaignlark")
    account: str = Field(
        "main", pattern=r"^[a-z][a-z0-9_]*$", description="which account of this kind, main by default"
    )
    rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="calls per second, lower than the destination allows"
    )


_COLUMN = re.compile(r"\{([^{}]+)\}")


class Rule(_Part):
    """How one merge tag gets its value."""

    from_: Maybe[Some] = Field(
        None, alias="from", description="a column, or several: the first that is not blank"
    )
    value: Maybe[Text] = Field(None, description="a constant, the same for every contact")
    template: str | None = Field(None, description='columns in a text, such as "{First Name} {Last Name}"')
    type: Maybe[TypeName] = Field(
        None, description="what the text is; the destination's own type if not said"
    )
    format: Maybe[Texts] = Field(
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
    truthy: Texts = Field(TRUTHY, description="the texts that mean yes")
    falsy: Texts = Field(FALSY, description="the texts that mean no")
    split: str | None = Field(
        None, min_length=1, description="what stands between several choices in one cell"
    )
    values: Maybe[dict[str, Text | None]] = Field(
        None, description="a table: source value to destination value"
    )
    otherwise: Literal["as_is", "reject", "blank"] = Field(
        "reject", description="what becomes of a value that is not in the table"
    )
    default: Maybe[Text] = Field(None, description="used where the cell is blank")
    required: bool = Field(False, description="a blank makes the row invalid")
    max_length: int | None = Field(
        None, ge=1, description="in characters, where the destination's limit is lower than it says"
    )
    blank: Maybe[Literal["keep", "clear"]] = Field(
        None, description="what a blank does to the value at the destination"
    )
    write: Maybe[Literal["always"]] = Field(
        None, description="always: sent with every change, also when this field did not change"
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return _as_from(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Rule:
        given = [
            name
            for name, there in (("from", self.from_), ("value", self.value), ("template", self.template))
            if there is not None
        ]
        if len(given) != 1:
            raise ValueError(
                "give it exactly one of from: (a column), value: (a constant) or template:"
                + (f"; here are {' and '.join(given)}." if given else ".")
            )
        return self

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

    @field_validator("format")
    @classmethod
    def _clear_formats(cls, formats: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for tokens in formats or ():
            wrong = unclear(tokens)
            if wrong:
                raise ValueError(
                    f"'{tokens}' is no format of a date: {wrong}. Write it like DD/MM/YYYY hh:mm:ss."
                )
        return formats

    @field_validator("template")
    @classmethod
    def _closed_braces(cls, template: str | None) -> str | None:
        if template is not None and re.search(r"[{}]", _COLUMN.sub("", template)):
            raise ValueError("each column stands between one { and one }, such as {First Name}.")
        return template

    def pieces(self) -> list[tuple[str, str]]:
        """The template as texts, each with the column that follows it ('' after the last)."""
        parts = _COLUMN.split(self.template or "")
        return list(zip(parts[::2], [*parts[1::2], ""], strict=True))

    def columns(self) -> tuple[str, ...]:
        """The source columns it reads, in order."""
        if self.template is not None:
            return tuple(name for _, name in self.pieces() if name)
        return self.from_ or ()


_RULE_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


class Tags(_Part):
    """The contact's tags, by name. They are added, never removed."""

    from_: Texts = Field((), alias="from", description="a column, or several")
    split: str = Field(";", min_length=1, description="what stands between several tags in one cell")
    always: Texts = Field((), description="tags that every contact gets")
    unknown: Literal["reject"] = Field(
        "reject", description="what becomes of a row with a tag that does not exist there"
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return _as_from(value)


class OptedOut(_Part):
    """Which cells say that the person does not want mail."""

    from_: Some = Field(alias="from", description="a column, or several: any of them opts out")
    when: Texts = Field(TRUTHY, description="the texts that mean opted out")
    unless: Texts = Field(
        FALSY,
        description="the texts that mean not opted out; a blank does, too. Any other text counts as opted out",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return _as_from(value)


class Consent(_Part):
    """What is known of whether people want mail. A mapping to a destination that mails has to say it."""

    opted_out: Maybe[OptedOut] = Field(None, description="the columns with the opt-outs")
    newcomers: Literal["SUBSCRIBED", "UNCONFIRMED", "UNSUBSCRIBED"] = Field(
        "SUBSCRIBED",
        description="the status of new contacts; UNCONFIRMED sends each of them a confirmation mail",
    )
    assumed: str | None = Field(None, min_length=8, description="why everybody in this source may be mailed")

    @model_validator(mode="after")
    def _something(self) -> Consent:
        if self.opted_out is None and self.assumed is None:
            raise ValueError(
                'say opted_out: (the columns with the opt-outs), or assumed: "why" everybody may be mailed.'
            )
        return self


class Where(_Part):
    """Which values of a column keep the row; compared after trimming, without case."""

    in_: Some = Field(alias="in", description="any of these")

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return _as_where(value)


class Example(_Part):
    """A row and what becomes of it. Only the keys named are checked; absent columns are blank."""

    row: dict[str, Text | None] = Field(description="column: cell")
    contact: Maybe[dict[str, Any]] = Field(None, description="merge tag: value, as it is sent")
    tags: Maybe[Texts] = Field(None, description="the tags the contact gets")
    opted_out: Maybe[bool] = Field(None, description="whether the person opted out")
    invalid: Maybe[Texts] = Field(None, description="the codes of the problems that make it invalid")
    warning: Maybe[Texts] = Field(None, description="the codes of its warnings")
    filtered: Maybe[bool] = Field(None, description="whether where: leaves it out")


class Mapping(_Part):
    """One sync: what is read, where it goes, and what becomes of each column."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="stable: what was delivered is filed under it; lower-case letters, digits and hyphens",
    )
    title: str = Field("", description="for people")
    description: str = Field("", description="for people")
    source: SourceSettings
    destination: Destination
    write: Literal["merge", "create_only", "update_only", "replace"] = Field(
        "merge", description="merge changes only the fields sent; replace empties all others"
    )
    gone: Literal["protect", "recreate"] = Field(
        "protect",
        description="what becomes of a contact that we delivered and somebody deleted at the destination",
    )
    key: str = Field(description="the merge tag by which the destination knows a contact")
    person: str | None = Field(None, description="the column by which the source knows a person")
    fields: dict[str, Rule] = Field(min_length=1, description="merge tag: where its value comes from")
    tags: Maybe[Tags] = Field(None, description="a column, or from:, split:, always:")
    consent: Maybe[Consent] = Field(None, description="whether people want mail")
    where: dict[str, Where] = Field(
        default_factory=dict, description="column: the values that keep a row; all must hold"
    )
    blank: Literal["keep", "clear"] = Field(
        "keep", description="what a blank does to the value at the destination"
    )
    duplicates: Literal["last", "first", "reject"] = Field(
        "last", description="which of several rows with one key is sent"
    )
    ignore: Texts = Field((), description="columns that are left out on purpose; patterns such as hs_* work")
    examples: tuple[Example, ...] = Field(
        (), description="rows and what becomes of them; muster check runs them"
    )

    _file: str = PrivateAttr("mapping.yml")
    _text: str = PrivateAttr("")
    _sha256: str = PrivateAttr("")
    _lines: dict[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _key_is_a_field(cls, fields: dict[str, Rule], info: ValidationInfo) -> dict[str, Rule]:
        key = info.data.get("key")
        if key is not None and key not in fields:
            raise ValueError(f"the key {key} is not among them; say here which column it comes from.")
        return fields

    def _bind(self, file: str, text: str, sha256: str, lines: dict[tuple[str | int, ...], int]) -> None:
        self._file, self._text, self._sha256, self._lines = file, text, sha256, lines

    @property
    def file(self) -> str:
        return self._file

    @property
    def text(self) -> str:
        return self._text

    @property
    def sha256(self) -> str:
        return self._sha256

    def line_of(self, *place: str | int) -> int:
        """The physical line of a key, or of the nearest key above it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def blank_rule(self, tag: str) -> str:
        return self.fields[tag].blank or self.blank

    def columns(self) -> dict[str, list[tuple[str | int, ...]]]:
        """Each source column that is read, with the places in the document that read it."""
        used: dict[str, list[tuple[str | int, ...]]] = {}

        def note(names: Sequence[str], *place: str | int) -> None:
            for name in names:
                used.setdefault(name, []).append(place)

        for tag, rule in self.fields.items():
            note(rule.columns(), "fields", tag)
        if self.tags:
            note(self.tags.from_, "tags")
        if self.consent and self.consent.opted_out:
            note(self.consent.opted_out.from_, "consent", "opted_out")
        note(tuple(self.where), "where")
        if self.person:
            note((self.person,), "person")
        return used


_SHAPES: dict[str, type[_Part]] = {
    "source": SourceSettings,
    "destination": Destination,
    "tags": Tags,
    "consent": Consent,
}


def keys_of(place: tuple[str | int, ...]) -> list[str]:
    """The keys known at a place of the document; empty where names are the user's own."""
    shape: type[_Part] | None
    if not place:
        shape = Mapping
    elif place[0] in ("fields", "where", "examples"):
        shapes: dict[str, type[_Part]] = {"fields": Rule, "where": Where, "examples": Example}
        inner = shapes[str(place[0])]
        shape = inner if len(place) == 2 else None
    elif place[:2] == ("consent", "opted_out"):
        shape = OptedOut
    else:
        shape = _SHAPES.get(str(place[0]))
    return [] if shape is None else [field.alias or name for name, field in shape.model_fields.items()]

"""What a key of a mapping may hold: texts, one or several, and nothing where nothing is said.

Everything arrives as text (see `reading`). Short forms are widened before they are checked: a single value is a
list of one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from mappings.engine.formats import unclear

__all__ = ["FALSY", "TRUTHY", "DateFormats", "Maybe", "Part", "Pattern", "Some", "Text", "Texts"]

FALSY = ("false", "no", "0", "n", "f", "off")
TRUTHY = ("true", "yes", "1", "y", "t", "on")

_TEXT = {"type": ["string", "number", "boolean"]}
_TEXTS_SCHEMA = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}


class Part(BaseModel):
    """A part of a mapping: unknown keys are refused, nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _LeftOut:
    """Where nothing is said, the key is left out: editors do not offer null, though the reader takes it."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        options = [option for option in handler(schema)["anyOf"] if option != {"type": "null"}]
        return options[0] if len(options) == 1 else {"anyOf": options}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _clear_formats(formats: tuple[str, ...]) -> tuple[str, ...]:
    for tokens in formats:
        wrong = unclear(tokens)
        if wrong:
            raise ValueError(
                f"'{tokens}' is no format of a date: {wrong}. Write it like DD/MM/YYYY hh:mm:ss."
            )
    return formats


def _readable_pattern(pattern: str) -> str:
    import pyarrow as pa  # noqa: PLC0415 - only where patterns are written
    import pyarrow.compute as pc  # noqa: PLC0415 - as above

    try:
        for used in (pattern, f"^(?s:.*?)({pattern})(?s:.*)$"):  # as where: and as match: use it
            pc.match_substring_regex(pa.array([""]), used)
    except pa.ArrowInvalid as error:
        said = str(error).removeprefix("Invalid regular expression: ")
        raise ValueError(f"'{pattern}' is no pattern: {said}.") from None
    return pattern


_T = TypeVar("_T")
Maybe = Annotated[_T | None, _LeftOut()]
Text = Annotated[str, WithJsonSchema(_TEXT)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list), WithJsonSchema(_TEXTS_SCHEMA)]
Some = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}),
]
DateFormats = Annotated[
    tuple[str, ...], BeforeValidator(_as_list), AfterValidator(_clear_formats), WithJsonSchema(_TEXTS_SCHEMA)
]
"""How dates are written, such as DD/MM/YYYY."""
Pattern = Annotated[str, AfterValidator(_readable_pattern)]
"""A regular expression as RE2 reads it, which needs no longer for a hostile text than for any other."""

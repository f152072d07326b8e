"""How far a sync may go before it stops and asks for a person."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from mappings.engine.document.words import Maybe, Part

__all__ = ["Guards", "Limit", "Share", "TypedLimit"]

_SHARE = r"^\d+(\.\d+)? ?%$"


def _share(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    share = float(text.rstrip("% ")) / 100 if re.fullmatch(_SHARE, text) else None
    if share is None and re.fullmatch(r"\d+(\.\d+)?|\.\d+", text):
        share = float(text)
    if share is None or share > 1:
        raise ValueError("a share is expected here, such as 5% or 0.05, and 100% at most.")
    return share


Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": _SHARE}]}
    ),
]
"""A part of all, between 0 and 1; written as 5% or 0.05."""


class Limit(Part):
    """When a guard stops the sync: above the share, from the floor on. What is not said stays as it is by default."""

    share: Maybe[Share] = Field(None, description="it may be up to this part of them, such as 5% or 0.05")
    floor: Maybe[int] = Field(None, ge=0, description="and whatever the share, fewer than this many")

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        if isinstance(value, str):
            # pydantic makes a complaint of a ValueError only
            raise ValueError("write a limit such as {share: 5%, floor: 50}.")  # noqa: TRY004
        return value

    @model_validator(mode="after")
    def _something(self) -> Limit:
        if not self.model_fields_set:
            raise ValueError("say a share, a floor, or both, such as {share: 5%, floor: 50}.")
        return self


class TypedLimit(Limit):
    """As other limits; or `typed`: whatever the number, the sync goes on only when a person has typed it."""

    typed: bool = Field(False, description="yes, or typed alone: however few, their number has to be typed")

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        if value == "typed":
            return {"typed": True}
        if isinstance(value, str):
            raise ValueError("write typed, or a limit such as {share: 5%, floor: 50}.")  # noqa: TRY004 - as above
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> TypedLimit:
        if self.typed and len(self.model_fields_set) > 1:
            raise ValueError(
                "typed stands alone: there is no share and no floor under which nobody is asked."
            )
        return self


class Guards(Part):
    """The limits of this mapping, where they differ from the defaults."""

    shrunk: Maybe[Limit] = Field(
        None, description="rows that the last complete run had and this file has not; 20% from 50"
    )
    invalid: Maybe[Limit] = Field(None, description="invalid rows; 20% from 50")
    changes: Maybe[Limit] = Field(None, description="contacts written, after the first run; 50% from 200")
    opt_outs: Maybe[TypedLimit] = Field(
        None, description="people unsubscribed who may be mailed now; 2% from 20. Or typed"
    )
    vanished: Maybe[TypedLimit] = Field(
        None,
        description="people no longer in a complete source with whom something would be done; 5% of all delivered from 20. Or typed",
    )
    resubscribes: Maybe[Limit] = Field(
        None, description="people subscribed again who had opted out; 2% from 20"
    )
    failures: Maybe[Limit] = Field(
        None,
        description="contacts refused or failed, of those answered so far: the rest is not sent; 20% from 50",
    )

"""A row and what becomes of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mappings.engine.document.where import Day
from mappings.engine.document.words import Maybe, Part, Text, Texts

__all__ = ["Example"]


class Example(Part):
    """A row and what becomes of it. Only the keys named are checked; absent columns are blank."""

    row: dict[str, Text | None] = Field(description="column: cell")
    contact: Maybe[dict[str, Any]] = Field(None, description="merge tag: value, as it is sent")
    tags: Maybe[Texts] = Field(None, description="the tags the contact gets")
    lists: Maybe[Texts] = Field(None, description="the lists the contact joins")
    opted_out: Maybe[bool] = Field(None, description="whether the person opted out")
    invalid: Maybe[Texts] = Field(None, description="the codes of the problems that make it invalid")
    warning: Maybe[Texts] = Field(None, description="the codes of its warnings")
    filtered: Maybe[bool] = Field(None, description="whether where: leaves it out")
    on: Maybe[Day] = Field(
        None, description="the day on which the row is looked at, for spans such as 90 days"
    )

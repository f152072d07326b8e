"""What a sync may start at the destination, and what is watched there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mappings.engine.document.words import Maybe, Part, Texts

__all__ = ["Automations"]

Started = Literal["confirmation_mails", "contact_added"]
Allowed = Annotated[
    tuple[Started, ...],
    BeforeValidator(
        lambda value: [value] if isinstance(value, str) else value,
        json_schema_input_type=Started | tuple[Started, ...],
    ),
]
"""One, or several."""


class Automations(Part):
    """What contacts set off at the destination when a sync writes them."""

    allow: Allowed = Field(
        (),
        description="what may be started for every new contact: confirmation_mails, contact_added; else it is asked for each time",
    )
    tracked: Maybe[Texts] = Field(
        None,
        description="the merge tags that automations there watch: only their changes are counted; without it, every field's",
    )

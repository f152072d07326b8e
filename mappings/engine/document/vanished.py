"""What becomes of people who were delivered earlier and are no longer in the source."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from mappings.engine.document.words import Maybe, Part, Some, Text

__all__ = ["Removal", "Vanished"]

_SAYS = "say report, or what is done with them: set:, tags: {remove: […]}, lists: {remove: […]}, unsubscribe: yes."


class Removal(Part):
    """Tags or lists that are taken away from them."""

    remove: Some = Field(description="the names, as they are there; only where this mapping brought them")


class Vanished(Part):
    """What is done at the destination with who was delivered and is in no row of a complete source that is kept."""

    report: bool = Field(
        False, description="written alone, as vanished: report: they are listed, and nothing is done"
    )
    set_: dict[str, Text] = Field(
        default_factory=dict, alias="set", description="merge tag: the value that it gets"
    )
    tags: Maybe[Removal] = Field(None, description="remove: the tags that are taken away")
    lists: Maybe[Removal] = Field(None, description="remove: the lists that they leave")
    unsubscribe: bool = Field(
        False, description="yes: they are unsubscribed, and stay so when they come back to the source"
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        if value == "report":
            return {"report": True}
        if not isinstance(value, dict | Vanished):
            raise ValueError(_SAYS)  # noqa: TRY004 - pydantic makes a complaint of a ValueError only
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Vanished:
        if self.report == self.acts:
            raise ValueError(f"report stands alone; {_SAYS}" if self.report else _SAYS)
        return self

    @property
    def acts(self) -> bool:
        """Whether anything is done with them at the destination."""
        return bool(self.set_ or self.tags or self.lists or self.unsubscribe)

    def said(self) -> str:
        """What is done, in words.

        >>> Vanished.model_validate({"set": {"stage": "left"}, "unsubscribe": True}).said()
        'stage is set to left; they are unsubscribed'
        """
        parts = [f"{tag} is set to {text}" for tag, text in self.set_.items()]
        if self.tags is not None:
            parts.append(f"the tags {', '.join(self.tags.remove)} are taken away")
        if self.lists is not None:
            parts.append(f"they leave the lists {', '.join(self.lists.remove)}")
        return "; ".join(parts + (["they are unsubscribed"] if self.unsubscribe else []))

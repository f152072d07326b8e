"""Tags and lists: what a contact is a member of, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from mappings.engine.document.where import Conditions, columns_of
from mappings.engine.document.words import FALSY, TRUTHY, Part, Some, Texts

__all__ = ["Flag", "Names", "NamesCase"]


class Flag(Part):
    """A column of yes and no, and the names that a yes stands for."""

    names: Some = Field(alias="name", description="the name, or several")
    truthy: Texts = Field(TRUTHY, description="the texts that mean yes")
    falsy: Texts = Field(FALSY, description="the texts that mean no; a blank does, too")

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str | list) else value


class NamesCase(Part):
    """Names for the rows that are meant."""

    when: Conditions = Field(min_length=1, description="column: what it has to hold")
    names: Some = Field(alias="name", description="the name, or several")


class Names(Part):
    """Tags or lists of the contact, by name. They are added and never removed, unless `write` or `remove` say so."""

    from_: Texts = Field((), alias="from", description="a column, or several")
    split: str = Field(
        ";", min_length=1, description='what stands between several names in one cell; "\\n" works'
    )
    always: Texts = Field((), description="names that every contact gets")
    flags: dict[str, Flag] = Field(
        default_factory=dict, description="column of yes and no: the name that a yes stands for"
    )
    cases: tuple[NamesCase, ...] = Field((), description="names for some rows: when: and name:; all that fit")
    remove: dict[str, Flag] = Field(
        default_factory=dict, description="column of yes and no: the name that a yes takes away"
    )
    write: Literal["add", "own", "replace"] = Field(
        "add",
        description="add; own: what this mapping added and the row no longer has is taken away; replace: so is "
        "everything else",
    )
    unknown: Literal["reject", "create"] = Field(
        "reject", description="what becomes of a row with a name that does not exist there"
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str | list) else value

    def columns(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """The columns it reads, each with its place below."""
        for name in self.from_:
            yield name, ("from",)
        for name in self.flags:
            yield name, ("flags", name)
        for index, case in enumerate(self.cases):
            for name in columns_of(case.when):
                yield name, ("cases", index, "when", name)
        for name in self.remove:
            yield name, ("remove", name)

    def brings(self) -> Iterator[str]:
        """The names that the mapping itself gives to contacts."""
        yield from self.always
        for flag in self.flags.values():
            yield from flag.names
        for case in self.cases:
            yield from case.names

    def given(self) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """The names that the mapping itself speaks of, each with its place below."""
        for name in self.always:
            yield name, ("always",)
        for part, flags in (("flags", self.flags), ("remove", self.remove)):
            for column, flag in flags.items():
                for name in flag.names:
                    yield name, (part, column)
        for index, case in enumerate(self.cases):
            for name in case.names:
                yield name, ("cases", index)

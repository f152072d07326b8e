"""A mapping that is being suggested, before it is text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.engine.suggesting.consent import OptOuts
from mappings.engine.suggesting.fields import Match

__all__ = ["Draft", "Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The file: what it is called in texts, what `source:` says, and what its kind of export is known to hold.

    `consents` are the columns that speak of consent, and how: `out`, `in` or `status`; `meanings` is what columns stand for,
    `formats` how their dates are written. `product` is whose export it is.
    """

    name: str
    source: Mapping[str, str | int]
    consents: Mapping[str, str] = field(default_factory=dict)
    person_column: str = ""
    list_separator: str = ";"
    meanings: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    product: str = ""


@dataclass(slots=True)
class Draft:
    """What the mapping will say. `guessed` are fields that nobody could confirm: they become comments.

    `ignored` holds the columns that are left out, each with a reason or ''. `missing` are required fields without a column.
    """

    name: str
    origin: Origin
    destination: str
    key: str
    fields: dict[str, Match]
    consent: OptOuts
    person: str = ""
    person_doubt: str = ""
    tags: Match | None = None
    guessed: dict[str, Match] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    asks_newcomers: bool = True
    """Whether the destination can ask who comes in by mail whether they want mail."""
    examples: list[dict[str, Any]] = field(default_factory=list)

    def used(self) -> set[str]:
        """The columns that the mapping reads."""
        names = {name for match in self.fields.values() for name in (match.column, *match.also)}
        names |= set(self.consent.columns)
        if self.tags:
            names.add(self.tags.column)
        return names | ({self.person} if self.person else set())

    def doubts(self) -> list[str]:
        """What a person should look at, each with its place."""
        said = [
            f"{tag} ({match.column}): {doubt}" for tag, match in self.fields.items() for doubt in match.doubts
        ]
        said += [f"person ({self.person}): {self.person_doubt}"] if self.person_doubt else []
        said += [f"tags ({self.tags.column}): {doubt}" for doubt in self.tags.doubts] if self.tags else []
        said += [f"consent: {doubt}" for doubt in self.consent.doubts]
        said += [f"consent: {name} is not used: {why}" for name, why in self.consent.unheard.items()]
        said += [f"{name}: the destination requires it, and no column fits" for name in self.missing]
        return said

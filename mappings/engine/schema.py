"""What a destination says its fields are. Destinations fill it, mappings are checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Field", "Schema"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the destination.

    `name` is the merge tag, `label` what a person sees there. `type` is one of the mapping types (text, email,
    integer, number, boolean, date, datetime, country, phone, url, choice, choices). `form` says how a date
    or a list has to be written there. `max_length` counts characters. `spellings` are other texts, in lower case,
    that mean an option; `others` says what becomes of a text that is none: `wrong` or `left_out`.
    """

    name: str
    label: str
    type: str
    required: bool = False
    immutable: bool = False
    options: tuple[str, ...] = ()
    max_length: int | None = None
    form: str = ""
    spellings: Mapping[str, str] = field(default_factory=dict, hash=False)
    others: str = "wrong"


@dataclass(frozen=True, slots=True)
class Schema:
    """All fields of an account, and the names of its tags and lists with their ids.

    `live` is false where the fields are the documented ones because nobody could be asked.
    `fixed`: every account has these fields and no others, so that nobody need be asked.
    `numbered` are `tags` or `lists` that are known by their numbers only and cannot be listed.
    `refuses` says what is undocumented there, or not there at all, and therefore refused: `blank_clear` (a value
    is never emptied), `tags`, `lists`, `tags_off` (never taken away), `lists_off`, `create_tags`, `create_lists`,
    `replace` (of a whole contact), `unconfirmed` (newcomers are asked by mail whether they want mail).
    """

    fields: tuple[Field, ...]
    tags: dict[str, int | str] = field(default_factory=dict)
    lists: dict[str, int | str] = field(default_factory=dict)
    live: bool = True
    fixed: bool = False
    numbered: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    reserved: Mapping[str, str] = field(default_factory=dict)
    """Names that no field can have there, each with what to do instead."""
    watched: frozenset[str] = frozenset()
    """What automations may watch there beside the fields, by the name that `tracked:` has for it."""

    def field(self, name: str) -> Field | None:
        """The field called `name`, if there is one."""
        return next((known for known in self.fields if known.name == name), None)

    def names(self) -> tuple[str, ...]:
        return tuple(known.name for known in self.fields)

"""What is to be sent for a contact that is there: the fields, and the names of its tags or lists. Pure.

Somebody may have edited the contact there by hand. So what is sent is what changed at the source since this
mapping delivered it, and what the destination has already is never sent again.

| write of the mapping or field | sent, where the destination's value differs |
|---|---|
| (merge)                       | where the source's text changed since it was delivered, or never was |
| `always`                      | always |
| `if_empty`                    | as with merge, and only where nothing is there |
| `once`                        | where this mapping never delivered the field to this contact |
| `replace` (of the mapping)    | always, and every other value that is there is emptied |

| blank    | a blank of the source empties the value there |
|---|---|
| `keep`   | never |
| `clear`  | where the source's text was not blank when it was delivered, or nothing was ever delivered |
| `clear_ours` | where the value there is the one that we delivered last |

A block (`together`) is of one piece: when one of its fields is sent, all that differ are, and its blank ones are
emptied. Where nothing is known of the values there, they count as different, and as not ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Rules
from connectors.values import is_blank, same
from mappings.engine.contact import rendered

__all__ = ["FieldChanges", "NameChanges", "field_changes", "folded", "name_changes"]


@dataclass(frozen=True, slots=True)
class FieldChanges:
    """By merge tag: `changes` and `stays` as a Decision has them, and what is left over.

    `left_over` are the values of a block that should be emptied with it and cannot be.
    """

    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    stays: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    left_over: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NameChanges:
    """The names to add, as the row writes them, and those to take away, as they are written there."""

    add: tuple[str, ...] = ()
    off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sides:
    """What the source has now, what is there, and what was delivered. `there` and `delivered` may be unknown."""

    texts: Mapping[str, str]
    there: Mapping[str, Any] | None
    delivered: Mapping[str, str] | None
    rules: Rules

    def old(self, tag: str) -> Any:
        return self.there.get(tag) if self.there is not None else None

    def value(self, text: str, tag: str) -> Any:
        return rendered(text, self.rules.types.get(tag, "text"))

    def means(self, text: str, tag: str) -> bool:
        """Whether the value there is known to mean this text."""
        type_ = self.rules.types.get(tag, "text")
        return self.there is not None and same(self.value(text, tag), self.there.get(tag), type_)

    def is_empty(self, tag: str) -> bool:
        """Whether nothing is known to be there."""
        return self.there is not None and is_blank(self.there.get(tag))

    def had(self, tag: str) -> bool:
        """Whether this mapping delivered a text of this field last."""
        return self.delivered is not None and tag in self.delivered

    def due(self, tag: str, text: str) -> bool:
        """Whether a field that differs there is to be sent."""
        write = self.rules.writes.get(tag)
        if write == "if_empty" and not self.is_empty(tag):
            return False
        if write == "always" or self.delivered is None:
            return True
        return not self.had(tag) if write == "once" else self.delivered.get(tag) != text

    def clears(self, tag: str) -> bool:
        """Whether a blank of the source empties the field there."""
        write = self.rules.writes.get(tag)
        if self.is_empty(tag) or write == "if_empty" or (write == "once" and self.had(tag)):
            return False
        if self.rules.blanks[tag] == "clear":
            return self.delivered is None or self.had(tag) or write == "always"
        return self.delivered is not None and self.had(tag) and self.means(self.delivered[tag], tag)


def field_changes(
    texts: Mapping[str, str],
    there: Mapping[str, Any] | None,
    delivered: Mapping[str, str] | None,
    rules: Rules,
    *,
    key: str = "",
    clears: bool = True,
) -> FieldChanges:
    """The fields to send, and those that stay as somebody made them there.

    `texts` are the canonical texts that the row has, `there` the destination's values, None where unknown,
    `delivered` the texts delivered last, None or empty where they do not count. `key` is the merge tag that is no
    field to be changed. `clears` is false where the destination cannot be told to empty a field.
    """
    texts = {tag: text for tag, text in texts.items() if tag != key}
    sides = _Sides(texts, there, delivered or None, rules)
    if rules.write == "replace":
        return FieldChanges(_replaced(sides, key))
    differs = [tag for tag, text in texts.items() if not sides.means(text, tag)]
    changes = {tag: sides.value(texts[tag], tag) for tag in differs if sides.due(tag, texts[tag])}
    blanks = [tag for tag in rules.blanks if clears and tag not in texts and tag != key]
    changes |= dict.fromkeys(tag for tag in blanks if sides.clears(tag))
    left_over: dict[str, Any] = {}
    for block in rules.together:
        if changes.keys().isdisjoint(block):
            continue
        changes |= {tag: sides.value(texts[tag], tag) for tag in block if tag in differs}
        filled = [tag for tag in block if tag not in texts and not sides.is_empty(tag)]
        if clears:
            changes |= dict.fromkeys(filled)
        elif there is not None:
            left_over |= {tag: there[tag] for tag in filled}
    stays = {tag: theirs for tag, theirs in _stays(sides, differs, blanks).items() if tag not in changes}
    return FieldChanges({tag: (sides.old(tag), new) for tag, new in changes.items()}, stays, left_over)


def _replaced(sides: _Sides, key: str) -> dict[str, tuple[Any, Any]]:
    """All that differ, and all others that are there emptied."""
    texts, there = sides.texts, sides.there or {}
    changes = {
        tag: (there.get(tag), sides.value(text, tag))
        for tag, text in texts.items()
        if not sides.means(text, tag)
    }
    others = (tag for tag, value in there.items() if tag not in texts and tag != key and not is_blank(value))
    return {**changes, **{tag: (there[tag], None) for tag in others}}


def _stays(sides: _Sides, differs: Iterable[str], blanks: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    """The fields that are as delivered at the source and another way there: somebody edited them.

    Not those that are only written where nothing is: what stands there may never have been ours.
    """
    delivered, texts, rules = sides.delivered, sides.texts, sides.rules
    if delivered is None or sides.there is None:
        return {}
    found = {
        tag: (sides.old(tag), sides.value(texts[tag], tag))
        for tag in differs
        if delivered.get(tag) == texts[tag] and rules.writes.get(tag) != "if_empty"
    }
    filled = (
        t for t in blanks if rules.blanks[t] == "clear" and t not in delivered and not sides.is_empty(t)
    )
    return {**found, **{tag: (sides.old(tag), None) for tag in filled}}


def name_changes(
    wanted: Iterable[str],
    off: Iterable[str],
    there: Collection[str] | None,
    *,
    delivered: Collection[str] = (),
    own: Collection[str] = (),
    write: str = "add",
) -> NameChanges:
    """The tags or lists to add and to take away; names are compared without case.

    `wanted` are the row's, `off` those that it takes away, `there` those that the contact has, None where unknown.
    `delivered` are the names delivered last: one that is not there any more was taken away by hand and is not put
    back, unless `write` is `replace`, where the contact gets exactly the row's. `own` are those that this mapping
    itself added: with `own` they go when the row no longer has them.

    >>> name_changes(["vip"], [], ["crm", "Press"], own=["press"], write="own")
    NameChanges(add=('vip',), off=('Press',))
    """
    unwanted, ours, before = folded(off), folded(own), folded(delivered)
    wants = {name.casefold(): name for name in wanted if name.casefold() not in unwanted}
    here = folded(there or ())
    add = [n for fold, n in wants.items() if fold not in here and (write == "replace" or fold not in before)]
    takes_ours, takes_all = write in ("own", "replace"), write == "replace" and there is not None
    gone = [
        name
        for name in sorted({*off, *own} if there is None else there)
        if (fold := name.casefold()) in unwanted
        or (fold not in wants and (takes_all or (takes_ours and fold in ours)))
    ]
    return NameChanges(tuple(add), tuple(gone))


def folded(names: Iterable[str]) -> set[str]:
    """Names as they are compared."""
    return {name.casefold() for name in names}

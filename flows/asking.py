"""What a person is asked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.errors import CannotStart
from flows.permissions import Permission, what_to_add
from flows.roll import Roll, State
from mappings.engine.document import Mapping

__all__ = ["not_allowed", "number_typed", "question_of"]


def question_of(mapping: Mapping, roll: Roll) -> str:
    """What a person has to say yes to, or ''."""
    writes = roll.count(State.NEW, State.CHANGED)
    if mapping.write != "replace" or not writes:
        return ""
    return f"write: replace empties every field that the mapping does not send, of up to {writes:,} contacts."


def not_allowed(missing: Sequence[Permission], mapping: Mapping) -> CannotStart:
    """The refusal where nobody can be asked: what has to be allowed by name, and the exact words."""
    said = [one.says + _named(one) for one in missing]
    names = " and ".join(one.name for one in missing)
    return CannotStart(
        f"{' '.join(said)} That has to be allowed by name: {names}.", what_to_add(missing, mapping)
    )


def number_typed(text: str) -> int:
    """The number that a person typed; nothing, or what is no number, is none.

    >>> number_typed(" 1,234 "), number_typed("few")
    (1234, 0)
    """
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 12 else 0


def _named(one: Permission) -> str:
    return "" if one.allowed_count is None else f" Allowed were {one.allowed_count:,} at most."

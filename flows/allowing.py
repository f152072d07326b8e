"""What a person has allowed for one run: names of guards and permissions, each alone or with a number (`opt_outs=37`)."""

from __future__ import annotations

from collections.abc import Iterable

from flows.guards import FAILURES, GUARDS, VANISHED
from flows.permissions import PERMISSIONS
from mappings.engine.complaints import nearest

__all__ = ["ALLOWED", "NAMES", "allowed", "wrong_with"]

NAMES = (*(guard.name for guard in (*GUARDS, FAILURES, VANISHED)), *PERMISSIONS)

ALLOWED = rf"^({'|'.join(NAMES)})(=[0-9][0-9,]{{0,13}})?$"
"""The same as a pattern, for a form."""


def allowed(given: Iterable[str]) -> dict[str, int | None]:
    """By name: the number up to which it is allowed, None where none was named. The smallest, where it was named twice.

    >>> allowed(["changes", "opt_outs=37"])
    {'changes': None, 'opt_outs': 37}
    """
    found: dict[str, int | None] = {}
    for text in given:
        name, _, number = text.partition("=")
        count = int(number.replace(",", "")) if number else None
        known = found.get(name)
        found[name] = min((n for n in (known, count) if n is not None), default=None)
    return found


def wrong_with(text: str) -> str:
    """What is wrong with a name that somebody allows, in a sentence; '' where nothing is.

    >>> wrong_with("opt_out")
    'there is nothing called opt_out to allow. Did you mean opt_outs?'
    >>> wrong_with("opt_outs=few")
    'opt_outs=few is no number; write it as opt_outs=37.'
    """
    name, equals, number = text.partition("=")
    if name not in NAMES:
        like = nearest(name, NAMES)
        return f"there is nothing called {name} to allow. " + (
            f"Did you mean {like}?" if like else f"There is: {', '.join(NAMES)}."
        )
    digits = number.replace(",", "")
    if equals and not (digits.isascii() and digits.isdecimal() and len(digits) < 12):
        return f"{text} is no number; write it as {name}=37."
    return ""

"""What a person is asked before anything is sent."""

from __future__ import annotations

from flows.roll import Roll, State
from mappings.engine.document import Mapping

__all__ = ["question_of"]


def question_of(mapping: Mapping, roll: Roll) -> str:
    """What a person has to say yes to, or ''."""
    new = roll.count(State.NEW)
    writes = new + roll.count(State.CHANGED)
    asked = []
    recreates = mapping.gone == "recreate"
    unconfirmed = mapping.consent is not None and mapping.consent.newcomers == "UNCONFIRMED"
    if unconfirmed and (new or (recreates and writes)):
        most = writes if recreates else new
        asked.append(
            f"Up to {most:,} new contacts come in as UNCONFIRMED, and each of them is sent a confirmation mail."
        )
    if mapping.write == "replace" and writes:
        asked.append(
            f"write: replace empties every field that the mapping does not send, of up to {writes:,} contacts."
        )
    return " ".join(asked)

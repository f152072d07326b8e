"""How a contact's turn ends, where every destination says it in the same words: left out, or without a usable answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Delivered, Known
from connectors.errors import LookUpRefused, Unreachable

__all__ = [
    "AGAIN_AND_IN",
    "LEFT_OUT",
    "Problem",
    "failed",
    "half_done",
    "not_looked_up",
    "refused",
    "trouble",
]

Problem = tuple[str, str, str, Mapping[str, Any]]
"""Code, merge tag, value, detail."""

AGAIN_AND_IN = "it was created again, and its opt-out was not carried"
"""Of somebody who had opted out, was removed there, and came back with a write."""

LEFT_OUT = Decision(
    "filtered", "unknown_opted_out", "it is not there and opted out, and the mapping leaves such people out"
)
"""Somebody who opted out and whom nobody can mail there: with `unknown_opted_out: leave_out` they are not created."""


def trouble(detail: str, attempts: int, *, unsure: bool = False) -> Problem:
    """The problem of a write that was not applied; `unsure`: it is not known whether it was."""
    code = "no_clear_answer" if unsure else "not_delivered"
    return code, "", "", {"detail": detail, "attempts": attempts}


def failed(answer: Answer, decision: Decision, there: Known | None, *, unsure: bool = False) -> Delivered:
    """A contact that was not delivered, or of which it is not known; `unsent` where nothing was tried any more."""
    if answer.left_out and not answer.attempts and not unsure:  # the run stopped before its first request
        return Delivered("unsent", answer.left_out, answer.detail, decision=decision)
    problem = trouble(answer.detail, answer.attempts, unsure=unsure)
    return Delivered(
        "unknown" if unsure else "failed", problem[0], "", there.contact_id if there is not None else "", (problem,),
        decision=decision, troubled=True, untouched=not unsure,
    )  # fmt: skip


def half_done(rest: Delivered, so_far: str) -> Delivered:
    """What becomes of a contact of which a part has landed; `so_far` says what, `rest` is what became of the rest.

    Where that was not applied, not all of it landed and not nothing: it counts as unclear, so that a resume looks it up.
    """
    if rest.outcome not in ("failed", "unsent"):
        return replace(rest, untouched=False)
    detail, attempts = rest.reason, 0
    for _, _, _, said in rest.problems:
        detail, attempts = said.get("detail", detail), said.get("attempts", attempts)
    problem = trouble(f"{so_far}: {detail}", attempts, unsure=True)
    return replace(rest, outcome="unknown", code=problem[0], reason="", problems=(problem,), untouched=False)


def refused(detail: str, decision: Decision, contact_id: str = "") -> Delivered:
    """A contact to which the destination said no for good."""
    problem: Problem = ("refused", "", "", {"detail": detail})
    return Delivered("refused", "refused", "", contact_id, (problem,), decision=decision, untouched=True)


def not_looked_up(error: Unreachable, decision: Decision) -> Delivered:
    """A contact that could not be looked up, so that nothing was sent for it."""
    if isinstance(error, LookUpRefused):
        return refused(error.what, decision)
    return failed(Answer(Meaning.UNCLEAR, detail=error.what), decision, None)

"""How a contact's turn ends, where every destination says it in the same words: left out, or without a usable answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Delivered, Known
from connectors.errors import LookUpRefused, Unreachable

__all__ = ["LEFT_OUT", "Problem", "failed", "not_looked_up", "refused", "trouble"]

Problem = tuple[str, str, str, Mapping[str, Any]]
"""Code, merge tag, value, detail."""


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


def refused(detail: str, decision: Decision, contact_id: str = "") -> Delivered:
    """A contact to which the destination said no for good."""
    problem: Problem = ("refused", "", "", {"detail": detail})
    return Delivered("refused", "refused", "", contact_id, (problem,), decision=decision, untouched=True)


def not_looked_up(error: Unreachable, decision: Decision) -> Delivered:
    """A contact that could not be looked up, so that nothing was sent for it."""
    if isinstance(error, LookUpRefused):
        return refused(error.what, decision)
    return failed(Answer(Meaning.UNCLEAR, detail=error.what), decision, None)

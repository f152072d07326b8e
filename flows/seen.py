"""Seen: a few examples of what a run changed at the destination, and of what is kept differently there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Delivered
from flows.ledger import Answers
from flows.report.wording import as_text

__all__ = ["Seen"]

EXAMPLES, _RECALLED = 3, 500
Examples = dict[str, list[tuple[str, str]]]
"""By merge tag: pairs of texts, '' for a blank."""


@dataclass(slots=True)
class Seen:
    """`changes` are pairs of the value before and now, `kept` pairs of what was sent and what is there; three of each merge tag."""

    changes: Examples = field(default_factory=dict)
    kept: Examples = field(default_factory=dict)

    def add(self, delivered: Delivered) -> None:
        """Takes what is new to it from a contact that was answered."""
        if delivered.outcome == "updated":
            _take(self.changes, delivered.decision.changes)
        if delivered.kept:
            _take(self.kept, delivered.kept)

    def recall(self, answers: Answers, run_id: str) -> None:
        """Takes examples of what an earlier stretch of a run has changed, from the ledger, as far as it was looked up before."""
        for before, wanted, tags in answers.changed(run_id, _RECALLED):
            old, new = before.get("fields") or {}, wanted["texts"]
            _take(self.changes, {tag: (old.get(tag), new.get(tag)) for tag in tags})


def _take(known: Examples, pairs: Mapping[str, tuple[Any, Any]]) -> None:
    for tag, (one, other) in pairs.items():
        examples = known.setdefault(tag, [])
        if len(examples) < EXAMPLES and (pair := (as_text(one), as_text(other))) not in examples:
            examples.append(pair)

"""The balance as a page draws it: twelve outcomes as parts of one bar, which add up to the rows read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flows.report.outcomes import Outcomes

__all__ = ["MEANINGS", "PARTS", "SHARES", "Part", "Share", "balance_parts", "bar"]

MEANINGS = {
    "created": "New there: the destination made a contact from the row.",
    "updated": "Was there before; what had changed was sent.",
    "upserted": "Arrived; the destination does not tell whether the contact was new.",
    "unchanged": "Nothing to send: the destination has exactly this already.",
    "filtered": "Left out on purpose, because the mapping says so.",
    "duplicate": "Has the same key as another row, and that one was taken.",
    "protected": "Not touched, for the sake of the person: they opted out, were forgotten, were deleted there, "
    "or could be two people.",
    "invalid": "Breaks a rule that is checked beforehand, so it was not sent.",
    "refused": "The destination turned it down for good, and said why.",
    "failed": "Tried as often as allowed, and certainly did not arrive.",
    "unknown": "Sent, but nothing tells whether it arrived.",
    "unsent": "The run ended before its turn.",
}

NARROWEST, WIDE, LABELLED = 0.8, 8.0, 7.0
"""Of a bar, in percent: the least that can be seen, what may give room to others, what has room for its number."""
_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Share:
    """Outcomes that mean the same to the reader, and so have one colour."""

    name: str
    mark: str
    text: str
    planned: str
    outcomes: tuple[str, ...]


SHARES = (
    Share("landed", "✓", "delivered", "to deliver", ("created", "updated", "upserted")),
    Share("there", "=", "already there", "already there", ("unchanged",)),
    Share("left", "–", "left out or left alone", "left out or left alone",
          ("filtered", "duplicate", "protected")),
    Share("person", "!", "need a person", "need a person", ("invalid", "refused", "failed", "unknown")),
    Share("waiting", "…", "not sent", "not to be sent", ("unsent",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """An outcome as a part of the bar: the share's colour, under a pattern that tells it from the others without colour."""

    outcome: str
    share: Share
    pattern: str


_PATTERNS = {
    "updated": "stripes", "upserted": "dots", "unchanged": "lines", "duplicate": "stripes", "protected": "dots",
    "invalid": "steep", "refused": "cross", "failed": "dots", "unknown": "lines", "unsent": "sparse",
}  # fmt: skip

PARTS = tuple(
    Part(outcome, share, _PATTERNS.get(outcome, "")) for share in SHARES for outcome in share.outcomes
)


def bar(counts: Sequence[tuple[_Any, int]]) -> list[tuple[_Any, float, float]]:
    """Where each part lies on a bar, in percent; what is there is wide enough to be seen."""
    total = sum(count for _, count in counts)
    widths = [max(NARROWEST, count / total * 100) if count else 0.0 for _, count in counts]
    spare, surplus = sum(widths) - 100, sum(width for width in widths if width > WIDE)
    placed, x = [], 0.0
    for (part, count), natural in zip(counts, widths, strict=True):
        width = natural - spare * natural / surplus if natural > WIDE else natural
        if count:
            placed.append((part, round(x, 2), round(width, 2)))
        x += width
    return placed


def balance_parts(outcomes: Outcomes) -> dict[str, Any]:
    """What a page draws the balance from: its bar, its sum and its table."""
    by_name = outcomes.model_dump()
    counts = [(part, by_name[part.outcome]) for part in PARTS]
    total = outcomes.of()
    return {
        "counts": counts,
        "accounted": total,
        "bar": [(*placed, by_name[placed[0].outcome]) for placed in bar(counts)] if total else [],
        "labelled": LABELLED,
        "widened": any(0 < count < total * NARROWEST / 100 for _, count in counts),
        "meanings": MEANINGS,
    }

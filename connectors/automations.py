"""Automations that a write starts at the destination, counted per kind and reason before they fire.

A reason is the merge tag that changed, the tag or list that was added or taken away, or a word such as `created`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from connectors.base import Rules, Started

__all__ = ["both", "by_name", "by_reason", "starts", "watched"]


def starts(automation: str, reasons: Iterable[str]) -> Counter[tuple[str, str]]:
    """One start for each reason.

    >>> starts("TAG_ADDED", ["vip", "crm"])
    Counter({('TAG_ADDED', 'vip'): 1, ('TAG_ADDED', 'crm'): 1})
    """
    return Counter((automation, reason) for reason in reasons)


def watched(rules: Rules, tags: Iterable[str]) -> list[str]:
    """Those of the merge tags whose changes start automations: all, where the mapping does not say which."""
    return [tag for tag in tags if rules.tracked is None or tag in rules.tracked]


def both(one: Started, other: Started) -> Counter[tuple[str, str]]:
    """The sum of two counts."""
    return Counter(one) + Counter(other)


def by_name(counts: Started) -> dict[str, int]:
    """How often each automation starts, whatever the reason.

    >>> by_name({("FIELD_UPDATED", "city"): 20, ("FIELD_UPDATED", "plan"): 17, ("TAG_ADDED", "vip"): 0})
    {'FIELD_UPDATED': 37}
    """
    found: Counter[str] = Counter()
    for (automation, _), count in counts.items():
        found[automation] += count
    return dict(+found)


def by_reason(counts: Started) -> dict[str, dict[str, int]]:
    """The reasons of each automation, the most frequent first.

    >>> by_reason({("FIELD_UPDATED", "plan"): 17, ("FIELD_UPDATED", "city"): 20})
    {'FIELD_UPDATED': {'city': 20, 'plan': 17}}
    """
    found: dict[str, dict[str, int]] = {}
    for (automation, reason), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        if count:
            found.setdefault(automation, {})[reason] = count
    return found

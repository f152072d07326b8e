"""Vanishing: what a mapping says of people who are no longer in its source is done with them. A destination in front of the real one.

| the mapping says | there now                                     | what is done |
|---|---|---|
| `set:`           | another value                                 | the field gets the new one |
| `tags: {remove:`, `lists: {remove:` | has it, and this mapping brought it | taken away |
|                  | has it, and somebody else brought it          | nothing: it is theirs |
| `unsubscribe:`   | may be mailed                                 | unsubscribed |
| anything         | nobody, another contact, or on a suppression list | nothing |
|                  | back in the source meanwhile                  | nothing |

Nobody is created, and nobody is subscribed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Decision, Delivered, Destination, Known, Remembered, Restores, Rules
from connectors.changes import folded
from connectors.endings import not_looked_up
from connectors.errors import CannotStart, Unreachable
from connectors.values import same
from flows.in_front import InFront
from mappings.engine.contact import Contact, rendered

__all__ = ["Measures", "Vanishing", "vanishing"]

_THERE = Decision("unchanged", "already_so", "there is nothing to be done with it there")


@dataclass(frozen=True, slots=True)
class Measures:
    """What is done: canonical texts by merge tag, names to be taken away, whether they are unsubscribed."""

    texts: Mapping[str, str]
    tags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    unsubscribe: bool = False


def vanishing(
    destination: Destination, rules: Rules, measures: Measures, is_missed: Callable[[str], bool]
) -> Vanishing:
    """The destination, as a run for vanished people sees it. Raises CannotStart where it cannot change who is there.

    `rules` have the types of all fields; `is_missed` tells of a key whether the person still counts as vanished.
    """
    if not isinstance(destination, Restores):
        raise CannotStart(
            "This destination cannot change contacts that are in no row.",
            "Say vanished: report; a connectors.base.Restores can. Nothing was sent.",
        )
    return Vanishing(destination, rules, measures, is_missed)


class Vanishing(InFront):
    """See above."""

    def __init__(
        self, destination: Any, rules: Rules, measures: Measures, is_missed: Callable[[str], bool]
    ) -> None:
        super().__init__(destination, rules)
        self._measures = measures
        self._is_missed = is_missed

    def decide(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,  # noqa: ARG002 - nobody moves
    ) -> Decision:
        """The table above, for one contact. Pure but for the ledger, which is read."""
        if not self._is_missed(contact.key):
            return Decision("filtered", "back_again", "it is in the source again")
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if known is None:
            return Decision("protected", "gone", "it is not there any more")
        delivered = remembered or Remembered(contact.key)
        if delivered.contact_id not in ("", known.contact_id):
            return Decision("protected", "identity_conflict", "another contact has this address by now")
        asked = self._asked(delivered, known)
        if not (asked.changes or asked.tags_off or asked.lists_off or asked.opts_out):
            return _THERE
        decision: Decision = self._inner.restoration(known, asked)
        return replace(decision, left_over={}) if decision.outcome or decision.calls else _THERE

    def _asked(self, delivered: Remembered, known: Known) -> Decision:
        """What is not yet as the mapping says."""
        types = self._inner.rules.types
        values = {tag: rendered(text, types.get(tag, "text")) for tag, text in self._measures.texts.items()}
        changes = {
            tag: (known.fields.get(tag), value)
            for tag, value in values.items()
            if not same(value, known.fields.get(tag), types.get(tag, "text"))
        }
        out = self._measures.unsubscribe and self._inner.mails_people and not known.opted_out
        return Decision(
            changes=changes,
            tags_off=_ours(self._measures.tags, delivered.own_tags, known.tags),
            lists_off=_ours(self._measures.lists, delivered.own_lists, known.lists),
            opts_out=out,
        )

    async def deliver(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
    ) -> Delivered:
        """Reads again what is old, decides, and calls."""
        there, decision = known, self.decide(contact, known, remembered, now)
        try:
            if there is not None and time.time() - there.seen > self._inner.fresh_seconds:
                there = await self._inner.read_again(there)
                decision = self.decide(contact, there, remembered, now)
        except Unreachable as error:
            return not_looked_up(error, decision)
        if decision.outcome or there is None:
            return Delivered(
                decision.outcome, decision.code, decision.reason, there.contact_id if there else "",
                problems=decision.problems, decision=decision, opted_out=there.opted_out if there is not None else False,
            )  # fmt: skip
        done: Delivered = await self._inner.restore(there.key, there, decision)
        # somebody removed it at that moment, and the write made it anew
        return replace(done, outcome="updated") if done.outcome == "created" else done


def _ours(names: tuple[str, ...], own: frozenset[str], there: frozenset[str] | None) -> tuple[str, ...]:
    """Those of the names that the contact has and this mapping brought, as they are spelled there.

    >>> _ours(("vip", "crm"), frozenset({"VIP"}), frozenset({"Vip", "crm"}))
    ('Vip',)
    """
    wanted = folded(names) & folded(own)
    return tuple(sorted(name for name in there or own if name.casefold() in wanted))

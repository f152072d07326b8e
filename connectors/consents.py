"""Whether a person wants mail: one rule for all destinations, each of which says it in its own words. Pure.

What is known of a person is the strictest of the row, the ledger, the suppression file and the destination. Nobody
is subscribed again, with one exception: a mapping that follows its source (`consent: {follow_source: …}`), and that is
allowed to, lifts an opt-out

- where the row says, in so many words, that the person wants mail, and since when;
- of somebody who is there, whose opt-out is one that a consent can lift: no complaint, no bounce, no status unknown to us;
- whose date has come, give or take minutes by which clocks differ;
- that neither another mapping's source nor the suppression file knows of;
- where the consent is newer than all that is known of the opt-out: when this source last said so, and when the contact
  last changed there. Where the destination does not tell the latter, the ledger has to know of the opt-out, and the consent
  has to be younger than when it first heard of it, and than the permission to follow.

A day without a time, or a time without an offset, may be any moment between two. Against what the destination says its
first one counts, against what the same source said before its last one.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.base import Known, Remembered, Rules
from mappings.engine.contact import Contact

__all__ = ["Will", "will_of"]


_CLOCKS_DIFFER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Will:
    """`out`: the person wants no mail. `again`: they did not, and do now. `why_not`: the source says so, and it does not count."""

    out: bool = False
    again: bool = False
    why_not: str = ""


def will_of(contact: Contact, remembered: Remembered | None, there: Known | None, rules: Rules) -> Will:
    """What a person wants, by all that is known of them. `there` is the contact as it was last read, None where nobody is.

    >>> yes = Contact(row=1, line=2, key="ann@example.com", person="", texts={}, consented_at=2000, consented_by=2000)
    >>> there = Known("7", "ann@example.com", "UNSUBSCRIBED", True, {}, frozenset(), 3000.0, changed_at=1000.0)
    >>> will_of(yes, None, there, Rules(follows_since=1500.0)).again, will_of(yes, None, there, Rules()).again
    (True, False)
    """
    memory = remembered or Remembered("")
    if contact.opted_out:
        return Will(out=True)
    out_there = there is not None and there.opted_out
    if not memory.opted_out and not out_there:
        return Will()
    if rules.follows_since is None or contact.consented_at is None:
        return Will(out=True)
    why_not = _kept_out(contact, memory, there, rules.follows_since)
    return Will(out=bool(why_not), again=not why_not and out_there, why_not=why_not)


def _kept_out(contact: Contact, memory: Remembered, there: Known | None, follows_since: float) -> str:
    """Why a consent does not lift what is known of an opt-out; '' where it does."""
    if memory.suppressed:
        return "the address is on the suppression list"
    if there is None:
        return "nobody is there under this address"
    if memory.out_elsewhere:
        return "another source knows of the opt-out"
    first, last = contact.consented_at or 0, contact.consented_by or 0
    if first > there.seen + _CLOCKS_DIFFER_SECONDS:
        return "the consent is dated in the future"
    tells = there.opted_out and there.changed_at is not None  # better than when the ledger first heard of it
    if last <= memory.out_here_until or (first <= memory.out_there_since and not tells):
        return "the opt-out is newer than the consent"
    if not there.opted_out:
        return ""
    if there.final:
        return f"the status there is {there.status}"
    if there.changed_at is not None:
        return "" if first > there.changed_at else "the contact changed there after the consent"
    if not memory.opted_out:
        return "since when the opt-out holds is not known there"
    if first <= follows_since:
        return "the consent is older than the permission to follow the source"
    return ""

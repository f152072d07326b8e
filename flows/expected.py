"""What should be there of a contact, held against what is there. Pure: nothing is asked or sent.

The destination decides as for a sync of exactly this contact of which nothing was delivered yet: whatever it would
send differs. So it compares as it does otherwise: dates and numbers by what they mean, addresses without case.

| what differs | finding |
|---|---|
| the person wants no mail, as far as is known here, and may be mailed there | `subscribed` |
| nobody is there; a field, tag or list that was delivered is not | `missing` |
| a field has another value there; another contact has the address; it is two contacts | `different` |
| a value where the source's blank empties it; a tag or list that was taken away | `unexpected` |

No finding is a value as the destination was seen to keep it, one that another mapping delivered, and another one in a
field that is written only where nothing is (`if_empty`). What is delivered `once` counts as it was delivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.base import Decision, Destination, Known, Remembered, Rules
from connectors.changes import folded
from connectors.values import is_blank, same
from flows.ledger.deliveries import LastDelivery
from flows.report.wording import as_text
from mappings.engine.contact import Contact, rendered

__all__ = ["FINDINGS", "Finding", "findings", "rules_to_compare"]

FINDINGS = ("subscribed", "missing", "different", "unexpected")
"""The gravest first."""
_CONTACT = "(contact)"
_STATUS = "(status)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `field` is a merge tag, `tags`, `lists`, or in brackets what is no field; the two values are texts.

    The names are the columns of `verify.csv`.
    """

    finding: str
    key: str
    person: str
    contact_id: str
    field: str
    should_be: str
    is_there: str
    run: str
    delivered_at: str


def rules_to_compare(rules: Rules) -> Rules:
    """The mapping's rules, as far as they say what should be there."""
    return replace(
        rules,
        write=rules.write if rules.write == "replace" else "merge",
        writes={tag: write for tag, write in rules.writes.items() if write == "if_empty"},
        blanks={tag: blank for tag, blank in rules.blanks.items() if blank == "clear"},
        together=(),
        gone="recreate",
        unknown_opted_out="create",
        follows_since=None,
    )


def findings(
    destination: Destination, delivery: LastDelivery, there: Known | None, *, opted_out: bool
) -> Iterator[Finding]:
    """All differences of one contact. `there` is the one under its key; the destination's rules are `rules_to_compare`."""

    def finding(name: str, field: str, should_be: Any, is_there: Any) -> Finding:
        contact_id = there.contact_id if there is not None else delivery.contact_id
        return Finding(
            name, delivery.key, delivery.person, contact_id, field, as_text(should_be), as_text(is_there),
            delivery.run, delivery.delivered_at,
        )  # fmt: skip

    if there is None:
        yield finding("missing", _CONTACT, delivery.contact_id or "there", "")
        return
    contact = _contact(delivery, destination.rules, opted_out=opted_out)
    own = delivery.own
    memory = Remembered(
        "", own_tags=frozenset(own.get("tags", ())), own_lists=frozenset(own.get("lists", ()))
    )
    decision = destination.decide(contact, there, memory, None)
    if decision.outcome not in ("", "unchanged"):
        yield finding("different", _CONTACT, "as delivered", decision.reason or decision.code)
        return
    if decision.opts_out:
        yield finding("subscribed", _STATUS, "wants no mail", there.status)
    if delivery.contact_id and delivery.contact_id != there.contact_id:
        yield finding("different", _CONTACT, delivery.contact_id, there.contact_id)
    for tag, (_, new) in decision.changes.items():
        now, type_ = there.fields.get(tag), destination.rules.types.get(tag, "text")
        if (new is not None and tag not in contact.texts) or _is_known(delivery, tag, new, now, type_):
            continue
        if new is None:
            yield finding("unexpected", tag, "", now)
        else:
            yield finding("missing" if is_blank(now) else "different", tag, new, now)
    for name, *rest in _of_names(delivery, decision):
        yield finding(name, *rest)


def _of_names(delivery: LastDelivery, decision: Decision) -> Iterator[tuple[str, str, str, str]]:
    """Tags and lists: the finding, which of the two, the name that should be there, the one that is."""
    for kind, add, off in (
        ("tags", decision.tags, decision.tags_off),
        ("lists", decision.lists, decision.lists_off),
    ):
        theirs = folded(name for wanted in delivery.others.values() for name in wanted.get(kind, ()))
        for name in add:
            yield "missing", kind, name, ""
        for name in off:
            if name.casefold() not in theirs:
                yield "unexpected", kind, "", name


def _contact(delivery: LastDelivery, rules: Rules, *, opted_out: bool) -> Contact:
    """The contact as it was delivered."""
    wanted = delivery.wanted
    once = {tag: text for tag, text in delivery.own.get("texts", {}).items() if tag in wanted["texts"]}

    def names(kind: str) -> tuple[str, ...]:
        found: Sequence[str] = wanted.get(kind, ())
        return tuple(found)

    return Contact(
        row=0, line=0, key=delivery.key, person=delivery.person,
        texts={rules.key: delivery.key, **wanted["texts"], **once},
        tags=names("tags"), tags_off=names("tags_off"), lists=names("lists"), lists_off=names("lists_off"),
        opted_out=opted_out or bool(wanted.get("opted_out")),
    )  # fmt: skip


def _is_known(delivery: LastDelivery, tag: str, wanted: Any, there: Any, type_: str) -> bool:
    """Whether a value there is the destination's own form of what was sent, or what another mapping delivered."""
    for one in delivery.kept:
        if tag in one and same(one[tag][0], wanted, type_) and same(one[tag][1], there, type_):
            return True
    texts = (other.get("texts", {}).get(tag) for other in delivery.others.values())
    return any(text is not None and same(rendered(text, type_), there, type_) for text in texts)

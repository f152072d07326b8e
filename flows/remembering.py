"""What the ledger is to remember of a delivery: what the row asked for, what became of it, and what has been this mapping's own since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connectors.base import Decision, Delivered, Known, Remembered, Rules
from connectors.changes import folded
from flows.ledger import Outcome
from flows.tally import Tally
from mappings.engine.contact import Contact

__all__ = ["LANDED", "image_of", "image_of_delivered", "outcome_of", "own_of", "wanted_of"]

LANDED = frozenset({"created", "updated", "upserted", "unchanged"})


def wanted_of(contact: Contact) -> dict[str, Any]:
    """The whole contact, as it was about to be sent."""
    return {
        "texts": contact.texts,
        "tags": list(contact.tags),
        "tags_off": list(contact.tags_off),
        "lists": list(contact.lists),
        "lists_off": list(contact.lists_off),
        "opted_out": contact.opted_out,
    }


def image_of(there: Known) -> dict[str, Any]:
    """A contact as it is there, before it is written: what an intent keeps of it."""
    return {
        "id": there.contact_id,
        "key": there.key,
        "status": there.status,
        "opted_out": there.opted_out,
        "fields": dict(there.fields),
        "tags": sorted(there.tags),
        "lists": None if there.lists is None else sorted(there.lists),
        "seen": there.seen,
    }


def image_of_delivered(remembered: Remembered) -> dict[str, Any]:
    """The same as far as this mapping delivered it last, where nobody looks it up: `from` says so."""
    return {
        "from": "ledger",
        "id": remembered.contact_id,
        "key": remembered.key,
        "texts": dict(remembered.texts or {}),
        "tags": sorted(remembered.tags),
        "lists": sorted(remembered.lists),
    }


def outcome_of(
    row: int,
    delivered: Delivered,
    own: dict[str, Any] | None,
    tally: Tally,
    attempt: int,
    carried: Mapping[str, Any],
) -> Outcome:
    """What became of a contact; `tally` is what is counted of it, `carried` what of that its opt-outs came to, `own` what `own_of` says."""
    decision = delivered.decision
    return Outcome(
        row=row,
        outcome=delivered.outcome,
        code=delivered.code,
        reason=delivered.reason,
        contact_id=delivered.contact_id,
        opted_out=delivered.opted_out or decision.opts_out,
        opted_in=decision.opts_in and delivered.outcome in ("created", "updated", "upserted"),
        problems=[[code, tag, str(value), dict(detail)] for code, tag, value, detail in delivered.problems],
        kept={tag: list(pair) for tag, pair in delivered.kept.items()},
        calls=_done(decision, tally) | ({"carried": dict(carried)} if carried else {}),
        own=own,
        attempt=attempt,
    )


def _done(decision: Decision, tally: Tally) -> dict[str, Any]:
    """What was done there for a contact, and what is counted of it."""
    done: dict[str, Any] = {}
    if decision.calls:
        done |= {"calls": list(decision.calls), "changes": list(decision.changes)}
        if not (decision.creates or decision.upserts):  # with the values there before: what an undo puts back
            done["changes"] = {tag: list(pair) for tag, pair in decision.changes.items()}
            names = {name: getattr(decision, name) for name in ("tags", "tags_off", "lists", "lists_off")}
            done |= {name: list(some) for name, some in names.items() if some}
    return done | tally.written()


def own_of(
    delivered: Delivered, there: Known | None, remembered: Remembered | None, rules: Rules
) -> dict[str, Any] | None:
    """What this mapping itself brought to a contact that landed; None for one that did not.

    `tags` and `lists` are the names that were not there before this mapping added them, without those that are not
    there any more: whoever puts such a name back owns it. `texts` are the fields that are delivered only once, as
    they were delivered. `had_tags` and `had_lists` are all names that were delivered before and not taken away. Of a contact that was created now, or that is another one than before, nothing earlier counts.
    """
    if delivered.outcome not in LANDED:
        return None
    decision, before = delivered.decision, remembered or Remembered("")
    another = before.contact_id and delivered.contact_id and before.contact_id != delivered.contact_id
    if delivered.outcome == "created" or another:
        before = Remembered("")
    tags = there.tags if there is not None else None
    once = {tag: text for tag, text in (before.texts or {}).items() if rules.writes.get(tag) == "once"}
    had = {
        "had_tags": _had(before.tags, decision.tags_off),
        "had_lists": _had(before.lists, decision.lists_off),
    }
    return {
        "tags": _owned(before.own_tags, decision.tags, decision.tags_off, tags),
        "lists": _owned(before.own_lists, decision.lists, decision.lists_off, there.lists if there else None),
        "texts": once,
        **{name: names for name, names in had.items() if names},
    }


def _had(delivered: Iterable[str], off: Iterable[str]) -> list[str]:
    """The names that were delivered at any time and not taken away by a mapping: who has one no more is not given it again."""
    gone = folded(off)
    return sorted(name for name in delivered if name.casefold() not in gone)


def _owned(
    own: Iterable[str], added: Collection[str], off: Iterable[str], there: Iterable[str] | None
) -> list[str]:
    gone, new = folded(off), folded(added)
    stay = folded(there) if there is not None else None
    kept = {
        name for name in own if (fold := name.casefold()) not in gone | new and (stay is None or fold in stay)
    }
    return sorted({*kept, *added})

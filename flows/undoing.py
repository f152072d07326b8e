"""Undoing: what a run did to a contact is put back, as far as it is still as the run left it. A destination in front of the real one.

| the run                        | there now                        | what is done |
|---|---|---|
| set a field                    | as the run set it, or kept it    | the value of before; where none was, it is emptied, or that is said (`not_emptied`) |
|                                | as before                        | nothing |
|                                | otherwise                        | nothing: somebody changed it since (`changed_since`) |
| added a tag or list            | has it                           | taken away |
| took one away                  | has it not                       | added again, if it still exists; a list that mails people only like a subscription |
| unsubscribed somebody          | unsubscribed                     | subscribed again, where all of the below holds |
| subscribed somebody again      | subscribed                       | unsubscribed |
| created the contact            | as the run created it            | deleted; where the API cannot, tagged, and unsubscribed if that was asked for |
|                                | changed since, or delivered by others | nothing |
| anything                       | nobody, or another contact       | nothing |

A subscription is given back only where the image of before says SUBSCRIBED, all that the run wrote is as it wrote it, the contact
did not change there since (where the destination tells), nobody else and not the same source again said so since, the person is on no
suppression file, and never more than the number that was typed.

What was put back is put back only once: done again, there is nothing to do.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from connectors.base import Decision, Deletes, Delivered, Destination, Known, Remembered, Restores, Rules
from connectors.changes import folded
from connectors.endings import Problem, not_looked_up
from connectors.errors import CannotStart, Unreachable
from connectors.values import is_blank, same
from flows.expected import findings, rules_to_compare
from flows.in_front import InFront
from flows.ledger import Image, Images
from flows.ledger.deliveries import LastDelivery
from flows.new_tags import NewTags
from flows.report.wording import short
from mappings.engine.contact import Contact
from mappings.engine.memberships import number_of
from mappings.engine.schema import Schema

__all__ = ["Newcomers", "Undoing", "undoing"]

_NOT_MAILED = frozenset({"UNCONFIRMED"})
"""Who is not opted out, and has not said yet that they want mail."""
_CLOCKS_DIFFER_SECONDS = 1.0
_NAMES = (("tags", "tags_off"), ("lists", "lists_off"))
_BACK = Decision("unchanged", "already_back", "it is as it was before the run")


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What becomes of contacts that the run created, where they cannot be deleted: tagged, '' not; unsubscribed as well."""

    tag: str
    unsubscribe: bool = False


@dataclass(frozen=True, slots=True)
class _Missing:
    """What is not put back of a contact: code, merge tag, value there, detail."""

    problems: tuple[Problem, ...] = ()

    def said(self) -> str:
        """In a few words, for a contact of which nothing is put back."""
        by_code: dict[str, list[str]] = {}
        for code, tag, value, detail in self.problems:
            named = detail.get("why") or (f"{tag} {value}" if tag in ("tags", "lists") else tag)
            by_code.setdefault(code, []).append(str(named))
        return "; ".join(f"{_SAYS[code]} {', '.join(named)}" for code, named in by_code.items())


_SAYS = {
    "changed_since": "changed since the run:",
    "not_emptied": "cannot be emptied there:",
    "name_gone": "does not exist there any more:",
    "opt_out_stays": "stays unsubscribed:",
}


def undoing(
    destination: Destination,
    schema: Schema,
    images: Images,
    run_id: str,
    account: int,
    mapping: str,
    rules: Rules,
    *,
    newcomers: Newcomers,
    most: Callable[[], int | None],
    given: int = 0,
) -> Undoing:
    """The destination, as an undo of a run sees it. Raises CannotStart where it cannot put anything back.

    `rules` are those of the run's mapping, with the types of all fields. `most` says how many subscriptions may be given back, None as long as
    nobody has said it; `given` how many were in earlier stretches of this undo.
    """
    if not isinstance(destination, Restores):
        raise CannotStart(
            "This destination cannot put contacts back.", "A connectors.base.Restores can; nothing was sent."
        )
    tag = newcomers.tag
    if tag and "tags" in schema.numbered and not number_of(tag):
        tag = ""  # a label cannot be made over the API, and this is no number of one
    if "tags" in schema.refuses:
        tag = ""
    newcomers = replace(newcomers, tag=tag)
    return Undoing(destination, schema, images, run_id, account, mapping, rules, newcomers, most, given)


class Undoing(InFront):
    """See above."""

    def __init__(
        self, destination: Any, schema: Schema, images: Images, run_id: str, account: int, mapping: str, rules: Rules,
        newcomers: Newcomers, most: Callable[[], int | None], given: int,
    ) -> None:  # fmt: skip
        super().__init__(destination, rules)
        self._deletes = bool(destination.deletes) and isinstance(destination, Deletes)
        self._schema = schema
        self._images = images
        self._run = run_id
        self._account = account
        self._mapping = mapping
        self._newcomers = newcomers
        self._most = most
        self._given = given
        self._new_tags = NewTags(destination)
        self._compared = rules_to_compare(rules)
        self._image = lru_cache(2048)(self._image_of)

    def may_give_back(self, contact: Contact) -> bool:
        """Whether this row may give a subscription or a list back, so that it has to be counted before."""
        image = self._image(contact.row)
        return image is not None and (image.opted_out or "lists_off" in image.names)

    # what a destination is asked

    async def look_up(
        self,
        contact: Contact,
        remembered: Remembered | None,  # noqa: ARG002 - the run's own images count
        *,
        always: bool = False,  # noqa: ARG002 - it always is
    ) -> tuple[Known | None, Known | None]:
        """The contact under the key that the run gave it; where that was put back, under the one before."""
        found: Known | None = await self._inner.find(contact.key)
        return found or await self._moved_back(contact), None

    async def _moved_back(self, contact: Contact) -> Known | None:
        """The contact under the address that it had before the run, where it has that again."""
        image = self._image(contact.row)
        if image is None or not image.old_key:
            return None
        before: Known | None = await self._inner.find(image.old_key)
        return before if before is not None and before.contact_id == image.contact_id else None

    def decide(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,  # noqa: ARG002 - nobody moves
    ) -> Decision:
        """The table above, for one contact. Pure but for the ledger, which is read."""
        return self._decided(contact, known, remembered)[0]

    async def deliver(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,  # noqa: ARG002 - nobody moves
    ) -> Delivered:
        """Reads again what is old, or is to be subscribed; decides, and calls."""
        decision, missing = self._decided(contact, known, remembered)
        there = known
        try:
            if there is None and (there := await self._moved_back(contact)) is not None:
                decision, missing = self._decided(contact, there, remembered)
            old = there is not None and time.time() - there.seen > self._inner.fresh_seconds
            if there is not None and (old or (decision.opts_in and not self._is_fresh(there))):
                there = await self._inner.read_again(there)
                decision, missing = self._decided(contact, there, remembered)
            if decision.opts_in and self._given >= (self._most() or 0):
                decision, missing = self._decided(contact, there, remembered, most=True)
        except Unreachable as error:
            return not_looked_up(error, decision)
        if decision.outcome or there is None:
            out = there.opted_out if there is not None else False
            return Delivered(
                decision.outcome, decision.code, decision.reason, there.contact_id if there else "",
                decision=decision, opted_out=out,
            )  # fmt: skip
        if decision.code == "deletes":
            deleted: Delivered = await self._inner.delete(there.key, there.contact_id)
            return replace(deleted, decision=decision)
        if (refused := await self._new_tags.create(decision.tags, lambda: False)) is not None:
            return refused
        self._given += decision.opts_in
        key = decision.changes[self._inner.rules.key][1] if self._moves(decision) else there.key
        done: Delivered = await self._inner.restore(
            str(key).lower() if "@" in str(key) else key, there, decision
        )
        if decision.opts_in and done.outcome in ("refused", "failed", "protected", "unsent"):
            self._given -= 1
        if done.outcome == "created":  # somebody removed it at that moment, and the write made it anew
            done = replace(done, outcome="updated")
        code = decision.code if done.outcome == "updated" and not done.code else done.code
        return replace(done, code=code, problems=(*done.problems, *missing.problems))

    # how it is decided

    def _image_of(self, row: int) -> Image | None:
        return self._images.one(self._run, row)

    def _is_fresh(self, there: Known) -> bool:
        return time.time() - there.seen < _CLOCKS_DIFFER_SECONDS

    def _moves(self, decision: Decision) -> bool:
        return self._inner.rules.key in decision.changes

    def _decided(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, *, most: bool = False
    ) -> tuple[Decision, _Missing]:
        """What is to be done, and what is not put back. `most`: no more subscriptions may be given back."""
        image, nothing = self._image(contact.row), _Missing()
        if image is None:
            return Decision(
                "protected", "not_known_before", "what the run did is not known any more"
            ), nothing
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list"), nothing
        if known is None:
            gone = ("unchanged", "already_gone") if image.created else ("protected", "gone")
            return Decision(*gone, "it is not there any more"), nothing
        if image.contact_id not in ("", known.contact_id):
            reason = "another contact has this address by now"
            return Decision("protected", "identity_conflict", reason), nothing
        if image.created:
            return self._of_newcomer(image, known), nothing
        if not image.known:
            reason = "nobody looked how it was before: say undo: full under destination: before the next run"
            return Decision("protected", "not_known_before", reason), nothing
        return self._of_changed(image, known, remembered, most=most)

    def _of_newcomer(self, image: Image, known: Known) -> Decision:
        tag = self._newcomers.tag
        tagged = bool(tag) and tag.casefold() in folded(known.tags)
        if not tagged and (why := self._touched(image, known)):
            return Decision("protected", "changed_since", why)
        if self._deletes:
            return Decision("", "deletes", calls=self._inner.delete_calls)
        out = self._newcomers.unsubscribe and self._inner.mails_people and not known.opted_out
        if tagged and not out:
            return Decision("unchanged", "already_tagged", f"it is tagged {tag}")
        if not tag and not out:
            return Decision(
                "protected", "created_stays", "the run created it, and it can be deleted in the app only"
            )
        asked = Decision(
            code="tagged" if tag else "unsubscribed", tags=() if tagged or not tag else (tag,), opts_out=out
        )
        decision: Decision = self._inner.restoration(known, asked)
        return decision

    def _touched(self, image: Image, known: Known) -> str:
        """Why a contact that the run created is not as it was created; '' where it is."""
        if by := self._images.later(self._account, self._mapping, image.key, self._run):
            return f"{by} has delivered it, too"
        wanted = image.wanted
        if known.opted_out and self._inner.mails_people and not (wanted["opted_out"] or image.opted_out):
            return "the person has opted out since"
        delivery = LastDelivery(
            image.key, image.person, image.contact_id, self._run, image.answered_at, wanted, {}, [image.kept] if image.kept else [], {},
        )  # fmt: skip
        before, self._inner.rules = self._inner.rules, self._compared
        try:
            found = list(findings(self._inner, delivery, known, opted_out=False))
        finally:
            self._inner.rules = before
        changed = [one.field for one in found if one.finding != "subscribed"]
        for kind in ("tags", "lists"):
            mine = folded([*wanted.get(kind, ()), self._newcomers.tag])
            changed += [name for name in sorted(getattr(known, kind) or ()) if name.casefold() not in mine]
        if self._deletes:  # what is deleted is lost
            own = {self._inner.rules.key, *self._inner.keys, *wanted["texts"], *self._inner.newcomers_have}
            changed += [tag for tag, value in known.fields.items() if tag not in own and not is_blank(value)]
        return f"changed since the run created it: {', '.join(dict.fromkeys(changed))}" if changed else ""

    def _of_changed(
        self, image: Image, known: Known, remembered: Remembered | None, *, most: bool
    ) -> tuple[Decision, _Missing]:
        changes: dict[str, tuple[Any, Any]] = {}
        stays: dict[str, tuple[Any, Any]] = {}
        missing: list[Problem] = []
        for tag, (old, new) in (image.pairs or {}).items():
            value = known.fields.get(tag)
            if self._same(tag, value, old):
                continue
            kept = image.kept.get(tag)
            if not (self._same(tag, value, new) or (kept and self._same(tag, value, kept[1]))):
                stays[tag] = (value, old)
                missing.append(("changed_since", tag, short(value), {"field": tag, "before": short(old)}))
            elif is_blank(old) and not self._inner.empties(tag):
                missing.append(("not_emptied", tag, short(value), {"field": tag}))
            else:
                changes[tag] = (value, None if is_blank(old) else old)
        names, unknown = self._names_of(image, known)
        missing += unknown
        lists = names.pop("lists")
        gives_lists, gives = bool(lists) and self._inner.mails_people, image.opted_out and known.opted_out
        why = ""
        if gives_lists or gives:
            as_written = not any(code == "changed_since" for code, *_ in missing)
            none = most or self._most() == 0
            why = (
                "nobody typed their number"
                if none
                else self._stays_out(image, known, remembered, as_written=as_written, gives=gives)
            )
            if why:
                missing.append(("opt_out_stays", "", known.status, {"why": why}))
                lists = () if gives_lists else lists
        opts_in = (gives or gives_lists) and not why
        was_out = image.before is not None and image.before.get("opted_out", False)
        asked = Decision(
            changes=changes, stays=stays, lists=lists, **names,
            opts_in=opts_in, opts_out=image.opted_in and was_out and not known.opted_out,
        )  # fmt: skip
        decision: Decision = self._inner.restoration(known, asked)
        missing += [
            ("not_emptied", tag, short(value), {"field": tag}) for tag, value in decision.left_over.items()
        ]
        found = _Missing(tuple(missing))
        decision = replace(decision, left_over={})
        if decision.outcome or decision.calls:
            return decision, found
        if not missing:
            return _BACK, found
        code = missing[0][0] if len({code for code, *_ in missing}) == 1 else "changed_since"
        return Decision("protected", code, found.said(), stays=stays), found

    def _names_of(self, image: Image, known: Known) -> tuple[dict[str, Any], Iterator[Problem]]:
        """The tags and lists to add and to take away, and those that do not exist there any more."""
        found: dict[str, Any] = {}
        gone: list[Problem] = []
        for add, off in _NAMES:
            inside = folded(getattr(known, add) or ())
            added = () if off in self._schema.refuses else image.names.get(add, ())
            found[off] = tuple(name for name in added if name.casefold() in inside)
            back = [name for name in image.names.get(off, ()) if name.casefold() not in inside]
            missing = self._inner.missing_tags(back) if add == "tags" else _unknown(self._schema, back)
            gone += [("name_gone", add, name, {"field": add}) for name in missing]
            found[add] = tuple(name for name in back if name not in missing)
        return found, iter(gone)

    def _stays_out(
        self, image: Image, known: Known, remembered: Remembered | None, *, as_written: bool, gives: bool
    ) -> str:
        """Why a subscription that the run took is not given back; '' where it is."""
        before = image.before
        if before is None:
            return "how it was before is not known"
        if known.final:
            return f"the status there is {known.status}"
        status = str(before.get("status", ""))
        if gives and (before.get("opted_out", True) or status.upper() in _NOT_MAILED):
            return f"the status before was {status}"
        if not gives and remembered is not None and remembered.opted_out:
            return "the person has opted out"
        if not as_written:
            return "it was changed there since"
        answered = dt.datetime.fromisoformat(image.answered_at).timestamp()
        if known.changed_at is not None and int(known.changed_at) > answered + _CLOCKS_DIFFER_SECONDS:
            return "it was changed there since"
        return self._images.objects(self._account, self._mapping, image) if gives else ""

    def _same(self, tag: str, one: Any, other: Any) -> bool:
        if tag in self._inner.keys and "@" in f"{one}{other}":
            return str(one or "").casefold() == str(other or "").casefold()
        return same(one, other, self._inner.rules.types.get(tag, "text"))


def _unknown(schema: Schema, names: Sequence[str]) -> list[str]:
    """The lists that the account does not have."""
    if "lists" in schema.numbered or not schema.live:
        return []
    there = folded(schema.lists)
    return [name for name in names if name.casefold() not in there]

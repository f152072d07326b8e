"""CampaignLark: contacts by e-mail address.

Which call is made (specification: the API's own pages on creating, updating and upserting a contact):

| write         | there?                     | calls |
|---|---|---|
| merge         | no, never delivered        | upsert, partial: all fields, tags inside, a status only as below |
| merge         | no, delivered before       | read again; none: gone (with `gone: recreate` as if new) |
| merge         | yes                        | upsert, partial: the changed fields, no tags; then the tags |
| merge         | yes, under an old address  | read again; PUT by id: all its fields with the changes, its status, no tags; then the tags |
| merge         | under old and new address  | none: identity conflict; so where the old address is another's by now, or it is not clear whose |
| (not update_only) | no, opted out, `unknown_opted_out: leave_out` | none: left out |
| create_only   | no                         | read again; create with the newcomers' status, tags inside |
| create_only   | yes                        | none: exists |
| update_only   | yes                        | read again; PUT by id as above, which cannot re-create; then the tags |
| update_only   | no                         | none: not there |
| replace       | no                         | read again; upsert, full, with the newcomers' status and all tags |
| replace       | yes                        | read again; upsert, full, with its own or a stricter status, and its tags with ours and without those to go |

"Then the tags" is tags/add and after it tags/remove, each only where there is something to add or to take away
(`connectors.changes` says what). When one of them fails, nothing further is called for the contact: the next run does what is left.

A status is sent only where it must be (PUT, create, full replace), where a person opts out, or where newcomers are
not SUBSCRIBED; then the contact is read again right before, also before each further attempt, and its turn comes
before others'. An existing contact only ever gets a stricter one; one whose status is none that we know is left
alone where a status would have to be sent. Whether a partial upsert with tags replaces or adds them is not
documented, so it never carries tags for a contact that exists. Nor is it documented how a field is emptied, so no
field is: a line of a block (`together`) that should be stays, and that is said. Where the account was asked
(`answers`, see connectors.probing): with `null_value` or `empty_value: clear` a field is emptied, with
`partial_with_tags: union` the tags to add travel with the fields when none is to go, and with
`search_without_filter: everybody` the account is read in one sweep. Nor is it documented whether addresses are
compared without case, so a contact that is there is always called by its address as it is written there. Only the
documented 404 means that nobody is there. Where an upsert created somebody again who was removed there
after the look-up, an opt-out that was known of them is carried at once. A 400 whose text says that an import is
going on is tried again.

Here is what is written. How it is sent and settled is in campaignlark_sending, the tags are in campaignlark_tags,
what is to be done is decided in campaignlark_decisions, and read in campaignlark_workspace.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from connectors.base import Decision, Delivered, Known, Remembered
from connectors.changes import folded
from connectors.destinations.campaignlark_decisions import FIND, PUT, TAGS_ADD, TAGS_CALLS, tags_ride
from connectors.destinations.campaignlark_sending import SENT_AS, UPSERT, Write
from connectors.destinations.campaignlark_tags import Tagging, tag_calls
from connectors.destinations.campaignlark_workspace import emptied, written
from connectors.endings import Problem, not_looked_up
from connectors.errors import Unreachable
from mappings.engine.contact import Contact

__all__ = ["Connector"]

_FRESH_SECONDS = 300.0


class Connector(Tagging):
    """An account of CampaignLark, which is a workspace: what is decided is done.

    >>> Connector.per_second, Connector.default_base_url
    (100.0, 'https://api.campaignlark.com/v1')
    """

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Reads again where the table says so or what was read is old, decides, and calls."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        decision = self.decide(contact, known, remembered, now)
        old = [seen for seen in (known, now) if seen is not None and time.time() - seen.seen > _FRESH_SECONDS]
        if FIND in decision.calls or old or decision.code == "gone":
            try:
                known = await self.find(written(known) or contact.key)
                if moved and remembered is not None:
                    now = await self.find(written(now) or remembered.key)
            except Unreachable as error:
                return not_looked_up(error, decision)
            decision = self.decide(contact, known, remembered, now)
        there = now if moved and known is None else known
        if decision.outcome == "invalid":
            label = next((f.label for f in self._required if f.name == decision.reason), decision.reason)
            problem = ("required_blank", decision.reason, "", {"field": label})
            return Delivered("invalid", "required_blank", "", problems=(problem,), decision=decision)
        if decision.outcome:
            return Delivered(
                decision.outcome, decision.code, decision.reason, there.contact_id if there else "",
                decision=decision, opted_out=there.opted_out if there else False,
            )  # fmt: skip
        if decision.creates or there is None:
            return await self._sent(contact, decision, lambda _: self._creation(contact, decision), None)
        return _with_left_over(await self._update(contact, there, decision), decision)

    def _creation(self, contact: Contact, decision: Decision) -> Write:
        tags = self._ids(decision.tags)
        fields = {tag: new for tag, (_, new) in decision.changes.items() if tag != "email_address"}
        if self.rules.write == "create_only":
            fields = {"email_address": contact.key, **fields}
            return "POST", "/contacts", {"fields": fields, "status": decision.status, "tags": tags}
        body: dict[str, Any] = {
            "email_address": contact.key,
            "fields": fields,
            "partial_update": self.rules.write != "replace",
        }
        if tags:
            body["tags"] = tags
        if decision.status is not None:
            body["status"] = decision.status
        return "POST", UPSERT, body

    async def _update(self, contact: Contact, there: Known, decision: Decision) -> Delivered:
        contact_id = there.contact_id
        done = Delivered("updated", "", "", contact_id, decision=decision, opted_out=there.opted_out)
        tag_ids = {call: self._ids(names) for call, names in tag_calls(decision).items()}
        writes = [call for call in decision.calls if call not in (FIND, *TAGS_CALLS)]
        if writes:
            by_id = writes == [PUT]
            done = await self._sent(
                contact, decision, lambda known: self._change(contact, known or there, decision, by_id=by_id), there
            )  # fmt: skip
        if tags_ride(decision) and "tags" in done.kept:  # they replaced those that were there, after all
            self.answers = {**self.answers, "partial_with_tags": "replace"}
            again = self._ids(tuple(dict.fromkeys((*sorted(there.tags), *decision.tags))))
            kept = {tag: pair for tag, pair in done.kept.items() if tag != "tags"}
            problems = tuple(one for one in done.problems if one[1] != "tags")
            done = replace(done, kept=kept, problems=problems)
            done = await self._tagged(contact, there, done, TAGS_ADD, again)
        for call in decision.calls:
            landed = done.outcome == "updated" or (done.outcome == "created" and call == TAGS_ADD)
            if call in TAGS_CALLS and landed:
                done = await self._tagged(contact, there, done, call, tag_ids[call])
        return done

    async def read_again(self, there: Known) -> Known | None:
        """See connectors.base.Restores."""
        found = await self.find(written(there))
        return found if found is not None and found.contact_id == there.contact_id else None

    async def restore(self, key: str, there: Known, decision: Decision) -> Delivered:
        """See connectors.base.Restores. The calls are those of an update."""
        return await self._update(Contact(row=0, line=0, key=key, person="", texts={}), there, decision)

    def _change(self, contact: Contact, there: Known, decision: Decision, *, by_id: bool) -> Write:
        """The write for a contact that is there, as it is now: read again, it is written again."""
        clears, blank = emptied(self.answers)
        required = {known.name for known in self._required}
        fields = {
            tag: blank if new is None else new
            for tag, (_, new) in decision.changes.items()
            if new is not None or (clears and tag not in required)
        }
        status = self._stricter(there.status, "UNSUBSCRIBED") if decision.opts_out else there.status
        status = "SUBSCRIBED" if decision.opts_in else SENT_AS.get(status, status)
        if by_id:
            current = {tag: value for tag, value in there.fields.items() if value is not None}
            whole = {"email_address": written(there), **current, **fields}
            return "PUT", f"/contacts/{there.contact_id}", {"fields": whole, "status": status}
        body: dict[str, Any] = {"email_address": written(there)}
        if self.rules.write == "replace":
            body["fields"] = {
                tag: self._value(tag, text) for tag, text in contact.texts.items() if tag != "email_address"
            }
            body |= {"partial_update": False, "status": status}
            off = folded(decision.tags_off)
            stay = (name for name in sorted(there.tags) if name.casefold() not in off)
            body["tags"] = self._ids(tuple(dict.fromkeys((*stay, *decision.tags))))
        else:
            body |= {"fields": fields, "partial_update": True}
            if decision.opts_out or decision.opts_in:
                body["status"] = status
            if tags_ride(decision):
                body["tags"] = self._ids(decision.tags)
        return "POST", UPSERT, body


def _with_left_over(done: Delivered, decision: Decision) -> Delivered:
    """Says which lines of a block stay there from before."""
    if done.outcome not in ("updated", "created") or not decision.left_over:
        return done
    left: tuple[Problem, ...] = tuple(
        ("block_left_over", tag, "", {"field": tag, "kept": str(kept)})
        for tag, kept in decision.left_over.items()
    )
    return replace(done, problems=(*done.problems, *left))

"""CampaignLark's writes: sent one after the other, and settled by a look-up where no clear answer came.

See the table in connectors.destinations.campaignlark, which says what is written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connectors.answer import Answer, Meaning
from connectors.automations import both, starts, watched
from connectors.base import Decision, Delivered, Known
from connectors.changes import folded
from connectors.destinations.campaignlark_decisions import (
    FIELD_UPDATED,
    ODD_STATUS,
    STRICTNESS,
    TAG_ADDED,
    Deciding,
    tags_ride,
)
from connectors.destinations.campaignlark_workspace import MAY_BE_MAILED, data_of, written
from connectors.endings import AGAIN_AND_IN, Problem, failed, half_done, not_looked_up, refused
from connectors.errors import CredentialsError, Unreachable
from mappings.engine.contact import Contact

__all__ = [
    "GONE",
    "NO_SUCH_CONTACT",
    "SENT_AS",
    "UPSERT",
    "Sending",
    "Write",
]

SENT_AS = {"BOUNCED": "CLEANED"}
"""Newer pages of the API show a word that no endpoint takes."""
UPSERT = "/contacts/upsert"
NO_SUCH_CONTACT = "We couldn't find a contact with that"
GONE = "somebody removed it there"
_RIGHT_BEFORE_SECONDS = 5.0
"""So old may a look-up be when the status that it found is sent back."""

Write = tuple[str, str, dict[str, Any]]
"""Method, path and body."""


class Sending(Deciding):
    """One write at a time, for one contact."""

    async def _sent(  # noqa: C901 - one loop over one table of cases
        self,
        contact: Contact,
        decision: Decision,
        write: Callable[[Known | None], Write],
        there: Known | None,
    ) -> Delivered:
        """One write, its answer compared with what was sent; what is unclear is settled by a look-up.

        A partial upsert without a status may be repeated as it is. Before everything else is tried again, the
        contact is looked up: it may have been applied, and the status to be sent may be another one by now.
        """
        patience, began = self._wire.patience, self._wire.clock()
        tries, late, unclear = 0, 0, False
        answer = Answer(Meaning.NOT_SENT)
        try:
            while True:
                method, path, body = write(there)
                harmless = path == UPSERT and "status" not in body
                if harmless:
                    answer = await self._wire.call(method, path, json_body=body)
                else:
                    within = _RIGHT_BEFORE_SECONDS if late < 3 else math.inf
                    answer = await self._wire.once(method, path, json_body=body, within=within)
                if answer.done:
                    result = self._result(contact, answer, there)
                    if isinstance(result, Known):
                        decision = self._if_it_was_there(answer, decision, there)
                        return await self._landed(contact, decision, result, there, body)
                    answer = replace(answer, meaning=Meaning.UNCLEAR, detail=result)
                pacing = answer.meaning in (Meaning.SLOW_DOWN, Meaning.TOO_LATE)
                late += answer.meaning is Meaning.TOO_LATE
                tries += answer.attempts if harmless or not pacing else 0
                unclear = unclear or answer.unclear or answer.meaning is Meaning.UNCLEAR
                answer = replace(answer, attempts=tries)
                spent = self._wire.clock() - began > patience.seconds * (10 if pacing else 1)
                spent = spent or self._wire.traffic.last_orders or bool(answer.left_out)
                over = harmless or spent or tries >= patience.attempts or answer.meaning is Meaning.REFUSED
                if over and not unclear:
                    return self._ended(answer, decision, there, gone=method == "PUT")
                if not over and not pacing:
                    self._wire.traffic.retried += 1
                    await self._wire.pause(patience.wait(tries))
                try:
                    found = await self._read_again(contact, there)
                except Unreachable:
                    return failed(answer, decision, there, unsure=unclear)
                if (
                    unclear
                    and found is not None
                    and self._holds(found, contact, decision, there, sure=not harmless)
                    and (there is None or "tags" not in body or _retagged(found, decision))
                ):
                    landed = await self._landed(contact, decision, found, there, body)
                    return replace(
                        landed, code=landed.code or "looked_up", reason=landed.reason or "a look-up shows it"
                    )
                if over and self._untouched(found, decision, there):
                    return self._ended(answer, decision, there, gone=method == "PUT")
                if over:
                    return failed(answer, decision, there, unsure=True)
                overtaken = self._overtaken(found, there, answer, decision)
                if overtaken is not None:
                    return overtaken
                there = found
        except CredentialsError as error:
            if not (unclear or error.unclear):
                raise
            answer = replace(answer, detail=error.what)
            return failed(answer, decision, there, unsure=True)

    def _ended(self, answer: Answer, decision: Decision, there: Known | None, *, gone: bool) -> Delivered:
        """Not applied, and not tried again."""
        if answer.meaning is not Meaning.REFUSED:
            return failed(answer, decision, there)
        if gone and NO_SUCH_CONTACT in answer.detail:
            return Delivered("protected", "gone", GONE, decision=decision, untouched=True)
        return refused(answer.detail, decision)

    def _overtaken(
        self, found: Known | None, there: Known | None, answer: Answer, decision: Decision
    ) -> Delivered | None:
        """What ends a contact's turn when it is another one there than before; None where it may be tried again."""
        if there is not None and found is None:
            return Delivered("protected", "gone", GONE, decision=decision)
        if found is None:
            return None
        if there is None:
            answer = replace(answer, detail="somebody else came under this address there")
            return replace(failed(answer, decision, found), troubled=False)
        if found.contact_id != there.contact_id:
            reason = "another contact came under this address there"
            return Delivered("protected", "identity_conflict", reason, decision=decision)
        if found.status not in STRICTNESS:
            reason = ODD_STATUS.format(status=found.status)
            return Delivered("protected", "status_unknown", reason, found.contact_id, decision=decision)
        if decision.opts_in and (found.status, found.changed_at) != (there.status, there.changed_at):
            answer = replace(answer, detail="it changed there while it was to be subscribed again")
            return replace(failed(answer, decision, found), troubled=False)
        return None

    async def _read_again(self, contact: Contact, there: Known | None) -> Known | None:
        """The contact as it is now, also where its address was to be changed. Raises Unreachable."""
        moving = there is not None and there.key != contact.key.lower()
        found = await self.find(contact.key if moving else written(there) or contact.key)
        if moving and found is None:
            found = await self.find(written(there))
        return found

    def _holds(
        self, found: Known, contact: Contact, decision: Decision, there: Known | None, *, sure: bool
    ) -> bool:
        """Whether an unclear write was applied. `sure`: who was not there was just looked up, so that write created them."""
        if found.key != contact.key.lower():
            return False
        if (decision.opts_out or decision.status == "UNSUBSCRIBED") and not found.opted_out:
            return False
        if decision.opts_in and found.opted_out:
            return False
        if there is None and (sure or not folded(decision.tags) <= folded(found.tags)):
            return sure
        return all(
            self._same(tag, new, found.fields.get(tag))
            for tag, (_, new) in decision.changes.items()
            if tag != "email_address"
        )

    def _untouched(self, found: Known | None, decision: Decision, there: Known | None) -> bool:
        """Whether a look-up shows that nothing was applied."""
        if there is None or found is None:
            return there is None and found is None
        return (
            found.key == there.key
            and found.status == there.status
            and (not (self.rules.write == "replace" or tags_ride(decision)) or found.tags == there.tags)
            and all(
                tag == "email_address" or self._same(tag, found.fields.get(tag), there.fields.get(tag))
                for tag in decision.changes
            )
        )

    def _result(self, contact: Contact, answer: Answer, there: Known | None) -> Known | str:
        """The contact in the answer to a write; a sentence where it holds none, or somebody else."""
        data = data_of(answer)
        if not isinstance(data, dict) or not data.get("id"):
            return f"the answer holds no contact: {answer.detail}"
        result = self._known(data, time.time())
        if result.key == contact.key.lower() or (there is not None and result.key == there.key):
            return result
        return f"it answered with the contact of {result.key or 'nobody'}"

    def _if_it_was_there(self, answer: Answer, decision: Decision, there: Known | None) -> Decision:
        """With what else has started where somebody came after the look-up, so that nobody was created: its times tell.

        Which of their tags went is not known.
        """
        shown = data_of(answer)
        if there is not None or shown.get("created_at") == shown.get("updated_at"):
            return decision
        fields = [tag for tag in decision.changes if tag != "email_address"]
        more = starts(FIELD_UPDATED, watched(self.rules, fields)) + starts(TAG_ADDED, decision.tags)
        return replace(decision, automations=both(decision.automations, more))

    async def _landed(
        self,
        contact: Contact,
        decision: Decision,
        result: Known,
        there: Known | None,
        body: Mapping[str, Any],
    ) -> Delivered:
        """A write that was applied, compared with what was sent."""
        problem: Problem
        if result.key != contact.key.lower():
            problem = ("address_kept", "email_address", contact.key, {"detail": result.key})
            return Delivered("refused", "address_kept", "", result.contact_id, (problem,), decision=decision)
        if (decision.opts_out or decision.status == "UNSUBSCRIBED") and not result.opted_out:
            problem = ("refused", "", "", {"detail": f"it kept the status {result.status}"})
            return Delivered("refused", "refused", "", result.contact_id, (problem,), decision=decision)
        again = there is not None and result.contact_id != there.contact_id
        opted_out = result.opted_out
        if again and there is not None and there.opted_out and not opted_out:
            try:
                carried = await self.opt_out(contact.key)
            except CredentialsError as error:
                carried = failed(Answer(Meaning.NOT_SENT, detail=error.what), decision, there)
            if carried.outcome not in ("updated", "unchanged"):
                carried = half_done(carried, AGAIN_AND_IN)
                return replace(carried, contact_id=result.contact_id, decision=decision, opted_out=True)
            opted_out = True
        kept = self._kept(decision, result, body, there)
        problems = tuple(
            ("kept_differently", tag, str(sent), {"field": tag, "kept": str(stays)})
            for tag, (sent, stays) in kept.items()
        )
        return Delivered(
            "created" if decision.creates or again else "updated",
            "recreated" if again else "",
            "somebody removed it there after the look-up, and this write created it again" if again else "",
            result.contact_id,
            problems,
            kept,
            decision,
            opted_out,
        )

    def _kept(
        self, decision: Decision, result: Known, body: Mapping[str, Any], there: Known | None
    ) -> dict[str, tuple[Any, Any]]:
        """What the destination kept differently: merge tag → (sent, kept)."""
        kept = {
            tag: (sent, result.fields.get(tag))
            for tag, sent in body["fields"].items()
            if tag != "email_address" and not self._same(tag, sent, result.fields.get(tag))
        }
        if body.get("status") and SENT_AS.get(result.status, result.status) != body["status"]:
            kept["status"] = (body["status"], result.status)
        wanted = set(body.get("tags", ()))
        if wanted and body.get("partial_update") and there is not None:  # they come to those that are there
            wanted |= set(self._ids(tuple(there.tags)))
        lost = wanted - set(self._ids(tuple(result.tags)))
        if lost or ("tags" in body and not _retagged(result, decision)):
            kept["tags"] = (sorted(decision.tags), sorted(result.tags))
        return kept

    def other_id_of(self, contact: Contact) -> str:  # noqa: ARG002 - whoever it is
        """None: contacts are known by their address alone."""
        return ""

    async def opt_out_other(self, contact: Contact) -> Delivered:
        """As by the address, which is all that a row has."""
        return await self.opt_out(contact.key)

    async def opt_out(self, key: str) -> Delivered:
        """A stricter status for a contact that is there and may be mailed; nothing otherwise."""
        decision = Decision(opts_out=True, status="UNSUBSCRIBED", calls=("POST /contacts/upsert",))
        try:
            there = await self.find(key)
        except Unreachable as error:
            return not_looked_up(error, decision)
        if there is None or there.status not in MAY_BE_MAILED:
            return Delivered(
                "unchanged", "already_out", "nobody there to opt out", there.contact_id if there else "",
                opted_out=there is not None,
            )  # fmt: skip
        contact = Contact(row=0, line=0, key=key, person="", texts={}, opted_out=True)

        def write(known: Known | None) -> Write:
            status = self._stricter(known.status, "UNSUBSCRIBED") if known else "UNSUBSCRIBED"
            status = SENT_AS.get(status, status)
            body = {"email_address": written(known) or key, "status": status, "fields": {}}
            return "POST", UPSERT, {**body, "partial_update": True}

        return await self._sent(contact, decision, write, there)


def _retagged(known: Known, decision: Decision) -> bool:
    """Whether a contact has the tags that it was to get, and none of those that were to go."""
    there = folded(known.tags)
    return folded(decision.tags) <= there and there.isdisjoint(folded(decision.tags_off))
